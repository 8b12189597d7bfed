import type { CommandError, Language, LookedUp, ModelEntry, ModelsView, Status, View } from "./bindings";
import { MODEL, STATUS } from "./fake_scenarios";
import { valueOf } from "./models";

const DAY = 86_400_000;
const MB = 1_000_000;

const GOOD_FOR: Record<Language, Record<string, string>> = {
  en: {
    [MODEL]: "Search in notes and short texts in many languages; small and quick.",
    "ruri-v3-30m": "Japanese search on modest machines.",
    "ruri-v3-310m": "The best Japanese search that a desktop computes in good time.",
    "bge-m3": "Long texts in many languages, where quality counts more than speed.",
    "all-MiniLM-L6-v2": "Quick similarity of short English sentences.",
  },
  ja: {
    [MODEL]: "多言語のメモや短い文の検索に向く、小さくて速いモデルです。",
    "ruri-v3-30m": "性能の控えめなパソコンでの日本語検索に向きます。",
    "ruri-v3-310m": "デスクトップで無理なく動くモデルの中で、特に日本語検索に優れます。",
    "bge-m3": "速さよりも質を重視する、多言語の長い文章に向きます。",
    "all-MiniLM-L6-v2": "短い英文どうしの類似度をすばやく求めるのに向きます。",
  },
};

function row(name: string, change: Partial<ModelEntry>): ModelEntry {
  const { en, ja } = { en: GOOD_FOR.en[name], ja: GOOD_FOR.ja[name] };
  return {
    name,
    origin: "hub",
    presence: "absent",
    state: "unloaded",
    current: false,
    good_for: en && ja ? { en, ja } : undefined,
    ...change,
  };
}

/** Models as a machine may have them. */
function catalog(now: number): ModelEntry[] {
  return [
    row(MODEL, {
      origin: "embedded",
      presence: "here",
      dimension: 384,
      precision: { int8: true, worst_cosine: 0.9986, mean_cosine: 0.9992, neighbors: 0.91 },
      max_tokens: 512,
      size_bytes: 135 * MB,
      last_used_ms: now - 40_000,
      licence: "MIT",
      languages: ["mul", "ja", "en"],
      folder: "/usr/share/okibi/models/multilingual-e5-small",
    }),
    row("ruri-v3-30m", {
      presence: "here",
      dimension: 256,
      max_tokens: 8192,
      size_bytes: 150 * MB,
      last_used_ms: now - 3 * DAY,
      licence: "Apache-2.0",
      languages: ["ja"],
      repository: "onnx-community/ruri-v3-30m-ONNX",
    }),
    row("static-embedding-japanese", {
      origin: "folder",
      presence: "here",
      dimension: 1024,
      size_bytes: 134.4 * MB,
      folder: "/home/me/models/static-embedding-japanese",
    }),
    row("bge-m3", {
      presence: "partial",
      dimension: 1024,
      max_tokens: 8192,
      size_bytes: 2270 * MB,
      licence: "MIT",
      languages: ["mul"],
      repository: "BAAI/bge-m3",
    }),
    row("all-MiniLM-L6-v2", {
      dimension: 384,
      max_tokens: 256,
      size_bytes: 91 * MB,
      licence: "Apache-2.0",
      languages: ["en"],
      repository: "sentence-transformers/all-MiniLM-L6-v2",
    }),
    row("ruri-v3-310m", {
      dimension: 768,
      max_tokens: 8192,
      size_bytes: 1260 * MB,
      licence: "Apache-2.0",
      languages: ["ja"],
      repository: "onnx-community/ruri-v3-310m-ONNX",
    }),
  ];
}

const SENTENCES: Record<Language, Record<"gone" | "memory" | "used", string>> = {
  en: {
    gone: "huggingface.co cannot be reached. Check the connection, then try again; what has been downloaded is kept.",
    memory: "There is not enough memory for ruri-v3-30m beside the current model.",
    used: "bge-m3 is in use; let another program finish first.",
  },
  ja: {
    gone: "huggingface.co に接続できません。ネットワーク接続を確認してから、もう一度お試しください。ダウンロード済みの分は残っています。",
    memory: "現在のモデルと並べて ruri-v3-30m を読み込むには、メモリが足りません。",
    used: "bge-m3 は使用中です。ほかのプログラムの処理が終わるまでお待ちください。",
  },
};

/** What the scenes of the models window add to a view. */
export function modelsScene(name: string | null, lang: Language): Partial<View> {
  const say = SENTENCES[lang];
  switch (name) {
    case "pulling":
      return {
        pulls: [
          { model: "bge-m3", progress: { state: "running", done: 700 * MB, total: 2270 * MB } },
          { model: "ruri-v3-310m", progress: { state: "running", done: 0, total: null } },
        ],
      };
    case "gone":
      return { pulls: [{ model: "bge-m3", progress: { state: "failed", message: say.gone } }] };
    case "switching":
      return { switch: { model: "ruri-v3-30m", progress: { state: "loading", fraction: 0.6, download: null } } };
    case "memory":
      return { switch: { model: "ruri-v3-30m", progress: { state: "failed", message: say.memory, may_replace: true } } };
    case "loaded": {
      const models = [
        { name: MODEL, state: "ready" as const, current: true },
        { name: "ruri-v3-30m", state: "resting" as const, current: false },
      ];
      return { daemon: { state: "ready", status: { ...STATUS, models } } };
    }
    case "offers":
      return { has_offers: true };
    default:
      return {};
  }
}

/** How the fake app changes what it shows. */
export interface Player {
  view(): View;
  show(change: Partial<View>): void;
  play(step: () => boolean): void;
}

/** The models of the fake app: downloads, changes over and deletions, played. */
export class FakeModels {
  private rows: ModelEntry[];

  constructor(
    private readonly player: Player,
    private readonly query: URLSearchParams,
    private readonly lang: Language,
  ) {
    this.rows = catalog(Date.now());
    if (query.get("models") === "pulling") {
      this.playPull("bge-m3", 700 * MB, 2270 * MB);
    }
  }

  get(): ModelsView {
    return {
      models: this.rows,
      cache: "/home/me/.cache/huggingface/hub",
      free_bytes: 48_200 * MB,
      offers: this.player.view().has_offers ? ["ruri-v3-310m", "bge-m3"] : [],
      fixed: this.query.has("fixed") ? "OKIBI_MODEL" : null,
    };
  }

  lookUp(name: string): LookedUp | null {
    const entry: ModelEntry = { name, origin: "hub", presence: "absent", state: "unloaded", current: false, size_bytes: 470 * MB, licence: "apache-2.0", repository: name };
    if (this.rows.some((known) => known.repository === name)) {
      return null;
    }
    this.rows = [...this.rows, entry];
    return { family: "modernbert", is_own: true, memory_bytes: 470 * MB };
  }

  pull(model: string): void {
    const total = this.rows.find((known) => valueOf(known) === model)?.size_bytes ?? 100 * MB;
    this.playPull(model, 0, total);
  }

  cancel(model: string): void {
    this.player.play(() => false);
    this.change(model, { presence: "partial" });
    this.showPulls(model, []);
  }

  remove(model: string): number {
    if (this.query.has("refuse")) {
      // The app sends its errors as plain values, not as `Error`s.
      throw { kind: "failed", message: SENTENCES[this.lang].used } satisfies CommandError;
    }
    const found = this.rows.find((known) => valueOf(known) === model);
    this.rows = this.rows.flatMap((known) => {
      if (valueOf(known) !== model) {
        return [known];
      }
      return known.origin === "folder" ? [] : [{ ...known, presence: "absent" as const, last_used_ms: undefined }];
    });
    this.player.show({ library: this.player.view().library + 1 });
    return found?.origin === "folder" ? 0 : (found?.size_bytes ?? 0);
  }

  use(model: string): void {
    const began = performance.now();
    this.player.play(() => {
      const fraction = (performance.now() - began) / 2000;
      if (fraction < 1) {
        this.player.show({ switch: { model, progress: { state: "loading", fraction, download: null } } });
        return true;
      }
      const { daemon } = this.player.view();
      this.player.show({
        switch: null,
        model,
        daemon: daemon.state === "ready" ? { ...daemon, status: this.statusWith(model, daemon.status) } : daemon,
      });
      return false;
    });
  }

  /** The status once `model` is current; the one before stays loaded beside it. */
  private statusWith(model: string, before: Status): Status {
    const dimension = this.rows.find((known) => valueOf(known) === model)?.dimension;
    const models = [model, before.model].map((name) => ({ name, state: "ready" as const, current: name === model }));
    return { ...before, model, dimension, models };
  }

  private change(model: string, change: Partial<ModelEntry>): void {
    this.rows = this.rows.map((known) => (valueOf(known) === model ? { ...known, ...change } : known));
  }

  private showPulls(model: string, pulls: View["pulls"]): void {
    const others = this.player.view().pulls.filter((pull) => pull.model !== model);
    this.player.show({ pulls: [...others, ...pulls], library: this.player.view().library + 1 });
  }

  private playPull(model: string, from: number, total: number): void {
    const began = performance.now();
    this.player.play(() => {
      const done = Math.min(total, from + (performance.now() - began) * 42_000);
      if (done < total) {
        this.showPulls(model, [{ model, progress: { state: "running", done, total } }]);
        return true;
      }
      this.change(model, { presence: "here" });
      this.showPulls(model, []);
      return false;
    });
  }
}
