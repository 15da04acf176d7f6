import { describe, expect, it } from "vitest";
import { LineMarks, lineSaid } from "./lines";
import type { Person } from "./people";
import type { Line } from "./port";

const lines = (all: Record<string, Line>) => new Map(Object.entries(all));

describe("marks", () => {
  const steps = (...readings: Record<string, Line>[]) => {
    const marks = new LineMarks();
    return readings.map((reading) => Object.fromEntries(marks.see(lines(reading))));
  };

  it("come and go only when two readings agree", () => {
    expect(steps({ a: "poor" }, { a: "good" }, { a: "poor" }, { a: "poor" }, { a: "good" }, { a: "poor" }, { a: "good" }, { a: "good" })).toEqual([
      {}, {}, {}, { a: "poor" }, { a: "poor" }, { a: "poor" }, { a: "poor" }, {},
    ]); // prettier-ignore
  });

  it("call a line down only when it was so throughout", () => {
    expect(steps({ a: "poor" }, { a: "down" }, { a: "down" }, { a: "good" }, { a: "down" })).toEqual([
      {}, { a: "poor" }, { a: "down" }, { a: "down" }, { a: "down" },
    ]); // prettier-ignore
  });

  it("end with the person, and begin anew when they come again", () => {
    expect(steps({ a: "poor" }, { a: "poor" }, {}, { a: "poor" }, { a: "poor" })).toEqual([
      {},
      { a: "poor" },
      {},
      {},
      { a: "poor" },
    ]);
  });

  it("are the same object as long as nothing changes", () => {
    const marks = new LineMarks();
    const none = marks.see(lines({ a: "good" }));
    expect(marks.see(lines({ a: "poor" }))).toBe(none);
    const some = marks.see(lines({ a: "poor" }));
    expect(some).not.toBe(none);
    expect(marks.see(lines({ a: "poor", b: "good" }))).toBe(some);
  });
});

describe("what is said", () => {
  const person = (id: string, change: Partial<Person> = {}) =>
    ({ id, name: id, local: false, receiving: "on", ...change }) as Person;
  const me = person("Me", { local: true, receiving: "none" });
  const [ann, bob] = [person("Ann"), person("Bob")];

  it("is nothing while all is well, and of somebody who is not received", () => {
    expect(lineSaid(ann, [me, ann, bob], lines({ Bob: "poor" }))).toBeUndefined();
    const trying = person("Ann", { receiving: "trying" });
    expect(lineSaid(trying, [me, trying], lines({ Ann: "down" }))).toBeUndefined();
  });

  it("names who has to do something", () => {
    const of = (who: Person, people: Person[], marks: Record<string, Line>) => lineSaid(who, people, lines(marks))!.long;
    expect(of(ann, [me, ann, bob], { Ann: "poor" })).toMatch(
      /^Ann comes through badly\. Others .* their connection\. They can /,
    );
    expect(of(ann, [me, ann, bob], { Ann: "down", Bob: "poor" })).toMatch(
      /^Nothing comes from Ann now\. Your connection is poor\. Move/,
    );
    expect(of(ann, [me, ann, bob], { Ann: "poor", Me: "poor" })).toMatch(/Your connection is poor\./);
    expect(of(ann, [me, ann], { Ann: "poor" })).toMatch(/It is your connection or theirs\./);
    expect(of(me, [me, ann], { Me: "poor" })).toMatch(/others see and hear you badly\. Move/);
    expect(of(me, [me, ann], { Me: "down" })).toMatch(/^Nothing of you gets through/);
  });

  it("counts only those who are received when it looks for who else comes badly", () => {
    const away = person("Bob", { receiving: "failed" });
    expect(lineSaid(ann, [me, ann, away], lines({ Ann: "poor", Bob: "down" }))?.long).toMatch(/your connection or theirs/);
  });
});
