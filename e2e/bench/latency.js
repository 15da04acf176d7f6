// The picture carries the time of its making: 48 blocks of 40 × 40 pixels, most significant bit first,
// white for one, milliseconds since 1970.
const video = document.querySelector("video");
const canvas = document.createElement("canvas");
canvas.width = 640;
canvas.height = 120;
const pen = canvas.getContext("2d", { willReadFrequently: true });
const opened = Date.now();
window.result = { firstFrame: 0, latency: [], fatal: 0 };

const hls = new Hls({ lowLatencyMode: true });
hls.on(Hls.Events.ERROR, (_, e) => {
  if (e.fatal) {
    window.result.fatal++;
    setTimeout(() => hls.loadSource(playlist), 200);
  }
});
const playlist = new URLSearchParams(location.search).get("src");
hls.loadSource(playlist);
hls.attachMedia(video);

function made() {
  pen.drawImage(video, 0, 0, 640, 360, 0, 0, 640, 360);
  const pixels = pen.getImageData(0, 0, 640, 120).data;
  let t = 0;
  for (let bit = 0; bit < 48; bit++) {
    const x = (bit % 16) * 40 + 20, y = Math.floor(bit / 16) * 40 + 20;
    t = t * 2 + (pixels[(y * 640 + x) * 4] > 128 ? 1 : 0);
  }
  return t;
}

let start = 0;
function frame() {
  const now = Date.now();
  const delay = now - made();
  window.result.firstFrame ||= now - opened;
  start ||= now;
  // The first five seconds are the player finding its place behind the live edge.
  if (now - start > 5000 && window.result.latency.length < 1000) window.result.latency.push(delay);
  video.requestVideoFrameCallback(frame);
}
video.requestVideoFrameCallback(frame);
