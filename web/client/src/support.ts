/** Whether this browser can publish and watch: WebRTC with H.264 and Opus, and what goes with it. */
export function isSupported(): boolean {
  const here = globalThis as { RTCPeerConnection?: unknown; WebSocket?: unknown; fetch?: unknown };
  if (!here.RTCPeerConnection || !here.WebSocket || !here.fetch) return false;
  if (typeof RTCRtpTransceiver === "undefined" || !("setCodecPreferences" in RTCRtpTransceiver.prototype)) return false;
  if (typeof RTCRtpSender === "undefined" || typeof RTCRtpReceiver === "undefined") return false;
  return [RTCRtpSender, RTCRtpReceiver].every((side) => has(side, "video", "video/h264") && has(side, "audio", "audio/opus"));
}

function has(side: { getCapabilities?(kind: string): RTCRtpCapabilities | null }, kind: string, type: string): boolean {
  return side.getCapabilities?.(kind)?.codecs.some((codec) => codec.mimeType.toLowerCase() === type) ?? false;
}
