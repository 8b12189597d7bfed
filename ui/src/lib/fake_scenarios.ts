import type { DaemonView, Language, LaunchView, PreviousLaunch, Problem, Stage, StageEvent, Status } from "./bindings";

export const MODEL = "multilingual-e5-small";

export const STATUS: Status = {
  status: "running",
  ready: true,
  server_type: "okibi",
  model: MODEL,
  dimension: 384,
  max_tokens: 512,
  pid: 4821,
  version: "0.1.0",
  uptime_ms: 11_520_000,
  load_ms: 296,
  memory_bytes: 141_000_000,
  threads: 2,
  stages: [],
  requests_served: 1287,
  requests_in_flight: 1,
  texts_embedded: 20_450,
  latency: { p50_ms: 10.4, p99_ms: 23.1 },
};

/** How long each stage of a usual load takes. */
export const TIMES: readonly (readonly [Stage, number])[] = [
  ["resolve", 2],
  ["runtime", 90],
  ["tokenizer", 180],
  ["model", 201],
  ["warmup", 14],
  ["listen", 2],
];

const PREVIOUS: PreviousLaunch = {
  total_ms: 310,
  stages: TIMES.map(([stage, took_ms]) => ({ stage, took_ms })),
};

/** Sentences that the app would send. */
const SENTENCES: Record<Language, Record<"broken" | "advice" | "full" | "room" | "taken" | "other" | "port", string>> = {
  en: {
    broken: "/home/me/models/ruri/model.onnx is broken or is not a text-embedding model.",
    advice: "Fix the problem above, then start again. See the log for details.",
    full: "The disk is full: 118 MB are needed in /home/me/.cache/okibi, 40 MB are free.",
    room: "Make room on the disk, then start again. What has been downloaded is kept.",
    taken: "Port 8765 is used by anki (process 991). Anki's add-on AnkiConnect listens there by default.",
    other: "Close that program, or let Okibi use port 8766.",
    port: "“0” cannot be used. Enter a port from 1 to 65535.",
  },
  ja: {
    broken: "/home/me/models/ruri/model.onnx は壊れているか、テキスト埋め込みモデルではありません。",
    advice: "メッセージにある問題を解決してから、もう一度起動してください。詳しくはログをご覧ください。",
    full: "ディスクの空きが足りません: /home/me/.cache/okibi に 118 MB 必要ですが、空きは 40 MB です。",
    room: "ディスクの空きを増やしてから、もう一度起動してください。ダウンロード済みの分は残っています。",
    taken: "ポート 8765 は anki (プロセス 991) が使用中です。Anki のアドオン AnkiConnect は既定でこのポートを使います。",
    other: "そのプログラムを終了するか、Okibi でポート 8766 を使ってください。",
    port: "「0」は使えません。ポート番号 (1〜65535) を指定してください。",
  },
};

const LOG_TAIL = [
  "2026-11-24T04:12:00.104Z  INFO okibi: the daemon begins pid=4821 port=8765",
  "2026-11-24T04:12:00.106Z  INFO okibi_engine: model files found folder=/home/me/models/ruri",
  "2026-11-24T04:12:00.138Z ERROR okibi: the model cannot be opened error=Protobuf parsing failed.",
];

/** A sentence of the app about a field. */
export function portProblem(lang: Language): string {
  return SENTENCES[lang].port;
}

function stage(name: Stage, state: StageEvent["state"], elapsed_ms: number): StageEvent {
  return { stage: name, state, elapsed_ms };
}

/** Stages that went as usual, up to and without `end`. */
function finished(end?: Stage): StageEvent[] {
  const at = TIMES.findIndex(([name]) => name === end);
  return TIMES.slice(0, at < 0 ? undefined : at).map(([name, took]) => stage(name, "finished", took));
}

export function launch(state: LaunchView["state"], stages: StageEvent[], elapsed_ms: number): LaunchView {
  return { model: MODEL, state, elapsed_ms, stages, previous: PREVIOUS, problem: null };
}

/** A download that has come to `done` bytes. */
export function download(done: number, total: number | undefined, elapsed_ms: number): LaunchView {
  const stages: StageEvent[] = [
    stage("resolve", "finished", 240),
    { ...stage("download", "advanced", elapsed_ms), done, total, unit: "bytes" },
  ];
  return { ...launch("loading", stages, elapsed_ms + 240), model: "BAAI/bge-m3", previous: null };
}

export interface Scenario {
  daemon: DaemonView;
  launch: LaunchView | null;
}

/** What can be shown, by the name in the address: `?scenario=loading&lang=ja`. */
export function scenario(name: string, lang: Language): Scenario {
  const say = SENTENCES[lang];
  const broken: Problem = { message: say.broken, advice: say.advice, log_tail: LOG_TAIL };
  const full: Problem = { message: say.full, advice: say.room, log_tail: [] };
  const half = launch("loading", [...finished("tokenizer"), stage("tokenizer", "started", 60), stage("model", "started", 40)], 180);
  const loading: DaemonView = { state: "loading", fraction: 0.4 };
  switch (name) {
    case "loading":
      return { daemon: loading, launch: half };
    case "first":
      return { daemon: loading, launch: { ...half, previous: null } };
    case "download":
      return { daemon: loading, launch: download(31_000_000, 118_000_000, 12_000) };
    case "unmeasured":
      return { daemon: loading, launch: download(31_000_000, undefined, 12_000) };
    case "ready":
    case "launched":
      return { daemon: { state: "ready", status: STATUS }, launch: launch("ready", finished(), 310) };
    case "idle": {
      const models = [{ name: MODEL, state: "resting" as const, current: true }];
      return { daemon: { state: "ready", status: { ...STATUS, models, memory_bytes: 48_000_000, latency: undefined } }, launch: null };
    }
    case "fresh":
      return {
        daemon: { state: "ready", status: { ...STATUS, requests_served: 0, requests_in_flight: 0, texts_embedded: 0, latency: undefined } },
        launch: null,
      };
    case "stopping":
      return { daemon: { state: "stopping" }, launch: null };
    case "ended":
      return { daemon: { state: "stopped" }, launch: launch("ready", finished(), 310) };
    case "cancelled":
      return { daemon: { state: "stopped" }, launch: { ...half, state: "cancelled" } };
    case "failed":
      return {
        daemon: { state: "failed", problem: broken, again_in_ms: null },
        launch: { ...launch("failed", [...finished("tokenizer"), stage("model", "failed", 30)], 124), problem: broken },
      };
    case "died": {
      const problem: Problem = { message: say.broken, advice: null, log_tail: LOG_TAIL };
      return { daemon: { state: "failed", problem, again_in_ms: 4200 }, launch: launch("ready", finished(), 310) };
    }
    case "full": {
      const begun = download(31_000_000, 118_000_000, 12_000);
      const stages = begun.stages.map((known) => (known.stage === "download" ? { ...known, state: "failed" as const } : known));
      return { daemon: { state: "failed", problem: full, again_in_ms: null }, launch: { ...begun, stages, state: "failed", problem: full } };
    }
    case "port":
      return {
        daemon: {
          state: "port_taken",
          problem: { message: say.taken, advice: say.other, log_tail: [] },
          next_free: 8766,
        },
        launch: null,
      };
    default:
      return { daemon: { state: "stopped" }, launch: null };
  }
}
