import { describe, expect, it } from "vitest";
import { passwordError, strength, suggestion, usernameError } from "./rules";

describe("usernames", () => {
  it.each(["abc", "Night-Cab_7", "a".repeat(32), "---"])("%s is fine", (name) => expect(usernameError(name)).toBeUndefined());
  it.each([
    ["", /Choose/],
    ["ab", /At least 3/],
    ["a".repeat(33), /At most 32/],
    ["patch bay", /No spaces/],
    ["müsli", /Only letters/],
    ["a.b", /Only letters/],
  ])("%j is not", (name, words) => expect(usernameError(name)).toMatch(words));
  it.each([
    ["patch bay", "patch-bay"],
    ["Müsli!", "Musli"],
    ["猫", undefined],
    ["fine", undefined],
  ])("%s could be %s", (name, better) => expect(suggestion(name)).toBe(better));
});

describe("passwords", () => {
  it("need eight characters as people count them", () => {
    expect(passwordError("1234567")).toBe("At least 8 characters; 1 more.");
    expect(passwordError("🐈🐈🐈🐈🐈🐈🐈🐈")).toBeUndefined();
    expect(passwordError("x".repeat(257))).toMatch(/At most/);
  });
  it.each([
    ["", 0],
    ["short", 1],
    ["aaaaaaaaaaaaaaaa", 1],
    ["password1234", 1],
    ["qwertyuiop", 1],
    ["oscillate4", 2],
    ["patch the cables", 4],
  ])("%j has %i bars", (password, bars) => expect(strength(password).bars).toBe(bars));
  it("gain nothing from the username", () => expect(strength("patchbay12", "patchbay").bars).toBe(1));
});
