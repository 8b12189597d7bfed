//! The types of commands and events between the app and the pages of its windows. `ui/src/lib/bindings.ts` is generated
//! from them, and from the types of the protocol that they contain.
//!
//! The app sends the whole [`View`] with [`VIEW_CHANGED`] whenever something in it has changed; a page subscribes first and
//! then requests the snapshot with `get_view`. [`PAGE_ASKED`] and `get_page` work in the same way for the page that is to be
//! shown, and [`CLOSE_ASKED`] asks what becomes of edits before the window closes.

use okibi_config::{DeviceChoice, LangChoice, NotificationChoice, ProgressChoice};
use okibi_protocol::{
    method::Status,
    models::{ModelOrigin, Variant},
    stage::{Stage, StageEvent},
    units::Millis,
};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

mod models;
mod pages;

pub use self::{
    models::{LookedUp, ModelsView, PullProgress, PullView, SwitchProgress, SwitchView},
    pages::{Found, Hit, Link, LogView, SearchState, SearchView, TokenView, UpdateView},
};

/// The event that carries a new [`View`].
pub const VIEW_CHANGED: &str = "view-changed";

/// The event that carries the [`PageName`] to be shown.
pub const PAGE_ASKED: &str = "page-asked";

/// The event that tells a window with unsaved edits that the user wants to close it.
pub const CLOSE_ASKED: &str = "close-asked";

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
    /// The state of the daemon, as far as it is known.
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
    /// The switch of a ready daemon to another model, under way or failed.
    pub switch: Option<SwitchView>,
    /// A number that changes whenever the models on this machine may have changed: pages that show them list them again.
    pub library: u32,
    /// Whether better models for the user's language are offered.
    pub has_offers: bool,
    /// What the user should know beside the state of the daemon.
    pub hints: Vec<Hint>,
}

/// Something that the user should know beside the state of the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct Hint {
    /// What it is about.
    pub kind: HintKind,
    /// One sentence, or more.
    pub message: String,
}

/// What a [`Hint`] is about, and so what can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum HintKind {
    /// The configuration file has mistakes: it can be opened.
    Config,
    /// The running daemon does not have the settings that the file has: it can be restarted.
    Restart,
    /// The app crashed in its last run: a report can be saved, and the hint dismissed.
    Crash,
}

/// The state of the daemon.
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
    /// It answers requests.
    Ready {
        /// The status that it reports.
        status: Box<Status>,
    },
    /// It finishes what it has accepted and ends.
    Stopping,
    /// No daemon runs, since the last start failed or the daemon died.
    Failed {
        /// Why.
        problem: Problem,
        /// Time until it is started again by itself; none where it is left to the user.
        again_in_ms: Option<Millis>,
    },
    /// Another program holds the port.
    PortTaken {
        /// Why, and what to do.
        problem: Problem,
        /// The next port that is free.
        next_free: Option<u16>,
    },
}

/// A load: under way, or over.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct LaunchView {
    /// The model's name, or its folder.
    pub model: String,
    /// Its state.
    pub state: LaunchState,
    /// Time since it began; its whole time once it is over.
    pub elapsed_ms: Millis,
    /// The stages that have begun, in order, each with its time until now.
    pub stages: Vec<StageEvent>,
    /// The times of the last successful load of this model: what to expect.
    pub previous: Option<PreviousLaunch>,
    /// Why it failed.
    pub problem: Option<Problem>,
}

/// The state of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum LaunchState {
    /// It is under way.
    Loading,
    /// The daemon is ready.
    Ready,
    /// It failed.
    Failed,
    /// It was cancelled.
    Cancelled,
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

/// A page of the app's window.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    TS,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum PageName {
    /// The status that the daemon reports.
    Status,
    /// The staged load: the one under way, or the last one.
    Progress,
    /// The models: those here, and those that can be downloaded.
    Models,
    /// A search in the user's own lines, and how similar sentences are.
    Try,
    /// How other apps are pointed at the daemon.
    Connect,
    /// Who is connected, and the last requests.
    Activity,
    /// The daemon's log, and a report of a problem.
    Logs,
    /// The settings.
    Settings,
    /// Version, licences, links.
    About,
    /// What a new user is shown, once.
    Welcome,
}

/// A file or folder that a page can open; pages never name a path.
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

/// Paths and versions.
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
    pub tokens: Vec<usize>,
    /// From the request to the answer.
    pub took_ms: Millis,
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
    /// The folder that downloads are kept in, as typed; empty for the usual one.
    pub models_dir: String,
    /// The hub's address, as typed; empty for the usual one.
    pub hub_url: String,
    /// The proxy, as typed; empty for that of the environment.
    pub proxy: String,
    /// Names of this machine, with commas between.
    pub allowed_hosts: String,
    /// Origins, with commas between.
    pub allowed_origins: String,
    /// Whether requests must bring a token.
    pub require_token: bool,
    /// The language.
    pub lang: LangChoice,
    /// Which notifications are shown.
    pub notifications: NotificationChoice,
    /// When the progress window opens by itself.
    pub progress_window: ProgressChoice,
    /// The address that is asked for updates, as typed; empty for none.
    pub update_url: String,
    /// The key that signs what it says, as typed; empty for none.
    pub update_key: String,
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

/// Why a command of a page failed. `message` is one sentence in the user's language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CommandError {
    /// No daemon can answer now; the view says in which state it is.
    NotReady {
        /// Why.
        message: String,
    },
    /// Anything else.
    Failed {
        /// Why.
        message: String,
    },
}
