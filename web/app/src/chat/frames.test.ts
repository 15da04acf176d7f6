import { expect, it } from "vitest";
import { readFrame, requestId } from "./frames";

const sender = { UserId: "u" };

it.each([
  ["broken JSON", "{"],
  ["a frame without an id", JSON.stringify({ Type: "MESSAGE", Sender: sender })],
  ["a message from nobody", JSON.stringify({ Type: "MESSAGE", Id: "1" })],
  ["an unknown kind", JSON.stringify({ Type: "POLL", Id: "1" })],
  ["JSON that is no object", "null"],
  ["binary data", new ArrayBuffer(2)],
])("%s is skipped", (_, data) => {
  expect(readFrame(data)).toBeUndefined();
});

it("reads a message with nanoseconds and without attributes", () => {
  const frame = readFrame(
    JSON.stringify({
      Type: "MESSAGE",
      Id: "1",
      Content: "hi",
      SendTime: "2026-11-23T10:00:11.258800067Z",
      Sender: sender,
      Attributes: null,
    }),
  );
  expect(frame).toEqual({
    type: "message",
    id: "1",
    requestId: "",
    content: "hi",
    sentAt: Date.UTC(2026, 10, 23, 10, 0, 11, 258),
    sender: { userId: "u", attributes: {} },
    attributes: {},
  });
});

it("makes request ids without randomUUID, too", () => {
  const shape = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  expect(requestId()).toMatch(shape);
  const own = crypto.randomUUID;
  Object.defineProperty(crypto, "randomUUID", { value: undefined, configurable: true });
  try {
    expect(requestId()).toMatch(shape);
  } finally {
    Object.defineProperty(crypto, "randomUUID", { value: own, configurable: true });
  }
});
