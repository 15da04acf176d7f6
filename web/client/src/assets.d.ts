/** A script that is built in as text, for a worker. */
declare module "*?worker&inline" {
  const Made: new () => Worker;
  export default Made;
}
