import { describe, expect, it } from "vitest";
import { browserName } from "./browser";
import { judge, read } from "./line";
import { begins, only, wayOf } from "./probe";
import { type Row, type RowId, bestWay, ids, lineRows, wayRow } from "./rows";
import { type Rows, finished, flaws, overall, report } from "./verdict";
import { lastMedia, nextOf } from "./web";

const row = (verdict: Row["verdict"]): Row => ({ verdict, says: "It is so.", todo: "Do this.", fact: "a fact" });
const all = (change: Partial<Record<RowId, Row["verdict"]>> = {}): Rows =>
  Object.fromEntries(ids.map((id) => [id, row(change[id] ?? "good")])) as unknown as Rows;

describe("what all of it means", () => {
  it.each<[string, Partial<Record<RowId, Row["verdict"]>>, string]>([
    ["all is well", {}, "good"],
    ["a way that is not needed", { tcp: "note", "relay-tls": "skip", video: "skip" }, "good"],
    ["UDP is blocked", { udp: "warn", "relay-udp": "note" }, "warn"],
    ["the camera is not allowed", { camera: "bad" }, "warn"],
    ["neither is allowed", { camera: "bad", microphone: "bad" }, "bad"],
    ["no way is open", { udp: "bad", tcp: "bad", "relay-udp": "bad", "relay-tls": "skip" }, "bad"],
    ["no way could be tried", { udp: "skip", tcp: "skip", "relay-udp": "skip", "relay-tls": "skip" }, "warn"],
    ["no H.264", { h264: "bad" }, "bad"],
    ["no sockets", { socket: "bad" }, "bad"],
    ["a poor line", { bitrate: "bad" }, "warn"],
  ])("%s", (_, change, want) => expect(overall(all(change)).verdict).toBe(want));

  it("names the worst first", () =>
    expect(flaws(all({ microphone: "warn", bitrate: "bad", tcp: "note" }))).toEqual(["bitrate", "microphone"]));

  it("is over when nothing runs", () => {
    expect(finished(all({ video: "skip" }))).toBe(true);
    expect(finished(all({ video: "running" }))).toBe(false);
  });
});

describe("the report", () => {
  it("says what every test found, and nothing of who or where", () => {
    const rows = { ...all(), udp: wayRow("udp", { udp: { state: "closed", port: 8189 }, tcp: { state: "open", took: 12 } }) };
    const text = report(rows, "Firefox 145 on Linux", new Date("2026-03-04T05:06:07Z"));
    expect(text).toContain("StreamCat check, 2026-03-04 05:06 UTC\nResult: You can join\nBrowser: Firefox 145 on Linux\n");
    expect(text).toContain("  warn Direct, by UDP: blocked, port 8189\n");
    expect(text.match(/a fact/g)).toHaveLength(ids.length - 1);
    expect(text).not.toContain(location.hostname);
  });

  it.each([
    ["Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox 145 on Linux"],
    [
      "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0",
      "Edge 142 on Windows",
    ],
    [
      "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1",
      "Safari 18 on iOS",
    ],
    ["curl/8", "An unknown browser"],
  ])("calls %s by its name", (agent, name) => expect(browserName(agent)).toBe(name));
});

describe("the ways", () => {
  it("leaves the candidates of one transport", () => {
    const sdp = [
      "v=0",
      "a=candidate:1 1 udp 2 192.0.2.1 8189 typ host",
      "a=candidate:2 1 tcp 1 192.0.2.1 8190 typ host tcptype passive",
      "a=end-of-candidates",
    ].join("\r\n");
    expect(only(sdp, "tcp")).toEqual({ sdp: sdp.replace(/a=candidate:1.*\r\n/, ""), port: 8190 });
    expect(only(sdp, "udp").port).toBe(8189);
    expect(only("v=0\r\n", "udp").port).toBeUndefined();
  });

  it("knows where a way could begin", () => {
    const sdp = "v=0\r\n";
    expect([begins(sdp, "tcp"), begins(sdp, "udp"), begins(sdp, "relay-tls")]).toEqual([true, false, false]);
    expect(begins("a=candidate:1 1 UDP 2 192.0.2.1 9 typ host\r\n", "udp")).toBe(true);
    expect(begins("a=candidate:1 1 udp 2 192.0.2.1 9 typ relay raddr 0.0.0.0 rport 0\r\n", "relay-tls")).toBe(true);
  });

  it("tells relays apart", () => {
    expect(wayOf({ urls: "turn:a:3478?transport=udp" })).toBe("relay-udp");
    expect(wayOf({ urls: "turn:a:3478?transport=tcp" })).toBe("relay-tcp");
    expect(wayOf({ urls: "turns:a:443?transport=tcp" })).toBe("relay-tls");
  });

  it("judges a closed one by the others", () => {
    const closed = { state: "closed", port: 8189 } as const;
    const open = { state: "open", took: 20 } as const;
    expect(wayRow("udp", { udp: closed }).verdict).toBe("bad");
    expect(wayRow("udp", { udp: closed, tcp: open })).toMatchObject({ verdict: "warn" });
    expect(wayRow("udp", { udp: closed, tcp: open }).todo).toContain("UDP to localhost, port 8189");
    expect(wayRow("tcp", { udp: open, tcp: closed })).toMatchObject({ verdict: "note", todo: "" });
    expect(wayRow("relay-tls", { udp: open, "relay-tls": { state: "absent" } }).verdict).toBe("skip");
    expect(bestWay({ udp: closed, tcp: open, "relay-tls": open })).toBe("tcp");
    expect(bestWay({ udp: closed })).toBeUndefined();
  });
});

describe("the line", () => {
  const reportOf = (second: number, lost: number) =>
    new Map(
      [
        {
          type: "outbound-rtp",
          id: "o",
          kind: "video",
          bytesSent: second * 250_000,
          packetsSent: second * 200,
          timestamp: second * 1000,
        },
        { type: "remote-inbound-rtp", id: "r", kind: "video", packetsLost: lost },
        { type: "transport", id: "t", selectedCandidatePairId: "p" },
        { type: "candidate-pair", id: "q", nominated: true, currentRoundTripTime: 9 },
        { type: "candidate-pair", id: "p", currentRoundTripTime: 0.04, availableOutgoingBitrate: 2_500_000 },
      ].map((entry) => [entry.id, entry]),
    ) as unknown as RTCStatsReport;

  it("is judged by what happened between the first look and the last", () => {
    const line = judge([read(reportOf(1, 10)), read(reportOf(2, 10)), read(reportOf(3, 30))]);
    expect(line).toEqual({ rtt: 40, loss: 20 / 400, sent: 2_000_000, room: 2_500_000 });
  });

  it("is told in words, with what helps", () => {
    const good = lineRows({ rtt: 40, loss: 0, sent: 900_000, room: 2_500_000 });
    expect([good.rtt.verdict, good.loss.verdict, good.bitrate.verdict]).toEqual(["good", "good", "good"]);
    const poor = lineRows({ rtt: 600, loss: 0.1, sent: 300_000, room: undefined });
    expect([poor.rtt.verdict, poor.loss.verdict, poor.bitrate.verdict]).toEqual(["bad", "bad", "bad"]);
    expect([poor.rtt.todo, poor.loss.todo, poor.bitrate.todo].every((todo) => todo !== "")).toBe(true);
    const untold = lineRows({ rtt: undefined, loss: undefined, sent: 1_600_000, room: undefined });
    expect([untold.rtt.verdict, untold.loss.verdict, untold.bitrate.verdict]).toEqual(["skip", "skip", "good"]);
  });
});

describe("playlists", () => {
  const live = [
    "#EXTM3U",
    "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.0",
    "#EXT-X-MEDIA-SEQUENCE:7",
    "#EXTINF:2,",
    "seg7.m4s",
    '#EXT-X-PART:DURATION=0.3,URI="seg8.0.m4s",INDEPENDENT=YES',
    '#EXT-X-PART:DURATION=0.3,URI="seg8.1.m4s"',
    '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="seg8.2.m4s"',
  ].join("\n");
  it("know what comes next", () => expect(nextOf(live)).toEqual({ segment: 8, part: 2 }));
  it("cannot be asked for it without leave", () => expect(nextOf(live.replace("YES", "NO"))).toBeUndefined());
  it("have a newest piece", () => {
    expect(lastMedia(live)).toBe("seg8.1.m4s");
    expect(lastMedia("#EXTM3U\n#EXTINF:2,\na.ts\n")).toBe("a.ts");
    expect(lastMedia("#EXTM3U\n")).toBeUndefined();
  });
});
