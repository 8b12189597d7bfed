// Serves the pages with their fake backend and opens them in a browser of this machine.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";
import { preview } from "vite";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const BROWSERS = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The policy that the app serves the pages with, which the fake backend has to bear as well. */
const CSP = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'";

/** Opens a server on a free port and a browser, gives both to `work`, and closes both whatever becomes of it. */
export async function withBrowser(work) {
  const executablePath = BROWSERS.find((path) => path && existsSync(path));
  if (!executablePath) {
    throw new Error("no Chromium is found; name one in the variable CHROMIUM");
  }
  const server = await preview({
    root: ROOT,
    mode: "fake",
    logLevel: "warn",
    build: { outDir: "dist-fake" },
    preview: { port: 0, host: "127.0.0.1", headers: { "Content-Security-Policy": CSP } },
  });
  try {
    const browser = await chromium.launch({ executablePath, args: ARGS });
    try {
      const address = server.httpServer.address();
      return await work(browser, `http://127.0.0.1:${address.port}`);
    } finally {
      await browser.close();
    }
  } finally {
    await new Promise((resolve) => server.httpServer.close(resolve));
  }
}

/** Shows a view in `page` and does there what it wants done. */
export async function show(page, address, view, lang) {
  await page.goto(`${address}/${view.page}.html?scenario=${view.scenario}&lang=${lang}${view.query ?? ""}`);
  await page.locator("main").waitFor();
  await view.act?.(page);
}

/** Runs `work` over `items`, `width` at a time. */
export async function inLanes(items, width, work) {
  const rest = [...items];
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let item = rest.shift(); item !== undefined; item = rest.shift()) {
        await work(item);
      }
    }),
  );
}
