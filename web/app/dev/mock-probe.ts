import { type Attempt, ProbeError, type Trial } from "../src/check/probe";

export { ProbeError };

/** In the place of real connections. The cookie `mock-check` says how the line is: udp (blocked), shut, poor, relayless. */
export class Prober {
  relays: RTCIceServer[] = [];

  async probe({ way, stream, signal }: Attempt): Promise<Trial> {
    const how = /mock-check=(\w+)/.exec(document.cookie)?.[1] ?? "good";
    await new Promise((done) => setTimeout(done, 150));
    signal.throwIfAborted();
    const blocked = how === "shut" || (how === "udp" && way.endsWith("udp"));
    const port = way === "relay-tls" ? 443 : way.startsWith("relay") ? 3478 : 8189;
    if (way === "relay-tcp" || (how === "relayless" && way.startsWith("relay"))) throw new ProbeError("absent");
    if (blocked) throw new ProbeError("closed", port);
    const begun = performance.now();
    const rate = how === "poor" ? 420_000 : 2_100_000;
    const stats = async () => {
      const timestamp = performance.now();
      const seconds = (timestamp - begun) / 1000;
      const packetsSent = Math.round(seconds * 200);
      return new Map<string, unknown>([
        ["o", { type: "outbound-rtp", kind: "video", bytesSent: (seconds * rate) / 8, packetsSent, timestamp }],
        ["r", { type: "remote-inbound-rtp", kind: "video", packetsLost: how === "poor" ? packetsSent * 0.04 : 0 }],
        ["p", { type: "candidate-pair", nominated: true, currentRoundTripTime: how === "poor" ? 0.34 : 0.023 }],
      ]) as unknown as RTCStatsReport;
    };
    void stream;
    return { took: 38, port, stats, close: async () => undefined };
  }
}
