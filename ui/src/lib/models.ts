import type { Language, ModelRow, ModelsView, PullView, SwitchView, View } from "./bindings";
import { addSample, type Sample } from "./stages";

/** How a model stands, in the one word that its row shows. */
export type Standing = "in_use" | "loading" | "ready" | "resting" | "here" | "downloading" | "partial" | "absent";

/** Which models are shown. */
export type ModelFilter = "all" | "here" | "japanese";

export const FILTERS: readonly ModelFilter[] = ["all", "here", "japanese"];

/** The code of a model that knows a hundred languages or so. */
const MANY = "mul";

/** Whether the daemon's name for a model, or the setting's, means this one. */
function isCalled(row: ModelRow, name: string): boolean {
  return name === row.value || name === row.name;
}

/** Whether requests that name no model are answered by it. */
export function isCurrent(row: ModelRow, view: View): boolean {
  if (view.daemon.state !== "ready") {
    return false;
  }
  const current = view.held.find((held) => held.is_current)?.model ?? view.daemon.status.model;
  return isCalled(row, current);
}

/** Whether the next start loads it. */
export function isChosen(row: ModelRow, view: View): boolean {
  return isCalled(row, view.model);
}

/** The download of a model. */
export function pullOf(row: ModelRow, view: View): PullView | undefined {
  return view.pulls.find((pull) => isCalled(row, pull.model));
}

/** The change to a model. */
export function switchTo(row: ModelRow, view: View): SwitchView | undefined {
  return view.switch && isCalled(row, view.switch.model) ? view.switch : undefined;
}

/** How a model stands. */
export function standing(row: ModelRow, view: View): Standing {
  if (pullOf(row, view)?.progress.state === "running") {
    return "downloading";
  }
  if (switchTo(row, view)?.progress.state === "loading") {
    return "loading";
  }
  if (view.daemon.state === "loading") {
    const model = view.launch?.state === "loading" ? view.launch.model : view.model;
    if (isCalled(row, model)) {
      return "loading";
    }
  }
  const held = view.daemon.state === "ready" ? view.held.find((known) => isCalled(row, known.model)) : undefined;
  if (held?.state === "loading" || held?.state === "resting") {
    return held.state;
  }
  if (isCurrent(row, view)) {
    return view.daemon.state === "ready" && view.daemon.status.is_resting ? "resting" : "in_use";
  }
  if (held?.state === "ready") {
    return "ready";
  }
  return row.presence;
}

/** What can be done with a model. */
export interface Possible {
  use: boolean;
  /** A download, or the rest of one. */
  pull: boolean;
  cancel: boolean;
  remove: boolean;
}

export function possible(row: ModelRow, view: View): Possible {
  const now = standing(row, view);
  const isBusy = now === "downloading" || now === "loading";
  const isSwitching = view.switch?.progress.state === "loading" || view.daemon.state === "loading" || view.daemon.state === "stopping";
  const isHere = row.presence === "here";
  return {
    use: isHere && !isBusy && !isSwitching && !isCurrent(row, view),
    pull: row.origin === "hub" && !isHere && !isBusy,
    cancel: now === "downloading",
    // A model that the daemon holds is in its hands: it is unloaded before its files go.
    remove: row.origin !== "embedded" && row.presence !== "absent" && ["here", "partial"].includes(now) && !isChosen(row, view),
  };
}

/** The names of a model's languages; `many` stands for a hundred or so. */
export function languageNames(row: ModelRow, lang: Language, many: string): string[] {
  const names = new Intl.DisplayNames([lang], { type: "language" });
  return row.languages.map((code) => (code === MANY ? many : (names.of(code) ?? code)));
}

/** The languages that a row tells: of a hundred, one does not name three. */
export function shownLanguages(row: ModelRow, lang: Language, many: string): string[] {
  return row.languages.includes(MANY) ? [many] : languageNames(row, lang, many);
}

/** The models that are offered, in the order of the offer. */
export function offeredModels(models: ModelsView): ModelRow[] {
  return models.offers.flatMap((value) => models.models.find((row) => row.value === value) ?? []);
}

function fold(text: string): string {
  return text.normalize("NFKC").toLowerCase();
}

/** Whether each word of `query` is found somewhere in what the row says, in any width and case. */
export function isFound(row: ModelRow, query: string, lang: Language, many: string): boolean {
  const said = [row.name, row.value, row.repository, row.licence, row.good_for, ...languageNames(row, lang, many)];
  const text = fold(said.filter(Boolean).join(" "));
  return fold(query)
    .split(/\s+/)
    .every((word) => text.includes(word));
}

function passes(row: ModelRow, filter: ModelFilter, view: View): boolean {
  switch (filter) {
    case "here":
      return row.presence !== "absent" || standing(row, view) === "downloading";
    case "japanese":
      return row.languages.includes("ja") || row.languages.includes(MANY);
    default:
      return true;
  }
}

/** Models that are shown: the one in use first, then what is here, the last used first, then the rest as it came. */
export function shownModels(rows: readonly ModelRow[], view: View, filter: ModelFilter, query: string, many: string): ModelRow[] {
  const rank = (row: ModelRow): number =>
    isCurrent(row, view) ? 0 : row.presence === "here" ? 1 : row.presence === "partial" || pullOf(row, view) ? 2 : 3;
  return rows
    .filter((row) => passes(row, filter, view) && isFound(row, query, view.lang, many))
    .map((row, at) => ({ row, at, rank: rank(row) }))
    .sort(
      (one, other) =>
        one.rank - other.rank ||
        (one.rank < 3 ? (other.row.last_used_ms ?? 0) - (one.row.last_used_ms ?? 0) : 0) ||
        one.at - other.at,
    )
    .map(({ row }) => row);
}

/** The standings of all models, to tell what has changed. */
export function standings(rows: readonly ModelRow[], view: View): Map<string, Standing> {
  return new Map(rows.map((row) => [row.value, standing(row, view)]));
}

/** A model whose standing has changed between two looks; `null` where none has. A model that is new says nothing. */
export function changedModel(before: ReadonlyMap<string, Standing>, after: ReadonlyMap<string, Standing>): string | null {
  for (const [value, now] of after) {
    const was = before.get(value);
    if (was !== undefined && was !== now) {
      return value;
    }
  }
  return null;
}

/** Adds to each download's samples what a view tells; a download that is over is forgotten. */
export function followPulls(
  samples: ReadonlyMap<string, readonly Sample[]>,
  pulls: readonly PullView[],
  at: number,
): Map<string, readonly Sample[]> {
  const running = pulls.flatMap(({ model, progress }) => (progress.state === "running" ? [{ model, done: progress.done }] : []));
  return new Map(
    running.map(({ model, done }) => {
      const earlier = (samples.get(model) ?? []).filter((sample) => sample.at < at);
      return [model, addSample(earlier, { at, done })];
    }),
  );
}
