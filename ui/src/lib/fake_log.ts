import type { LogView } from "./bindings";

const FILE = "/home/me/.local/share/okibi/logs/daemon-8765.log";

const BEGIN = [
  " INFO okibi: the daemon begins pid=4821 port=8765",
  " INFO okibi_engine: model files found folder=/usr/lib/okibi/models/multilingual-e5-small",
  " INFO okibi: the model is ready load_ms=296",
  " WARN okibi: another program has [::1]:8765; apps that connect to \"localhost\" may reach it",
];

const USUAL = [
  " INFO okibi::http: request client=python3 dialect=jsonrpc texts=1 took_ms=9",
  " INFO okibi::http: request client=python3 dialect=jsonrpc texts=32 took_ms=412",
  " WARN okibi::http: refused client=Firefox reason=origin origin=https://notes.example.com",
  " INFO okibi::http: request client=Obsidian dialect=ollama texts=8 took_ms=1640",
  "ERROR okibi_engine: the model cannot be loaded model=nomic-embed-text\n  caused by: no such model",
];

/** A log that becomes longer by a record every second. */
export class FakeLog {
  private readonly beganAt = Date.now();

  constructor(private readonly scene: string | null) {}

  get(): LogView {
    if (this.scene === "empty") {
      return { file: FILE, lines: [] };
    }
    const beats = 60 + Math.floor((Date.now() - this.beganAt) / 1000);
    const texts = [...BEGIN, ...Array.from({ length: beats }, (_, at) => USUAL[(at * 7 + (at % 3)) % USUAL.length] ?? "")];
    const began = Date.UTC(2026, 10, 24, 4, 12, 0, 104);
    return { file: FILE, lines: texts.flatMap((text, at) => `${new Date(began + at * 1000).toISOString()} ${text}`.split("\n")) };
  }

  report(model: string): string {
    return [
      "Okibi 0.1.0, daemon 0.1.0",
      "Linux 6.8, x86_64, 2 CPUs, 8 GB",
      `model: ${model}`,
      "settings: port = 8765, device = cpu, require_token = false",
      "",
      ...this.get().lines.slice(-20),
    ].join("\n");
  }
}
