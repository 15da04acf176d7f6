import { describe, expect, it } from "vitest";
import { Floor, type Person, arrange, isMuted, looksLikeScreen, onStage, tileState } from "./people";

let places = 0;
const person = (id: string, change: Partial<Person> = {}): Person => ({
  id,
  userId: id,
  name: id,
  host: false,
  local: false,
  publisher: true,
  publishing: true,
  audioMuted: false,
  videoStopped: false,
  hasAudio: true,
  hasVideo: true,
  stream: undefined,
  receiving: "on",
  place: places++,
  ...change,
});
const ids = (people: readonly Person[]) => people.map((p) => p.id).join(" ");

describe("who is in the picture", () => {
  it("are those who send something, the host first, then as they came", () => {
    const people = [
      person("late", { place: 9 }),
      person("early", { place: 1 }),
      person("watcher", { publisher: false, publishing: false }),
      person("quiet", { publishing: false, hasAudio: false, hasVideo: false }),
      person("host", { host: true, place: 5 }),
    ];
    expect(ids(onStage(people))).toBe("host early late");
  });

  it("is oneself, too, before the stage has the picture", () => {
    expect(ids(onStage([person("me", { local: true, publishing: false })]))).toBe("me");
  });
});

it.each<[string, Partial<Person>, string]>([
  ["a picture", {}, "picture"],
  ["a stopped camera", { videoStopped: true }, "camera-off"],
  ["sound alone", { hasVideo: false }, "camera-off"],
  ["nothing yet", { hasAudio: false, hasVideo: false, receiving: "trying" }, "connecting"],
  ["sound already, the picture on its way", { hasVideo: false, receiving: "trying" }, "connecting"],
  ["gone from the stage for a moment", { publishing: false }, "connecting"],
  ["not received", { receiving: "failed" }, "failed"],
  ["oneself without a camera", { local: true, hasVideo: false, publishing: false, hasAudio: false }, "camera-off"],
  ["oneself before it is sent", { local: true, publishing: false }, "picture"],
])("%s is shown as %s", (_, change, state) => expect(tileState(person("a", change))).toBe(state));

it("calls muted who is, not who has only just come", () => {
  expect(isMuted(person("a", { audioMuted: true }))).toBe(true);
  expect(isMuted(person("a", { hasAudio: false }))).toBe(true);
  expect(isMuted(person("a", { hasAudio: false, publishing: false }))).toBe(false);
  expect(isMuted(person("a", { hasAudio: false, receiving: "trying" }))).toBe(false);
  expect(isMuted(person("a", { hasAudio: false, local: true, publishing: false, receiving: "none" }))).toBe(true);
  expect(isMuted(person("a"))).toBe(false);
});

describe("the order of the tiles", () => {
  const all = [person("a"), person("b"), person("c")];
  it("puts who has the floor first, but in a grid leaves all in their places", () => {
    expect(ids(arrange(all, "side", "c", new Set()))).toBe("c a b");
    expect(ids(arrange(all, "grid", "c", new Set()))).toBe("a b c");
    expect(ids(arrange(all, "speaker", "gone", new Set()))).toBe("a b c");
  });

  it("puts a shared screen before everybody", () => {
    expect(ids(arrange(all, "grid", undefined, new Set(["b"])))).toBe("b a c");
    expect(ids(arrange(all, "inset", "c", new Set(["b"])))).toBe("b c a");
  });
});

it.each([
  [1152, 720, true],
  [576, 360, true],
  [384, 240, true],
  [1280, 720, false],
  [640, 480, false],
  [720, 1280, false],
  [0, 0, false],
])("a picture of %i × %i is a screen: %s", (w, h, yes) => expect(looksLikeScreen(w, h)).toBe(yes));

describe("the floor", () => {
  it("goes to the first who speaks, then only to who speaks for a while", () => {
    const floor = new Floor();
    expect(floor.hear(undefined, 0)).toBeUndefined();
    expect(floor.hear("a", 100)).toBe("a");
    expect(floor.hear("b", 5000)).toBe("a"); // a cough
    expect(floor.hear(undefined, 5200)).toBe("a");
    expect(floor.hear("b", 6000)).toBe("a");
    expect(floor.hear("b", 6700)).toBe("b");
  });

  it("does not go back and forth", () => {
    const floor = new Floor();
    floor.hear("a", 0);
    floor.hear("b", 2000);
    expect(floor.hear("b", 2499)).toBe("a");
    expect(floor.hear("b", 2700)).toBe("b");
    floor.hear("a", 2800);
    expect(floor.hear("a", 4000)).toBe("b");
    expect(floor.hear("a", 5300)).toBe("a");
  });
});
