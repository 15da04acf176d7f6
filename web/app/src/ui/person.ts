/** A stable number for a name, so that a person keeps one colour on every page. */
function hash(id: string): number {
  let h = 2166136261;
  for (let i = 0; i < id.length; i++) h = Math.imul(h ^ id.charCodeAt(i), 16777619);
  return h >>> 0;
}

/** Chat name colour, class n1 … n8. */
export const nameClass = (id: string): string => `n${(hash(id) % 8) + 1}`;

/** Avatar colour, class av-a … av-h. */
export const avatarClass = (id: string): string => `av-${"abcdefgh"[hash(id) % 8]}`;

/** Two letters for a person without a picture: night-cab → NC, okko → OK. */
export function initials(name: string): string {
  const words = name.split(/[-_.\s]+/).filter(Boolean);
  const letters = words.length > 1 ? words[0]![0]! + words[1]![0]! : (words[0] ?? "?").slice(0, 2);
  return letters.toUpperCase();
}
