// Empties the functions and methods that the library exports, one at a time, and lists those whose emptying no test notices.
//   node scripts/mutants.mjs [--inner] [--only <regular expression>] [--minutes <n>] [--browser | --no-browser]
// The unit tests look first; browsers look at what they let pass, or at all with --browser. --inner: also what is exported from one
// file of the library to another. Exit code 1 if something is not noticed, 2 if the time was too short for all.
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { parseSync } from "vite";

const { values: options } = parseArgs({
  options: {
    inner: { type: "boolean" },
    only: { type: "string", default: "" },
    minutes: { type: "string", default: "60" },
    browser: { type: "boolean" },
    "no-browser": { type: "boolean" },
  },
});
const end = Date.now() + Number(options.minutes) * 60_000;
const home = fileURLToPath(new URL("..", import.meta.url));
const e2e = join(home, "../../e2e");
const BROWSERS =
  "^(TestTheClientLibraryOnAStage|TestABrowserPublishesSizesThatCarryMessages|TestStreamsTellTheirQuality|TestABrowserWatchesAllOverOneConnection|TestABrowserPublishesSeveralSizes|TestATokenIsExchanged.*)$";
const ENTRIES = ["names.ts", "whip.ts"];

const files = readdirSync(join(home, "src")).filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"));
const sources = new Map(files.map((file) => [file, readFileSync(join(home, "src", file), "utf8")]));
const trees = new Map([...sources].map(([file, source]) => [file, parseSync(file, source).program.body]));

/** The names that an application can import, and the classes that those extend. */
function known() {
  const names = new Set();
  for (const body of ENTRIES.map((file) => trees.get(file))) {
    for (const { type, exportKind, specifiers = [], declaration } of body) {
      if (!type.startsWith("Export") || exportKind === "type") continue;
      if (declaration?.id) names.add(declaration.id.name);
      for (const one of specifiers) if (one.exportKind !== "type") names.add(one.local.name);
    }
  }
  for (const { declaration } of [...trees.values()].flat()) {
    if (declaration?.superClass && names.has(declaration.id.name)) names.add(declaration.superClass.name);
  }
  return names;
}

/** Where a body is, and what stands there when it is emptied. */
function* mutants() {
  const wanted = known();
  for (const [file, body] of trees) {
    const source = sources.get(file);
    const internal = (node) => /@internal\s*(\*\s*)?\*\/\s*$/.test(source.slice(0, node.start).replace(/export\s*$/, ""));
    for (const node of body) {
      const { declaration } = node;
      if (node.type !== "ExportNamedDeclaration" || !declaration) continue;
      const takes = (name) => options.inner || wanted.has(name);
      if (declaration.type === "FunctionDeclaration" && takes(declaration.id.name)) {
        yield { file, name: declaration.id.name, ...empty(declaration.body) };
      }
      for (const { id, init } of declaration.declarations ?? []) {
        if (init?.type === "ArrowFunctionExpression" && takes(id.name)) yield { file, name: id.name, ...empty(init.body) };
      }
      if (declaration.type !== "ClassDeclaration" || !takes(declaration.id.name)) continue;
      for (const member of declaration.body.body) {
        const { kind, key, value, accessibility } = member;
        if (member.type !== "MethodDefinition" || key.type === "PrivateIdentifier" || accessibility === "private") continue;
        if (!value.body || (!options.inner && kind !== "constructor" && internal(member))) continue;
        yield { file, name: `${declaration.id.name}.${key.name}`, ...empty(value.body, source) };
      }
    }
  }
}

/** The call of a parent's constructor stays: without it nothing could be made. */
function empty(body, source) {
  if (body.type !== "BlockStatement") return { start: body.start, end: body.end, text: "undefined as never" };
  const above = body.body.find(({ expression }) => expression?.callee?.type === "Super");
  return { start: body.start, end: body.end, text: above ? `{ ${source.slice(above.start, above.end)} }` : "{}" };
}

/** Whether a command succeeds; one that hangs does not. */
const succeeds = (command, args, o, patience) =>
  new Promise((done) => {
    const child = spawn(command, args, { stdio: "ignore", detached: true, ...o });
    const timer = setTimeout(() => process.kill(-child.pid, "SIGKILL"), patience);
    child.on("error", () => done(false));
    child.on("exit", (code) => {
      clearTimeout(timer);
      done(code === 0);
    });
  });

const work = mkdtempSync(join(tmpdir(), "mutants-"));
try {
  const copy = join(work, "client");
  cpSync(home, copy, { recursive: true, filter: (from) => !/\/(node_modules|dist|dist-example)$/.test(from) });
  symlinkSync(join(home, "node_modules"), join(copy, "node_modules"));
  const unit = () => succeeds("npx", ["vitest", "run", "--bail", "1"], { cwd: copy }, 180_000);
  if (!(await unit())) throw new Error("the unit tests fail without any change");
  let looked;
  const browser = async () => {
    const binary = join(work, "e2e.test");
    if (!existsSync(binary)) {
      if (!(await succeeds("go", ["test", "-c", "-o", binary, "./e2e"], { cwd: join(e2e, "..") }, 600_000)))
        throw new Error("e2e is not built");
    }
    const env = { ...process.env, STREAMCAT_CLIENT: copy };
    const run = () =>
      succeeds(binary, ["-test.run", BROWSERS, "-test.failfast", "-test.timeout", "8m"], { cwd: e2e, env }, 500_000);
    if (looked === undefined) looked = await run();
    return run;
  };

  const all = [...mutants()].filter(({ file, name }) => new RegExp(options.only).test(`${file} ${name}`));
  const seen = { unit: [], browser: [], nobody: [], late: [] };
  for (const { file, name, start, end: stop, text } of all) {
    if (Date.now() > end) {
      seen.late.push(name);
      continue;
    }
    const source = sources.get(file);
    const put = (content) => writeFileSync(join(copy, "src", file), content);
    const changed = source.slice(0, start) + text + source.slice(stop);
    put(changed);
    const passed = await unit();
    let who = passed ? "nobody" : "unit";
    if (options.browser || (passed && !options["no-browser"])) {
      put(source);
      const run = await browser();
      if (!looked) throw new Error("the browser tests fail without any change");
      put(changed);
      if (!(await run())) who = "browser";
      else if (options.browser) who = "nobody";
    }
    put(source);
    seen[who].push(name);
    console.log(`${who.padEnd(8)} ${file} ${name}`);
  }
  const { unit: units, browser: browsers, nobody, late } = seen;
  console.log(
    `${all.length} emptied: unit tests noticed ${units.length}, browsers ${browsers.length}, nobody ${nobody.length}; no time for ${late.length}`,
  );
  for (const name of nobody) console.log(`not noticed: ${name}`);
  process.exitCode = nobody.length > 0 ? 1 : late.length > 0 ? 2 : 0;
} finally {
  rmSync(work, { recursive: true, force: true });
}
