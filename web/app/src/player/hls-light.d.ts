// The light build carries no types of its own; what it has is the same as in the full one.
declare module "hls.js/light" {
  export * from "hls.js";
  export { default } from "hls.js";
}
