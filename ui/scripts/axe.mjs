// Opens every page in every state, language and color scheme. Fails where axe finds a fault, where something is cut off
// at twice the size of text, where the policy for scripts and styles is broken, or where the console complains.
//
// A state is opened once per language and then shown in both schemes. A scheme changes colors and nothing else, so that
// all rules of axe run in the light one and those about colors in the dark one. Nothing is opened at all while the
// sources, the packages and the browser are those of the last run without faults.
import { createHash } from "node:crypto";
import { readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

import { build } from "vite";

import { browserPath, inLanes, OUT, ROOT, show, withBrowser } from "./browser.mjs";
import { nameOf, sizeOf, VIEWS } from "./views.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** The narrowest a window gets. */
const NARROWEST = 320;
/** Pages that are open at once: two cores, and some states take a while to play. */
const LANES = 4;
/** The rules of axe that look at colors; no others can find something new in another scheme. */
const COLOR_RULES = ["color-contrast", "link-in-text-block"];
/** What axe checks in each scheme; all of its rules where none are named. */
const RULES = { light: {}, dark: { runOnly: { type: "rule", values: COLOR_RULES } } };
/** Names what the last run without faults has seen. */
const STAMP = join(ROOT, OUT, ".axe");
/** Folders of the pages whose content is made from the rest. */
const MADE = ["node_modules", "dist", OUT];

/** Returns the files of a folder, or the one file that `path` is. */
async function filesIn(path) {
  if ((await stat(path)).isFile()) {
    return [path];
  }
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Returns a digest of every source file, which includes the packages' lock file, and of the browser. */
async function digest() {
  const parts = (await readdir(ROOT)).filter((name) => !MADE.includes(name));
  const files = (await Promise.all(parts.map((name) => filesIn(join(ROOT, name))))).flat().sort();
  const hash = createHash("sha256");
  for (const file of files) {
    hash.update(file).update(await readFile(file));
  }
  const browser = browserPath();
  const { size, mtimeMs } = await stat(browser);
  return hash.update(`${browser} ${size} ${mtimeMs}`).digest("hex");
}

const faults = [];
let looks = 0;

async function inspect(page, address, view, lang) {
  const at = `${nameOf(view)} ${lang}`;
  const complain = (message) => ["error", "warning"].includes(message.type()) && faults.push(`${at}: console: ${message.text()}`);
  const fail = (error) => faults.push(`${at}: ${error.message}`);
  page.on("console", complain).on("pageerror", fail);
  try {
    const size = sizeOf(view.page);
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
    await page.setViewportSize(size);
    await show(page, address, view, lang);
    for (const [colorScheme, rules] of Object.entries(RULES)) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize(size);
      await look(page, `${at} ${colorScheme}`, rules, size, lang);
      looks += 1;
    }
  } catch (error) {
    fail(error);
  } finally {
    page.off("console", complain).off("pageerror", fail);
  }
}

async function look(page, name, rules, size, lang) {
  const { violations } = await page.evaluate((rules) => globalThis.axe.run({ resultTypes: ["violations"], ...rules }), rules);
  for (const { id, help, nodes } of violations) {
    faults.push(`${name}: ${id}: ${help}\n    ${nodes.map((node) => `${node.html}\n      ${node.failureSummary ?? ""}`).join("\n    ")}`);
  }
  for (const width of [Math.round(size.width / 2), NARROWEST]) {
    await page.setViewportSize({ width, height: size.height });
    const over = await page.evaluate(() => {
      const root = document.documentElement;
      return root.scrollWidth - root.clientWidth;
    });
    if (over > 0) {
      faults.push(`${name}: ${over} px too wide in a window of ${width}`);
    }
  }
  const { language, styled } = await page.evaluate(() => ({
    language: document.documentElement.lang,
    styled: document.querySelectorAll("[style]").length,
  }));
  if (language !== lang) {
    faults.push(`${name}: the page does not say its language`);
  }
  if (styled > 0) {
    faults.push(`${name}: a style attribute, which the app's policy forbids`);
  }
}

const seen = await digest();
if ((await readFile(STAMP, "utf8").catch(() => "")) === seen) {
  console.log("nothing has changed since a run without faults");
  process.exit(0);
}
await rm(STAMP, { force: true });
await build({ root: ROOT, mode: "fake", logLevel: "warn", build: { outDir: OUT } });
await withBrowser(async (browser, address) => {
  const context = await browser.newContext();
  // Sent to the browser once, and not bound by the pages' policy.
  await context.addInitScript(AXE);
  const items = VIEWS.flatMap((view) => ["en", "ja"].map((lang) => ({ view, lang })));
  await inLanes(items, LANES, async (next) => {
    // One page for all: a new one costs a process of the browser.
    const page = await context.newPage();
    for (let item = next(); item !== undefined; item = next()) {
      await inspect(page, address, item.view, item.lang);
    }
  });
});
for (const fault of faults) {
  console.error(fault);
}
console.log(`${looks} looks, ${faults.length} faults`);
if (faults.length > 0) {
  process.exitCode = 1;
} else {
  await writeFile(STAMP, seen);
}
