import { avatarClass, initials } from "../ui/person";
import { type Rect, fit } from "./layout";

/** One tile as it is drawn. */
export interface Tile {
  name: string;
  kind: "camera" | "screen";
  muted: boolean;
  /** A picture to draw; without one the person's colour and letters stand there. */
  video: HTMLVideoElement | undefined;
}

export interface Look {
  /** The whole picture's height in pixels: what letters and corners are measured by. */
  height: number;
  plates: boolean;
  /** Lies on another tile. */
  raised: boolean;
  /** Fills the picture: no corners. */
  whole: boolean;
}

/** The avatars' colours, as in styles/marks.css: a canvas knows no classes. */
export const avatarColours: Record<string, string> = {
  "av-a": "#7a4b36",
  "av-b": "#2f5f66",
  "av-c": "#5b4a7d",
  "av-d": "#7d5a14",
  "av-e": "#3f6244",
  "av-f": "#93394a",
  "av-g": "#35568c",
  "av-h": "#55524c",
};
const FONT = '"Geist Variable", "Geist Fallback", system-ui, sans-serif';
const BACKGROUND = "#121110";

export const clear = (context: CanvasRenderingContext2D, width: number, height: number): void => {
  context.fillStyle = "#000";
  context.fillRect(0, 0, width, height);
};

/** Draws a tile into its place. */
export function paint(context: CanvasRenderingContext2D, tile: Tile, place: Rect, look: Look): void {
  context.save();
  if (!look.whole) {
    const corner = (look.raised ? 10 : 6) * (look.height / 720);
    if (look.raised) {
      const edge = Math.max(2, look.height / 360);
      context.fillStyle = "rgb(0 0 0 / 0.55)";
      context.beginPath();
      context.roundRect(place.x - edge, place.y - edge, place.width + 2 * edge, place.height + 2 * edge, corner + edge);
      context.fill();
    }
    context.beginPath();
    context.roundRect(place.x, place.y, place.width, place.height, corner);
    context.clip();
  }
  if (tile.video) picture(context, tile.video, tile.kind, place);
  else letters(context, tile.name, place);
  if (look.plates) plate(context, tile, place, look.height);
  context.restore();
}

function picture(context: CanvasRenderingContext2D, video: HTMLVideoElement, kind: Tile["kind"], place: Rect): void {
  const { from, to, bars } = fit(kind, video.videoWidth, video.videoHeight, place);
  if (bars) {
    if (kind === "camera") blurred(context, video, place);
    else {
      context.fillStyle = BACKGROUND;
      context.fillRect(place.x, place.y, place.width, place.height);
    }
  }
  context.drawImage(video, from.x, from.y, from.width, from.height, to.x, to.y, to.width, to.height);
}

const tiny = { width: 32, height: 18 };
let small: CanvasRenderingContext2D | null | undefined;

/** The picture itself, out of focus and dark, behind one that is narrower than its tile: a few pixels, drawn large. */
function blurred(context: CanvasRenderingContext2D, video: HTMLVideoElement, place: Rect): void {
  small ??= Object.assign(document.createElement("canvas"), tiny).getContext("2d", { alpha: false });
  if (!small) return;
  const own = video.videoWidth / video.videoHeight;
  const wanted = place.width / place.height;
  const w = own > wanted ? video.videoHeight * wanted : video.videoWidth;
  const h = own > wanted ? video.videoHeight : video.videoWidth / wanted;
  const x = (video.videoWidth - w) / 2;
  const y = (video.videoHeight - h) / 2;
  small.imageSmoothingQuality = "medium";
  small.drawImage(video, x, y, w, h, 0, 0, tiny.width, tiny.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(small.canvas, 1, 1, tiny.width - 2, tiny.height - 2, place.x, place.y, place.width, place.height);
  context.fillStyle = "rgb(0 0 0 / 0.45)";
  context.fillRect(place.x, place.y, place.width, place.height);
}

function letters(context: CanvasRenderingContext2D, name: string, place: Rect): void {
  const colour = avatarColours[avatarClass(name)] ?? "#55524c";
  context.fillStyle = mixed(colour, BACKGROUND, 0.34);
  context.fillRect(place.x, place.y, place.width, place.height);
  const x = place.x + place.width / 2;
  const y = place.y + place.height / 2;
  const radius = Math.min(place.width, place.height) * 0.21;
  context.fillStyle = colour;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
  context.fillStyle = "#fff";
  context.font = `650 ${Math.round(radius * 0.72)}px ${FONT}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(initials(name), x, y + radius * 0.04);
}

function plate(context: CanvasRenderingContext2D, tile: Tile, place: Rect, pictureHeight: number): void {
  const size = Math.max(11, Math.round(Math.min(pictureHeight / 38, place.height / 8)));
  const height = Math.round(size * 1.9);
  const inner = Math.round(size * 0.65);
  const icon = tile.muted ? size : 0;
  const space = icon ? Math.round(size * 0.4) : 0;
  const edge = Math.round(size * 0.6);
  context.font = `600 ${size}px ${FONT}`;
  const text = shortened(context, tile.name, place.width - 2 * edge - 2 * inner - icon - space);
  const width = context.measureText(text).width + 2 * inner + icon + space;
  const x = place.x + edge;
  const y = place.y + place.height - edge - height;
  context.fillStyle = "rgb(12 11 10 / 0.72)";
  context.beginPath();
  context.roundRect(x, y, width, height, size * 0.22);
  context.fill();
  if (icon) crossedMicrophone(context, x + inner, y + (height - icon) / 2, icon);
  context.fillStyle = "#fff";
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillText(text, x + inner + icon + space, y + height / 2 + size * 0.05);
}

/** Lucide's mic-off in its 24 × 24 square (ISC). */
const MIC_OFF =
  "M12 19v3M15 9.34V5a3 3 0 0 0-5.68-1.33M16.95 16.95A7 7 0 0 1 5 12v-2M18.89 13.23A7 7 0 0 0 19 12v-2M2 2l20 20M9 9v3a3 3 0 0 0 5.12 2.12";
let micOff: Path2D | undefined;

function crossedMicrophone(context: CanvasRenderingContext2D, x: number, y: number, size: number): void {
  micOff ??= new Path2D(MIC_OFF);
  context.save();
  context.translate(x, y);
  context.scale(size / 24, size / 24);
  context.strokeStyle = "#ff9a92";
  context.lineWidth = 2.25;
  context.lineCap = context.lineJoin = "round";
  context.stroke(micOff);
  context.restore();
}

const shortNames = new Map<string, string>();

/** The name, cut with an ellipsis where it does not fit. Measured once for each name and width. */
function shortened(context: CanvasRenderingContext2D, name: string, width: number): string {
  const key = `${context.font}|${Math.round(width)}|${name}`;
  const known = shortNames.get(key);
  if (known !== undefined) return known;
  let text = name;
  const points = [...name].slice(0, 60);
  while (points.length > 1 && context.measureText(text).width > width) {
    points.pop();
    text = `${points.join("")}…`;
  }
  if (shortNames.size >= 200) shortNames.clear(); // tiles on the move ask for many widths
  shortNames.set(key, text);
  return text;
}

function mixed(a: string, b: string, share: number): string {
  const at = (colour: string, i: number) => Number.parseInt(colour.slice(1 + 2 * i, 3 + 2 * i), 16);
  const channel = (i: number) => Math.round(at(a, i) * share + at(b, i) * (1 - share));
  return `rgb(${channel(0)} ${channel(1)} ${channel(2)})`;
}
