// Ticks for a page that nobody looks at: its own timers are slowed down then, a worker's are not.
let timer: ReturnType<typeof setInterval> | undefined;

onmessage = ({ data: interval }: MessageEvent<number>) => {
  clearInterval(timer);
  timer = setInterval(() => postMessage(0), interval);
};
