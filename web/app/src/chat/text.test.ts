import { describe, expect, it } from "vitest";
import { names, pieces } from "./text";

const shown = (text: string) =>
  pieces(text).map((p) => (p.kind === "text" ? p.text : p.kind === "link" ? `<${p.text}|${p.href}>` : `[${p.name}]`));

describe("a message's text", () => {
  it.each([
    ["nothing here", ["nothing here"]],
    ["", []],
    ["see https://example.org/a?b=c#d now", ["see ", "<https://example.org/a?b=c#d|https://example.org/a?b=c#d>", " now"]],
    ["see (https://example.org/x_(y)).", ["see (", "<https://example.org/x_(y)|https://example.org/x_(y)>", ")."]],
    ["HTTP://EXAMPLE.org, ok", ["<HTTP://EXAMPLE.org|http://example.org/>", ", ok"]],
    ["javascript:alert(1) and data:text/html,x", ["javascript:alert(1) and data:text/html,x"]],
    ["https://bank.example@evil.example/", ["https://bank.example@evil.example/"]],
    ["https://", ["https://"]],
    ["http://[::1", ["http://[::1"]],
    ["@okko: hi @tomas.l. and @guest-2231!", ["[okko]", ": hi ", "[tomas.l]", ". and ", "[guest-2231]", "!"]],
    ["mail me@example.org or @@x or @", ["mail me@example.org or @@x or @"]],
    ["https://example.org/@okko", ["<https://example.org/@okko|https://example.org/@okko>"]],
    ["猫@okko 🐈 @okko", ["猫", "[okko]", " 🐈 ", "[okko]"]],
  ])("%s", (text, want) => {
    expect(shown(text)).toEqual(want);
    expect(
      pieces(text)
        .map((p) => p.text)
        .join(""),
    ).toBe(text);
  });

  it("names a person in any case, whole names only", () => {
    expect(names("hey @Okko!", "okko")).toBe(true);
    expect(names("hey @okko2", "okko")).toBe(false);
    expect(names("hey okko", "okko")).toBe(false);
  });
});
