/** Words and figures as the pages print them. */

const figures = new Intl.NumberFormat("en");

export const count = (n: number): string => figures.format(Math.max(0, Math.floor(n)));

/** "1 channel", "14 channels". */
export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`;

/** A length of time as a clock: 0:07, 4:12, 1:47:20. */
export function clock(milliseconds: number): string {
  const all = Math.max(0, Math.floor(milliseconds / 1000));
  const two = (n: number) => String(n).padStart(2, "0");
  const hours = Math.floor(all / 3600);
  const minutes = Math.floor((all % 3600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(all % 60)}` : `${minutes}:${two(all % 60)}`;
}

/** How far behind: 1.4 s below ten, whole seconds above, minutes above one. */
export function delay(seconds: number): string {
  if (seconds < 9.95) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  return clock(seconds * 1000);
}

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const date = new Intl.DateTimeFormat("en", { day: "numeric", month: "long", year: "numeric" });

/** When something was: "5 minutes ago", "yesterday", and the date after a month. */
export function ago(when: string, now: number): string {
  const seconds = (new Date(when).getTime() - now) / 1000;
  if (!Number.isFinite(seconds)) return "";
  const past = Math.max(0, -seconds);
  if (past < 60) return "just now";
  if (past < 3600) return relative.format(-Math.floor(past / 60), "minute");
  if (past < 86_400) return relative.format(-Math.floor(past / 3600), "hour");
  if (past < 30 * 86_400) return relative.format(-Math.floor(past / 86_400), "day");
  return date.format(new Date(when));
}

export const monthOf = (when: string): string =>
  new Intl.DateTimeFormat("en", { month: "long", year: "numeric" }).format(new Date(when));

/** The length people see: Unicode code points, as the chat counts them. */
export const points = (text: string): number => [...text].length;
