import type { Found, Language, SearchView } from "./bindings";
import { vectorOf } from "./fake_vectors";
import { sentences } from "./similarity";

/** Texts that are embedded in a second: slower than the daemon, so that one can watch. */
const PER_SECOND = 40;
/** Texts of the made-up files. */
const IN_FILE = 120;
const IN_FOLDER = 4800;

const LINES: Record<Language, readonly string[]> = {
  en: [
    "Asked the caretaker about the heating; he comes on Thursday.",
    "Ramen with Yuki, the small place behind the station.",
    "The train to Kyoto leaves at 9:24 from platform 3.",
    "Wrote down the steps to restore a backup.",
    "The cat was at the vet, all is well.",
  ],
  ja: [
    "暖房の件で管理人さんに電話。木曜に見に来てくれる。",
    "駅裏の小さな店で由紀とラーメン。",
    "京都行きの電車は 9:24、3 番線。",
    "バックアップから復元する手順を書き留めた。",
    "猫を病院へ。異常なし。",
  ],
};

const FAILED: Record<Language, string> = {
  en: "/home/me/notes/2023.md cannot be read: permission denied.",
  ja: "/home/me/notes/2023.md を読み込めません: アクセス権がありません。",
};

const LEFT_OUT: Record<Language, string> = {
  en: "3 files were left out because they are not UTF-8.",
  ja: "UTF-8 でないファイル 3 つを除きました。",
};

const NONE: SearchView = { state: "empty", source: null, total: 0, done: 0, model: null, message: null };

/** Plays the search: texts are embedded in time, and those that are done can be found. */
export class FakeSearch {
  private texts: readonly { text: string; place: string | null }[] = [];
  private source: string | null = null;
  private message: string | null = null;
  private beganAt = 0;

  constructor(
    private readonly scene: string | null,
    private readonly lang: Language,
    private readonly model: string,
  ) {
    if (scene !== null) {
      this.take(true);
    }
  }

  get(): SearchView {
    const total = this.texts.length;
    const view = { ...NONE, source: this.source, total, model: this.model, message: this.message };
    switch (total === 0 ? "empty" : this.scene) {
      case "empty":
        return NONE;
      case "reading":
        return { ...view, state: "reading", total: 0, model: null, message: null };
      case "failed":
        return { ...view, state: "failed", message: FAILED[this.lang] };
      case "busy":
        return { ...view, state: "embedding", done: Math.round(total * 0.42) };
      case "done":
        return { ...view, state: "ready", done: total };
    }
    const done = Math.min(total, Math.floor(((performance.now() - this.beganAt) / 1000) * PER_SECOND));
    return { ...view, state: done < total ? "embedding" : "ready", done };
  }

  paste(text: string): void {
    this.begin(
      null,
      sentences(text).map((line) => ({ text: line, place: null })),
    );
  }

  /** Takes files, or a folder. */
  take(folder: boolean): void {
    const lines = LINES[this.lang];
    const texts = Array.from({ length: folder ? IN_FOLDER : IN_FILE }, (_, at) => ({
      text: at < lines.length ? (lines[at] ?? "") : `${lines[at % lines.length] ?? ""} (${at})`,
      place: folder ? `notes/2026/${Math.floor(at / 400) + 1}.md:${(at % 400) + 1}` : `diary.md:${at + 1}`,
    }));
    this.begin(folder ? "/home/me/notes" : "/home/me/diary.md", texts);
    this.message = folder ? LEFT_OUT[this.lang] : null;
  }

  clear(): void {
    this.begin(null, []);
  }

  search(query: string): Found {
    const wanted = vectorOf(query);
    const { done } = this.get();
    const hits = this.texts
      .slice(0, done)
      .map((known) => ({ ...known, score: vectorOf(known.text).reduce((sum, value, at) => sum + value * (wanted[at] ?? 0), 0) }))
      .sort((one, other) => other.score - one.score)
      .slice(0, 10);
    return { hits, took_ms: 7.6 };
  }

  private begin(source: string | null, texts: readonly { text: string; place: string | null }[]): void {
    this.texts = texts;
    this.source = source;
    this.message = null;
    this.beganAt = performance.now();
  }
}
