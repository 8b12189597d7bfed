// Serves the pages with their fake backend and opens them in a browser of this machine.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";
import { preview } from "vite";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));
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

/** The folder of `ROOT` that the pages with their fake backend are built into. */
export const OUT = "dist-fake";

/** The policy that the app serves the pages with, which the fake backend has to bear as well. */
const CSP = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'";

/** Returns the path of a browser of this machine. */
export function browserPath() {
  const found = BROWSERS.find((path) => path && existsSync(path));
  if (!found) {
    throw new Error("no Chromium is found; name one in the variable CHROMIUM");
  }
  return found;
}

/** Opens a server on a free port and a browser, passes both to `work`, and closes both in any case. */
export async function withBrowser(work) {
  const executablePath = browserPath();
  const server = await preview({
    root: ROOT,
    mode: "fake",
    logLevel: "warn",
    build: { outDir: OUT },
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

/** Shows a view in `page` and performs what belongs to it. */
export async function show(page, address, view, lang) {
  const file = view.page === "start" ? "progress" : "index";
  await page.goto(`${address}/${file}.html?page=${view.page}&scenario=${view.scenario}&lang=${lang}${view.query ?? ""}`);
  await page.locator("main").waitFor();
  await view.act?.(page);
}

/** Runs `lane` as often as `width` says, all at once. Each takes the next of the `items` with the function it is given. */
export async function inLanes(items, width, lane) {
  const rest = [...items];
  await Promise.all(Array.from({ length: width }, () => lane(() => rest.shift())));
}
