// Somebody without an account opens the page that checks whether they could join a stage.
//   node check.mjs <origin> <all|blocked> <key>
// Key is the hash of the server's public key, base64 (see relay.mjs).
// all: everything is as it should be.
// blocked: the network lets no UDP out, and the browser gives no camera and no microphone.
// Steps said: checked {rows: {<id>: {verdict, says, todo}}, overall, title, report}; done.
import { launch, person, play, say, until } from "./stage.mjs";

const [origin, how, key] = process.argv.slice(2);

const rows = (page) =>
  page.evaluate(() =>
    Object.fromEntries(
      [...document.querySelectorAll("[data-check]")].map((row) => {
        const [, says = "", todo = ""] = [...row.querySelectorAll("p")].map((p) => p.textContent);
        return [row.dataset.check, { verdict: row.dataset.verdict, says, todo }];
      }),
    ),
  );

/** What nothing is in the way of. */
const open = {
  all: ["https", "socket", "video", "udp", "tcp", "relay-udp", "relay-tls"],
  blocked: ["https", "socket", "video", "tcp", "relay-tls"],
};

await play(async () => {
  const args = [`--ignore-certificate-errors-spki-list=${key}`];
  if (how === "blocked") args.push("--webrtc-ip-handling-policy=disable_non_proxied_udp");
  const browser = await launch({ args, leave: how === "all" });
  const guest = await person("guest", browser, how === "all" ? ["camera", "microphone"] : []);
  const page = await guest.newPage();
  await page.goto(`${origin}/check`);
  await page.getByRole("button", { name: "Start the check" }).click();
  for (let again = 0; ; again++) {
    await page.waitForSelector('[data-check-state="done"]', { timeout: 90_000 });
    const seen = await rows(page);
    // On a busy machine a way that is open may take longer than the page waits.
    if (again === 2 || open[how].every((id) => seen[id].verdict === "good")) break;
    await page.getByRole("button", { name: "Check again" }).click();
    await page.waitForSelector('[data-check-state="running"]');
  }
  // The fake microphone beeps once a second, whenever that is.
  if (how === "all") await until("sound", () => rows(page), ({ microphone }) => microphone.verdict !== "warn");
  const seen = await page.evaluate(() => {
    const card = document.querySelector("[data-check-state]");
    return {
      overall: card.querySelector("[data-overall]").dataset.overall,
      title: card.querySelector("h2").textContent,
    };
  });
  // What a page puts on the clipboard, whether or not this browser lets it.
  await page.evaluate(() => {
    navigator.clipboard.writeText = async (text) => void (window.copied = text);
  });
  await page.getByRole("button", { name: "Copy the report" }).click();
  const report = await until("a report", () => page.evaluate(() => window.copied), Boolean);
  say("checked", { rows: await rows(page), ...seen, report });
});
