import type { Language, LoadedModel, ModelEntry, ModelsView, PullView, Status, SwitchView, View } from "./bindings";
import { addSample, type Sample } from "./pace";
import type { ModelFilter, Standing } from "./types";

export const FILTERS: readonly ModelFilter[] = ["all", "here", "japanese"];

/** The code of a model that knows a hundred languages or so. */
const MANY = "mul";

/** Returns what commands and the setting `model` call a model: its name, or its folder's path. */
export function valueOf(row: ModelEntry): string {
  return row.origin === "folder" ? (row.folder ?? row.name) : row.name;
}

/** What the daemon, its clients and the settings may call a model. */
export function namesOf(row: ModelEntry): string[] {
  return [row.name, valueOf(row)];
}

/** Whether a name of the daemon or of the settings means this model. */
function isCalled(row: ModelEntry, name: string): boolean {
  return namesOf(row).includes(name);
}

/** The models that the daemon knows: loaded, loading, or idle. */
function loadedModels(view: View): readonly LoadedModel[] {
  return view.daemon.state === "ready" ? (view.daemon.status.models ?? []) : [];
}

/** Whether the current model is idle: unloaded until the next request. */
export function isIdle(status: Status): boolean {
  return status.models?.find((model) => model.current)?.state === "resting";
}

/** Whether it answers requests that name no model. */
export function isCurrent(row: ModelEntry, view: View): boolean {
  if (view.daemon.state !== "ready") {
    return false;
  }
  const current = loadedModels(view).find((model) => model.current)?.name ?? view.daemon.status.model;
  return isCalled(row, current);
}

/** Whether the next start loads it. */
export function isChosen(row: ModelEntry, view: View): boolean {
  return isCalled(row, view.model);
}

/** Returns the download of a model. */
export function pullOf(row: ModelEntry, view: View): PullView | undefined {
  return view.pulls.find((pull) => isCalled(row, pull.model));
}

/** Returns the switch to a model. */
export function switchTo(row: ModelEntry, view: View): SwitchView | undefined {
  return view.switch && isCalled(row, view.switch.model) ? view.switch : undefined;
}

/** Returns the state of a model. */
export function standing(row: ModelEntry, view: View): Standing {
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
  switch (loadedModels(view).find((model) => isCalled(row, model.name))?.state) {
    case "loading":
      return "loading";
    case "resting":
      return "idle";
    case "ready":
      return isCurrent(row, view) ? "current" : "loaded";
    default:
      return isCurrent(row, view) ? "current" : row.presence;
  }
}

/** What can be done with a model. */
export interface Possible {
  use: boolean;
  /** A download, or the rest of one. */
  pull: boolean;
  cancel: boolean;
  unload: boolean;
  remove: boolean;
}

export function possible(row: ModelEntry, view: View): Possible {
  const now = standing(row, view);
  const isBusy = now === "downloading" || now === "loading";
  const isSwitching = view.switch?.progress.state === "loading" || view.daemon.state === "loading" || view.daemon.state === "stopping";
  const isHere = row.presence === "here";
  return {
    use: isHere && !isBusy && !isSwitching && !isCurrent(row, view),
    pull: row.origin === "hub" && !isHere && !isBusy,
    cancel: now === "downloading",
    unload: now === "loaded",
    // Not while the daemon has it loaded or idle: the daemon would lose its files.
    remove: row.origin !== "embedded" && row.presence !== "absent" && ["here", "partial"].includes(now) && !isChosen(row, view),
  };
}

/** Returns the names of a model's languages; `many` stands for a hundred or so. */
export function languageNames(row: ModelEntry, lang: Language, many: string): string[] {
  const names = new Intl.DisplayNames([lang], { type: "language" });
  return (row.languages ?? []).map((code) => (code === MANY ? many : (names.of(code) ?? code)));
}

/** Returns the languages that a row shows: of a hundred, it does not name three. */
export function shownLanguages(row: ModelEntry, lang: Language, many: string): string[] {
  return row.languages?.includes(MANY) ? [many] : languageNames(row, lang, many);
}

/** The models that are offered, in the order of the offer. */
export function offeredModels(models: ModelsView): ModelEntry[] {
  return models.offers.flatMap((value) => models.models.find((row) => valueOf(row) === value) ?? []);
}

function fold(text: string): string {
  return text.normalize("NFKC").toLowerCase();
}

/** Whether each word of `query` is somewhere in what the row shows, in any width and case. */
export function isFound(row: ModelEntry, query: string, lang: Language, many: string): boolean {
  const said = [row.name, valueOf(row), row.repository, row.licence, row.good_for?.[lang], ...languageNames(row, lang, many)];
  const text = fold(said.filter(Boolean).join(" "));
  return fold(query)
    .split(/\s+/)
    .every((word) => text.includes(word));
}

function passes(row: ModelEntry, filter: ModelFilter, view: View): boolean {
  switch (filter) {
    case "here":
      return row.presence !== "absent" || standing(row, view) === "downloading";
    case "japanese":
      return ["ja", MANY].some((code) => row.languages?.includes(code));
    default:
      return true;
  }
}

/** Orders models: the current one first, then those here, the last used first, then the rest as listed. */
function sorted(rows: readonly ModelEntry[], view: View): ModelEntry[] {
  const rank = (row: ModelEntry): number =>
    isCurrent(row, view) ? 0 : row.presence === "here" ? 1 : row.presence === "partial" || pullOf(row, view) ? 2 : 3;
  return rows
    .map((row, at) => ({ row, at, rank: rank(row) }))
    .sort(
      (one, other) =>
        one.rank - other.rank ||
        (one.rank < 3 ? (other.row.last_used_ms ?? 0) - (one.row.last_used_ms ?? 0) : 0) ||
        one.at - other.at,
    )
    .map(({ row }) => row);
}

/**
 * Returns the models in the order in which a page shows them. Those that it has shown `before` stay where they are,
 * whatever becomes of them: a card does not jump away from under the hand. New ones come last.
 */
export function orderOf(rows: readonly ModelEntry[], view: View, before: readonly string[]): string[] {
  const added = rows.filter((row) => !before.includes(valueOf(row)));
  return [...before, ...sorted(added, view).map(valueOf)];
}

/** Returns the models to show, in this order. */
export function shownModels(
  rows: readonly ModelEntry[],
  order: readonly string[],
  view: View,
  filter: ModelFilter,
  query: string,
  many: string,
): ModelEntry[] {
  return order
    .flatMap((value) => rows.find((row) => valueOf(row) === value) ?? [])
    .filter((row) => passes(row, filter, view) && isFound(row, query, view.lang, many));
}

/** Returns the state of each model, to find out what changes. */
export function standings(rows: readonly ModelEntry[], view: View): Map<string, Standing> {
  return new Map(rows.map((row) => [valueOf(row), standing(row, view)]));
}

/** Returns a model whose state has changed; `null` if there is none. A new model does not count. */
export function changedModel(before: ReadonlyMap<string, Standing>, after: ReadonlyMap<string, Standing>): string | null {
  for (const [value, now] of after) {
    const was = before.get(value);
    if (was !== undefined && was !== now) {
      return value;
    }
  }
  return null;
}

/** Before anything is downloaded. */
export const NO_SAMPLES: ReadonlyMap<string, readonly Sample[]> = new Map();

/** Adds the progress in a view to the samples of each download; drops those of downloads that are over. */
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
