import { expect, it } from "vitest";
import { bars } from "./level";

const sine = (amplitude: number) => Float32Array.from({ length: 1024 }, (_, i) => amplitude * Math.sin(i / 5));

it.each([
  [0, 0],
  [0.001, 0], // −63 dB: the noise of the room
  [0.005, 1],
  [0.02, 2],
  [0.08, 3],
  [0.5, 4],
])("a tone of amplitude %d lights %i bars", (amplitude, lit) => expect(bars(sine(amplitude))).toBe(lit));

it("bears no samples", () => expect(bars([])).toBe(0));
