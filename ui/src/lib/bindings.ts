// Generated from src-tauri/src/contract.rs. Do not edit.

export type Stage = "resolve" | "download" | "runtime" | "tokenizer" | "model" | "warmup" | "listen";
export type StageState = "started" | "advanced" | "finished" | "failed";
export type Unit = "bytes" | "items";
export type ModelOrigin = "embedded" | "folder" | "hub";
export type ModelState = "unloaded" | "loading" | "ready" | "resting" | "failed";
export type Presence = "here" | "partial" | "absent";
export type Variant = "auto" | "fp32" | "fp16" | "int8" | "q4";
export type Language = "en" | "ja";
export type View = {
/**
 * The language in use.
 */
lang: Language,
/**
 * Where the daemon stands, as it was last told by the daemon itself.
 */
daemon: DaemonView,
/**
 * The load under way, or the last one since the app started.
 */
launch: LaunchView | null,
/**
 * The port of the settings.
 */
port: number,
/**
 * Where other apps reach the daemon: `ws://127.0.0.1:8765`.
 */
address: string,
/**
 * The model of the settings: a name, or the path of a folder.
 */
model: string,
/**
 * What this desktop lacks, in words: no notifications, no tray.
 */
missing: Array<string>,
/**
 * Downloads of models under way, and those that failed.
 */
pulls: Array<PullView>,
/**
 * The change of a ready daemon to another model, under way or failed.
 */
switch: SwitchView | null,
/**
 * What the daemon holds of models.
 */
held: Array<HeldView>,
/**
 * Another number whenever the models on this machine may have changed: who shows them asks again.
 */
library: number,
/**
 * Whether better models for the user's language are still to be offered.
 */
has_offers: boolean, };
export type DaemonView = { "state": "stopped" } | { "state": "loading",
/**
 * Share of the load that is done, 0 to 1.
 */
fraction: number, } | { "state": "ready",
/**
 * What it says of itself.
 */
status: StatusView, } | { "state": "stopping" } | { "state": "failed",
/**
 * Why.
 */
problem: Problem, } | { "state": "port_taken",
/**
 * Why, and what to do.
 */
problem: Problem,
/**
 * The next port that is free.
 */
next_free: number | null, };
export type StatusView = {
/**
 * The model's name.
 */
model: string,
/**
 * Whether its weights were put away because nobody asked for it; the next request loads them again.
 */
is_resting: boolean,
/**
 * Length of a vector.
 */
dimension: number | null,
/**
 * Tokens of a text that the model reads.
 */
max_tokens: number | null,
/**
 * Process id.
 */
pid: number,
/**
 * Version of the daemon.
 */
version: string,
/**
 * Time since the daemon began.
 */
uptime_ms: number,
/**
 * Time from the daemon's start to its readiness.
 */
load_ms: number | null,
/**
 * Resident memory.
 */
memory_bytes: number | null,
/**
 * Threads the model computes with.
 */
threads: number | null,
/**
 * Requests for embeddings answered since the start.
 */
requests_served: number,
/**
 * Requests being worked on.
 */
requests_in_flight: number,
/**
 * Texts embedded since the start.
 */
texts_embedded: number,
/**
 * Time from a request's arrival to its answer, over the last minute; absent where there was none.
 */
latency: LatencyView | null, };
export type LatencyView = {
/**
 * The median.
 */
p50_ms: number,
/**
 * 99 of 100 are at most this.
 */
p99_ms: number, };
export type LaunchView = {
/**
 * The model's name, or its folder.
 */
model: string,
/**
 * How it stands.
 */
state: LaunchState,
/**
 * Time since it began; its whole time once it is over.
 */
elapsed_ms: number,
/**
 * The stages that have begun, in order.
 */
stages: Array<StageView>,
/**
 * The last load of this model that went well: what to expect.
 */
previous: PreviousLaunch | null,
/**
 * Why it failed.
 */
problem: Problem | null, };
export type LaunchState = "loading" | "ready" | "failed" | "cancelled";
export type StageView = {
/**
 * Which.
 */
stage: Stage,
/**
 * How it stands.
 */
state: StageState,
/**
 * Time since it began; its whole time once it is over.
 */
elapsed_ms: number,
/**
 * How far it is, where that is counted.
 */
measure: MeasureView | null, };
export type MeasureView = {
/**
 * How much is done.
 */
done: number,
/**
 * How much there is, where that is known.
 */
total: number | null,
/**
 * What is counted.
 */
unit: Unit, };
export type PreviousLaunch = {
/**
 * The whole.
 */
total_ms: number,
/**
 * Each stage that it passed, in order.
 */
stages: Array<PreviousStage>, };
export type PreviousStage = {
/**
 * Which.
 */
stage: Stage,
/**
 * How long it took.
 */
took_ms: number, };
export type Problem = {
/**
 * One sentence.
 */
message: string,
/**
 * What to do about it.
 */
advice: string | null,
/**
 * The end of the daemon's log, oldest line first; may be empty.
 */
log_tail: Array<string>, };
export type PullView = {
/**
 * The model's value.
 */
model: string,
/**
 * How it stands.
 */
progress: PullProgress, };
export type PullProgress = { "state": "running",
/**
 * Bytes that are here.
 */
done: number,
/**
 * All bytes, once that is known.
 */
total: number | null, } | { "state": "failed",
/**
 * Why, and what to do.
 */
message: string, };
export type SwitchView = {
/**
 * The model's value.
 */
model: string,
/**
 * How it stands.
 */
progress: SwitchProgress, };
export type SwitchProgress = { "state": "loading",
/**
 * Share of the load that is done, 0 to 1.
 */
fraction: number,
/**
 * How far its download is, where there is one.
 */
download: MeasureView | null, } | { "state": "failed",
/**
 * Why, and what to do.
 */
message: string,
/**
 * Whether there is memory for it once the present model has gone.
 */
may_replace: boolean, };
export type HeldView = {
/**
 * The model's name, as the daemon has it.
 */
model: string,
/**
 * What is held.
 */
state: ModelState,
/**
 * Whether it answers requests that name no model.
 */
is_current: boolean,
/**
 * Why its last load failed, or what is to be known about it.
 */
note: string | null, };
export type ModelsView = {
/**
 * First what is here, then what is known, each by name.
 */
models: Array<ModelRow>,
/**
 * The folder that downloads go to.
 */
cache: string,
/**
 * Bytes free there, where the OS tells it.
 */
free_bytes: number | null,
/**
 * Values of the models to be offered for the user's language; empty once they have been dismissed.
 */
offers: Array<string>,
/**
 * The variable of the environment that decides which model a start loads.
 */
fixed: string | null, };
export type ModelRow = {
/**
 * What commands and the setting `model` call it: its name, or its folder's path.
 */
value: string,
/**
 * What people call it.
 */
name: string,
/**
 * Where it comes from.
 */
origin: ModelOrigin,
/**
 * Whether its files are here.
 */
presence: Presence,
/**
 * Length of a vector, where that is known.
 */
dimension: number | null,
/**
 * Tokens of a text that it reads, where that is known.
 */
max_tokens: number | null,
/**
 * Bytes on disk where it is here, else about as many as would be fetched.
 */
size_bytes: number | null,
/**
 * When it was last loaded, in milliseconds since 1970.
 */
last_used_ms: number | null,
/**
 * Its licence.
 */
licence: string | null,
/**
 * Its languages as BCP 47 codes; `mul` for a hundred or so.
 */
languages: Array<string>,
/**
 * What it is good for, in the user's language.
 */
good_for: string | null,
/**
 * The hub's repository that its files come from.
 */
repository: string | null,
/**
 * The folder with its files, where they are here.
 */
folder: string | null, };
export type WindowName = "progress" | "status" | "try" | "models" | "settings";
export type Place = "log" | "config" | "models";
export type About = {
/**
 * Version of this app.
 */
version: string,
/**
 * The daemon's log.
 */
log: string,
/**
 * The configuration file.
 */
config: string,
/**
 * The folder of downloaded models.
 */
models: string, };
export type Embedded = {
/**
 * The model's name.
 */
model: string,
/**
 * One unit-length vector per text, in their order.
 */
vectors: Array<Array<number>>,
/**
 * Tokens of each text.
 */
tokens: Array<number>,
/**
 * From the request to the answer.
 */
took_ms: number, };
export type NotificationChoice = "all" | "errors" | "none";
export type ProgressChoice = "always" | "slow" | "never";
export type DeviceChoice = "auto" | "cpu" | "cuda" | "coreml" | "directml";
export type LangChoice = "auto" | "en" | "ja";
export type SettingsForm = {
/**
 * A model's name, or the path of a folder.
 */
model: string,
/**
 * The port, as it was typed.
 */
port: string,
/**
 * Threads to compute with, as typed; empty leaves the choice to the daemon.
 */
threads: string,
/**
 * Which weights of a hub's repository are taken.
 */
variant: Variant,
/**
 * What computes.
 */
device: DeviceChoice,
/**
 * How long a model that nobody asks for stays in memory, as typed; empty leaves the choice to the daemon.
 */
keep_alive: string,
/**
 * The language.
 */
lang: LangChoice,
/**
 * Which notifications are shown.
 */
notifications: NotificationChoice,
/**
 * When the progress window opens by itself.
 */
progress_window: ProgressChoice,
/**
 * Whether the daemon starts when the app does.
 */
start_daemon: boolean,
/**
 * Whether a daemon that crashes is restarted.
 */
restart_daemon: boolean,
/**
 * Whether this app starts when the user logs in. The system keeps it, and not the configuration file.
 */
start_at_login: boolean, };
export type Field = keyof SettingsForm;
export type SettingsView = {
/**
 * The values in use.
 */
form: SettingsForm,
/**
 * Models to choose from.
 */
models: Array<ModelChoice>,
/**
 * Fields that a variable of the environment sets, so that the file does not decide.
 */
fixed: Array<FixedField>,
/**
 * The configuration file.
 */
config: string,
/**
 * What is wrong with it, with line and column.
 */
problems: Array<string>, };
export type FixedField = {
/**
 * Which.
 */
field: Field,
/**
 * The variable's name.
 */
variable: string, };
export type ModelChoice = {
/**
 * What the setting `model` is set to.
 */
value: string,
/**
 * What people read.
 */
label: string,
/**
 * Where it comes from.
 */
origin: ModelOrigin, };
export type Saved = {
/**
 * Fields that cannot be used; where there is one, nothing was written.
 */
problems: Array<FieldProblem>,
/**
 * Fields that a running daemon takes up only when it is restarted.
 */
needs_restart: Array<Field>, };
export type FieldProblem = {
/**
 * Which.
 */
field: Field,
/**
 * Why it cannot be used, and what can.
 */
message: string, };
export type CommandError = {
/**
 * One sentence, in the user's language.
 */
message: string, };
