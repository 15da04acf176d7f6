import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import { api } from "../../api/endpoints";
import type { Dashboard } from "../../api/types";
import { SessionProvider } from "../../session/session";
import { SrtFields } from "./fields";

const dashboard: Dashboard = {
  username: "okko",
  title: "Tide tables",
  category: { id: "music", name: "Music" },
  live: false,
  viewers: 0,
  ingest: { server: "rtmp://localhost:1935/app/", protocol: "rtmp" },
  srt: { server: "srt://localhost:9000", masked: { address: "srt://localhost:9000?streamid=•••", passphrase: "•••" } },
  streamKey: { masked: "sk_•••" },
  channelPath: "/c/okko",
  playbackUrl: "/hls/okko.m3u8",
};

const show = (data: Dashboard) => {
  vi.spyOn(api, "session").mockResolvedValue({ user: null, ready: true });
  render(
    <SessionProvider>
      <SrtFields data={data} onKey={() => undefined} onCopied={() => undefined} />
    </SessionProvider>,
  );
};
const press = async (name: string) => {
  await act(async () => fireEvent.click(screen.getByRole("button", { name })));
};

afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

it("asks for the address when it is to be shown, and hides it when the key in it is replaced", async () => {
  const reveal = vi
    .spyOn(api, "revealSrt")
    .mockResolvedValue({ address: "srt://localhost:9000?streamid=sk_old", passphrase: "x" });
  vi.spyOn(api, "resetStreamKey").mockResolvedValue({ masked: "sk_•••" });
  show(dashboard);
  screen.getByText("srt://localhost:9000?streamid=•••");
  expect(reveal).not.toHaveBeenCalled();
  await press("Show the address");
  screen.getByText("srt://localhost:9000?streamid=sk_old");
  fireEvent.click(screen.getByText("Your encoder asks for the parts?"));
  await press("Replace the key");
  await act(async () => fireEvent.click(screen.getByText("Replace the key")));
  screen.getByText("srt://localhost:9000?streamid=•••");
});

it("says where to turn when the service takes no SRT", () => {
  show({ ...dashboard, srt: null });
  expect(screen.queryByRole("button")).toBeNull();
  screen.getByText(/takes no SRT. Choose RTMP above/);
});
