// Real clients of other servers, unmodified, against a running Okibi.
//
// Usage: clients.mjs PORT, with the expected vectors as JSON on standard input: {"query": {TEXT: VECTOR}, "none": …}.
// Prints a line for each client; the exit code is the number of clients that failed.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Ollama } from "ollama";
import OpenAI from "openai";

const base = `http://127.0.0.1:${process.argv[2]}`;
const expected = JSON.parse(readFileSync(0, "utf8"));
const model = "multilingual-e5-small";
const unknown = "no-such-model";
const texts = Object.keys(expected.none);

const check = (vectors, role = "none", wanted = texts) => {
  assert.equal(vectors.length, wanted.length);
  for (const [at, text] of wanted.entries()) {
    const apart = Math.max(...expected[role][text].map((value, i) => Math.abs(value - vectors[at][i])));
    assert.ok(apart < 1e-5, `${apart} apart at ${text}`);
  }
};

const clients = {
  async openai() {
    const client = new OpenAI({ baseURL: `${base}/v1`, apiKey: "okibi", maxRetries: 0 });
    const embed = async (options) => (await client.embeddings.create(options)).data.map((each) => each.embedding);
    check(await embed({ model, input: texts[0] }), "none", texts.slice(0, 1));
    // Without a format it asks for base64 by itself.
    check(await embed({ model, input: texts }));
    check(await embed({ model, input: texts, encoding_format: "float" }));
    check(await embed({ model: `${model}:query`, input: texts }), "query");
    await assert.rejects(embed({ model: unknown, input: "a" }), (error) => error.code === "model_not_found");
    await assert.rejects(embed({ model, input: "" }), /empty/);
    const ids = [];
    for await (const each of client.models.list()) ids.push(each.id);
    assert.ok(ids.includes(model));
  },
  async ollama() {
    const client = new Ollama({ host: base });
    check((await client.embed({ model, input: texts[0] })).embeddings, "none", texts.slice(0, 1));
    check((await client.embed({ model, input: texts })).embeddings);
    check((await client.embed({ model: `${model}:query`, input: texts })).embeddings, "query");
    check([(await client.embeddings({ model, prompt: texts[0] })).embedding], "none", texts.slice(0, 1));
    assert.equal((await client.list()).models[0].name, model);
    await assert.rejects(client.embed({ model: unknown, input: "a" }), new RegExp(unknown));
  },
};

let failed = 0;
for (const [name, run] of Object.entries(clients)) {
  try {
    await run();
    console.log(`${name} ok`);
  } catch (error) {
    failed += 1;
    console.log(`${name} FAILED\n${error.stack}`);
  }
}
process.exit(failed);
