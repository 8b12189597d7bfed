import type { LaunchView, Measure, PreviousLaunch, Stage, StageEvent } from "./bindings";
import type { RowState } from "./types";

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
  measure: Measure | null;
  /** How long it took last time. */
  lastMs: number | null;
}

/** Returns the timeline of a load: all stages, but the download only if there is one. */
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
        state: stateOf(seen, launch),
        elapsedMs: seen?.elapsed_ms ?? null,
        isRunning: isRunning && launch.state === "loading",
        measure: isRunning ? measureOf(seen) : null,
        lastMs: lastTime(launch.previous, stage),
      },
    ];
  });
}

function stateOf(seen: StageEvent | undefined, launch: LaunchView): RowState {
  const isOver = launch.state !== "loading";
  if (!seen) {
    return isOver ? "unreached" : "waiting";
  }
  const isRunning = seen.state === "started" || seen.state === "advanced";
  return isRunning && isOver ? "interrupted" : seen.state;
}

/** Whether stages ran side by side: together they took longer than the whole, by more than rounding. */
export function ranSideBySide(launch: LaunchView): boolean {
  const sum = launch.stages.reduce((all, { elapsed_ms }) => all + elapsed_ms, 0);
  return sum > launch.elapsed_ms + launch.stages.length;
}

/** How far a stage is, if that is counted. */
function measureOf({ done, total, unit }: StageEvent): Measure | null {
  return done === undefined || unit === undefined ? null : { done, total, unit };
}

function lastTime(previous: PreviousLaunch | null, stage: Stage): number | null {
  return previous?.stages.find((known) => known.stage === stage)?.took_ms ?? null;
}
