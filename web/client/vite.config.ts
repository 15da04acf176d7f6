import { defineConfig } from "vitest/config";

export default defineConfig({
  build: {
    target: ["chrome108", "firefox113", "safari16.4"],
    minify: true,
    modulePreload: false,
    lib: { entry: { index: "src/index.ts", whip: "src/whip.ts" }, formats: ["es"] },
    rolldownOptions: { output: { chunkFileNames: "[name].js" } },
  },
  test: { environment: "node", include: ["test/**/*.test.ts"], restoreMocks: true },
});
