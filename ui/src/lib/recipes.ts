import type { Language } from "./bindings";

/** What an app has to be told. */
export interface Target {
  /** For apps that ask for OpenAI or "OpenAI-compatible". */
  openai: string;
  /** For apps that ask for Ollama, text-embeddings-inference or a plain URL. */
  plain: string;
  /** For programs of one's own. */
  websocket: string;
  model: string;
}

/** How an app is pointed at the daemon; more of them are in docs/apps.md. */
export interface Recipe {
  name: string;
  /** Where in the app, in the words that it has there. */
  where: Record<Language, string>;
  /** What is typed there. */
  code: (target: Target) => string;
}

/** Returns what apps have to be told about the daemon at `address`. */
export function targetOf(address: string, model: string): Target {
  const plain = `http://${new URL(address).host}`;
  return { openai: `${plain}/v1`, plain, websocket: address, model };
}

const port = (target: Target): string => new URL(target.plain).port;

export const RECIPES: readonly Recipe[] = [
  {
    name: "Open WebUI",
    where: {
      en: "Admin Settings → Documents. Embedding engine: Ollama",
      ja: "管理者設定 → ドキュメント。埋め込みエンジン: Ollama",
    },
    code: ({ plain, model }) => `${plain}\n${model}`,
  },
  {
    name: "Obsidian: Copilot",
    where: {
      en: "Settings → Add custom model (embedding). Provider: OpenAI Format, with “Enable CORS” on",
      ja: "設定 → Add custom model (embedding)。Provider は OpenAI Format、「Enable CORS」をオン",
    },
    code: ({ openai, model }) => `${model}\n${openai}`,
  },
  {
    name: "Continue (VS Code, JetBrains)",
    where: { en: "config.yaml, below models", ja: "config.yaml の models の下" },
    code: ({ plain, model }) => `- name: Okibi
  provider: ollama
  model: ${model}
  apiBase: ${plain}
  roles: [embed]`,
  },
  {
    name: "AnythingLLM",
    where: { en: "Settings → Embedder. Provider: Ollama", ja: "設定 → Embedder。Provider: Ollama" },
    code: ({ plain, model }) => `${plain}\n${model}`,
  },
  {
    name: "LangChain",
    where: { en: "Python, with pip install langchain-openai", ja: "Python。pip install langchain-openai" },
    code: ({ openai, model }) => `from langchain_openai import OpenAIEmbeddings

embeddings = OpenAIEmbeddings(
    base_url="${openai}", api_key="none",
    model="${model}", check_embedding_ctx_length=False,
)`,
  },
  {
    name: "LlamaIndex",
    where: {
      en: "Python, with pip install llama-index-embeddings-openai-like",
      ja: "Python。pip install llama-index-embeddings-openai-like",
    },
    code: ({ openai, model }) => `from llama_index.embeddings.openai_like import OpenAILikeEmbedding

embedding = OpenAILikeEmbedding(api_base="${openai}", api_key="none", model_name="${model}")`,
  },
  {
    name: "Chroma",
    where: { en: "Python, with pip install chromadb ollama", ja: "Python。pip install chromadb ollama" },
    code: ({ plain, model }) => `from chromadb.utils.embedding_functions import OllamaEmbeddingFunction

embed = OllamaEmbeddingFunction(url="${plain}", model_name="${model}")`,
  },
  {
    name: "Docker",
    where: {
      en: "From a container, with allowed_hosts = [\"host.docker.internal\"] in Okibi's settings file (Docker Desktop)",
      ja: "コンテナーから。Okibi の設定ファイルに allowed_hosts = [\"host.docker.internal\"] が必要です (Docker Desktop)",
    },
    code: (target) => `http://host.docker.internal:${port(target)}\nhttp://host.docker.internal:${port(target)}/v1`,
  },
  {
    name: "curl",
    where: { en: "In a terminal", ja: "端末で" },
    code: ({ openai, model }) => `curl ${openai}/embeddings \\
  -H 'Content-Type: application/json' \\
  -d '{"model": "${model}", "input": ["熾火", "ember"]}'`,
  },
  {
    name: "Python (openai)",
    where: { en: "With pip install openai", ja: "pip install openai" },
    code: ({ openai, model }) => `from openai import OpenAI

client = OpenAI(base_url="${openai}", api_key="none")
answer = client.embeddings.create(model="${model}", input=["熾火", "ember"])
print(len(answer.data[0].embedding))`,
  },
  {
    name: "JavaScript (openai)",
    where: { en: "With npm install openai", ja: "npm install openai" },
    code: ({ openai, model }) => `import OpenAI from "openai";

const client = new OpenAI({ baseURL: "${openai}", apiKey: "none" });
const answer = await client.embeddings.create({ model: "${model}", input: ["熾火", "ember"] });
console.log(answer.data[0].embedding.length);`,
  },
];
