// Generated from src-tauri/src/contract. Do not edit.

export type Millis = number;
export type ByteCount = number;
export type LaunchId = string;
export type Stage = "resolve" | "download" | "runtime" | "tokenizer" | "model" | "warmup" | "listen";
export type StageState = "started" | "advanced" | "finished" | "failed";
export type Unit = "bytes" | "items";
export type Measure = {
/**
 * How much is done.
 */
done: number,
/**
 * How much there is, where it is known.
 */
total?: number,
/**
 * What is counted.
 */
unit: Unit, };
export type StageEvent = { stage: Stage, state: StageState, elapsed_ms: Millis } & Partial<Measure>;
export type StageBoard = Array<StageEvent>;
export type ModelOrigin = "embedded" | "folder" | "hub";
export type ModelState = "unloaded" | "loading" | "ready" | "resting" | "failed";
export type Presence = "here" | "partial" | "absent";
export type Variant = "auto" | "fp32" | "fp16" | "bf16" | "int8" | "q4";
export type Words = {
/**
 * In English.
 */
en: string,
/**
 * In Japanese.
 */
ja: string, };
export type ModelEntry = {
/**
 * What it is asked for by.
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
 * Its state in the daemon.
 */
state: ModelState,
/**
 * Whether it answers requests that name no model.
 */
current: boolean,
/**
 * Length of a vector, where that is known.
 */
dimension?: number,
/**
 * Tokens of a text that it reads, where that is known.
 */
max_tokens?: number,
/**
 * Bytes on disk where it is here, else about as many as would be fetched.
 */
size_bytes?: ByteCount,
/**
 * When it was last loaded, in milliseconds since 1970.
 */
last_used_ms?: number,
/**
 * Its license: an SPDX identifier, or the name its makers give it.
 */
licence?: string,
/**
 * Its languages as BCP 47 codes; `mul` for a hundred or so.
 */
languages?: Array<string>,
/**
 * What it is good for.
 */
good_for?: Words,
/**
 * The hub's repository that its files come from.
 */
repository?: string,
/**
 * The folder with its files, where they are here.
 */
folder?: string,
/**
 * The precision that it is computed in, where Okibi computes it and has found out.
 */
precision?: PrecisionProof, };
export type PrecisionProof = {
/**
 * Whether it is computed in 8-bit integers; else in 32-bit floats.
 */
int8: boolean,
/**
 * The cosine of the sentence whose two vectors are furthest apart.
 */
worst_cosine: number,
/**
 * The mean of the cosines.
 */
mean_cosine: number,
/**
 * The share of each sentence's nearest others that are among its nearest either way, 0 to 1.
 */
neighbors: number, };
export type LoadedModel = {
/**
 * Its name.
 */
name: string,
/**
 * Its state.
 */
state: ModelState,
/**
 * Whether it answers requests that name no model.
 */
current: boolean,
/**
 * The space of its vectors, once it was loaded.
 */
space?: string,
/**
 * Length of a vector, once it was loaded.
 */
dimension?: number,
/**
 * What computes it: `cpu`, `cuda`, `coreml`, `directml`.
 */
device?: string,
/**
 * The steps of its load, while it loads.
 */
stages?: StageBoard,
/**
 * Why its last load failed.
 */
error?: string,
/**
 * A warning about it: its vectors differ from those of an earlier load, or the requested device is unavailable.
 */
warning?: string, };
export type RunState = "starting" | "running" | "stopping" | "failed";
export type Latency = {
/**
 * The median, in milliseconds.
 */
p50_ms: number,
/**
 * 99 of 100 took at most this, in milliseconds.
 */
p99_ms: number, };
export type Status = {
/**
 * Where the server is in its life.
 */
status: RunState,
/**
 * Whether the server can embed right now.
 */
ready: boolean,
/**
 * [`crate::SERVER_TYPE_DAEMON`] or [`crate::SERVER_TYPE_FRONT`].
 */
server_type: string,
/**
 * The model's name.
 */
model: string,
/**
 * Length of a vector, once the model is loaded.
 */
dimension?: number,
/**
 * The space of its whole, normalized vectors, once the model is loaded: an index of another space no longer fits.
 */
space?: string,
/**
 * Tokens of a text that the model reads, once it is loaded.
 */
max_tokens?: number,
/**
 * Process id of the daemon; 0 in the instant before a front has spawned it.
 */
pid: number,
/**
 * Version of the answering program.
 */
version: string,
/**
 * Time since the daemon (or, during a launch, the launch) began.
 */
uptime_ms: Millis,
/**
 * Resident memory of the daemon.
 */
memory_bytes?: ByteCount,
/**
 * Threads the model computes with, once it is loaded.
 */
threads?: number,
/**
 * The stages of the load with their times.
 */
stages: StageBoard,
/**
 * Time from the daemon's start to its readiness.
 */
load_ms?: Millis,
/**
 * Requests for embeddings answered since the start.
 */
requests_served: number,
/**
 * Requests for embeddings being worked on.
 */
requests_in_flight: number,
/**
 * Texts embedded since the start.
 */
texts_embedded: number,
/**
 * How long the requests of the last minute took; absent where there was none.
 */
latency?: Latency,
/**
 * The models in memory and those unloaded because they were idle, the current one first; empty before the first
 * load ends.
 */
models?: Array<LoadedModel>,
/**
 * The launch under way, or the one that started the daemon.
 */
launch?: LaunchId,
/**
 * What the user should know about the daemon and can change, in whole sentences of the daemon's language.
 */
warnings?: Array<string>,
/**
 * Why the load failed, for people.
 */
error?: string,
/**
 * The daemon's log file.
 */
log_file?: string, };
export type Refusal = "origin" | "host" | "token";
export type ClientModel = {
/**
 * Its name.
 */
model: string,
/**
 * The space of the vectors that it was last given.
 */
space?: string,
/**
 * When that was, in milliseconds since 1970.
 */
last_used_ms: number, };
export type ActiveClient = {
/**
 * What it calls itself: the product of its `User-Agent`; else the name of its program, else nothing.
 */
client: string,
/**
 * The program at the other end of its connections, where the OS tells it.
 */
program?: string,
/**
 * That program's process.
 */
pid?: number,
/**
 * Its IP address, without a port.
 */
address: string,
/**
 * The dialect of its last request.
 */
dialect: string,
/**
 * Its connections that are open; 0 where it was only seen lately.
 */
connections: number,
/**
 * When its last request was answered, in milliseconds since 1970.
 */
last_seen_ms: number,
/**
 * Its requests that were answered, failed ones included.
 */
requests: number,
/**
 * Texts that were embedded for it.
 */
texts: number,
/**
 * Their tokens.
 */
tokens: number,
/**
 * Its requests that failed.
 */
errors: number,
/**
 * The models that it has used, the last one first.
 */
models: Array<ClientModel>, };
export type Queue = {
/**
 * Requests for embeddings.
 */
requests: number,
/**
 * Their texts, a long one that is embedded in windows once for each.
 */
texts: number, };
export type Job = {
/**
 * As [`ActiveClient::client`].
 */
client: string,
/**
 * The model that embeds it.
 */
model: string,
/**
 * Texts computed so far.
 */
done: number,
/**
 * All of its texts.
 */
total: number,
/**
 * When it began, in milliseconds since 1970.
 */
began_ms: number, };
export type RecentRequest = {
/**
 * When it was answered, in milliseconds since 1970.
 */
at_ms: number,
/**
 * As [`ActiveClient::client`].
 */
client: string,
/**
 * The dialect of its path.
 */
dialect: string,
/**
 * The model that embedded it, or was to; absent where it failed before there was one.
 */
model?: string,
/**
 * Texts that were embedded; of a failed request those that it had, where that is known.
 */
texts: number,
/**
 * Their tokens.
 */
tokens: number,
/**
 * The texts among them that were cut.
 */
truncated: number,
/**
 * From its arrival to its answer, in milliseconds.
 */
took_ms: number,
/**
 * The HTTP status of its answer; of a JSON-RPC call 200, or the status that its error would have over HTTP.
 */
status: number,
/**
 * The kind of its error in one word, such as `loading` or `model_not_found`.
 */
error?: string,
/**
 * The guard that refused it before it was read.
 */
refusal?: Refusal,
/**
 * The `Origin` that it was refused for.
 */
origin?: string, };
export type Activity = {
/**
 * The clients that have asked for embeddings: those that are connected, then those seen lately, each group with the
 * one that was seen last first.
 */
clients: Array<ActiveClient>,
/**
 * What waits for the model, or is being computed.
 */
queue: Queue,
/**
 * Requests with many texts that are being worked on, the oldest first.
 */
jobs: Array<Job>,
/**
 * The last requests for embeddings, and those that were refused before they were read; the newest first.
 */
requests: Array<RecentRequest>, };
export type Language = "en" | "ja";
export type View = {
/**
 * The language in use.
 */
lang: Language,
/**
 * The state of the daemon, as far as it is known.
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
 * The switch of a ready daemon to another model, under way or failed.
 */
switch: SwitchView | null,
/**
 * A number that changes whenever the models on this machine may have changed: pages that show them list them again.
 */
library: number,
/**
 * Whether better models for the user's language are offered.
 */
has_offers: boolean,
/**
 * What the user should know beside the state of the daemon.
 */
hints: Array<Hint>, };
export type DaemonView = { "state": "stopped" } | { "state": "loading",
/**
 * Share of the load that is done, 0 to 1.
 */
fraction: number, } | { "state": "ready",
/**
 * The status that it reports.
 */
status: Status, } | { "state": "stopping" } | { "state": "failed",
/**
 * Why.
 */
problem: Problem,
/**
 * Time until it is started again by itself; none where it is left to the user.
 */
again_in_ms: Millis | null, } | { "state": "port_taken",
/**
 * Why, and what to do.
 */
problem: Problem,
/**
 * The next port that is free.
 */
next_free: number | null, };
export type LaunchView = {
/**
 * The model's name, or its folder.
 */
model: string,
/**
 * Its state.
 */
state: LaunchState,
/**
 * Time since it began; its whole time once it is over.
 */
elapsed_ms: Millis,
/**
 * The stages that have begun, in order, each with its time until now.
 */
stages: Array<StageEvent>,
/**
 * The times of the last successful load of this model: what to expect.
 */
previous: PreviousLaunch | null,
/**
 * Why it failed.
 */
problem: Problem | null, };
export type LaunchState = "loading" | "ready" | "failed" | "cancelled";
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
 * The model, as commands call it.
 */
model: string,
/**
 * Its state.
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
 * The model, as commands call it.
 */
model: string,
/**
 * Its state.
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
download: Measure | null, } | { "state": "failed",
/**
 * Why, and what to do.
 */
message: string,
/**
 * Whether there is enough memory once the current model is unloaded.
 */
may_replace: boolean, };
export type ModelsView = {
/**
 * First what is here, then what is known, each by name.
 */
models: Array<ModelEntry>,
/**
 * The folder that downloads go to.
 */
cache: string,
/**
 * Free bytes there, if the OS reports them.
 */
free_bytes: number | null,
/**
 * The models offered for the user's language, as commands call them; empty once they have been dismissed.
 */
offers: Array<string>,
/**
 * The variable of the environment that decides which model a start loads.
 */
fixed: string | null, };
export type LookedUp = {
/**
 * The network's family, such as `bert`, where the hub says it.
 */
family: string | null,
/**
 * Whether Okibi computes it itself; else ONNX Runtime does.
 */
is_own: boolean,
/**
 * Bytes of memory that it takes at the most: those of its files.
 */
memory_bytes: ByteCount, };
export type Hint = {
/**
 * What it is about.
 */
kind: HintKind,
/**
 * One sentence, or more.
 */
message: string, };
export type HintKind = "config" | "restart" | "crash";
export type PageName = "status" | "progress" | "models" | "try" | "connect" | "activity" | "logs" | "settings" | "about" | "welcome";
export type SearchView = {
/**
 * How far it is.
 */
state: SearchState,
/**
 * The file or folder that the texts come from; none where they were pasted.
 */
source: string | null,
/**
 * Texts in all.
 */
total: number,
/**
 * Texts whose vectors are there.
 */
done: number,
/**
 * The model of the vectors.
 */
model: string | null,
/**
 * What went wrong, or what was left out.
 */
message: string | null, };
export type SearchState = "empty" | "reading" | "embedding" | "ready" | "failed";
export type Found = {
/**
 * The nearest first; ten at most.
 */
hits: Array<Hit>,
/**
 * From the request to the answer, embedding included.
 */
took_ms: Millis, };
export type Hit = {
/**
 * The text.
 */
text: string,
/**
 * Where it stands: file and line, such as `notes.md:12`; none where it was pasted.
 */
place: string | null,
/**
 * Cosine similarity to the query, -1 to 1.
 */
score: number, };
export type LogView = {
/**
 * The file.
 */
file: string,
/**
 * Its last lines, the oldest first.
 */
lines: Array<string>, };
export type TokenView = {
/**
 * The token for apps that embed; none where no token was ever made.
 */
for_use: string | null,
/**
 * Whether the hub's token was given to Okibi. Pages never get the token itself.
 */
has_hub_token: boolean, };
export type UpdateView = {
/**
 * The address that was asked.
 */
address: string,
/**
 * The newer version; none where this one is the newest.
 */
version: string | null,
/**
 * What is new in it.
 */
notes: string | null, };
export type Link = "project" | "changes" | "issues";
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
took_ms: Millis, };
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
 * Which weights of a hub's repository are used.
 */
variant: Variant,
/**
 * What computes.
 */
device: DeviceChoice,
/**
 * How long a model stays in memory after its last request, as typed; empty leaves the choice to the daemon.
 */
keep_alive: string,
/**
 * The folder that downloads are kept in, as typed; empty for the usual one.
 */
models_dir: string,
/**
 * The hub's address, as typed; empty for the usual one.
 */
hub_url: string,
/**
 * The proxy, as typed; empty for that of the environment.
 */
proxy: string,
/**
 * Names of this machine, with commas between.
 */
allowed_hosts: string,
/**
 * Origins, with commas between.
 */
allowed_origins: string,
/**
 * Whether requests must bring a token.
 */
require_token: boolean,
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
 * The address that is asked for updates, as typed; empty for none.
 */
update_url: string,
/**
 * The key that signs what it says, as typed; empty for none.
 */
update_key: string,
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
export type CommandError = { "kind": "not_ready",
/**
 * Why.
 */
message: string, } | { "kind": "failed",
/**
 * Why.
 */
message: string, };
