// Opens every page in every state, language and colour scheme. Fails where axe finds a fault, where something is
// cut off at twice the size of text, where the policy for scripts and styles is broken, or where the console complains.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

import { inLanes, show, withBrowser } from "./browser.mjs";
import { nameOf, SIZES, VIEWS } from "./views.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** The narrowest a window gets. */
const NARROWEST = 320;

const faults = [];
let looks = 0;

async function inspect(context, address, view, lang, scheme) {
  const name = `${nameOf(view)} ${lang} ${scheme}`;
  const page = await context.newPage();
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) {
      faults.push(`${name}: console: ${message.text()}`);
    }
  });
  page.on("pageerror", (error) => faults.push(`${name}: ${error.message}`));
  try {
    await page.setViewportSize(SIZES[view.page]);
    await show(page, address, view, lang);
    // Playwright's own evaluation is not bound by the page's policy.
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    for (const { id, help, nodes } of violations) {
      faults.push(`${name}: ${id}: ${help}\n    ${nodes.map((node) => `${node.html}\n      ${node.failureSummary ?? ""}`).join("\n    ")}`);
    }
    for (const width of [Math.round(SIZES[view.page].width / 2), NARROWEST]) {
      await page.setViewportSize({ width, height: SIZES[view.page].height });
      const over = await page.evaluate(() => {
        const root = document.documentElement;
        return root.scrollWidth - root.clientWidth;
      });
      if (over > 0) {
        faults.push(`${name}: ${over} px too wide in a window of ${width}`);
      }
    }
    if ((await page.evaluate(() => document.documentElement.lang)) !== lang) {
      faults.push(`${name}: the page does not say its language`);
    }
    if ((await page.evaluate(() => document.querySelectorAll("[style]").length)) > 0) {
      faults.push(`${name}: a style attribute, which the app's policy forbids`);
    }
    looks += 1;
  } catch (error) {
    faults.push(`${name}: ${error.message}`);
  } finally {
    await page.close();
  }
}

await withBrowser(async (browser, address) => {
  for (const scheme of ["light", "dark"]) {
    const context = await browser.newContext({ colorScheme: scheme, reducedMotion: "reduce" });
    const items = VIEWS.flatMap((view) => ["en", "ja"].map((lang) => ({ view, lang })));
    await inLanes(items, 4, ({ view, lang }) => inspect(context, address, view, lang, scheme));
    await context.close();
  }
});
for (const fault of faults) {
  console.error(fault);
}
console.log(`${looks} looks, ${faults.length} faults`);
process.exitCode = faults.length > 0 ? 1 : 0;
