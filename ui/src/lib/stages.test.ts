import { describe, expect, it } from "vitest";

import type { LaunchView, Measure, StageEvent } from "./bindings";
import { ranSideBySide, stageRows, STAGES } from "./stages";

function stage(name: StageEvent["stage"], state: StageEvent["state"], measure?: Measure): StageEvent {
  return { stage: name, state, elapsed_ms: 40, ...measure };
}

function launch(stages: StageEvent[], state: LaunchView["state"] = "loading"): LaunchView {
  return { model: "m", state, elapsed_ms: 100, stages, previous: null, problem: null };
}

describe("stage rows", () => {
  it("shows what has not begun as waiting, but no download that nobody needs", () => {
    const rows = stageRows(launch([stage("resolve", "finished"), stage("runtime", "started")]));
    expect(rows.map((row) => row.stage)).toEqual(STAGES.filter((name) => name !== "download"));
    expect(rows.map((row) => row.state)).toEqual(["finished", "started", "waiting", "waiting", "waiting", "waiting"]);
    expect(rows.map((row) => row.elapsedMs)).toEqual([40, 40, null, null, null, null]);
  });

  it("puts a download that has begun in its place", () => {
    const measure = { done: 3, total: 9, unit: "bytes" as const };
    const rows = stageRows(launch([stage("resolve", "finished"), stage("download", "advanced", measure)]));
    expect(rows[1]).toMatchObject({ stage: "download", measure, isRunning: true });
  });

  it("keeps the order of a load whatever the order of the events", () => {
    const rows = stageRows(launch([stage("model", "started"), stage("tokenizer", "started"), stage("resolve", "finished")]));
    expect(rows.map((row) => row.stage)).toEqual(STAGES.filter((name) => name !== "download"));
  });

  it("runs two clocks where two stages run side by side", () => {
    const rows = stageRows(launch([stage("tokenizer", "started"), stage("model", "advanced")]));
    expect(rows.filter((row) => row.isRunning).map((row) => row.stage)).toEqual(["tokenizer", "model"]);
  });

  it.each(["failed", "cancelled"] as const)("stops the clock of what a %s load has cut short", (state) => {
    const rows = stageRows(launch([stage("model", "advanced", { done: 1, total: 2, unit: "items" })], state));
    const row = rows.find((known) => known.stage === "model");
    expect(row).toMatchObject({ state: "interrupted", isRunning: false, elapsedMs: 40 });
  });

  it.each(["failed", "cancelled"] as const)("waits for nothing in a %s load", (state) => {
    const rows = stageRows(launch([stage("resolve", "finished"), stage("runtime", "failed")], state));
    expect(rows.map((row) => row.state)).toEqual(["finished", "failed", "unreached", "unreached", "unreached", "unreached"]);
  });

  it("waits for nothing once the daemon is ready", () => {
    const rows = stageRows(launch([stage("resolve", "finished"), stage("listen", "finished")], "ready"));
    expect(rows.map((row) => row.stage)).toEqual(["resolve", "listen"]);
  });

  it("has the time of the last load beside each stage that was in it", () => {
    const previous = { total_ms: 9, stages: [{ stage: "model" as const, took_ms: 7 }] };
    const rows = stageRows({ ...launch([]), previous });
    expect(rows.map((row) => row.lastMs)).toEqual([null, null, null, 7, null, null]);
  });
});

describe("stages side by side", () => {
  it("are those that took longer together than the whole", () => {
    const three = [stage("runtime", "finished"), stage("tokenizer", "finished"), stage("model", "finished")];
    expect(ranSideBySide({ ...launch(three, "ready"), elapsed_ms: 80 })).toBe(true);
    expect(ranSideBySide({ ...launch(three, "ready"), elapsed_ms: 130 })).toBe(false);
    // Times are rounded.
    expect(ranSideBySide({ ...launch(three, "ready"), elapsed_ms: 119 })).toBe(false);
  });
});
