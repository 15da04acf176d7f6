// Watches a publisher by plain WebRTC through the relay alone, by each of the ways there are.
//   node relay.mjs <origin> <participant> <token> <key>
// Key is the hash of the server's public key, base64: what pages are forgiven by ignoreHTTPSErrors, WebRTC is not.
// Steps said: one for each URL of a relay that the server names: {step: "relayed", url, protocol, bytes}; done.
import { launch, person, play, say } from "./stage.mjs";

const [origin, participant, token, key] = process.argv.slice(2);

/** Subscribes by the index-th relay of the answer; gives what came, or nothing when there is no such relay. */
const watch = (page, index) =>
  page.evaluate(
    async ({ participant, token, index }) => {
      const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
      try {
        pc.addTransceiver("audio", { direction: "recvonly" });
        pc.addTransceiver("video", { direction: "recvonly" });
        const offer = await pc.createOffer();
        const reply = await fetch(`/whip/subscribe/${participant}`, {
          method: "POST",
          headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/sdp" },
          body: offer.sdp,
        });
        if (reply.status !== 201) throw new Error(`status ${reply.status}: ${await reply.text()}`);
        const links = [...(reply.headers.get("Link") ?? "").matchAll(/<([^>]*)>; rel="ice-server"; username="([^"]*)"; credential="([^"]*)"; credential-type="password"/g)];
        if (index >= links.length) return { count: links.length };
        const [, urls, username, credential] = links[index];
        pc.setConfiguration({ bundlePolicy: "max-bundle", iceTransportPolicy: "relay", iceServers: [{ urls, username, credential }] });
        const trouble = [];
        pc.onicecandidateerror = (e) => trouble.push(`${e.url} ${e.errorCode} ${e.errorText}`);
        await pc.setLocalDescription(offer);
        await pc.setRemoteDescription({ type: "answer", sdp: await reply.text() });
        for (const end = Date.now() + 30_000; Date.now() < end; await new Promise((r) => setTimeout(r, 100))) {
          const stats = [...(await pc.getStats()).values()];
          const bytes = stats.find((s) => s.type === "inbound-rtp" && s.kind === "video")?.bytesReceived ?? 0;
          const pair = stats.find((s) => s.type === "candidate-pair" && s.nominated);
          const local = stats.find((s) => s.id === pair?.localCandidateId);
          if (bytes > 20_000 && local) return { url: urls, type: local.candidateType, protocol: local.relayProtocol, bytes };
        }
        throw new Error(`nothing came by ${urls}: ${pc.connectionState}, ${pc.iceConnectionState}; ${trouble.join("; ")}`);
      } finally {
        pc.close();
      }
    },
    { participant, token, index },
  );

await play(async () => {
  const page = await (await person("viewer", await launch({ args: [`--ignore-certificate-errors-spki-list=${key}`] }))).newPage();
  await page.goto(origin);
  for (let index = 0; ; index++) {
    const seen = await watch(page, index);
    if (seen.count !== undefined) break;
    say("relayed", seen);
  }
  say("done");
});
