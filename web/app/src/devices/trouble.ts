import type { Kind } from "./choice";

/**
 * refused: the person or the browser said no · system: the operating system does not let the browser ·
 * none: nothing is plugged in · busy: another program holds it · insecure: the page came over plain HTTP ·
 * failed: anything else.
 */
export type TroubleCode = "refused" | "system" | "none" | "busy" | "insecure" | "failed";

/** Why there is no picture or no sound, and what to do about it. */
export interface Trouble {
  code: TroubleCode;
  title: string;
  text: string;
}

/** What the browser threw, by its name (Media Capture and Streams, section 10.3.1, and what browsers really throw). */
export function codeOf(cause: unknown): TroubleCode {
  if (!(cause instanceof DOMException)) return "failed";
  switch (cause.name) {
    case "NotAllowedError":
    case "PermissionDeniedError":
      return /system/i.test(cause.message) ? "system" : "refused";
    case "SecurityError":
      return "refused";
    case "NotFoundError":
    case "OverconstrainedError":
    case "DevicesNotFoundError":
      return "none";
    case "NotReadableError":
    case "TrackStartError":
    case "AbortError":
      return "busy";
    default:
      return "failed";
  }
}

/** `both` when the camera and the microphone have the same trouble; `name` is the device's, if it is known. */
export function words(code: TroubleCode, kind: Kind | "both", name = ""): Trouble {
  const what = kind === "both" ? "camera and microphone" : kind;
  const What = what[0]!.toUpperCase() + what.slice(1);
  const them = kind === "both" ? "them" : "it";
  const are = kind === "both" ? "are" : "is";
  switch (code) {
    case "refused":
      return {
        code,
        title: `${What} ${are} not allowed`,
        text: `Your browser keeps ${them} from this page. Use the icon beside the address to allow ${what}; this page goes on by itself.`,
      };
    case "system":
      return {
        code,
        title: `Your system blocks the ${what}`,
        text: `Allow your browser to use ${them} in the system’s privacy settings, then try again.`,
      };
    case "none":
      return {
        code,
        title: kind === "both" ? "No camera, no microphone" : `No ${kind} found`,
        text: "Plug one in; this page notices by itself.",
      };
    case "busy":
      return {
        code,
        title: `${name || What} ${are} in use`,
        text: `Another program holds ${them}. Close it there, then try again${kind === "both" ? "" : `, or choose another ${kind}`}.`,
      };
    case "insecure":
      return {
        code,
        title: `This page may not use ${what}`,
        text: "Browsers allow that on addresses that begin with https:// and on localhost. Open StreamCat by such an address.",
      };
    case "failed":
      return { code, title: `${What} did not start`, text: `Unplug ${them} and plug ${them} in again, then try once more.` };
  }
}
