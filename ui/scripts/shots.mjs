// Writes a picture of every page in every state into a folder: `npm run shots -- FOLDER [PART OF A NAME]`.
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";

import { inLanes, show, withBrowser } from "./browser.mjs";
import { nameOf, sizeOf, VIEWS } from "./views.mjs";

const [folder, part = ""] = process.argv.slice(2);
if (!folder) {
  console.error("usage: npm run shots -- FOLDER [PART OF A NAME]");
  process.exit(2);
}
await mkdir(resolve(folder), { recursive: true });

const items = VIEWS.flatMap((view) =>
  ["en", "ja"].flatMap((lang) => ["light", "dark"].map((scheme) => ({ view, lang, scheme }))),
)
  .map((item) => ({ ...item, name: `${nameOf(item.view)}-${item.lang}-${item.scheme}` }))
  .filter(({ name }) => name.includes(part));

await withBrowser((browser, address) =>
  inLanes(items, 3, async (next) => {
    for (let item = next(); item !== undefined; item = next()) {
      const { view, lang, scheme, name } = item;
      const page = await browser.newPage({ viewport: sizeOf(view.page), colorScheme: scheme });
      await show(page, address, view, lang);
      // A chart needs a few statuses, a speed a few measures.
      await page.waitForTimeout(view.page === "status" || view.scenario === "download" || view.name === "pulling" ? 3500 : 300);
      await page.screenshot({ path: join(resolve(folder), `${name}.png`), fullPage: true });
      await page.close();
    }
  }),
);
console.log(`${items.length} pictures in ${folder}`);
