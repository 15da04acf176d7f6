import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, it } from "vitest";
import { Link, go, safePath, useAddress, useLeaving } from "./router";

afterEach(cleanup);

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

function Busy({ active }: { active: boolean }) {
  const { to, stay, leave } = useLeaving(active);
  return (
    <>
      <p>wants {to ?? "nothing"}</p>
      <button onClick={stay}>stay</button>
      <button onClick={leave}>leave</button>
      <Here />
    </>
  );
}

it("asks before a busy page is left, and goes when told to", () => {
  history.replaceState(null, "", "/golive");
  const { rerender } = render(<Busy active />);
  act(() => go("/dashboard"));
  expect(screen.getByText("wants /dashboard")).toBeTruthy();
  expect(location.pathname).toBe("/golive");
  fireEvent.click(screen.getByText("stay"));
  expect(screen.getByText("wants nothing")).toBeTruthy();

  act(() => go("/golive?tab=2")); // the same page
  expect(location.search).toBe("?tab=2");

  act(() => {
    history.replaceState(null, "", "/c/okko"); // as the back button does
    dispatchEvent(new PopStateEvent("popstate"));
  });
  expect(location.pathname).toBe("/golive");
  expect(screen.getByText("wants /c/okko")).toBeTruthy();
  fireEvent.click(screen.getByText("leave"));
  expect(location.pathname).toBe("/c/okko");

  rerender(<Busy active={false} />);
  act(() => go("/"));
  expect(location.pathname).toBe("/");
});

it("has the browser ask before a busy tab is closed, and not any more afterwards", () => {
  const closing = () => dispatchEvent(new Event("beforeunload", { cancelable: true }));
  const { rerender, unmount } = render(<Busy active />);
  expect(closing()).toBe(false);
  rerender(<Busy active={false} />);
  expect(closing()).toBe(true);
  rerender(<Busy active />);
  unmount();
  expect(closing()).toBe(true);
});
