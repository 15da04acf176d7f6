import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here("."),
  // As an application that installed the package would write it.
  resolve: { alias: { "@streamcat/client": here("../src/index.ts") } },
  server: { port: 5174 },
  build: { outDir: here("../dist-example"), emptyOutDir: true },
});
