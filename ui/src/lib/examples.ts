import type { Language } from "./bindings";

export type ExampleSet = "notes" | "tweets" | "mixed";

const MIXED = [
  "火を一晩絶やさないようにする方法",
  "How to keep a fire alive overnight",
  "今日はとても暑い",
  "It is extremely hot today",
  "Où est la gare la plus proche ?",
  "一番近い駅はどこですか",
];

/** Sentences to begin with, in the language of the window. */
export const EXAMPLES: Record<Language, Record<ExampleSet, readonly string[]>> = {
  en: {
    notes: [
      "Present the new search feature at next week's meeting",
      "Agenda for Monday: how to improve search",
      "Buy milk and eggs on the way home",
      "Groceries: bread, eggs, milk",
      "Ordered a birthday present for Mum",
    ],
    tweets: [
      "Train is late again, I'll never make it to the meeting…",
      "Signal failure on the Central line, everybody is going to be late",
      "Best ramen I have had in months",
      "That new noodle place is worth the queue",
      "I got tickets for the concert!",
    ],
    mixed: MIXED,
  },
  ja: {
    notes: [
      "来週の会議で新しい検索機能について話す",
      "月曜のミーティングの議題: 検索の改善",
      "牛乳と卵を買って帰る",
      "スーパーで買うもの: パン、卵、牛乳",
      "母の誕生日プレゼントを予約した",
    ],
    tweets: [
      "電車が遅れてて会議に間に合わない…",
      "人身事故で中央線が止まってる、遅刻確定",
      "今日のラーメン最高だった",
      "新しくできたつけ麺屋さん、並ぶ価値あり",
      "推しのライブのチケットが当たった!",
    ],
    mixed: MIXED,
  },
};
