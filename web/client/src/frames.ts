import { type StageStreamLayer, StageStreamLayerSelectedReason } from "./layer.js";
import type { StageParticipantCapability } from "./participant.js";

/** A participant on the wire of the events socket. */
export interface ParticipantFrame {
  id: string;
  userId: string;
  attributes: Record<string, string>;
  isPublishing: boolean;
  audioMuted: boolean;
  videoStopped: boolean;
  capabilities: StageParticipantCapability[];
}

/** What a section of the connection for many carries, or would if there were one more. */
export interface Slot {
  /** Empty for one who waits. */
  mid: string;
  participantId: string;
  kind: "audio" | "video";
}

export type Frame =
  | { type: "STAGE_STATE"; sessionId: string; participantId: string; participants: ParticipantFrame[]; maxSlots: number }
  | { type: "STAGE_UPDATE"; joined: ParticipantFrame[]; changed: ParticipantFrame[]; left: string[] }
  | { type: "SLOTS"; session: string; slots: Slot[]; waiting: Slot[] }
  | {
      type: "LAYERS";
      participantId: string;
      layers: Omit<StageStreamLayer, "selected">[];
      selected: string;
      reason: StageStreamLayerSelectedReason;
    }
  | { type: "TOKEN_EXCHANGED" }
  | { type: "TOKEN_EXCHANGE_REFUSED"; code: string; message: string }
  | { type: "PING" }
  | { type: "PONG" }
  | { type: "DISCONNECTED"; reason: string; code: string }
  | { type: "ERROR"; code: string; message: string };

/** Reads what came over the events socket; undefined for what is no frame of ours. Never throws. */
export function readFrame(data: unknown): Frame | undefined {
  if (typeof data !== "string") return undefined;
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return undefined;
  }
  const { type, payload } = object(value);
  const body = object(payload);
  switch (type) {
    case "PING":
    case "PONG":
      return { type };
    case "STAGE_STATE": {
      const participantId = text(body["participantId"]);
      if (participantId === "") return undefined;
      const maxSlots = typeof body["maxSlots"] === "number" ? body["maxSlots"] : 0;
      return {
        type,
        sessionId: text(body["sessionId"]),
        participantId,
        participants: participants(body["participants"]),
        maxSlots,
      };
    }
    case "STAGE_UPDATE":
      return {
        type,
        joined: participants(body["joined"]),
        changed: participants(body["changed"]),
        left: list(body["left"]).filter((id) => typeof id === "string"),
      };
    case "SLOTS":
      return {
        type,
        session: text(body["session"]),
        slots: list(body["slots"]).flatMap(slot),
        waiting: list(body["waiting"]).flatMap(slot),
      };
    case "LAYERS": {
      const { SELECTED, UNAVAILABLE } = StageStreamLayerSelectedReason;
      return {
        type,
        participantId: text(body["participantId"]),
        layers: list(body["layers"]).flatMap(layer),
        selected: text(body["selected"]),
        reason: body["reason"] === UNAVAILABLE ? UNAVAILABLE : SELECTED,
      };
    }
    case "TOKEN_EXCHANGED":
      return { type };
    case "TOKEN_EXCHANGE_REFUSED":
      return { type, code: text(body["code"]), message: text(body["message"]) };
    case "DISCONNECTED":
      return { type, reason: text(body["reason"]), code: text(body["code"]) };
    case "ERROR":
      return { type, code: text(body["code"]), message: text(body["message"]) };
  }
  return undefined;
}

function participants(value: unknown): ParticipantFrame[] {
  return list(value).flatMap((entry) => {
    const p = object(entry);
    const id = text(p["id"]);
    if (id === "") return [];
    const capabilities = list(p["capabilities"]).filter(
      (name): name is StageParticipantCapability => name === "publish" || name === "subscribe",
    );
    const attributes = Object.entries(object(p["attributes"])).filter(
      (pair): pair is [string, string] => typeof pair[1] === "string",
    );
    return [
      {
        id,
        userId: text(p["userId"]),
        attributes: Object.fromEntries(attributes),
        isPublishing: p["isPublishing"] === true,
        audioMuted: p["audioMuted"] === true,
        videoStopped: p["videoStopped"] === true,
        capabilities,
      },
    ];
  });
}

function slot(value: unknown): Slot[] {
  const { mid, participantId, kind } = object(value);
  if (kind !== "audio" && kind !== "video") return [];
  return [{ mid: text(mid), participantId: text(participantId), kind }];
}

function layer(value: unknown): Omit<StageStreamLayer, "selected">[] {
  const body = object(value);
  const [bitrateBps, width, height, framesPerSecond] = ["bitrateBps", "width", "height", "framesPerSecond"].map((name) =>
    count(body[name]),
  ) as [number, number, number, number];
  const label = text(body["label"]);
  return label === "" || width * height === 0 ? [] : [{ label, bitrateBps, width, height, framesPerSecond }];
}

const count = (value: unknown): number => (typeof value === "number" && value > 0 && value < 2 ** 31 ? value : 0);
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const object = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
