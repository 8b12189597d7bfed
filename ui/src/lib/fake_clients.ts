import type { ActiveClient, Activity, RecentRequest } from "./bindings";
import { MODEL } from "./fake_scenarios";

const MINUTE = 60_000;

function client(program: string, dialect: string, ms: number, models: ActiveClient["models"]): ActiveClient {
  return {
    client: `${program}/1.2`,
    program,
    pid: 3311,
    address: "127.0.0.1:50112",
    dialect,
    connections: 1,
    last_seen_ms: ms,
    requests: 120,
    texts: 4800,
    tokens: 96_000,
    errors: 0,
    models,
  };
}

function request(at_ms: number, change: Partial<RecentRequest>): RecentRequest {
  return {
    at_ms,
    client: "openai-python",
    dialect: "openai",
    model: MODEL,
    texts: 3,
    tokens: 42,
    truncated: 0,
    took_ms: 12,
    status: 200,
    ...change,
  };
}

/** Clients and requests as a page's address asks for them: `&clients=used`. */
export function clientsScene(name: string | null, now: number): Activity {
  const used = [{ model: MODEL, last_used_ms: now - 2 * MINUTE }];
  const clients = [
    client("python3", "openai", now - 2 * MINUTE, used),
    client("Obsidian", "ollama", now - 55 * MINUTE, [{ model: MODEL, last_used_ms: now - 55 * MINUTE }]),
  ];
  const idle: Activity = { clients: [], queue: { requests: 0, texts: 0 }, jobs: [], requests: [] };
  switch (name) {
    case "used":
      return { ...idle, clients };
    case "answered":
      return { ...idle, clients, requests: [request(now - 3000, {}), request(now - MINUTE, { client: "curl" })] };
    case "failed":
      return { ...idle, requests: [request(now - 3000, { status: 404, error: "there is no model text-embedding-3-small" })] };
    case "refused":
      return { ...idle, requests: [request(now - 3000, { client: "Obsidian", status: 403, texts: 0, refusal: "origin", origin: "app://obsidian.md" })] };
    case "token":
      return { ...idle, requests: [request(now - 3000, { client: "curl", status: 401, texts: 0, refusal: "token" })] };
    default:
      return idle;
  }
}
