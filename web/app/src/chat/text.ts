/** A message's text in pieces, as a line shows them. */
export type Piece =
  | { kind: "text"; text: string }
  | { kind: "link"; text: string; href: string }
  | { kind: "mention"; text: string; name: string };

// A link begins with its scheme: what merely looks like a host may be the end of a sentence.
const PIECES = /(https?:\/\/[^\s<>"]+)|(?<![\w@/.-])@([\w-][\w.-]{0,62})/giu;

/** Finds links to web pages and @names. What it does not know stays text, and all pieces together are the text. */
export function pieces(text: string): Piece[] {
  const out: Piece[] = [];
  let done = 0;
  const add = (at: number, piece: Piece) => {
    if (at > done) out.push({ kind: "text", text: text.slice(done, at) });
    out.push(piece);
    done = at + piece.text.length;
  };
  for (const found of text.matchAll(PIECES)) {
    const [, link, name] = found;
    if (link !== undefined) {
      const trimmed = trim(link);
      const href = address(trimmed);
      if (href !== undefined) add(found.index, { kind: "link", text: trimmed, href });
    } else if (name !== undefined) {
      const bare = name.replace(/[.-]+$/, "");
      if (bare) add(found.index, { kind: "mention", text: `@${bare}`, name: bare });
    }
  }
  if (done < text.length) out.push({ kind: "text", text: text.slice(done) });
  return out;
}

/** Whether a text names this person. */
export function names(text: string, name: string): boolean {
  const wanted = name.toLowerCase();
  return pieces(text).some((p) => p.kind === "mention" && p.name.toLowerCase() === wanted);
}

/** A link without the sentence's own signs behind it; a closing bracket stays where the link opened it. */
function trim(link: string): string {
  for (;;) {
    const last = link.at(-1)!;
    const open = { ")": "(", "]": "[", "}": "{" }[last];
    const stray = open !== undefined && link.split(open).length < link.split(last).length;
    if (!stray && !/[.,!?:;'’”*_~]/.test(last)) return link;
    link = link.slice(0, -1);
  }
}

/** Undefined where it leads nowhere, or hides where it leads: a name and password before the host. */
function address(link: string): string | undefined {
  try {
    const url = new URL(link);
    return url.username || url.password ? undefined : url.href;
  } catch {
    return undefined;
  }
}
