import type { Activity, ActiveClient, Language, RecentRequest } from "./bindings";

const SPACE = "e5s-1f0c9a4b7d2e";
const EMPTY: Activity = { clients: [], queue: { requests: 0, texts: 0 }, jobs: [], requests: [] };

/** Requests that the daemon remembers. */
const KEPT = 60;

const PROBLEM: Record<Language, string> = {
  en: "The model “nomic-embed-text” is not here.",
  ja: "モデル「nomic-embed-text」はありません。",
};

const REFUSED = [
  { refusal: "origin", origin: "https://notes.example.com", client: "Firefox", dialect: "openai" },
  { refusal: "token", origin: undefined, client: "curl", dialect: "tei" },
  { refusal: "host", origin: undefined, client: "Chrome", dialect: "ollama" },
  { refusal: "origin", origin: "app://obsidian.md", client: "Obsidian", dialect: "ollama" },
] as const;

/** Plays a daemon that is used: a search every second, an app that indexes, and now and then one that is refused. */
export class FakeActivity {
  private readonly beganAt = Date.now();

  constructor(
    private readonly scene: string | null,
    private readonly lang: Language,
    private readonly model: string,
  ) {}

  get(): Activity {
    if (this.scene === "empty") {
      return EMPTY;
    }
    const now = Date.now();
    const beats = Math.floor((now - this.beganAt) / 1000);
    const requests = Array.from({ length: KEPT }, (_, at) => this.request(beats + at, this.beganAt + (beats + at - KEPT) * 1000));
    const total = 1000;
    const done = Math.min(total, 420 + beats * 9);
    return {
      clients: this.clients(now, beats),
      queue: this.scene === "calm" ? { requests: 0, texts: 0 } : { requests: 2, texts: 64 },
      jobs:
        this.scene === "calm"
          ? []
          : [
              { client: "python3", model: this.model, done, total, began_ms: this.beganAt - 48_000 },
              { client: "Obsidian", model: "BAAI/bge-m3", done: 12, total: 18_240, began_ms: this.beganAt - 1_500 },
            ],
      requests,
    };
  }

  private clients(now: number, beats: number): ActiveClient[] {
    const shared = { last_seen_ms: now - 300, errors: 0, models: [{ model: this.model, space: SPACE, last_used_ms: now - 300 }] };
    return [
      {
        ...shared,
        client: "python3",
        program: "/usr/bin/python3.12",
        pid: 5120,
        address: "127.0.0.1:53412",
        dialect: "jsonrpc",
        connections: 2,
        requests: 1204 + beats,
        texts: 38_420 + 32 * beats,
        tokens: 1_204_118 + 1000 * beats,
      },
      {
        ...shared,
        client: "Obsidian",
        program: "obsidian",
        pid: 4410,
        address: "127.0.0.1:40122",
        dialect: "ollama",
        connections: 1,
        last_seen_ms: now - 3_400,
        requests: 88,
        texts: 640,
        tokens: 20_480,
        errors: 2,
        models: [
          { model: this.model, space: SPACE, last_used_ms: now - 60_000 },
          { model: "BAAI/bge-m3", last_used_ms: now - 3_400 },
        ],
      },
      {
        ...shared,
        client: "OpenAI/Python 2.9.0",
        address: "127.0.0.1:60990",
        dialect: "openai",
        connections: 0,
        last_seen_ms: now - 125_000,
        requests: 1,
        texts: 1,
        tokens: 9,
        models: [{ model: this.model, last_used_ms: now - 125_000 }],
      },
    ];
  }

  private request(beat: number, at_ms: number): RecentRequest {
    const usual = { at_ms, client: "python3", dialect: "jsonrpc", model: this.model, texts: 1, tokens: 12 + (beat % 5), truncated: 0, took_ms: 8.4 + (beat % 7), status: 200 };
    if (this.scene === "refused" && beat % 3 === 1) {
      const refused = REFUSED[Math.floor(beat / 3) % REFUSED.length] ?? REFUSED[0];
      return { ...usual, ...refused, model: undefined, texts: 0, tokens: 0, took_ms: 0.2, status: refused.refusal === "token" ? 401 : 403 };
    }
    switch (beat % 9) {
      case 2:
        return { ...usual, texts: 32, tokens: 14_208, truncated: 3, took_ms: 412 };
      case 4:
        return { ...usual, client: "Obsidian", dialect: "ollama", model: "BAAI/bge-m3", texts: 8, tokens: 2_310, took_ms: 1_640 };
      case 7:
        return { ...usual, client: "Obsidian", dialect: "ollama", model: undefined, texts: 0, tokens: 0, took_ms: 0.4, status: 404, error: PROBLEM[this.lang] };
      default:
        return usual;
    }
  }
}
