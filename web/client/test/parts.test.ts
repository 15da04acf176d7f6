// Pieces that are easier judged alone.
import { describe, expect, test } from "vitest";
import { withOpus, withRepair, withStart } from "../src/codecs.js";
import { readFrame } from "../src/frames.js";
import { readToken } from "../src/token.js";
import { Gate } from "../src/gate.js";
import { person, token } from "./visitor.js";

describe("Opus parameters", () => {
  const sdp = (...lines: string[]) => ["v=0", "m=audio 9 x 96 111", ...lines, "m=video 9 x 108", ""].join("\r\n");
  const opus = "a=rtpmap:111 opus/48000/2";

  test("are added to those that are there", () => {
    const before = sdp(opus, "a=fmtp:111 useinbandfec=1; stereo=0", "a=fmtp:96 x=1");
    const after = sdp(opus, "a=fmtp:111 useinbandfec=1;stereo=1;sprop-stereo=1;maxaveragebitrate=32000", "a=fmtp:96 x=1");
    expect(withOpus(before, { stereo: true, bitrate: 32_000 })).toBe(after);
    expect(withOpus(after, { stereo: true, bitrate: 32_000 })).toBe(after);
  });

  test("get a line of their own where there is none", () => {
    expect(withOpus(sdp(opus), { bitrate: 32_000 })).toBe(sdp(opus, "a=fmtp:111 maxaveragebitrate=32000"));
  });

  test("leave alone what is none of theirs", () => {
    expect(withOpus(sdp("a=rtpmap:96 PCMU/8000"), { stereo: true })).toBe(sdp("a=rtpmap:96 PCMU/8000"));
    expect(withOpus(sdp(opus), {})).toBe(sdp(opus));
  });
});

test("lost sound is asked for again", () => {
  const offer = (more: string) => ["v=0", "a=rtpmap:111 opus/48000/2", `${more}a=fmtp:111 useinbandfec=1`, ""].join("\r\n");
  expect(withRepair(offer(""))).toBe(offer("a=rtcp-fb:111 nack\r\n"));
  expect(withRepair(offer("a=rtcp-fb:111 nack\r\n"))).toBe(offer("a=rtcp-fb:111 nack\r\n"));
  expect(withRepair("v=0\r\n")).toBe("v=0\r\n");
});

test("an encoder may begin at a bitrate, in each H.264 format that the answer names", () => {
  const answer = (more: string) =>
    [
      "v=0",
      "a=rtpmap:108 H264/90000",
      `a=fmtp:108 packetization-mode=1${more}`,
      "a=rtpmap:109 rtx/90000",
      "a=fmtp:109 apt=108",
      "",
    ].join("\r\n");
  expect(withStart(answer(""), 1500)).toBe(answer(";x-google-start-bitrate=1500"));
  expect(withStart("v=0\r\na=rtpmap:111 opus/48000/2\r\n", 1500)).toBe("v=0\r\na=rtpmap:111 opus/48000/2\r\n");
});

test("a token is read without being verified", () => {
  expect(readToken(token())).toEqual({
    topic: "stage1",
    eventsUrl: "wss://live.example/stage-events",
    whipUrl: "https://live.example/whip",
    participantId: "ada",
    userId: "ünï",
    attributes: {},
    mayPublish: true,
    maySubscribe: true,
  });
  expect(readToken(token({ capabilities: undefined }))).toMatchObject({ mayPublish: false, maySubscribe: false });
});

test("frames made of anything never throw, and give only what they promise", () => {
  const odd = [null, 7, "", "x", true, [], {}, [null], { id: "" }, { id: "p", attributes: 7 }, person("bob"), [person("bob")]];
  for (const type of ["STAGE_STATE", "STAGE_UPDATE", "DISCONNECTED", "ERROR", "PING", "toString", 7, null]) {
    for (const value of odd) {
      for (const payload of [value, { participants: value, joined: value, left: value, reason: value, participantId: "ada" }]) {
        const frame = readFrame(JSON.stringify({ type, payload }));
        if (frame?.type === "STAGE_STATE") expect(frame.participants.every(({ id }) => id !== "")).toBe(true);
        if (frame?.type === "STAGE_UPDATE") expect(frame.left.every((id) => typeof id === "string")).toBe(true);
        if (frame?.type === "DISCONNECTED") expect(typeof frame.reason).toBe("string");
      }
    }
  }
});

test("a gate forgets who was turned away, and opens after a failure", async () => {
  const gate = new Gate(1);
  const { signal } = new AbortController();
  await expect(gate.pass(signal, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  let open!: () => void;
  const first = gate.pass(signal, () => new Promise<void>((done) => (open = done)));
  const away = new AbortController();
  const turned = gate.pass(away.signal, async () => "turned");
  const second = gate.pass(signal, async () => "second");
  away.abort();
  await expect(turned).rejects.toMatchObject({ code: "CANCELED" });
  await expect(gate.pass(away.signal, async () => 0)).rejects.toMatchObject({ code: "CANCELED" });
  open();
  await first;
  expect(await second).toBe("second");
  expect(await gate.pass(signal, async () => "third")).toBe("third");
});
