import { act, cleanup, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { OnAirClock } from "./marks";

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(new Date("2026-11-23T10:00:00Z"));
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

it("ticks by the second, right from the start, however many clocks there are", () => {
  // Real time goes on between two readings: a clock that takes each reading for news would never rest.
  vi.spyOn(Date, "now").mockImplementation(
    (
      (at) => () =>
        (at += 1)
    )(Date.parse("2026-11-23T10:00:00Z")),
  );
  render(
    <>
      <OnAirClock since="2026-11-23T09:59:53Z" />
      <OnAirClock since="2026-11-23T09:00:00Z" />
    </>,
  );
  expect(screen.getByText(/0:07/)).toBeTruthy();
  vi.mocked(Date.now).mockReturnValue(Date.parse("2026-11-23T10:00:01Z"));
  act(() => void vi.advanceTimersByTime(1000));
  expect(document.body.textContent).toBe("0:081:00:01");
  cleanup();
  expect(vi.getTimerCount()).toBe(0);
});
