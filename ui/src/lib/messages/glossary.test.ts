import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { describe, expect, it } from "vitest";

import { messagesOf } from ".";

const CRATES = fileURLToPath(new URL("../../../../crates/", import.meta.url));
const SENTENCES = join(CRATES, "messages/src");
const SETTINGS = join(CRATES, "config/src/settings/table.rs");

/** A spelling that is not used, and the word that is used instead. */
type Rule = readonly [RegExp, string];

/** In every language. */
const BOTH: readonly Rule[] = [[/[Ａ-Ｚａ-ｚ０-９（）]/, "letters, digits and brackets of half width"]];

const ENGLISH: readonly Rule[] = [
  [/\bprocessors?\b/i, "CPU"],
  [/\bdirector(y|ies)\b/i, "folder"],
  [/\bcancell(ed|ing)\b/i, "canceled, canceling"],
  [/\babort/i, "cancel"],
  [/\blicen[c]e/i, "license"],
  [/\bcolou[r]/i, "color"],
  [/(normal|initial|optim)i[s]/i, "-ize"],
  [/\bembedded model/i, "bundled model"],
  [/\bcurrently used model|\bmodel in use\b/i, "current model"],
  [/\b(resting|rests)\b/i, "idle (unloaded)"],
  [/\bto be had\b|\banew\b|\bwhoever\b|\bso long as\b/i, "available, again, who, as long as"],
];

/** The pages speak of the computer that they stand on. */
const ENGLISH_OF_PAGES: readonly Rule[] = [[/\bmachine\b/i, "computer"]];

const JAPANESE: readonly Rule[] = [
  [/メモリー/, "メモリ"],
  [/プロセッサ/, "CPU"],
  [/マシン|コンピュータ/, "パソコン"],
  [/中止/, "キャンセル"],
  [/やり直/, "再試行、もう一度"],
  [/フォルダ(?!ー)|ディレクトリ/, "フォルダー"],
  [/リポジトリー/, "リポジトリ"],
  [/ライブラリー/, "ライブラリ"],
  [/サーバ(?!ー)/, "サーバー"],
  [/ブラウザ(?!ー)/, "ブラウザー"],
  [/ユーザ(?!ー)/, "ユーザー"],
  [/ドライバ(?!ー)/, "ドライバー"],
  [/トークナイザ(?!ー)/, "トークナイザー"],
  [/コンテナ(?!ー)/, "コンテナー"],
  [/埋込|うめこみ/, "埋め込み"],
  [/インデックス|インデクス/, "索引"],
  [/装置/, "デバイス"],
  [/落ち(た|る)/, "異常終了"],
  [/同梱/, "付属"],
  [/今のモデル/, "現在のモデル"],
  [/既に/, "すでに"],
  [/他の/, "ほかの"],
  [/[ぁ-んァ-ヶ一-龠][A-Za-z0-9]|[A-Za-z0-9][ぁ-んァ-ヶ一-龠]/, "a space between Japanese and other letters"],
];

const IS_JAPANESE = /[ぁ-んァ-ヶ一-龠]/;

/** Every word of a table; sentences with gaps have `…` there. */
function words(table: object): string[] {
  return Object.values(table).flatMap((value: unknown) => {
    if (typeof value === "function") {
      return [String((value as (...given: string[]) => string)(...Array<string>(value.length).fill("…")))];
    }
    return typeof value === "object" && value !== null ? words(value) : [String(value)];
  });
}

/** The strings of a Rust file, each in one line; what is between backticks is code. */
function strings(path: string): string[] {
  const code = readFileSync(path, "utf8")
    .replace(/^\s*\/\/.*$/gm, "")
    .split("#[cfg(test)]")[0] ?? "";
  return [...code.matchAll(/"((?:[^"\\]|\\[^])*)"/g)].map((found) =>
    (found[1] ?? "").replace(/\\\n\s*/g, "").replace(/\\n/g, " ").replace(/\\u\{[0-9a-f]+\}/g, "").replace(/`[^`]*`/g, "`…`"),
  );
}

function faults(text: string, rules: readonly Rule[]): string[] {
  return rules.filter(([forbidden]) => forbidden.test(text)).map(([, allowed]) => `${text} → ${allowed}`);
}

function rulesOf(text: string): readonly Rule[] {
  return [...BOTH, ...(IS_JAPANESE.test(text) ? JAPANESE : ENGLISH)];
}

describe("every word has one spelling", () => {
  it.each(["en", "ja"] as const)("on the pages: %s", (lang) => {
    const said = words(messagesOf(lang));
    expect(said.flatMap((text) => faults(text, [...rulesOf(text), ...(lang === "en" ? ENGLISH_OF_PAGES : [])]))).toEqual([]);
  });

  const files = readdirSync(SENTENCES).filter((name) => name.endsWith(".rs") && !name.endsWith("_tests.rs"));
  it.each([...files.map((name) => join(SENTENCES, name)), SETTINGS])("in the app's sentences: %s", (path) => {
    expect(strings(path).flatMap((text) => faults(text, rulesOf(text)))).toEqual([]);
  });

  it("and another one is found", () => {
    expect(faults("The processor of this directory", ENGLISH)).toHaveLength(2);
    expect(faults("メモリーに置くフォルダ", JAPANESE)).toHaveLength(2);
    expect(faults("メモリに置くフォルダー", JAPANESE)).toEqual([]);
    expect(strings(join(SENTENCES, "tray.rs"))).toContain("状態…");
  });
});
