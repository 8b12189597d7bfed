import type { LaunchView, MeasureView, PreviousLaunch, Stage } from "./bindings";
import type { RowState } from "./messages/table";

/** Every stage, in the order of a load. */
export const STAGES: readonly Stage[] = ["resolve", "download", "runtime", "tokenizer", "model", "warmup", "listen"];

/** A line of the timeline. */
export interface StageRow {
  stage: Stage;
  state: RowState;
  /** Time at the moment of the view; `null` for a stage that waits. */
  elapsedMs: number | null;
  /** Whether its clock runs. */
  isRunning: boolean;
  measure: MeasureView | null;
  /** How long it took the last time. */
  lastMs: number | null;
}

/** The timeline of a load: all stages, but a download only where there is one. */
export function stageRows(launch: LaunchView): StageRow[] {
  return STAGES.flatMap((stage) => {
    const seen = launch.stages.find((known) => known.stage === stage);
    if (!seen && (stage === "download" || launch.state === "ready")) {
      return [];
    }
    const isRunning = seen?.state === "started" || seen?.state === "advanced";
    return [
      {
        stage,
        state: isRunning && launch.state !== "loading" ? "interrupted" : (seen?.state ?? "waiting"),
        elapsedMs: seen?.elapsed_ms ?? null,
        isRunning: isRunning && launch.state === "loading",
        measure: isRunning ? seen.measure : null,
        lastMs: lastTime(launch.previous, stage),
      },
    ];
  });
}

function lastTime(previous: PreviousLaunch | null, stage: Stage): number | null {
  return previous?.stages.find((known) => known.stage === stage)?.took_ms ?? null;
}

/** A measure at a time, by `performance.now()`. */
export interface Sample {
  at: number;
  done: number;
}

/** Samples older than this do not count for the speed. */
const WINDOW_MS = 5000;

/** Adds a sample and drops what is too old; a count that went back begins anew. */
export function addSample(samples: readonly Sample[], sample: Sample): Sample[] {
  const last = samples[samples.length - 1];
  if (last && sample.done < last.done) {
    return [sample];
  }
  return [...samples.filter((known) => sample.at - known.at <= WINDOW_MS), sample];
}

/** Speed in units a second and the milliseconds that are left; `null` while it cannot be told. */
export function pace(samples: readonly Sample[], total: number | null): { perSecond: number; leftMs: number | null } | null {
  const first = samples[0];
  const last = samples[samples.length - 1];
  if (!first || !last || last.at - first.at < 500 || last.done <= first.done) {
    return null;
  }
  const perSecond = ((last.done - first.done) / (last.at - first.at)) * 1000;
  return { perSecond, leftMs: total === null ? null : Math.max(0, (total - last.done) / perSecond) * 1000 };
}
