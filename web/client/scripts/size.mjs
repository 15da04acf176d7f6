// What a page has to fetch: fails when the client no longer fits its size.
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const LIMIT = 40_000; // bytes, compressed, all files together

const dist = new URL("../dist/", import.meta.url);
let total = 0;
for (const name of readdirSync(dist).filter((file) => file.endsWith(".js"))) {
  const bytes = readFileSync(new URL(name, dist));
  const packed = gzipSync(bytes, { level: 9 }).length;
  total += packed;
  console.log(`${name}: ${bytes.length} bytes, ${packed} compressed`);
}
console.log(`all: ${total} of ${LIMIT} bytes compressed`);
if (total === 0 || total > LIMIT) process.exitCode = 1;
