//! What the windows' pages and the app tell each other. `ui/src/lib/bindings.ts` is generated from these types.
//!
//! The app sends one event, [`VIEW_CHANGED`], with the whole [`View`]; a page subscribes first and then asks for
//! the snapshot with `get_view`. Times are milliseconds, sizes bytes.

use okibi_config::{DeviceChoice, LangChoice, NotificationChoice, ProgressChoice};
use okibi_protocol::{
    models::{ModelOrigin, Variant},
    stage::{Stage, StageState, Unit},
};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

mod models;

pub use models::{HeldView, ModelRow, ModelsView, PullProgress, PullView, SwitchProgress, SwitchView};

/// The event that carries a new [`View`].
pub const VIEW_CHANGED: &str = "view-changed";

/// The language of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English.
    En,
    /// Japanese.
    Ja,
}

/// Everything the windows show of the daemon and of the load under way.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct View {
    /// The language in use.
    pub lang: Language,
    /// Where the daemon stands, as it was last told by the daemon itself.
    pub daemon: DaemonView,
    /// The load under way, or the last one since the app started.
    pub launch: Option<LaunchView>,
    /// The port of the settings.
    pub port: u16,
    /// Where other apps reach the daemon: `ws://127.0.0.1:8765`.
    pub address: String,
    /// The model of the settings: a name, or the path of a folder.
    pub model: String,
    /// What this desktop lacks, in words: no notifications, no tray.
    pub missing: Vec<String>,
    /// Downloads of models under way, and those that failed.
    pub pulls: Vec<PullView>,
    /// The change of a ready daemon to another model, under way or failed.
    pub switch: Option<SwitchView>,
    /// What the daemon holds of models.
    pub held: Vec<HeldView>,
    /// Another number whenever the models on this machine may have changed: who shows them asks again.
    pub library: u32,
    /// Whether better models for the user's language are still to be offered.
    pub has_offers: bool,
}

/// Where the daemon stands.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum DaemonView {
    /// Nothing listens on the port.
    Stopped,
    /// A model is loading.
    Loading {
        /// Share of the load that is done, 0 to 1.
        fraction: f64,
    },
    /// It serves.
    Ready {
        /// What it says of itself.
        status: StatusView,
    },
    /// It finishes what it has accepted and ends.
    Stopping,
    /// The last start failed, or the daemon died, and none runs now.
    Failed {
        /// Why.
        problem: Problem,
    },
    /// Another program holds the port.
    PortTaken {
        /// Why, and what to do.
        problem: Problem,
        /// The next port that is free.
        next_free: Option<u16>,
    },
}

/// What a ready daemon says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct StatusView {
    /// The model's name.
    pub model: String,
    /// Whether its weights were put away because nobody asked for it; the next request loads them again.
    pub is_resting: bool,
    /// Length of a vector.
    pub dimension: Option<u32>,
    /// Tokens of a text that the model reads.
    pub max_tokens: Option<u32>,
    /// Process id.
    pub pid: u32,
    /// Version of the daemon.
    pub version: String,
    /// Time since the daemon began.
    pub uptime_ms: f64,
    /// Time from the daemon's start to its readiness.
    pub load_ms: Option<f64>,
    /// Resident memory.
    pub memory_bytes: Option<f64>,
    /// Threads the model computes with.
    pub threads: Option<u32>,
    /// Requests for embeddings answered since the start.
    pub requests_served: f64,
    /// Requests being worked on.
    pub requests_in_flight: f64,
    /// Texts embedded since the start.
    pub texts_embedded: f64,
    /// Time from a request's arrival to its answer, over the last minute; absent where there was none.
    pub latency: Option<LatencyView>,
}

/// Latency of the requests of the last minute.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, TS)]
pub struct LatencyView {
    /// The median.
    pub p50_ms: f64,
    /// 99 of 100 are at most this.
    pub p99_ms: f64,
}

/// A load: under way, or over.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct LaunchView {
    /// The model's name, or its folder.
    pub model: String,
    /// How it stands.
    pub state: LaunchState,
    /// Time since it began; its whole time once it is over.
    pub elapsed_ms: f64,
    /// The stages that have begun, in order.
    pub stages: Vec<StageView>,
    /// The last load of this model that went well: what to expect.
    pub previous: Option<PreviousLaunch>,
    /// Why it failed.
    pub problem: Option<Problem>,
}

/// How a load stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum LaunchState {
    /// It goes on.
    Loading,
    /// The daemon is ready.
    Ready,
    /// It failed.
    Failed,
    /// It was cancelled.
    Cancelled,
}

/// A stage of a load that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, TS)]
pub struct StageView {
    /// Which.
    pub stage: Stage,
    /// How it stands.
    pub state: StageState,
    /// Time since it began; its whole time once it is over.
    pub elapsed_ms: f64,
    /// How far it is, where that is counted.
    pub measure: Option<MeasureView>,
}

/// How far a stage is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, TS)]
pub struct MeasureView {
    /// How much is done.
    pub done: f64,
    /// How much there is, where that is known.
    pub total: Option<f64>,
    /// What is counted.
    pub unit: Unit,
}

/// Times of an earlier load of the same model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct PreviousLaunch {
    /// The whole.
    pub total_ms: f64,
    /// Each stage that it passed, in order.
    pub stages: Vec<PreviousStage>,
}

/// Time of a stage in an earlier load.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct PreviousStage {
    /// Which.
    pub stage: Stage,
    /// How long it took.
    pub took_ms: f64,
}

/// Something that went wrong, in the user's language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct Problem {
    /// One sentence.
    pub message: String,
    /// What to do about it.
    pub advice: Option<String>,
    /// The end of the daemon's log, oldest line first; may be empty.
    pub log_tail: Vec<String>,
}

/// A window of the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum WindowName {
    /// The staged load.
    Progress,
    /// What the daemon says of itself.
    Status,
    /// A few sentences and how near they are to each other.
    Try,
    /// The models: here, and to be had.
    Models,
    /// The settings.
    Settings,
}

/// A file or folder that a page can have opened; no page names a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The daemon's log.
    Log,
    /// The configuration file.
    Config,
    /// The folder of downloaded models.
    Models,
}

/// Paths and versions for the status window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct About {
    /// Version of this app.
    pub version: String,
    /// The daemon's log.
    pub log: String,
    /// The configuration file.
    pub config: String,
    /// The folder of downloaded models.
    pub models: String,
}

/// Vectors of a few texts.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct Embedded {
    /// The model's name.
    pub model: String,
    /// One unit-length vector per text, in their order.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens of each text.
    pub tokens: Vec<u32>,
    /// From the request to the answer.
    pub took_ms: f64,
}

/// The settings that the settings window edits: those whose declaration has a window, under their names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SettingsForm {
    /// A model's name, or the path of a folder.
    pub model: String,
    /// The port, as it was typed.
    pub port: String,
    /// Threads to compute with, as typed; empty leaves the choice to the daemon.
    pub threads: String,
    /// Which weights of a hub's repository are used.
    pub variant: Variant,
    /// What computes.
    pub device: DeviceChoice,
    /// How long a model stays in memory after its last request, as typed; empty leaves the choice to the daemon.
    pub keep_alive: String,
    /// The language.
    pub lang: LangChoice,
    /// Which notifications are shown.
    pub notifications: NotificationChoice,
    /// When the progress window opens by itself.
    pub progress_window: ProgressChoice,
    /// Whether the daemon starts when the app does.
    pub start_daemon: bool,
    /// Whether a daemon that crashes is restarted.
    pub restart_daemon: bool,
    /// Whether this app starts when the user logs in. The system keeps it, and not the configuration file.
    pub start_at_login: bool,
}

/// A field of [`SettingsForm`], by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[ts(type = "keyof SettingsForm")]
pub struct Field(pub &'static str);

/// What the settings window shows.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct SettingsView {
    /// The values in use.
    pub form: SettingsForm,
    /// Models to choose from.
    pub models: Vec<ModelChoice>,
    /// Fields that a variable of the environment sets, so that the file does not decide.
    pub fixed: Vec<FixedField>,
    /// The configuration file.
    pub config: String,
    /// What is wrong with it, with line and column.
    pub problems: Vec<String>,
}

/// A field that a variable of the environment sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct FixedField {
    /// Which.
    pub field: Field,
    /// The variable's name.
    pub variable: String,
}

/// A model to choose from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct ModelChoice {
    /// What the setting `model` is set to.
    pub value: String,
    /// What people read.
    pub label: String,
    /// Where it comes from.
    pub origin: ModelOrigin,
}

/// What came of saving the settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct Saved {
    /// Fields that cannot be used; where there is one, nothing was written.
    pub problems: Vec<FieldProblem>,
    /// Fields that a running daemon takes up only when it is restarted.
    pub needs_restart: Vec<Field>,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct FieldProblem {
    /// Which.
    pub field: Field,
    /// Why it cannot be used, and what can.
    pub message: String,
}

/// Why a command of a page failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct CommandError {
    /// One sentence, in the user's language.
    pub message: String,
}
