// A guest opens one channel page and watches.
//   node watch.mjs <address of the page>      says watching {seen}
import { moving, person, play, playerBadge, say } from "./stage.mjs";

await play(async () => {
  const page = await (await person("guest")).newPage();
  await page.goto(process.argv[2]);
  await playerBadge(page).waitFor();
  say("watching", { seen: await moving(page) });
});
