import type { Hint, HintKind, Language, UpdateView } from "./bindings";

const MESSAGES: Record<Language, Record<HintKind, string>> = {
  en: {
    config: "The settings file has an error in line 3, so the daemon keeps the settings it has.",
    restart: "The daemon still runs with the settings from before: port.",
    crash: "Okibi ended unexpectedly the last time.",
  },
  ja: {
    config: "設定ファイルの 3 行目に誤りがあるため、デーモンは前の設定のまま動いています。",
    restart: "デーモンは変更前の設定のまま動いています: ポート",
    crash: "前回、Okibi が予期せず終了しました。",
  },
};

/** The hints of these kinds, in the app's words. */
export function hintsOf(kinds: readonly HintKind[], lang: Language): Hint[] {
  return kinds.map((kind) => ({ kind, message: MESSAGES[lang][kind] }));
}

/** The hints that a page's address asks for: `&hints=config,crash`. */
export function hintsScene(names: string | null, lang: Language): Hint[] {
  return hintsOf((["config", "restart", "crash"] as const).filter((kind) => names?.split(",").includes(kind)), lang);
}

const NOTES: Record<Language, string> = {
  en: "Searches in the window find notes in folders.\nThe daemon starts in half the time.",
  ja: "ウィンドウの検索で、フォルダー内のメモを探せるようになりました。\nデーモンの起動時間が半分になりました。",
};

/** What the address of updates answers: a newer version where the page's address says `&newer`. */
export function updateScene(isNewer: boolean, lang: Language): UpdateView {
  const address = "https://example.org/okibi/latest.json";
  return isNewer ? { address, version: "0.2.0", notes: NOTES[lang] } : { address, version: null, notes: null };
}
