/** The rules for names and passwords, so that most mistakes are told before anything is sent. */

export interface FieldErrors {
  username?: string;
  password?: string;
}

export function usernameError(name: string): string | undefined {
  if (name === "") return "Choose a username.";
  if (/\s/.test(name)) return "No spaces here. A hyphen does the same.";
  if (!/^[a-zA-Z0-9_-]+$/.test(name)) return "Only letters from a to z, digits, hyphens and underscores.";
  if (name.length < 3) return "At least 3 characters.";
  if (name.length > 32) return "At most 32 characters.";
  return undefined;
}

/** A name that would pass, made of one that does not. */
export function suggestion(name: string): string | undefined {
  const plain = name
    .normalize("NFKD")
    .replace(/[\u0300-\u036f]/g, "")
    .trim()
    .replace(/[^a-zA-Z0-9_-]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 32);
  return plain !== name && usernameError(plain) === undefined ? plain : undefined;
}

export function passwordError(password: string): string | undefined {
  const length = [...password].length;
  if (length === 0) return "Choose a password.";
  if (length < 8) return `At least 8 characters; ${8 - length} more.`;
  if (length > 256) return "At most 256 characters.";
  return undefined;
}

export interface Strength {
  /** 0 (nothing yet) to 4. */
  bars: number;
  word: string;
  advice: string;
}

/**
 * A rough guess at how hard a password is to find: length first, then variety; repetition, plain
 * sequences and the username itself count for nothing.
 */
export function strength(password: string, username = ""): Strength {
  if (password === "") return { bars: 0, word: "", advice: "At least 8 characters. Length beats symbols." };
  if ([...password].length < 8) return { bars: 1, word: "Too short.", advice: "At least 8 characters." };
  let rest = password.toLowerCase();
  if (username.length > 2) rest = rest.replaceAll(username.toLowerCase(), "");
  rest = rest.replace(/passwor[dt]|letmein|welcome|iloveyou|dragon|monkey/g, "");
  rest = rest.replace(/(.+?)\1+/g, "$1");
  for (const run of ["0123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm"])
    for (let n = run.length; n >= 4; n--)
      for (let i = 0; i + n <= run.length; i++) rest = rest.replaceAll(run.slice(i, i + n), "");
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^a-zA-Z0-9]/].filter((k) => k.test(password)).length;
  const worth = rest.length + (kinds - 1) * 1.5;
  if (worth < 8) return { bars: 1, word: "Weak.", advice: "Easy to guess. Add a word or two." };
  if (worth < 12) return { bars: 2, word: "Fair.", advice: "Add a word or two; length beats symbols." };
  if (worth < 16) return { bars: 3, word: "Good.", advice: "Hard to guess." };
  return { bars: 4, word: "Strong.", advice: "Very hard to guess." };
}
