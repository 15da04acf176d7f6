/** Whether this tab was on the stage by an invitation a moment ago, and how: a reload goes on there. */
export interface KeptSeat {
  at: number;
  muted: boolean;
  cameraOff: boolean;
}

const KEY = "on-stage:";
const BACK = 5 * 60_000;

export function wasOnStage(invitation: string, now: number): KeptSeat | undefined {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY + invitation) ?? "null") as KeptSeat | null;
    return kept && typeof kept.at === "number" && now - kept.at < BACK ? kept : undefined;
  } catch {
    return undefined;
  }
}

export function keepSeat(invitation: string, seat: KeptSeat | false): void {
  try {
    if (seat) sessionStorage.setItem(KEY + invitation, JSON.stringify(seat));
    else sessionStorage.removeItem(KEY + invitation);
  } catch {
    // Without storage a reload starts in the green room.
  }
}
