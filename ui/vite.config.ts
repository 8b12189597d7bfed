import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

// In the mode `fake` the pages talk to a scripted backend, so that they can be seen in any browser.
export default defineConfig(({ mode }) => ({
  base: "./",
  plugins: [svelte()],
  define: { __FAKE__: JSON.stringify(mode === "fake") },
  build: {
    target: ["es2021", "safari15"],
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: ["index.html", "progress.html"],
    },
  },
  test: { include: ["src/**/*.test.ts"] },
}));
