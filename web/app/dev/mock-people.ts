/** Painted people for the mock stage: a room, a head and shoulders, breathing a little. */

interface Look {
  wall: string;
  light: string;
  skin: string;
  hair: string;
  cloth: string;
  long?: boolean;
}

const looks: Look[] = [
  { wall: "#5d3a2a", light: "#d9924f", skin: "#e8b48c", hair: "#5b2a1f", cloth: "#2f4a48" },
  { wall: "#24403f", light: "#7fb5bd", skin: "#8d5a3c", hair: "#1c1716", cloth: "#d0a03e" },
  { wall: "#3a3450", light: "#8d6fb0", skin: "#dfa27a", hair: "#2a2522", cloth: "#97382f" },
  { wall: "#8b8274", light: "#cfc6b4", skin: "#d39a6e", hair: "#4a6ea3", cloth: "#2f3138", long: true },
  { wall: "#2c3a55", light: "#d8a85a", skin: "#efc3a0", hair: "#b5552f", cloth: "#38506f", long: true },
  { wall: "#3f4a33", light: "#a9b983", skin: "#6f4630", hair: "#141211", cloth: "#b9c0c8" },
];

/** A stream of somebody, with a voice when `loud`. */
export function paintedPerson(n: number, loud: boolean, sound = true): MediaStream {
  const canvas = Object.assign(document.createElement("canvas"), { width: 800, height: 450 });
  const paper = canvas.getContext("2d")!;
  paper.scale(800 / 1280, 800 / 1280);
  const look = looks[n % looks.length]!;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const draw = () => person(paper, look, still ? 0 : performance.now() / 1000 + n * 1.7);
  draw();
  const stream = canvas.captureStream(4);
  const timer = setInterval(() => {
    draw();
    if (stream.getVideoTracks().every((t) => t.readyState === "ended")) clearInterval(timer);
  }, 250); // many of them play in one tab, drawn without a graphics card in tests
  if (sound) stream.addTrack(voice(loud, n));
  return stream;
}

let engine: AudioContext | undefined;

function voice(loud: boolean, n: number): MediaStreamTrack {
  engine ??= new AudioContext();
  void engine.resume();
  const out = engine.createMediaStreamDestination();
  const gain = new GainNode(engine, { gain: loud ? 0.11 : 0 });
  const tone = new OscillatorNode(engine, { frequency: 170 + 23 * n, type: "triangle" });
  tone.connect(gain).connect(out);
  tone.start();
  return out.stream.getAudioTracks()[0]!;
}

function person(paper: CanvasRenderingContext2D, look: Look, t: number): void {
  const [w, h] = [1280, 720];
  const glow = paper.createRadialGradient(w * 0.78, h * 0.22, 20, w * 0.6, h * 0.4, w * 0.75);
  glow.addColorStop(0, look.light);
  glow.addColorStop(0.35, look.wall);
  glow.addColorStop(1, "#16130f");
  paper.fillStyle = glow;
  paper.fillRect(0, 0, w, h);
  paper.fillStyle = "rgb(255 255 255 / 0.06)";
  paper.fillRect(w * 0.09, h * 0.1, w * 0.17, h * 0.3);
  const x = w / 2 + Math.sin(t * 0.7) * 9;
  const y = h * 0.44 + Math.sin(t * 1.3) * 4;
  if (look.long) {
    paper.fillStyle = look.hair;
    paper.beginPath();
    paper.roundRect(x - 138, y - 150, 276, 400, 130);
    paper.fill();
  }
  paper.fillStyle = look.cloth;
  paper.beginPath();
  paper.moveTo(x - 300, h);
  paper.bezierCurveTo(x - 280, y + 190, x - 130, y + 205, x - 60, y + 175);
  paper.lineTo(x + 60, y + 175);
  paper.bezierCurveTo(x + 130, y + 205, x + 280, y + 190, x + 300, h);
  paper.fill();
  paper.fillStyle = shade(look.skin, 0.82);
  paper.fillRect(x - 48, y + 90, 96, 104);
  paper.fillStyle = look.skin;
  paper.beginPath();
  paper.ellipse(x, y, 108, 138, 0, 0, 7);
  paper.fill();
  paper.fillStyle = look.hair;
  paper.beginPath();
  paper.ellipse(x, y - 66, 122, 92, 0, Math.PI, 0);
  paper.quadraticCurveTo(x + 40, y - 96, x - 122, y - 66);
  paper.fill();
  paper.fillStyle = "#231a16";
  const blink = Math.sin(t * 0.9) > 0.995 ? 1 : 9;
  for (const side of [-1, 1]) {
    paper.beginPath();
    paper.ellipse(x + side * 40, y - 4, 8, blink, 0, 0, 7);
    paper.fill();
  }
  paper.strokeStyle = "#7c3b31";
  paper.lineWidth = 6;
  paper.lineCap = "round";
  paper.beginPath();
  paper.arc(x, y + 46, 34, 0.35, Math.PI - 0.35);
  paper.stroke();
}

const shade = (colour: string, by: number): string =>
  `#${[1, 3, 5]
    .map((i) => Math.round(Number.parseInt(colour.slice(i, i + 2), 16) * by))
    .map((n) => n.toString(16).padStart(2, "0"))
    .join("")}`;
