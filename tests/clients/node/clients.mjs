// Real clients of other servers, unmodified, against a running Okibi: see `checks.mjs` for the arguments.
//
// Prints a line for each client; the exit code is the number of clients that failed.

import assert from "node:assert/strict";
import { OllamaEmbeddingFunction } from "@chroma-core/ollama";
import { OpenAIEmbeddingFunction } from "@chroma-core/openai";
import { HuggingfaceServerEmbeddingFunction } from "@chroma-core/huggingface-server";
import { InferenceClient } from "@huggingface/inference";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { OllamaEmbeddings } from "@langchain/ollama";
import { OpenAIEmbeddings } from "@langchain/openai";
import { embed as aiEmbed, embedMany as aiEmbedMany } from "ai";
import { Ollama } from "ollama";
import { createOllama } from "ollama-ai-provider-v2";
import OpenAI, { AzureOpenAI } from "openai";

import { base, check, expected, long, many, model, run, texts, unknown } from "./checks.mjs";

// One text, several in three languages, 130, one over the model's limit, an empty one, and a model that is not there.
// `embed(model, texts)` gives the vectors; `empty` says what an empty text gets: a vector, or an error that says so.
const every = async (embed, { one, empty = "refused", names = true } = {}) => {
  check(await embed(model, texts.slice(0, 1)), "none", texts.slice(0, 1));
  check(await embed(model, texts));
  check(await embed(model, many), "none", many);
  check(await embed(model, [long]), "none", [long]);
  if (one) check([await one(model, texts[0])], "none", texts.slice(0, 1));
  if (empty === "embedded") {
    const [vector] = await embed(model, ["", texts[0]]);
    assert.equal(vector.length, expected.none[texts[0]].length);
  } else {
    await assert.rejects(embed(model, ["", texts[0]]), (error) => /empty|Bad Request|400/.test(shown(error)));
  }
  if (names) {
    check(await embed(`${model}:query`, texts), "query");
    await assert.rejects(embed(unknown, ["a"]), (error) => shown(error).includes(unknown) || /404|Not Found/.test(shown(error)));
  }
};

const shown = (error) => `${error} ${error.message} ${JSON.stringify(error.responseBody ?? error.error ?? error.cause ?? "")}`;

const clients = {
  async openai() {
    const client = new OpenAI({ baseURL: `${base}/v1`, apiKey: "okibi", maxRetries: 0 });
    const embed = async (options) => (await client.embeddings.create(options)).data.map((each) => each.embedding);
    // Without a format it asks for base64 by itself.
    await every((model, input) => embed({ model, input }), { one: async (model, input) => (await embed({ model, input }))[0] });
    check(await embed({ model, input: texts, encoding_format: "float" }));
    await assert.rejects(embed({ model: unknown, input: "a" }), (error) => error.code === "model_not_found");
    await assert.rejects(embed({ model, input: "" }), /empty/);
    await assert.rejects(
      client.chat.completions.create({ model, messages: [{ role: "user", content: "hello" }] }),
      /embedding model/,
    );
    const ids = [];
    for await (const each of client.models.list()) ids.push(each.id);
    assert.ok(ids.includes(model));
  },
  async azureOpenai() {
    const place = { endpoint: base, apiKey: "okibi", apiVersion: "2024-10-21", maxRetries: 0 };
    await every(async (deployment, input) => {
      const client = new AzureOpenAI({ ...place, deployment });
      return (await client.embeddings.create({ model: "text-embedding-3-small", input })).data.map((each) => each.embedding);
    });
  },
  async ollama() {
    const client = new Ollama({ host: base });
    await every(async (model, input) => (await client.embed({ model, input })).embeddings, {
      one: async (model, prompt) => (await client.embeddings({ model, prompt })).embedding,
      empty: "embedded",
    });
    check((await client.embed({ model, input: texts[0] })).embeddings, "none", texts.slice(0, 1));
    const names = (await client.list()).models.map((each) => each.name);
    for (const tag of ["", ":latest", ":query", ":document"]) assert.ok(names.includes(`${model}${tag}`), tag);
    assert.equal((await client.pull({ model: `${model}:query` })).status, "success");
    await assert.rejects(client.embed({ model: unknown, input: "a" }), /model 'no-such-model' not found/);
    await assert.rejects(client.chat({ model, messages: [{ role: "user", content: "hello" }] }), /does not support chat/);
  },
  async langchainOpenai() {
    const embeddings = (model) =>
      new OpenAIEmbeddings({ model, apiKey: "okibi", maxRetries: 0, configuration: { baseURL: `${base}/v1` } });
    await every((model, input) => embeddings(model).embedDocuments(input), {
      one: (model, input) => embeddings(model).embedQuery(input),
    });
  },
  async langchainOllama() {
    const embeddings = (model) => new OllamaEmbeddings({ model, baseUrl: base, maxRetries: 0, truncate: true });
    await every((model, input) => embeddings(model).embedDocuments(input), {
      one: (model, input) => embeddings(model).embedQuery(input),
      empty: "embedded",
    });
  },
  async aiSdkOpenaiCompatible() {
    const provider = createOpenAICompatible({ name: "okibi", baseURL: `${base}/v1`, apiKey: "okibi" });
    const of = (model) => provider.textEmbeddingModel(model);
    await every(async (model, values) => (await aiEmbedMany({ model: of(model), values, maxRetries: 0 })).embeddings, {
      one: async (model, value) => (await aiEmbed({ model: of(model), value, maxRetries: 0 })).embedding,
    });
  },
  async ollamaAiProvider() {
    const provider = createOllama({ baseURL: `${base}/api` });
    const of = (model) => provider.textEmbeddingModel(model);
    await every(async (model, values) => (await aiEmbedMany({ model: of(model), values, maxRetries: 0 })).embeddings, {
      one: async (model, value) => (await aiEmbed({ model: of(model), value, maxRetries: 0 })).embedding,
      empty: "embedded",
    });
  },
  async huggingfaceInference() {
    const client = new InferenceClient();
    const embed = (inputs, more) => client.featureExtraction({ endpointUrl: `${base}/embed`, inputs, ...more });
    await every((_, input) => embed(input), { one: async (_, input) => (await embed(input))[0], names: false });
    check(await embed(texts, { prompt_name: "query" }), "query");
    check(await embed([long], { truncate: true, truncation_direction: "right" }), "none", [long]);
    await assert.rejects(embed(["a"], { prompt_name: "poem" }), (error) => /prompt_name|400/.test(shown(error)));
  },
  async chromaOllama() {
    await every((model, input) => new OllamaEmbeddingFunction({ url: base, model }).generate(input), { empty: "embedded" });
  },
  async chromaOpenai() {
    const make = (modelName) => new OpenAIEmbeddingFunction({ modelName, apiKey: "okibi", apiBase: `${base}/v1` });
    await every((model, input) => make(model).generate(input));
  },
  async chromaHuggingfaceServer() {
    const server = new HuggingfaceServerEmbeddingFunction({ url: `${base}/embed` });
    await every((_, input) => server.generate(input), { names: false });
  },
};

process.exit(await run(clients));
