import { describe, expect, it } from "vitest";
import { ago, clock, count, delay, plural, points } from "./format";
import { avatarClass, initials, nameClass } from "./person";

const minute = 60_000;

describe("figures", () => {
  it.each([
    [0, "0:00"],
    [7_000, "0:07"],
    [252_999, "4:12"],
    [6_440_000, "1:47:20"],
    [-5, "0:00"],
  ])("clock(%i) is %s", (ms, words) => expect(clock(ms)).toBe(words));

  it.each([
    [0, "0.0 s"],
    [1.44, "1.4 s"],
    [9.96, "10 s"],
    [59, "59 s"],
    [250, "4:10"],
  ])("delay(%d) is %s", (s, words) => expect(delay(s)).toBe(words));

  it("counts people and things", () => {
    expect(count(5036)).toBe("5,036");
    expect(plural(1, "channel")).toBe("1 channel");
    expect(plural(0, "person", "people")).toBe("0 people");
  });

  it("counts code points, not UTF-16 units", () => expect(points("a🐈‍⬛")).toBe(4));
});

describe("times", () => {
  const now = Date.UTC(2026, 10, 23, 12);
  it.each([
    [0, "just now"],
    [5 * minute, "5 minutes ago"],
    [3 * 60 * minute, "3 hours ago"],
    [26 * 60 * minute, "yesterday"],
    [40 * 1440 * minute, "October 14, 2026"],
    [-5 * minute, "just now"],
  ])("%i ms before is %s", (before, words) => expect(ago(new Date(now - before).toISOString(), now)).toBe(words));
});

describe("people", () => {
  it.each([
    ["night-cab", "NC"],
    ["okko", "OK"],
    ["a_b_c", "AB"],
    ["-", "?"],
  ])("%s is %s", (name, letters) => expect(initials(name)).toBe(letters));

  it("keep one colour", () => {
    expect(nameClass("okko")).toBe(nameClass("okko"));
    expect(nameClass("okko")).toMatch(/^n[1-8]$/);
    expect(avatarClass("okko")).toMatch(/^av-[a-h]$/);
  });
});
