import type { RealTime } from "../api/types";

export const REAL_TIME_EVENT = "StreamCat:RealTimeUpdate";

/** What the chat says about real time; undefined when it says nothing about this channel. */
export function readRealTime(name: string, attributes: Readonly<Record<string, string>>, channel: string): boolean | undefined {
  if (name !== REAL_TIME_EVENT) return undefined;
  if (attributes["channel"] && attributes["channel"].toLowerCase() !== channel.toLowerCase()) return undefined;
  return attributes["isLive"] === "true" ? true : attributes["isLive"] === "false" ? false : undefined;
}

/** Where the show goes: `stage` to viewers in real time, `channel` as one picture some seconds behind. */
export type Destination = "stage" | "channel" | "both";

export const wantsStage = (d: Destination): boolean => d !== "channel";
export const wantsChannel = (d: Destination): boolean => d !== "stage";

/** How the picture for the channel fares, from the WHIP publisher. */
export type ChannelOut = "off" | "starting" | "live" | "again" | "failed";

export interface Air {
  /** What the host asked for; undefined while nothing is on air. */
  wanted: Destination | undefined;
  realTime: RealTime;
  /** A change of the real-time switch is on its way. */
  switching: boolean;
  channel: ChannelOut;
}

export type AirKind = "private" | "starting" | "live" | "part" | "lost";

/** What this tab knows beyond the server's word. */
export interface Here {
  /** The connection to the stage is lost and is being opened again. */
  away?: boolean;
  /** There is neither picture nor sound to send. */
  nothing?: boolean;
  /** One's own picture has not reached the stage yet. */
  coming?: boolean;
  /** What is chosen for when it begins. */
  destination?: Destination;
}

const places: Readonly<Record<Destination, string>> = {
  stage: "Go live, and viewers watch in real time.",
  channel: "Go live, and your channel shows one picture, some seconds later.",
  both: "Go live, and viewers watch in real time or, some seconds later, on your channel.",
};

/**
 * One honest sentence on who sees what. Only what the server said and what flows counts, never what was
 * merely asked for.
 */
export function airWords(air: Air, here: Here = {}): { kind: AirKind; title: string; detail: string } {
  if (here.away && onAir(air))
    return {
      kind: "lost",
      title: "Your connection broke.",
      detail: "For viewers your picture may stand still. It is being opened again by itself.",
    };
  const stage = air.realTime.isLive;
  const channel = air.channel === "live";
  if (stage && channel)
    return {
      kind: "live",
      title: "On the stage and on your channel.",
      detail: "Viewers see the stage at once, your channel some seconds later.",
    };
  if (air.wanted && air.channel === "failed")
    return stage
      ? { kind: "part", title: "Viewers see the stage.", detail: "Your channel gets no picture." }
      : { kind: "lost", title: "Your channel gets no picture.", detail: "Only people on the stage see each other." };
  if (air.wanted && air.channel === "again")
    return stage
      ? { kind: "part", title: "Viewers see the stage.", detail: "The way to your channel broke; it is being opened again." }
      : { kind: "lost", title: "The way to your channel broke.", detail: "It is being opened again." };
  if (stage)
    return {
      kind: air.wanted && wantsChannel(air.wanted) ? "part" : "live",
      title: "Viewers see the stage.",
      detail: air.channel === "starting" ? "Your channel is being opened." : "They are less than a second behind you.",
    };
  if (channel)
    return {
      kind: air.wanted === "both" ? "part" : "live",
      title: "On your channel.",
      detail:
        air.wanted === "both" && !air.switching
          ? "Real time is off: viewers see the picture some seconds later."
          : "Viewers are some seconds behind you.",
    };
  if (air.switching || air.channel === "starting")
    return { kind: "starting", title: "Going live…", detail: "Only people on the stage see each other." };
  return {
    kind: "private",
    title: "Only people on the stage.",
    detail: here.nothing
      ? "Turn on your camera or microphone to go live."
      : here.coming
        ? "Your picture is on its way to the stage."
        : places[here.destination ?? "stage"],
  };
}

/** Whether anybody but the people on the stage sees or hears this. */
export const onAir = (air: Air): boolean => air.realTime.isLive || air.channel === "live" || air.channel === "again";
