import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ApiError } from "../api/client";
import { api } from "../api/endpoints";
import type { Dashboard } from "../api/types";
import { FakeSocket } from "../chat/fakesocket";
import AccountPage from "../pages/account/AccountPage";
import DashboardPage from "../pages/dashboard/DashboardPage";
import { useAddress } from "../router/router";
import { SessionProvider } from "./session";

const user = { username: "okko", createdAt: "2026-11-23T10:00:00Z" };
const dashboard: Dashboard = {
  username: "okko",
  title: "Tide tables",
  category: { id: "music", name: "Music" },
  live: false,
  viewers: 0,
  ingest: { server: "rtmp://localhost:1935/app/", protocol: "rtmp" },
  streamKey: { masked: "sk_…" },
  channelPath: "/c/okko",
  playbackUrl: "/hls/okko.m3u8",
};
const signedOut = () => new ApiError(401, "Please sign in first.");
const here = () => location.pathname + location.search;

function Pages() {
  return useAddress().pathname === "/dashboard" ? <DashboardPage /> : <AccountPage mode="signin" />;
}

function visitDashboard() {
  history.pushState(null, "", "/dashboard");
  render(
    <SessionProvider>
      <Pages />
    </SessionProvider>,
  );
  return vi.spyOn(history, "replaceState");
}

beforeEach(() => {
  FakeSocket.all = [];
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.spyOn(api, "session").mockResolvedValue({ user, ready: true });
  vi.spyOn(api, "categories").mockResolvedValue({ categories: [dashboard.category] });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  history.replaceState(null, "", "/");
});

it("goes to sign in once, and stays there, when the server has signed this person out elsewhere", async () => {
  const load = vi.spyOn(api, "dashboard").mockRejectedValue(signedOut());
  const replaced = visitDashboard();
  await screen.findByText("Welcome back.");
  await act(async () => undefined); // any bounce back has had its turn
  expect(here()).toBe("/signin?next=/dashboard");
  expect(replaced).toHaveBeenCalledOnce();
  expect(load).toHaveBeenCalledOnce();
});

it("comes back to the dashboard after signing in again", async () => {
  const load = vi.spyOn(api, "dashboard").mockRejectedValueOnce(signedOut());
  visitDashboard();
  await screen.findByText("Welcome back.");
  load.mockResolvedValue(dashboard);
  vi.spyOn(api, "signIn").mockResolvedValue({ user });
  fireEvent.change(screen.getByLabelText("Username"), { target: { value: "okko" } });
  fireEvent.change(screen.getByLabelText("Password"), { target: { value: "oscillate4" } });
  fireEvent.submit(screen.getByLabelText("Username").closest("form")!);
  await screen.findByDisplayValue("Tide tables");
  expect(here()).toBe("/dashboard");
});

it.each([
  ["showing the key", "revealStreamKey", () => fireEvent.click(screen.getByRole("button", { name: "Show the key" }))],
  [
    "replacing the key",
    "resetStreamKey",
    () => {
      fireEvent.click(screen.getByRole("button", { name: "Replace the key" }));
      fireEvent.click(screen.getByText("Replace the key"));
    },
  ],
  [
    "saving the title",
    "saveDashboard",
    () => {
      fireEvent.change(screen.getByLabelText("Title"), { target: { value: "Low water" } });
      fireEvent.click(screen.getByRole("button", { name: "Save" }));
    },
  ],
] as const)("goes to sign in when %s finds the session ended", async (_what, call, press) => {
  vi.spyOn(api, "dashboard").mockResolvedValue(dashboard);
  const refused = vi.spyOn(api, call).mockRejectedValue(signedOut());
  const replaced = visitDashboard();
  await screen.findByDisplayValue("Tide tables");
  press();
  await waitFor(() => expect(here()).toBe("/signin?next=/dashboard"));
  expect(refused).toHaveBeenCalledOnce();
  expect(replaced).toHaveBeenCalledOnce();
});
