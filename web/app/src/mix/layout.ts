/** Where the tiles of a picture go. Pure: numbers in, rectangles out, in whole pixels. */

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** grid: all alike · speaker: one above a row · side: one beside a column · inset: one in full, small ones on it. */
export type Layout = "grid" | "speaker" | "side" | "inset";

const WIDE = 16 / 9;
/** The small tiles' share of the picture: of its height below a speaker, of its width at the side and as insets. */
const SMALL = 0.21;

/** Space between tiles, in pixels. */
const gapOf = (width: number, height: number): number => Math.max(2, Math.round(Math.min(width, height) / 120));

/**
 * The places of `n` tiles in a picture of `width` × `height` pixels. The first is the one that matters in all
 * layouts but the grid. Only the inset layout overlaps: its later tiles lie on the first.
 */
export function layout(kind: Layout, n: number, width: number, height: number): Rect[] {
  if (n <= 0) return [];
  if (n === 1) return [{ x: 0, y: 0, width, height }];
  switch (kind) {
    case "grid":
      return grid(n, width, height);
    case "speaker":
      return speaker(n, width, height);
    case "side":
      return side(n, width, height);
    case "inset":
      return inset(n, width, height);
  }
}

/** The columns that leave the most room for a face (4:3) in each tile; a short last row stands in the middle. */
function grid(n: number, width: number, height: number): Rect[] {
  const gap = gapOf(width, height);
  let best = { columns: 1, room: -1 };
  for (let columns = 1; columns <= n; columns++) {
    const w = part(width, columns, gap);
    const h = part(height, Math.ceil(n / columns), gap);
    const room = w > 0 && h > 0 ? Math.min(w, (h * 4) / 3) : 0;
    if (room > best.room + 1) best = { columns, room };
  }
  const { columns } = best;
  const rows = Math.ceil(n / columns);
  const w = part(width, columns, gap);
  const h = part(height, rows, gap);
  return Array.from({ length: n }, (_, i) => {
    const row = Math.floor(i / columns);
    const inRow = Math.min(columns, n - row * columns);
    const left = (width - inRow * w - (inRow - 1) * gap) / 2;
    return whole(left + (i % columns) * (w + gap), row * (h + gap), w, h);
  });
}

function speaker(n: number, width: number, height: number): Rect[] {
  const gap = gapOf(width, height);
  const others = n - 1;
  const w = Math.min(height * SMALL * WIDE, part(width, others, gap));
  const h = w / WIDE;
  const left = (width - others * w - (others - 1) * gap) / 2;
  return [
    whole(0, 0, width, height - h - gap),
    ...Array.from({ length: others }, (_, i) => whole(left + i * (w + gap), height - h, w, h)),
  ];
}

function side(n: number, width: number, height: number): Rect[] {
  const gap = gapOf(width, height);
  const others = n - 1;
  const h = Math.min((width * SMALL) / WIDE, part(height, others, gap));
  const w = h * WIDE;
  const top = (height - others * h - (others - 1) * gap) / 2;
  return [
    whole(0, 0, width - w - gap, height),
    ...Array.from({ length: others }, (_, i) => whole(width - w, top + i * (h + gap), w, h)),
  ];
}

/** The small ones from the lower right corner to the left. */
function inset(n: number, width: number, height: number): Rect[] {
  const gap = 2 * gapOf(width, height);
  const edge = Math.round(Math.min(width, height) * 0.033);
  const others = n - 1;
  const w = Math.min(width * SMALL, height * 0.4 * WIDE, part(width - 2 * edge, others, gap));
  const h = w / WIDE;
  return [
    { x: 0, y: 0, width, height },
    ...Array.from({ length: others }, (_, i) => whole(width - edge - (i + 1) * w - i * gap, height - edge - h, w, h)),
  ];
}

/** One of `count` equal parts of a length with gaps between them. */
const part = (length: number, count: number, gap: number): number => (length - (count - 1) * gap) / count;

function whole(x: number, y: number, width: number, height: number): Rect {
  const left = Math.round(x);
  const top = Math.round(y);
  return { x: left, y: top, width: Math.round(x + width) - left, height: Math.round(y + height) - top };
}

/** Of a picture, how much is used (`from`, in its own pixels) and where it goes (`to`). */
export interface Fit {
  from: Rect;
  to: Rect;
  /** Whether the tile is not filled: something has to be behind. */
  bars: boolean;
}

/** Cutting off more than this share of a picture loses who is in it. */
const MOST_CUT = 0.6;

/**
 * Fits a picture into a tile. A screen is shown whole. A camera fills its tile, unless that would cut away most
 * of it, as with a phone held upright in a wide picture: then it is shown whole, too.
 */
export function fit(kind: "camera" | "screen", width: number, height: number, tile: Rect): Fit {
  const own = width / height;
  const wanted = tile.width / tile.height;
  const seen = own > wanted ? wanted / own : own / wanted;
  if (kind === "camera" && seen >= 1 - MOST_CUT) {
    const w = own > wanted ? height * wanted : width;
    const h = own > wanted ? height : width / wanted;
    return { from: { x: (width - w) / 2, y: (height - h) / 2, width: w, height: h }, to: tile, bars: false };
  }
  const w = own > wanted ? tile.width : tile.height * own;
  const h = own > wanted ? tile.width / own : tile.height;
  const to = whole(tile.x + (tile.width - w) / 2, tile.y + (tile.height - h) / 2, w, h);
  return { from: { x: 0, y: 0, width, height }, to, bars: to.width < tile.width || to.height < tile.height };
}
