import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { DIRECT_WITHIN, relays, relaysOf } from "../src/relays.js";
import { WhipPublisher } from "../src/whip.js";
import { browser, FakePeer, type FakeServer, settle, stream, track } from "./fakes.js";

const LINK =
  '<turn:tv.example:3478?transport=udp>; rel="ice-server"; username="17:ada"; credential="p,w"; credential-type="password", ' +
  '<turns:tv.example:443?transport=tcp>; rel="ice-server"; username="17:ada"; credential="p,w"; credential-type="password"';
const KNOWN = [
  { urls: "turn:tv.example:3478?transport=udp", username: "17:ada", credential: "p,w" },
  { urls: "turns:tv.example:443?transport=tcp", username: "17:ada", credential: "p,w" },
];

test.each<[string | null, RTCIceServer[]]>([
  [null, []],
  ["", []],
  [LINK, KNOWN],
  ["<stun:tv.example>; rel=ice-server", [{ urls: "stun:tv.example" }]],
  ['<https://tv.example/next>; rel="next", <https://tv.example>; rel="ice-server"', []],
  ['<turn:tv.example>; rel="next"', []],
  ["<turn:tv.example", []],
])("the relays of %s", (link, want) => {
  expect(relaysOf(link)).toEqual(want);
});

describe("a session", () => {
  let server: FakeServer;

  beforeEach(() => {
    server = browser();
    server.link = LINK;
    relays.needed = false;
  });

  afterEach(() => {
    relays.needed = false;
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  const publish = () => {
    const publisher = new WhipPublisher({ endpoint: "https://live.example/whip", token: "sk", stream: stream(track("audio")) });
    const started = publisher.start();
    started.catch(() => {});
    return { publisher, started };
  };
  const used = () => FakePeer.all.map(({ configuration }) => configuration.iceServers?.length ?? 0);

  test("that connects by itself names no relay", async () => {
    const { started } = publish();
    await settle();
    await started;
    expect(used()).toEqual([0]);
  });

  test("that does not is begun anew by the relays, and so is all that follows", async () => {
    FakePeer.connects = "relayed";
    const { publisher, started } = publish();
    await settle(DIRECT_WITHIN - 1);
    expect(used()).toEqual([0]);
    await settle(1);
    await started;
    expect(publisher.state).toBe("live");
    expect(used()).toEqual([0, 2]);
    expect(FakePeer.all[1]?.configuration.iceServers).toEqual(KNOWN);
    expect(server.asked.map(({ method }) => method)).toEqual(["POST", "DELETE", "POST"]);
    await publisher.stop();
    const again = publish();
    await settle();
    await again.started;
    expect(used()).toEqual([0, 2, 2]);
  });

  test("that fails at once does not wait for it", async () => {
    FakePeer.connects = "relayed";
    const { started } = publish();
    await settle();
    FakePeer.all[0]?.become("failed");
    await settle();
    await started;
    expect(used()).toEqual([0, 2]);
  });

  test("without relays has its whole time", async () => {
    server.link = undefined;
    FakePeer.connects = false;
    const { publisher } = publish();
    await settle(DIRECT_WITHIN * 2);
    expect(used()).toEqual([0]);
    FakePeer.all[0]?.become("connected");
    await settle();
    expect(publisher.state).toBe("live");
  });

  test("that is stopped meanwhile begins no other", async () => {
    FakePeer.connects = "relayed";
    const { publisher } = publish();
    await settle(DIRECT_WITHIN - 1);
    await publisher.stop();
    await settle(60_000);
    expect(used()).toEqual([0]);
  });
});
