/**
 * How good the network is for a stream: the worst of four judgements, each over the time since stats were last asked for,
 * two seconds at least (the first time: since the stream began). A stream is of a quality as long as all stay below these:
 *
 * |                                              | EXCELLENT | GOOD   | NORMAL | POOR   |
 * | -------------------------------------------- | --------- | ------ | ------ | ------ |
 * | packets lost                                 | 1 %       | 3 %    | 8 %    | 20 %   |
 * | round trip                                   | 150 ms    | 300 ms | 500 ms | 1 s    |
 * | jitter (RFC 3550 §6.4.1)                     | 30 ms     | 50 ms  | 100 ms | 200 ms |
 * | received: time the picture was frozen, or share of the sound that was made up | 1 % | 5 % | 15 % | 40 % |
 *
 * Beyond all of them it is DOWN, and so it is when nothing comes of what should. Pictures of ours that had to be made worse
 * for want of bandwidth more than half of the time are NORMAL at best.
 */
export const NetworkQuality = { EXCELLENT: 4, GOOD: 3, NORMAL: 2, POOR: 1, DOWN: 0 } as const;
export type NetworkQuality = (typeof NetworkQuality)[keyof typeof NetworkQuality];

const SENT = [
  "ssrc",
  "packetsSent",
  "bytesSent",
  "headerBytesSent",
  "retransmittedPacketsSent",
  "retransmittedBytesSent",
  "nackCount",
  "targetBitrate",
  "totalPacketSendDelay",
  // As the server reports of it; the round trip is the connection's until it does.
  "packetsLost",
  "fractionLost",
  "jitter",
  "roundTripTime",
] as const;
const PICTURES = ["frameWidth", "frameHeight", "framesPerSecond", "pliCount", "firCount", "qpSum"] as const;
const SENT_PICTURES = [
  ...SENT,
  ...PICTURES,
  "framesEncoded",
  "framesSent",
  "hugeFramesSent",
  "keyFramesEncoded",
  "totalEncodeTime",
  "qualityLimitationResolutionChanges",
] as const;
const RECEIVED = [
  "ssrc",
  "packetsReceived",
  "packetsLost",
  "packetsDiscarded",
  "bytesReceived",
  "headerBytesReceived",
  "retransmittedPacketsReceived",
  "retransmittedBytesReceived",
  "nackCount",
  "jitter",
  "jitterBufferDelay",
  "jitterBufferEmittedCount",
  // Of the connection.
  "roundTripTime",
] as const;
const RECEIVED_SOUND = [
  ...RECEIVED,
  "fecPacketsReceived",
  "fecPacketsDiscarded",
  "totalSamplesReceived",
  "concealedSamples",
  "silentConcealedSamples",
  "concealmentEvents",
  "audioLevel",
  "totalAudioEnergy",
  "totalSamplesDuration",
] as const;
const RECEIVED_PICTURES = [
  ...RECEIVED,
  ...PICTURES,
  "framesReceived",
  "framesDecoded",
  "framesDropped",
  "keyFramesDecoded",
  "totalDecodeTime",
  "totalInterFrameDelay",
  "freezeCount",
  "totalFreezesDuration",
  "pauseCount",
  "totalPausesDuration",
] as const;

type Numbers<Names extends readonly string[]> = { [name in Names[number]]?: number };

interface Judged {
  /** Absent as long as there is nothing to judge by. */
  networkQuality?: NetworkQuality;
}

/** Sound that we publish. Numbers are those of W3C's WebRTC statistics of the same names; what a browser does not tell is absent. */
export interface LocalAudioStats extends Numbers<typeof SENT>, Judged {}

/** One encoding of pictures that we publish; see LocalAudioStats. */
export interface LocalVideoStats extends Numbers<typeof SENT_PICTURES>, Judged {
  /** Which of several sizes it is; absent where there is one. */
  rid?: string;
  /** What makes the pictures worse than they were meant: none, cpu, bandwidth or other. */
  qualityLimitationReason?: string;
  /** Seconds for each of these reasons. */
  qualityLimitationDurations?: Record<string, number>;
}

/** Sound that we receive; see LocalAudioStats. */
export interface RemoteAudioStats extends Numbers<typeof RECEIVED_SOUND>, Judged {}

/** Pictures that we receive; see LocalAudioStats. */
export interface RemoteVideoStats extends Numbers<typeof RECEIVED_PICTURES>, Judged {}

type Entry = Record<string, unknown>;

/** What was counted of an encoding by a time. */
interface Count {
  /** Milliseconds. */
  at: number;
  /** Packets that should have come. */
  packets: number;
  lost: number;
  /** Changes as long as something comes: packets, or reports. */
  sign: number;
  /** Seconds of pictures, or samples of sound, all told and those that were bad. */
  whole: number;
  bad: number;
  /** Seconds for which there was too little bandwidth. */
  short: number;
}

const WINDOW = 2_000;
const NOTHING: Count = { at: -Infinity, packets: 0, lost: 0, sign: 0, whole: 0, bad: 0, short: 0 };

/** The limits of EXCELLENT, GOOD, NORMAL and POOR. */
const LOSS = [0.01, 0.03, 0.08, 0.2];
const ROUND_TRIP = [0.15, 0.3, 0.5, 1];
const JITTER = [0.03, 0.05, 0.1, 0.2];
const BAD = [0.01, 0.05, 0.15, 0.4];

const grade = (value: number, limits: readonly number[]) => limits.filter((limit) => value < limit).length;
const share = (part: number, whole: number) => (whole > 0 ? Math.max(0, part) / whole : 0);

/** Judges one encoding, again and again. */
class Judge {
  /** Counts of the last seconds; the first is what is judged from. */
  #past: Count[] = [NOTHING];

  judge(now: Count, { roundTripTime = 0, jitter = 0 }: Numbers<["roundTripTime", "jitter"]>, muted: boolean): Judged {
    const newest = this.#past.at(-1)!;
    if (now.packets < newest.packets) this.#past = [NOTHING]; // it began anew
    while (now.at - (this.#past[1]?.at ?? Infinity) >= WINDOW) this.#past.shift();
    const since = this.#past[0]!;
    if (now.at - newest.at >= WINDOW / 4) this.#past.push(now);
    if (muted)
      this.#past = [now]; // silence is no news of the network
    else if (now.packets === 0) return {};
    const of = (name: keyof Count) => now[name] - since[name];
    if (!muted && since !== NOTHING && of("sign") === 0 && of("at") >= WINDOW) return { networkQuality: NetworkQuality.DOWN };
    const short = since !== NOTHING && share(of("short") * 1000, of("at")) > 0.5;
    const grades = [
      grade(share(of("lost"), of("packets")), LOSS),
      grade(roundTripTime, ROUND_TRIP),
      grade(jitter, JITTER),
      grade(share(of("bad"), of("whole")), BAD),
      short ? NetworkQuality.NORMAL : NetworkQuality.EXCELLENT,
    ];
    return { networkQuality: Math.min(...grades) as NetworkQuality };
  }
}

/** Reads a stream's statistics. One reader belongs to one stream: it remembers what it has read. */
export class QualityReader {
  #judges = new Map<unknown, Judge>();

  /** Of each encoding that is sent, the smallest picture first. */
  sent(report: RTCStatsReport, muted: boolean): (LocalAudioStats | LocalVideoStats)[] {
    const all = entries(report);
    const own = all.filter(({ type }) => type === "outbound-rtp");
    const judges = new Map<unknown, Judge>();
    const stats = own.map((entry) => {
      const told = all.find(({ type, localId }) => type === "remote-inbound-rtp" && localId === entry["id"]) ?? {};
      const { packetsLost, fractionLost, jitter, roundTripTime = roundTripOf(entry, all) } = told;
      const whole = { ...entry, packetsLost, fractionLost, jitter, roundTripTime };
      const known = pick(whole, entry["kind"] === "audio" ? SENT : SENT_PICTURES) as LocalVideoStats;
      if (typeof entry["rid"] === "string") known.rid = entry["rid"];
      if (typeof entry["qualityLimitationReason"] === "string") {
        known.qualityLimitationReason = entry["qualityLimitationReason"];
      }
      const durations = entry["qualityLimitationDurations"] as Record<string, number> | undefined;
      if (durations) known.qualityLimitationDurations = { ...durations };
      const judge = this.#judges.get(known.ssrc) ?? new Judge();
      judges.set(known.ssrc, judge);
      const count: Count = {
        ...NOTHING,
        at: number(entry["timestamp"]),
        packets: known.packetsSent ?? 0,
        lost: known.packetsLost ?? 0,
        sign: number(told["timestamp"]),
        short: durations?.["bandwidth"] ?? 0,
      };
      // An encoding of several that does not go out now tells nothing of the network.
      return { ...known, ...judge.judge(count, known, muted || entry["active"] === false) };
    });
    this.#judges = judges;
    return stats.sort((a, b) => (a.frameHeight ?? 0) - (b.frameHeight ?? 0));
  }

  /** Undefined as long as nothing has come. */
  received(report: RTCStatsReport, muted: boolean): RemoteAudioStats | RemoteVideoStats | undefined {
    const all = entries(report);
    const entry = all.find(({ type }) => type === "inbound-rtp");
    if (!entry) return undefined;
    const whole = { ...entry, roundTripTime: roundTripOf(entry, all) };
    const sound = entry["kind"] === "audio";
    const known: RemoteAudioStats & RemoteVideoStats = pick(whole, sound ? RECEIVED_SOUND : RECEIVED_PICTURES);
    const judge = this.#judges.get(known.ssrc) ?? new Judge();
    this.#judges = new Map([[known.ssrc, judge]]);
    const count: Count = {
      ...NOTHING,
      at: number(entry["timestamp"]),
      packets: (known.packetsReceived ?? 0) + Math.max(0, known.packetsLost ?? 0),
      lost: known.packetsLost ?? 0,
      sign: known.packetsReceived ?? 0,
      whole: (sound ? known.totalSamplesReceived : known.totalInterFrameDelay) ?? 0,
      bad: sound ? (known.concealedSamples ?? 0) - (known.silentConcealedSamples ?? 0) : (known.totalFreezesDuration ?? 0),
    };
    return { ...known, ...judge.judge(count, known, muted) };
  }
}

const entries = (report: RTCStatsReport) => [...(report.values() as IterableIterator<Entry>)];
const number = (value: unknown) => (typeof value === "number" ? value : 0);

/** The round trip of the connection that something goes over. */
function roundTripOf(entry: Entry, all: Entry[]): unknown {
  const transport = all.find(({ id }) => id === entry["transportId"]) ?? {};
  return all.find(({ id }) => id === transport["selectedCandidatePairId"])?.["currentRoundTripTime"];
}

function pick<Names extends readonly string[]>(entry: Entry, names: Names): Numbers<Names> {
  return Object.fromEntries(
    names.flatMap((name) => (typeof entry[name] === "number" ? [[name, entry[name]]] : [])),
  ) as Numbers<Names>;
}
