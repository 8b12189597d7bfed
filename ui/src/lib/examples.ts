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

export type SearchExampleSet = "notes" | "tweets" | "logs";

export interface SearchExample {
  lines: readonly string[];
  /** What one may look for in them, in other words than theirs. */
  queries: readonly string[];
}

/** Lines to search in, in the language of the window. */
export const SEARCH_EXAMPLES: Record<Language, Record<SearchExampleSet, SearchExample>> = {
  en: {
    notes: {
      lines: [
        ...EXAMPLES.en.notes,
        "Renew the passport before the trip in May",
        "The landlord wants the meter read by Friday",
        "Idea for the talk: begin with a live demo",
        "Dentist on the 14th, 9:30",
        "Grandma's bread: 500 g flour, 10 g salt, an hour in the oven",
        "The bike's back tire is losing air again",
        "Books to read: one about bees, one about old maps",
      ],
      queries: ["something to eat", "appointments", "things that need repair"],
    },
    tweets: {
      lines: [
        ...EXAMPLES.en.tweets,
        "Snow on the first day of April, honestly",
        "My cat has discovered the printer. The printer has lost.",
        "Finished the marathon in under four hours!",
        "Anyone else unable to sleep when it is this hot?",
        "Four hours on the phone with the internet provider. Four.",
      ],
      queries: ["the commute", "animals", "bad weather"],
    },
    logs: {
      lines: [
        "INFO  server listening on 0.0.0.0:8080",
        "WARN  disk usage of /var is at 92 %",
        "ERROR connection to db-1 refused, retrying in 5 s",
        "INFO  backup finished, 48 files in 12 s",
        "ERROR payment 8812 declined by the bank",
        "WARN  certificate of api.example.com expires in 6 days",
        "INFO  user 204 signed in",
        "WARN  user 977 entered a wrong password three times",
        "ERROR out of memory, worker 3 was killed",
      ],
      queries: ["running out of space", "the database cannot be reached", "login problems"],
    },
  },
  ja: {
    notes: {
      lines: [
        ...EXAMPLES.ja.notes,
        "5 月の旅行までにパスポートを更新する",
        "金曜までに電気メーターの数字を大家さんに伝える",
        "発表のアイデア: 最初に実演を見せる",
        "歯医者 14 日 9:30",
        "祖母のパン: 小麦粉 500 g、塩 10 g、オーブンで 1 時間",
        "自転車の後輪の空気がまた抜けている",
        "読みたい本: ミツバチの本、古地図の本",
      ],
      queries: ["食べ物", "予約した用事", "修理が必要なもの"],
    },
    tweets: {
      lines: [
        ...EXAMPLES.ja.tweets,
        "4 月になったのに雪が降るなんて",
        "うちの猫がプリンターを見つけた。プリンターの負け。",
        "フルマラソン、4 時間切りで完走した!",
        "暑すぎて眠れない人いますか",
        "プロバイダーのサポートに電話して 2 時間待ち…",
      ],
      queries: ["通勤", "動物", "悪い天気"],
    },
    logs: {
      lines: [
        "INFO  サーバーをポート 8080 で開始しました",
        "WARN  /var の使用率が 92 % です",
        "ERROR db-1 に接続できません。5 秒後に再試行します",
        "INFO  バックアップ完了: 48 ファイル、12 秒",
        "ERROR 決済 8812 が銀行に拒否されました",
        "WARN  api.example.com の証明書の期限まであと 6 日です",
        "INFO  ユーザー 204 がログインしました",
        "WARN  ユーザー 977 がパスワードを 3 回間違えました",
        "ERROR メモリ不足のためワーカー 3 を終了しました",
      ],
      queries: ["空き容量が足りない", "データベースにつながらない", "ログインの問題"],
    },
  },
};

/** What one may look for in a text, if it is an example. */
export function exampleQueries(text: string): readonly string[] {
  const known = Object.values(SEARCH_EXAMPLES).flatMap((sets) => Object.values(sets));
  return known.find(({ lines }) => lines.join("\n") === text)?.queries ?? [];
}
