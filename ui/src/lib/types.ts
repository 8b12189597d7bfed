import type { StageState } from "./bindings";

/**
 * The state of a stage as its row shows it: "waiting" has not begun, "interrupted" was cut short by the end of the load,
 * and "unreached" would have come after that.
 */
export type RowState = StageState | "waiting" | "interrupted" | "unreached";

/**
 * The state of a model, in the one word that its row shows. Loaded are "current", which answers requests that name no
 * model, and "loaded"; "idle" is unloaded until the next request.
 */
export type Standing = "current" | "loading" | "loaded" | "idle" | "here" | "downloading" | "partial" | "absent";

/** Which models are shown. */
export type ModelFilter = "all" | "here" | "japanese";

/** Which lines of the log are shown. */
export type LogChoice = "all" | "warnings" | "errors";
