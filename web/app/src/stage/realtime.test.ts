import { describe, expect, it } from "vitest";
import { type Air, type Here, airWords, onAir, readRealTime } from "./realtime";

describe("the chat's word on real time", () => {
  it.each<[Record<string, string>, boolean | undefined]>([
    [{ isLive: "true", channel: "patchbay" }, true],
    [{ isLive: "false", channel: "Patchbay" }, false],
    [{ isLive: "true" }, true],
    [{ isLive: "true", channel: "okko" }, undefined],
    [{ isLive: "maybe", channel: "patchbay" }, undefined],
    [{}, undefined],
  ])("%j is %s", (attributes, live) => expect(readRealTime("StreamCat:RealTimeUpdate", attributes, "patchbay")).toBe(live));

  it("is not any other event", () => expect(readRealTime("aws:DELETE_MESSAGE", { isLive: "true" }, "p")).toBeUndefined());
});

const off: Air = { wanted: undefined, realTime: { isLive: false, since: null }, switching: false, channel: "off" };
const live = { isLive: true, since: "2026-11-23T10:00:00Z" };

describe("the sentence above the picture", () => {
  it.each<[string, Partial<Air>, string, string]>([
    ["nothing yet", {}, "private", "Only people on the stage."],
    ["asked for, not yet there", { wanted: "stage", switching: true }, "starting", "Going live…"],
    ["real time", { wanted: "stage", realTime: live }, "live", "Viewers see the stage."],
    ["the channel", { wanted: "channel", channel: "live" }, "live", "On your channel."],
    ["both", { wanted: "both", realTime: live, channel: "live" }, "live", "On the stage and on your channel."],
    [
      "both, the channel still opening",
      { wanted: "both", realTime: live, channel: "starting" },
      "part",
      "Viewers see the stage.",
    ],
    ["both, but the channel failed", { wanted: "both", realTime: live, channel: "failed" }, "part", "Viewers see the stage."],
    ["both, but real time is off", { wanted: "both", channel: "live" }, "part", "On your channel."],
    ["the channel broke", { wanted: "channel", channel: "again" }, "lost", "The way to your channel broke."],
    ["the channel failed", { wanted: "channel", channel: "failed" }, "lost", "Your channel gets no picture."],
    ["on by another tab", { realTime: live }, "live", "Viewers see the stage."],
  ])("%s", (_, change, kind, title) => {
    const words = airWords({ ...off, ...change });
    expect([words.kind, words.title]).toEqual([kind, title]);
  });

  it.each<[string, Partial<Air>, Here, string]>([
    ["what a press of the button brings", {}, { destination: "both" }, "or, some seconds later, on your channel"],
    ["what is missing", {}, { nothing: true, coming: true }, "Turn on your camera or microphone"],
    ["what is awaited", {}, { coming: true }, "on its way to the stage"],
    ["a lost connection", { wanted: "stage", realTime: live }, { away: true }, "opened again by itself"],
    ["nothing of a lost connection that no viewer feels", {}, { away: true }, "Go live"],
  ])("says %s", (_, change, here, detail) => expect(airWords({ ...off, ...change }, here).detail).toContain(detail));

  it("never says that viewers see the stage before the server does", () => {
    for (const wanted of ["stage", "channel", "both"] as const)
      for (const switching of [true, false])
        for (const channel of ["off", "starting", "live", "again", "failed"] as const)
          expect(airWords({ ...off, wanted, switching, channel }).title).not.toMatch(/stage and|see the stage/);
  });
});

it("is on air while anybody may see it", () => {
  expect(onAir(off)).toBe(false);
  expect(onAir({ ...off, wanted: "channel", channel: "starting" })).toBe(false);
  expect(onAir({ ...off, channel: "again" })).toBe(true);
  expect(onAir({ ...off, realTime: live })).toBe(true);
});
