/** A picture to measure with where there is no camera: busy enough to need what a face needs. */
export function paintedStream(): { stream: MediaStream; stop: () => void } | undefined {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [960, 540];
  const paper = canvas.getContext("2d");
  if (!paper || !("captureStream" in canvas)) return undefined;
  let n = 0;
  const paint = () => {
    n++;
    for (let y = 0; y < 18; y++) {
      for (let x = 0; x < 32; x++) {
        paper.fillStyle = `hsl(${(x * 11 + y * 17 + n * 3) % 360} 50% ${30 + ((x * 7 + y * 13 + n) % 40)}%)`;
        paper.fillRect(x * 30, y * 30, 30, 30);
      }
    }
  };
  paint();
  const stream = canvas.captureStream(30);
  const timer = setInterval(paint, 33);
  return {
    stream,
    stop: () => {
      clearInterval(timer);
      for (const track of stream.getTracks()) track.stop();
    },
  };
}
