import { expect, it } from "vitest";
import type { Person } from "./people";
import type { StageState } from "./session";
import { watchState } from "./watching";

const seen = { receiving: "on", hasVideo: true } as Person;
const coming = { receiving: "trying" } as Person;

it.each<[boolean, StageState, Person[], string]>([
  [false, { name: "on" }, [seen], "off"],
  [true, { name: "idle" }, [], "loading"],
  [true, { name: "joining" }, [], "loading"],
  [true, { name: "on" }, [coming], "loading"],
  [true, { name: "on" }, [coming, seen], "playing"],
  [true, { name: "on" }, [], "waiting"],
  [true, { name: "back" }, [], "waiting"],
  [true, { name: "failed", code: "not-real-time", message: "" }, [], "off"],
  [true, { name: "failed", code: "TOKEN_NOT_ALLOWED", message: "" }, [], "failed"],
  [true, { name: "gone", why: "deleted" }, [], "off"],
  [true, { name: "gone", why: "elsewhere" }, [], "failed"],
])("real time %s and %j", (realTime, state, people, shown) => expect(watchState(realTime, state, people)).toBe(shown));
