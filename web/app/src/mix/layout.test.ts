import { describe, expect, it } from "vitest";
import { type Layout, type Rect, fit, layout } from "./layout";

const kinds: Layout[] = ["grid", "speaker", "side", "inset"];
const sizes = [
  [1280, 720],
  [1920, 1080],
  [720, 1280],
  [640, 360],
] as const;

const overlap = (a: Rect, b: Rect) =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

describe.each(kinds)("%s", (kind) => {
  it("keeps up to sixteen people inside the picture, each with a place, none on another", () => {
    for (const [width, height] of sizes) {
      for (let n = 0; n <= 16; n++) {
        const tiles = layout(kind, n, width, height);
        expect(tiles).toHaveLength(n);
        tiles.forEach((tile, i) => {
          const where = `${kind} ${n} in ${width}×${height}: tile ${i} ${JSON.stringify(tile)}`;
          expect(Object.values(tile).every(Number.isInteger), where).toBe(true);
          expect(tile.width > 20 && tile.height > 10, where).toBe(true);
          expect(tile.x >= 0 && tile.y >= 0 && tile.x + tile.width <= width && tile.y + tile.height <= height, where).toBe(
            true,
          );
          for (const other of tiles.slice(i + 1))
            if (!(kind === "inset" && i === 0)) expect(overlap(tile, other), where).toBe(false);
        });
      }
    }
  });

  it("gives one person the whole picture", () =>
    expect(layout(kind, 1, 1280, 720)).toEqual([{ x: 0, y: 0, width: 1280, height: 720 }]));
});

const rows = (tiles: Rect[]) => [...new Set(tiles.map((t) => t.y))].map((y) => tiles.filter((t) => t.y === y).length);

it.each([
  [2, [2]],
  [3, [2, 1]],
  [4, [2, 2]],
  [5, [3, 2]],
  [6, [3, 3]],
  [9, [3, 3, 3]],
  [12, [4, 4, 4]],
])("stands %i people in rows of %j", (n, expected) => expect(rows(layout("grid", n, 1280, 720))).toEqual(expected));

it("stands two people above each other in an upright picture", () =>
  expect(rows(layout("grid", 2, 720, 1280))).toEqual([1, 1]));

it("makes all tiles of a grid alike and centres a short row", () => {
  const [a, b, c] = layout("grid", 3, 1280, 720);
  expect([a!.width, a!.height]).toEqual([c!.width, c!.height]);
  expect(Math.abs(c!.x * 2 + c!.width - 1280)).toBeLessThanOrEqual(1);
  expect(b!.x + b!.width).toBe(1280);
});

it("puts the speaker above the others, or beside them, with most of the room", () => {
  for (const kind of ["speaker", "side"] as const) {
    const [main, ...others] = layout(kind, 4, 1280, 720);
    for (const other of others) {
      expect(main!.width * main!.height).toBeGreaterThan(8 * other.width * other.height);
      expect(other.width / other.height).toBeCloseTo(16 / 9, 1);
    }
  }
  expect(layout("speaker", 2, 1280, 720)[1]!.y).toBeGreaterThan(500);
  expect(layout("side", 2, 1280, 720)[1]!.x).toBeGreaterThan(900);
});

it("lays the camera on a screen in the lower right corner", () => {
  const [main, small] = layout("inset", 2, 1280, 720);
  expect(main).toEqual({ x: 0, y: 0, width: 1280, height: 720 });
  expect(small!.x + small!.width).toBeLessThan(1280);
  expect(small!.x).toBeGreaterThan(960);
  expect(small!.y).toBeGreaterThan(520);
});

describe("a picture in its tile", () => {
  const tile = { x: 100, y: 50, width: 640, height: 360 };

  it("of a camera fills it, cut evenly", () => {
    expect(fit("camera", 640, 480, tile)).toEqual({ from: { x: 0, y: 60, width: 640, height: 360 }, to: tile, bars: false });
    const square = { x: 0, y: 0, width: 300, height: 300 };
    expect(fit("camera", 1280, 720, square).from).toEqual({ x: 280, y: 0, width: 720, height: 720 });
  });

  it("of a screen is whole", () => {
    expect(fit("screen", 1920, 1080, tile)).toEqual({
      from: { x: 0, y: 0, width: 1920, height: 1080 },
      to: tile,
      bars: false,
    });
    expect(fit("screen", 1000, 1000, tile)).toMatchObject({ to: { x: 240, y: 50, width: 360, height: 360 }, bars: true });
  });

  it("of a phone held upright is whole in a wide tile and fills one that is nearly its shape", () => {
    expect(fit("camera", 720, 1280, tile).bars).toBe(true);
    expect(fit("camera", 720, 1280, { x: 0, y: 0, width: 400, height: 500 }).bars).toBe(false);
  });
});
