/** The sizes that a picture is published in beside its own: names that senders use, and how far each is scaled down. */
const LAYERS = [
  { rid: "q", scaleResolutionDownBy: 4, share: 1 / 15 },
  { rid: "h", scaleResolutionDownBy: 2, share: 1 / 5 },
];
/** Lines of a picture below which nobody wants it smaller. */
const LEAST = 160;

/**
 * The encodings of a picture published in several sizes (simulcast), smallest first, with kbps between them: 720p
 * becomes 180p, 360p and 720p. A picture too small for that has one encoding.
 */
export function layersOf({ width = 1280, height = 720 }: MediaTrackSettings, kbps: number): RTCRtpEncodingParameters[] {
  const lines = Math.min(width, height);
  const smaller = LAYERS.filter((layer) => lines / layer.scaleResolutionDownBy >= LEAST);
  const shared = smaller.reduce((sum, { share }) => sum + share, 0);
  return [
    ...smaller.map(({ share, ...layer }) => ({ ...layer, maxBitrate: Math.round(kbps * share) * 1000 })),
    {
      ...(smaller.length > 0 ? { rid: "f", scaleResolutionDownBy: 1 } : {}),
      maxBitrate: Math.round(kbps * (1 - shared)) * 1000,
    },
  ];
}
