/** What a browser brings for a stage: connections at all, and the one kind of picture that everybody there decodes. */
export interface Support {
  webrtc: boolean;
  h264: boolean;
}

export function support(): Support {
  const here = globalThis as { RTCPeerConnection?: unknown; WebSocket?: unknown };
  const webrtc =
    here.RTCPeerConnection !== undefined &&
    here.WebSocket !== undefined &&
    typeof RTCRtpTransceiver !== "undefined" &&
    "setCodecPreferences" in RTCRtpTransceiver.prototype;
  const sends = (type: string) => {
    if (!webrtc || typeof RTCRtpSender.getCapabilities !== "function") return false;
    return RTCRtpSender.getCapabilities("video")?.codecs.some((c) => c.mimeType.toLowerCase() === type) ?? false;
  };
  return { webrtc, h264: sends("video/h264") };
}

const names: readonly (readonly [RegExp, string])[] = [
  [/Edg(?:e|A|iOS)?\/(\d+)/, "Edge"],
  [/OPR\/(\d+)/, "Opera"],
  [/SamsungBrowser\/(\d+)/, "Samsung Internet"],
  [/(?:Firefox|FxiOS)\/(\d+)/, "Firefox"],
  [/(?:Chrome|CriOS)\/(\d+)/, "Chrome"],
  [/Version\/(\d+).*Safari\//, "Safari"],
];
const systems: readonly (readonly [RegExp, string])[] = [
  [/iPhone|iPad/, "iOS"],
  [/Android/, "Android"],
  [/Windows/, "Windows"],
  [/Mac OS X/, "macOS"],
  [/CrOS/, "ChromeOS"],
  [/Linux/, "Linux"],
];

/** "Firefox 145 on Linux": as much of what a browser calls itself as helps somebody else to help. */
export function browserName(agent: string): string {
  const found = names.find(([pattern]) => pattern.test(agent));
  const name = found ? `${found[1]} ${found[0].exec(agent)![1]}` : "An unknown browser";
  const system = systems.find(([pattern]) => pattern.test(agent));
  return system ? `${name} on ${system[1]}` : name;
}
