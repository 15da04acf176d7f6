import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { StageErrorCode } from "../src/index.js";
import { browser, FakeServer, FakeSocket, last, settle } from "./fakes.js";
import { camera, person, state, token, update, Visitor } from "./visitor.js";

let server: FakeServer;

beforeEach(() => void (server = browser()));
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** What an exchange comes to: "done", or the code of its error. */
function outcome(exchange: Promise<void>): { is: string | number } {
  const seen: { is: string | number } = { is: "open" };
  exchange.then(
    () => (seen.is = "done"),
    (error: { code: number }) => (seen.is = error.code),
  );
  return seen;
}

const { TOKEN_EXCHANGE_REQUEST_INVALID: INVALID, TOKEN_EXCHANGE_FAILED: FAILED } = StageErrorCode;

test("a new token is sent to the server, and used from then on", async () => {
  const visitor = new Visitor();
  await visitor.join();
  visitor.news();
  const other = token({ user_id: "ada-2", attributes: { username: "countess" } });
  const seen = outcome(visitor.stage.exchangeToken(other));
  await settle();
  expect(last(FakeSocket.all).sent.at(-1)).toEqual({ type: "EXCHANGE_TOKEN", payload: { token: other } });
  expect(seen.is).toBe("open");
  await visitor.hear("TOKEN_EXCHANGED");
  expect(seen.is).toBe("done");
  expect(visitor.news()).toEqual(["STAGE_PARTICIPANT_METADATA_CHANGED ada"]);
  await visitor.hear(
    "STAGE_UPDATE",
    update({ changed: [person("ada", { userId: "ada-2", attributes: { username: "countess" } })] }),
  );
  expect(visitor.news()).toEqual([]); // known already

  last(FakeSocket.all).drop();
  await settle(5_000);
  expect(last(FakeSocket.all).protocol).toBe(other);
  visitor.stage.leave();
  const again = visitor.stage.join();
  again.catch(() => {});
  await settle();
  expect(last(FakeSocket.all).protocol).toBe(other);
  visitor.stage.leave();
});

test("who may no longer publish or subscribe does neither any more, and again with another token", async () => {
  const visitor = new Visitor();
  visitor.publish = true;
  visitor.streams = [camera()];
  await visitor.join(person("bob", { isPublishing: true }));
  expect(server.of("POST")).toHaveLength(2);
  visitor.news();
  void visitor.stage.exchangeToken(token({ capabilities: {} }));
  await visitor.hear("TOKEN_EXCHANGED");
  expect(visitor.news(/STATE_CHANGED|ERROR/)).toEqual([
    "STAGE_PARTICIPANT_PUBLISH_STATE_CHANGED ada errored",
    "ERROR 8",
    "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bob errored",
    "ERROR 8",
  ]);
  expect(server.of("DELETE")).toHaveLength(2);
  await settle(20_000);
  expect(server.of("POST")).toHaveLength(2);

  const back = token({ exp: 1 });
  void visitor.stage.exchangeToken(back);
  await visitor.hear("TOKEN_EXCHANGED");
  await settle();
  expect(
    server
      .of("POST")
      .slice(2)
      .map(({ headers }) => headers.get("authorization")),
  ).toEqual([`Bearer ${back}`, `Bearer ${back}`]);
  visitor.stage.leave();
});

test.each([
  ["no token", "nonsense"],
  ["another participant's", token({ jti: "eve" })],
  ["another stage's", token({ topic: "stage2" })],
  ["with another events URL", token({ events_url: "wss://evil.example/" })],
  ["with another WHIP URL", token({ whip_url: "https://evil.example/whip" })],
])("%s is not sent to the server", async (_, other) => {
  const visitor = new Visitor();
  await visitor.join();
  const before = last(FakeSocket.all).sent.length;
  const seen = outcome(visitor.stage.exchangeToken(other));
  await settle();
  expect(seen.is).toBe(INVALID);
  expect(visitor.errors.map(({ code }) => code)).toEqual([INVALID]);
  expect(last(FakeSocket.all).sent).toHaveLength(before);
  visitor.stage.leave();
});

test.each([
  ["TOKEN_EXCHANGE_REQUEST_INVALID", INVALID],
  ["TOKEN_EXCHANGE_FAILED", FAILED],
  ["SOMETHING_ELSE", FAILED],
])("the server's %s is an error by code, and the former token holds", async (code, expected) => {
  const visitor = new Visitor();
  await visitor.join();
  const former = last(FakeSocket.all).protocol;
  const seen = outcome(visitor.stage.exchangeToken(token({ user_id: "other" })));
  await settle();
  await visitor.hear("TOKEN_EXCHANGE_REFUSED", { code, message: "no" });
  expect(seen.is).toBe(expected);
  expect(visitor.errors).toMatchObject([{ code: expected, message: "no" }]);
  last(FakeSocket.all).drop();
  await settle(5_000);
  expect(last(FakeSocket.all).protocol).toBe(former);
  visitor.stage.leave();
});

test("an exchange fails when nobody answers, the connection is lost, the stage is left, or there is none", async () => {
  const visitor = new Visitor();
  const none = outcome(visitor.stage.exchangeToken(token()));
  await settle();
  expect(none.is).toBe(FAILED);

  await visitor.join();
  const silent = outcome(visitor.stage.exchangeToken(token()));
  const second = outcome(visitor.stage.exchangeToken(token()));
  await settle();
  expect([silent.is, second.is]).toEqual(["open", FAILED]);
  await settle(10_000);
  expect(silent.is).toBe(FAILED);

  const left = outcome(visitor.stage.exchangeToken(token()));
  await settle();
  visitor.stage.leave();
  await settle();
  expect(left.is).toBe(FAILED);

  await visitor.join();
  const lost = outcome(visitor.stage.exchangeToken(token()));
  await settle();
  last(FakeSocket.all).drop();
  await settle();
  expect(lost.is).toBe(FAILED);
  visitor.stage.leave();
});

test("who may no longer subscribe is sent nothing over the connection for many, until the next token allows it", async () => {
  const visitor = new Visitor();
  const joining = visitor.stage.join();
  await settle();
  const bob = person("bob", { isPublishing: true });
  last(FakeSocket.all).say("STAGE_STATE", { ...state(bob), maxSlots: 4 });
  await joining;
  await settle(200);
  expect(server.of("POST").map(({ url }) => url)).toEqual(["https://live.example/whip/subscribe"]);
  visitor.news();
  void visitor.stage.exchangeToken(token({ capabilities: { allow_publish: true } }));
  await visitor.hear("TOKEN_EXCHANGED");
  expect(visitor.news(/STATE_CHANGED|ERROR/)).toEqual(["STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bob errored", "ERROR 8"]);
  expect(server.of("DELETE")).toHaveLength(1);
  const back = token({ exp: 2 });
  void visitor.stage.exchangeToken(back);
  await visitor.hear("TOKEN_EXCHANGED");
  await settle(200);
  expect(server.of("POST").at(-1)).toMatchObject({ url: "https://live.example/whip/subscribe" });
  expect(server.of("POST").at(-1)?.headers.get("authorization")).toBe(`Bearer ${back}`);
  visitor.stage.leave();
});
