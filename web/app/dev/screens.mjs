// Pictures of every page, desktop and phone, dark and light, each checked by axe on the way.
//   node dev/screens.mjs [--base http://127.0.0.1:5173] [--out ../../e2e/out/screens] [--only channel]
//     [--size phone] [--theme dark]
// Without --base it starts the pages and the mock server itself; with ffmpeg at hand the channels have a picture.
// Wants Debian's chromium.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { createServer } from "vite";

const { values } = parseArgs({
  options: {
    base: { type: "string", default: "" },
    out: { type: "string", default: new URL("../../../e2e/out/screens", import.meta.url).pathname },
    only: { type: "string", default: "" },
    size: { type: "string", default: "" },
    theme: { type: "string", default: "" },
  },
});
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const sizes = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
const owner = [{ name: "mock", value: "patchbay" }];
const viewer = [{ name: "mock", value: "kilnlight" }];
const quiet = [{ name: "mock", value: "kilnlight" }]; // an owner who is off air
const stageOf = (n, who = owner) => [...who, { name: "mock-stage", value: String(n) }];

const order = (value) => ({ name: "mock-order", value });

const playing = '.player[data-state="playing"] .tile[data-state="picture"]';

const pages = [
  { name: "home", path: "/", ready: ".hero-pic video.is-moving, .hero-num", settle: 2500 },
  { name: "home-empty", path: "/", ready: ".nobody", cookies: [{ name: "mock-empty", value: "1" }] },
  { name: "channel", path: "/c/patchbay", ready: '.player[data-state="playing"]', settle: 1500 },
  {
    name: "channel-interrupted",
    path: "/c/patchbay",
    ready: ".interrupted > span",
    cookies: [{ name: "mock-interrupted", value: "1" }],
    settle: 1500,
  },
  { name: "channel-owner", path: "/c/patchbay", ready: ".msg .tools", cookies: owner, act: (p) => openMessageMenu(p) },
  { name: "channel-off", path: "/c/kilnlight", ready: ".off-air" },
  { name: "channel-none", path: "/c/nobody-here", ready: ".empty" },
  { name: "dashboard", path: "/dashboard", ready: ".steps", cookies: owner, settle: 3500 },
  { name: "dashboard-off", path: "/dashboard", ready: ".steps", cookies: quiet },
  ...["good", "bad", "starving", "waiting", "young", "slow", "broken", "absent"].map((how) => ({
    name: `health-${how}`,
    path: "/dashboard",
    ready: how === "absent" ? ".steps" : how === "slow" ? ".hc-sk" : how === "broken" ? ".hc-say" : ".stream-health .chart",
    cookies: [...owner, { name: "mock-health", value: how }],
    act: toHealth,
  })),
  { name: "health-off", path: "/dashboard", ready: ".hc-say", cookies: quiet, act: toHealth },
  {
    name: "dashboard-waiting",
    path: "/dashboard",
    ready: ".dash-line",
    cookies: [...owner, { name: "mock-health", value: "waiting" }],
    settle: 2500,
  },
  {
    name: "dashboard-replace",
    path: "/dashboard",
    ready: ".steps",
    cookies: owner,
    act: (p) => p.click('[aria-label="Replace the key"]'),
  },
  { name: "dashboard-srt", path: "/dashboard", ready: ".steps", cookies: quiet, act: chooseSRT },
  { name: "dashboard-srt-shown", path: "/dashboard", ready: ".steps", cookies: quiet, act: showSRT },
  {
    name: "dashboard-srt-off",
    path: "/dashboard",
    ready: ".steps",
    cookies: [...quiet, { name: "mock-srt", value: "off" }],
    act: chooseSRT,
  },
  { name: "golive", path: "/golive", ready: ".gl-devices", cookies: quiet, act: goLiveAlone, settle: 9000 },
  { name: "chat-reply", path: "/c/patchbay", ready: ".msg", cookies: owner, act: replyToSomebody },
  { name: "chat-pending", path: "/c/patchbay", ready: ".msg", cookies: viewer, act: saySilently },
  { name: "order-menu", path: "/c/patchbay", ready: ".msg .tools", cookies: owner, act: (p) => openMessageMenu(p) },
  { name: "order-ban", path: "/c/patchbay", ready: ".msg .tools", cookies: viewer, act: askBan },
  { name: "order-banned", path: "/c/patchbay", ready: ".msg .tools", cookies: viewer, act: banSomebody },
  { name: "order-notes", path: "/c/patchbay", ready: ".msg .tools", cookies: owner, act: changeModes },
  { name: "order-pinned", path: "/c/patchbay", ready: ".pin", cookies: [...owner, order("pinned")] },
  {
    name: "order-slow",
    path: "/c/patchbay",
    ready: ".msg",
    cookies: [order("slow")],
    act: (p) => say(p, "the clock is lovely"),
  },
  { name: "order-guests", path: "/c/patchbay", ready: ".composer-shut", cookies: [order("guests")] },
  { name: "order-out", path: "/c/patchbay", ready: ".msg", act: (p) => say(p, "/out") },
  { name: "order-away", path: "/c/patchbay", ready: ".msg", act: (p) => say(p, "/ban") },
  { name: "order-past", path: "/c/patchbay", ready: ".sys-line", cookies: [order("past")] },
  {
    name: "order-absent",
    path: "/c/patchbay",
    ready: ".msg .tools",
    cookies: [...owner, order("absent")],
    act: (p) => openMessageMenu(p),
  },
  { name: "moderation", path: "/c/patchbay/moderation", ready: ".mdr-list", cookies: owner },
  { name: "moderation-mod", path: "/c/patchbay/moderation", ready: ".mdr-list", cookies: viewer },
  { name: "moderation-empty", path: "/c/patchbay/moderation", ready: ".mdr-col", cookies: [...owner, order("empty")] },
  { name: "moderation-broken", path: "/c/patchbay/moderation", ready: ".notice-bad", cookies: [...owner, order("broken")] },
  { name: "moderation-other", path: "/c/kilnlight/moderation", ready: ".empty", cookies: owner },
  { name: "studio-green", path: "/studio", ready: ".green video", cookies: owner },
  { name: "studio-1", path: "/studio", ready: ".green video", cookies: stageOf(1), act: enter },
  { name: "studio-2", path: "/studio", ready: ".green video", cookies: stageOf(2), act: enter },
  { name: "studio-4-live", path: "/studio", ready: ".green video", cookies: stageOf(4), act: goLive, settle: 9000 },
  { name: "studio-6", path: "/studio", ready: ".green video", cookies: stageOf(6), act: enter },
  {
    name: "studio-lines",
    path: "/studio",
    ready: ".green video",
    cookies: stageOf(6),
    act: (p) => lines(p, ["good", "poor", "down", "good", "poor"]),
  },
  {
    name: "studio-line-own",
    path: "/studio",
    ready: ".green video",
    cookies: stageOf(3),
    act: (p) => lines(p, ["poor", "poor", "poor"]),
  },
  {
    name: "studio-line-plates",
    path: "/studio",
    ready: ".green video",
    cookies: stageOf(2),
    act: (p) => lines(p, ["good", "poor"], true),
  },
  { name: "studio-side", path: "/studio", ready: ".green video", cookies: stageOf(5), act: sideBySide },
  { name: "studio-menu", path: "/studio", ready: ".green video", cookies: stageOf(2), act: inviteMenu },
  { name: "studio-invite", path: "/studio", ready: ".green video", cookies: stageOf(2), act: inviteDialog },
  { name: "studio-remove", path: "/studio", ready: ".green video", cookies: stageOf(3), act: removeSomebody },
  {
    name: "studio-refused",
    path: "/studio",
    ready: ".green video",
    cookies: [...stageOf(3), { name: "mock-refuse", value: "1" }],
    act: goLive,
  },
  { name: "studio-elsewhere", path: "/studio", ready: ".green video", cookies: stageOf(3), act: (p) => gone(p, "elsewhere") },
  { name: "invitation", path: "/c/patchbay", ready: ".msg", cookies: viewer, act: getInvited },
  { name: "join-green", path: "/c/patchbay/join?invitation=i-open", ready: ".green video", cookies: viewer },
  {
    name: "join-stage",
    path: "/c/patchbay/join?invitation=i-open",
    ready: ".green video",
    cookies: stageOf(3, viewer),
    act: enter,
  },
  {
    name: "join-lines",
    path: "/c/patchbay/join?invitation=i-open",
    ready: ".green video",
    cookies: stageOf(2, viewer),
    act: (p) => lines(p, ["poor"]),
  },
  {
    name: "join-removed",
    path: "/c/patchbay/join?invitation=i-open",
    ready: ".green video",
    cookies: viewer,
    act: (p) => gone(p, "removed"),
  },
  { name: "join-expired", path: "/c/patchbay/join?invitation=i-expired", ready: ".empty" },
  { name: "join-other", path: "/c/patchbay/join?invitation=i-other", ready: ".empty" },
  { name: "check", path: "/check", ready: ".chk-card .btn" },
  { name: "check-running", path: "/check", ready: ".chk-card .btn", act: (p) => check(p, "running"), settle: 4500 },
  { name: "check-good", path: "/check?next=/c/patchbay", ready: ".chk-card .btn", act: check },
  ...["udp", "shut", "poor", "relayless", "busy"].map((how) => ({
    name: `check-${how}`,
    path: "/check?next=/c/patchbay",
    ready: ".chk-card .btn",
    cookies: [{ name: "mock-check", value: how }],
    act: check,
  })),
  { name: "check-refused", path: "/check", ready: ".chk-card .btn", act: checkRefused },
  { name: "realtime", path: "/c/low-tide/realtime", ready: playing, settle: 1500 },
  { name: "realtime-1", path: "/c/northbound-cab/realtime", ready: playing, cookies: stageOf(1, viewer) },
  { name: "realtime-6", path: "/c/northbound-cab/realtime", ready: playing, cookies: stageOf(6, viewer) },
  {
    name: "realtime-lost",
    path: "/c/low-tide/realtime",
    ready: playing,
    act: (p) => p.evaluate(() => window.mockStage.lose()),
  },
  { name: "realtime-off", path: "/c/kilnlight/realtime", ready: ".off-air" },
  { name: "realtime-instead", path: "/c/low-tide", ready: ".off-air .btn-primary" },
  { name: "register", path: "/register", ready: "form" },
  { name: "register-errors", path: "/register", ready: "form", act: fillBadly },
  { name: "signin", path: "/signin", ready: "form" },
  { name: "missing", path: "/no/such/page", ready: ".empty" },
];

/** On a phone the tabs lie over the end of the window. */
function toHealth(page) {
  return page.evaluate(() => {
    document.querySelector(".stream-health")?.scrollIntoView({ block: innerWidth < 720 ? "start" : "end" });
    if (innerWidth < 720) scrollBy(0, -64);
  });
}

async function chooseSRT(page) {
  await page.getByRole("radio", { name: "SRT" }).check({ force: true });
  await page.locator(".by-encoder").evaluate((head) => head.scrollIntoView({ block: innerWidth < 720 ? "start" : "center" }));
  await page.evaluate(() => innerWidth < 720 && scrollBy(0, -64));
}

async function showSRT(page) {
  await chooseSRT(page);
  await page.click(".parts summary");
  for (const name of ["Show the address", "Show the key", "Show the passphrase"])
    await page.getByRole("button", { name }).click();
}

async function openMessageMenu(page, at = 3) {
  const button = page.locator(".msg .tools button").nth(at);
  await button.focus();
  await page.keyboard.press("Enter");
  await page.waitForSelector('[role="menu"]');
}

async function enter(page) {
  await page.click(".green-go .btn-primary");
  await page.waitForSelector('.st[data-stage="on"][data-sending="on"]');
}

/** How people come through, in the order of the tiles; `bare` is without name plates. */
async function lines(page, how, bare = false) {
  await enter(page);
  if (bare) await page.locator(".st-left input[type=checkbox] >> visible=true").uncheck({ force: true });
  await page.evaluate((now) => window.mockStage.lines(now), how);
  await page.waitForSelector(".tile-line");
}

async function goLive(page) {
  await enter(page);
  await page.locator('input[type="radio"][value="both"] >> visible=true').first().check({ force: true });
  await page.click(".st-bar .btn-live");
  await page.waitForTimeout(1200);
}

async function goLiveAlone(page) {
  await page.getByRole("button", { name: "Go live" }).click();
}

/** A message that the room does not answer, between two that it does. */
async function replyToSomebody(page) {
  const line = page.locator(".msg", { hasText: "wooden one" }).first();
  await line.hover();
  await line
    .getByRole("button", { name: /^(Reply to sable|More for sable)/ })
    .first()
    .click();
  const inMenu = page.getByRole("menuitem", { name: "Reply" });
  if (await inMenu.isVisible()) await inMenu.click();
  await page.getByLabel("Message", { exact: true }).fill("The spring tank");
}

async function say(page, text) {
  await page.fill('[aria-label="Message"]', text);
  await page.click('[aria-label="Send"]');
}

async function askBan(page) {
  await openMessageMenu(page, 5);
  await page.getByRole("menuitem", { name: "Ban from this channel" }).click();
  await page.fill("dialog input", "Advertises the same shop again and again");
}

async function banSomebody(page) {
  await askBan(page);
  await page.getByRole("button", { name: "Ban", exact: true }).click();
  await page.waitForSelector("dialog", { state: "detached" });
}

async function changeModes(page) {
  for (const change of [
    { slowMode: 5, noGuests: true },
    { slowMode: 0, noGuests: false },
  ]) {
    await page.evaluate(
      (body) =>
        fetch("/api/channels/patchbay/chat/modes", {
          method: "PATCH",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body),
        }),
      change,
    );
  }
}

async function saySilently(page) {
  for (const text of ["which one is the clock?", "/silent or is it the one with the wooden cheeks that hums", "thanks!"]) {
    await page.fill('[aria-label="Message"]', text);
    await page.click('[aria-label="Send"]');
  }
}

async function sideBySide(page) {
  await enter(page);
  await page.locator('.lay input[value="side"]').check({ force: true });
}

async function inviteMenu(page) {
  await enter(page);
  await page.waitForSelector(".msg .tools");
  const button = page.locator(".msg .tools button").nth(11);
  await button.focus();
  await page.keyboard.press("Enter");
  await page.waitForSelector('[role="menu"]');
}

async function inviteDialog(page) {
  await enter(page);
  await page.waitForSelector(".msg .tools");
  await page.getByRole("button", { name: "Invite", exact: true }).click();
  await page.getByRole("button", { name: "Invite sable" }).click();
}

async function removeSomebody(page) {
  await enter(page);
  await page
    .locator(".ppl-list")
    .getByRole("button", { name: /^Remove/ })
    .first()
    .click();
}

async function gone(page, why) {
  await enter(page);
  await page.evaluate((reason) => window.mockStage.gone(reason), why);
  await page.waitForSelector(".empty");
}

async function check(page, until = "done") {
  await page.getByRole("button", { name: "Start the check" }).click();
  await page.waitForSelector(`[data-check-state="${until}"]`);
}

/** The browser says no to both devices. */
async function checkRefused(page) {
  await page.evaluate(() => {
    navigator.mediaDevices.getUserMedia = async () => {
      throw new DOMException("Permission denied", "NotAllowedError");
    };
  });
  await check(page);
}

async function getInvited(page) {
  await page.fill('[aria-label="Message"]', "/invite me");
  await page.click('[aria-label="Send"]');
  await page.waitForSelector(".toast");
}

async function fillBadly(page) {
  await page.fill('[name="username"]', "patch bay");
  await page.fill('[name="password"]', "oscillate4");
  await page.click('button[type="submit"]');
}

const wanted = pages.filter((p) => p.name.startsWith(values.only));
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync --autoplay-policy=no-user-gesture-required".split(
    " ",
  ),
});
mkdirSync(values.out, { recursive: true });
const stage = values.base ? { base: values.base, strike: async () => undefined } : await setStage();
let findings = 0;
try {
  await shootAll();
} finally {
  await browser.close();
  await stage.strike();
}
console.log(findings === 0 ? "no findings" : `${findings} findings`);
process.exitCode = findings === 0 ? 0 : 1;

async function shootAll() {
  for (const [size, viewport] of Object.entries(sizes).filter(([name]) => name.startsWith(values.size))) {
    for (const colorScheme of ["light", "dark"].filter((name) => name.startsWith(values.theme))) {
      for (const page of wanted) findings += await shoot(page, size, viewport, colorScheme);
    }
  }
}

async function shoot({ name, path, ready, cookies = [], settle = 500, act }, size, viewport, colorScheme) {
  const context = await browser.newContext({
    viewport,
    colorScheme,
    bypassCSP: true, // for axe alone
    ...(size === "phone" ? { isMobile: true, hasTouch: true, deviceScaleFactor: 2 } : {}),
  });
  context.setDefaultTimeout(60_000); // the first page has its modules put together while it waits
  await context.addInitScript(paintDevices);
  await context.addCookies(cookies.map((c) => ({ ...c, url: stage.base })));
  const page = await context.newPage();
  let faults = 0;
  const fault = (words) => {
    faults += 1;
    console.log(`${name} ${size} ${colorScheme}: ${words}`);
  };
  page.on("pageerror", (error) => fault(error.message));
  page.on("dialog", (dialog) => dialog.accept());
  await page.goto(stage.base + path);
  await page.waitForSelector(ready, { timeout: 15_000 }).catch(() => fault("never ready"));
  await act?.(page).catch((error) => fault(error.message));
  await page.waitForTimeout(settle);
  await page.screenshot({ path: `${values.out}/${name}-${size}-${colorScheme}.png` });
  await page.emulateMedia({ reducedMotion: "reduce" }); // nothing half faded while colours are measured
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }),
  );
  for (const v of violations) {
    console.log(`${name} ${size} ${colorScheme}: ${v.id} (${v.impact}) ${v.help}`);
    for (const node of v.nodes.slice(0, 3))
      console.log(`    ${node.target.join(" ")}\n      ${node.failureSummary.split("\n").slice(1, 3).join(" ")}`);
  }
  // The mock's world is one for all pictures: nobody stays on air after theirs.
  if (act === goLive)
    await page.evaluate(() =>
      fetch("/api/studio/real-time", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: '{"isLive":false}',
      }),
    );
  await context.close();
  return violations.length + faults;
}

/** A painted camera and a humming microphone: pictures of the green room show a person, not a test card. */
function paintDevices() {
  if (!navigator.mediaDevices) return;
  const painted = async ({ video, audio }) => {
    const { paintedPerson } = await import("/dev/mock-people.ts");
    const stream = paintedPerson(0, true);
    for (const track of stream.getTracks()) {
      const kind = track.kind === "video" ? "camera" : "microphone";
      if (!(track.kind === "video" ? video : audio)) stream.removeTrack(track);
      track.getSettings = () => ({ deviceId: kind, width: 1280, height: 720, frameRate: 30 });
    }
    return stream;
  };
  navigator.mediaDevices.getUserMedia = painted;
  navigator.mediaDevices.enumerateDevices = async () => [
    { kind: "videoinput", deviceId: "camera", groupId: "1", label: "Desk camera" },
    { kind: "videoinput", deviceId: "camera-2", groupId: "2", label: "Overhead camera" },
    { kind: "audioinput", deviceId: "microphone", groupId: "3", label: "Field mic 2" },
  ];
}

/** The pages with the mock server, and a slowly swaying picture as every channel's stream. */
async function setStage() {
  const dir = mkdtempSync(join(tmpdir(), "streamcat-screens-"));
  const painter = await browser.newPage({ viewport: { width: 1280, height: 720 } });
  await painter.goto(new URL("../src/assets/harbor.svg", import.meta.url).href);
  await painter.screenshot({ path: join(dir, "still.png") });
  await painter.close();
  const encode =
    "-v error -re -loop 1 -framerate 15 -i still.png -re -f lavfi -i anullsrc=r=48000 -vf crop=1240:698:x='20+20*sin(t/2)':y=10,scale=1280:720,format=yuv420p " +
    "-c:v libx264 -preset ultrafast -g 15 -c:a aac -f hls -hls_time 1 -hls_segment_type fmp4 -hls_flags delete_segments live.m3u8";
  const players = wanted.some(({ name }) => /^(home|channel|dashboard)/.test(name)); // the others need no picture
  const encoder = spawn(players ? "ffmpeg" : "true", encode.split(" "), { cwd: dir, stdio: "ignore" });
  encoder.on("error", () => console.log("no ffmpeg: the players stay without a picture"));
  for (let n = 0; n < 100 && encoder.exitCode === null && encoder.pid && !existsSync(join(dir, "live.m3u8")); n++)
    await new Promise((done) => setTimeout(done, 100));
  process.env.STREAMCAT_MOCK_HLS = dir;
  const server = await createServer({
    root: new URL("..", import.meta.url).pathname,
    logLevel: "error",
    server: { port: 0, host: "127.0.0.1" },
  });
  await server.listen();
  return {
    base: `http://127.0.0.1:${server.httpServer.address().port}`,
    strike: async () => {
      encoder.kill("SIGKILL");
      await server.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
