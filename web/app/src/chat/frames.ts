/** The frames of the messaging socket, both ways. */

export interface Sender {
  userId: string;
  attributes: Record<string, string>;
}

export interface MessageFrame {
  type: "message";
  id: string;
  requestId: string;
  content: string;
  sentAt: number;
  sender: Sender;
  attributes: Record<string, string>;
}

export interface EventFrame {
  type: "event";
  id: string;
  requestId: string;
  name: string;
  sentAt: number;
  attributes: Record<string, string>;
}

export interface ErrorFrame {
  type: "error";
  id: string;
  requestId: string;
  code: number;
  message: string;
}

export type Frame = MessageFrame | EventFrame | ErrorFrame;

const text = (value: unknown): string => (typeof value === "string" ? value : "");

function strings(value: unknown): Record<string, string> {
  const out: Record<string, string> = {};
  if (typeof value === "object" && value !== null)
    for (const [key, item] of Object.entries(value)) if (typeof item === "string") out[key] = item;
  return out;
}

/** Reads one text frame; undefined for what is broken or of a kind we do not know. */
export function readFrame(data: unknown): Frame | undefined {
  if (typeof data !== "string") return undefined;
  let raw: Record<string, unknown>;
  try {
    raw = JSON.parse(data) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  if (typeof raw !== "object" || raw === null || typeof raw["Id"] !== "string") return undefined;
  const sent = Date.parse(text(raw["SendTime"]));
  const sentAt = Number.isNaN(sent) ? Date.now() : sent;
  const base = { id: raw["Id"], requestId: text(raw["RequestId"]) };
  switch (raw["Type"]) {
    case "MESSAGE": {
      const sender = (raw["Sender"] ?? {}) as Record<string, unknown>;
      if (typeof sender["UserId"] !== "string") return undefined;
      return {
        ...base,
        type: "message",
        content: text(raw["Content"]),
        sentAt,
        sender: { userId: sender["UserId"], attributes: strings(sender["Attributes"]) },
        attributes: strings(raw["Attributes"]),
      };
    }
    case "EVENT":
      return { ...base, type: "event", name: text(raw["EventName"]), sentAt, attributes: strings(raw["Attributes"]) };
    case "ERROR":
      return { ...base, type: "error", code: Number(raw["ErrorCode"]) || 500, message: text(raw["ErrorMessage"]) };
    default:
      return undefined;
  }
}

export type Action =
  | { Action: "SEND_MESSAGE"; RequestId: string; Content: string; Attributes?: Record<string, string> }
  | { Action: "DELETE_MESSAGE"; RequestId: string; Id: string; Reason?: string }
  | { Action: "DISCONNECT_USER"; RequestId: string; UserId: string; Reason?: string };

/** A fresh request id; also on plain-HTTP pages, where browsers hide randomUUID. */
export function requestId(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const b = crypto.getRandomValues(new Uint8Array(16));
  b[6] = (b[6]! & 0x0f) | 0x40;
  b[8] = (b[8]! & 0x3f) | 0x80;
  const hex = [...b].map((n) => n.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
