// The official clients of OpenAI and Ollama in pages of a real browser, against a running Okibi: those of an allowed
// origin work, those of a foreign one are refused by the browser.
//
// Usage: browser.mjs PORT ALLOWED FOREIGN, with the ports of the origins that the pages are to have; see `checks.mjs`
// for the rest. The packages are served as they are: a page finds their modules by an import map.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

import { base, check, model, run, texts } from "./checks.mjs";

const [allowed, foreign] = process.argv.slice(3);
const executablePath = ["chromium", "chromium-browser", "google-chrome"]
  .map((name) => `/usr/bin/${name}`)
  .find((path) => existsSync(path));
const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"];

/** Where the page says of itself that it comes from the internet. */
const PUBLIC = "/public";

const packages = fileURLToPath(new URL("node_modules/", import.meta.url));
const imports = {
  openai: "/openai/index.mjs",
  "ollama/browser": "/ollama/dist/browser.mjs",
  "whatwg-fetch": "/whatwg-fetch/fetch.js",
};
const page = `<!doctype html>
<script type="importmap">${JSON.stringify({ imports })}</script>
<script type="module">
  import OpenAI from "openai";
  import { Ollama } from "ollama/browser";
  const base = ${JSON.stringify(base)};
  globalThis.openai = new OpenAI({ baseURL: base + "/v1", apiKey: "okibi", maxRetries: 0, dangerouslyAllowBrowser: true });
  globalThis.ollama = new Ollama({ host: base });
</script>
`;

/** Serves the page and the packages. */
const serve = (port) =>
  new Promise((resolve, reject) => {
    const server = createServer(async ({ url }, response) => {
      if (url === "/" || url === PUBLIC) {
        const policy = url === PUBLIC ? { "Content-Security-Policy": "treat-as-public-address" } : {};
        response.writeHead(200, { "Content-Type": "text/html", ...policy }).end(page);
        return;
      }
      try {
        const module = await readFile(new URL(`.${new URL(url, "http://localhost").pathname}`, `file://${packages}`));
        response.writeHead(200, { "Content-Type": "text/javascript" }).end(module);
      } catch {
        response.writeHead(404).end();
      }
    });
    server.once("error", reject).listen(port, "127.0.0.1", resolve);
  });

await Promise.all([serve(allowed), serve(foreign)]);
const browser = await chromium.launch({ executablePath, args });

/** Opens a page in a profile of its own, which has these permissions; `said` collects what its console says. */
const open = async (port, path = "/", permissions = []) => {
  const context = await browser.newContext({ permissions });
  const tab = await context.newPage();
  const said = [];
  tab.on("console", (message) => said.push(message.text()));
  tab.on("pageerror", (error) => said.push(error.message));
  await tab.goto(`http://127.0.0.1:${port}${path}`);
  await tab.waitForFunction(() => globalThis.ollama !== undefined).catch((error) => {
    throw new Error(`${error.message}\n${said.join("\n")}`);
  });
  return { tab, said };
};

/** What the page of each origin does, in its own words; the browser sends each request only after a preflight. */
const asks = {
  openai: (tab) =>
    tab.evaluate(async ({ model, texts }) => {
      const answer = await openai.embeddings.create({ model, input: texts });
      return answer.data.map((each) => each.embedding);
    }, { model, texts }),
  ollama: (tab) =>
    tab.evaluate(async ({ model, texts }) => (await ollama.embed({ model, input: texts })).embeddings, { model, texts }),
  // A method that a page may use only if the server says so.
  ollamaDelete: (tab) => tab.evaluate(() => ollama.delete({ model: "no-such-model" })),
};

/** Checks that a page can do everything. */
const works = async ({ tab, said }) => {
  check(await asks.openai(tab));
  check(await asks.ollama(tab));
  await assert.rejects(asks.ollamaDelete(tab), /no-such-model/);
  assert.deepEqual(said.filter((line) => /CORS/.test(line)), []);
};

/** Checks that the browser lets a page do nothing, and says why. */
const isRefused = async ({ tab, said }, reason) => {
  for (const [name, ask] of Object.entries(asks)) {
    said.length = 0;
    await assert.rejects(ask(tab), /Connection error|Failed to fetch/, name);
    assert.match(said.join("\n"), reason, name);
  }
};

const failed = await run({
  async allowedOrigin() {
    await works(await open(allowed));
  },
  async foreignOrigin() {
    await isRefused(await open(foreign), /No 'Access-Control-Allow-Origin' header/);
  },
  async publicPageThatMayReachTheLocalNetwork() {
    await works(await open(allowed, PUBLIC, ["local-network-access"]));
  },
  async foreignPublicPageThatMayReachTheLocalNetwork() {
    await isRefused(await open(foreign, PUBLIC, ["local-network-access"]), /No 'Access-Control-Allow-Origin' header/);
  },
  async publicPageThatMayNot() {
    await isRefused(await open(allowed, PUBLIC), /Permission was denied/);
  },
});
await browser.close();
process.exit(failed);
