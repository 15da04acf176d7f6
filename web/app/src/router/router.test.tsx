import { fireEvent, render, screen } from "@testing-library/react";
import { expect, it } from "vitest";
import { Link, safePath, useAddress } from "./router";

it.each([
  ["/dashboard", "/dashboard"],
  ["/c/okko?x=1", "/c/okko?x=1"],
  [null, "/"],
  ["", "/"],
  ["https://elsewhere.test/", "/"],
  ["//elsewhere.test", "/"],
  ["/\\elsewhere.test", "/"],
])("after %j comes %j", (path, to) => expect(safePath(path, "/")).toBe(to));

function Here() {
  return <p>{useAddress().pathname}</p>;
}

it("follows plain clicks without loading the page, and leaves the others to the browser", () => {
  render(
    <>
      <Link href="/c/okko">go</Link>
      <Here />
    </>,
  );
  const link = screen.getByText("go");
  fireEvent.click(link, { ctrlKey: true });
  expect(screen.queryByText("/c/okko")).toBeNull();
  fireEvent.click(link);
  expect(screen.getByText("/c/okko")).toBeTruthy();
});
