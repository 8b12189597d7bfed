//! The state of a server.

use serde::{Deserialize, Serialize};

use crate::{
    models::{LoadedModel, ModelState},
    notice::LaunchId,
    stage::StageBoard,
    units::{ByteCount, Millis},
};

/// Notification of a subscription: its parameters are the new [`Status`].
pub const STATUS_CHANGED: &str = "status_changed";

/// Where a server is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum RunState {
    /// A model is loading.
    Starting,
    /// It serves.
    Running,
    /// It finishes what it has accepted and ends.
    Stopping,
    /// The load failed; it is about to end.
    Failed,
}

/// Result of [`GetStatus`](super::GetStatus), and what a subscription reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct Status {
    /// Where the server is in its life.
    pub status: RunState,
    /// Whether the server can embed right now.
    pub ready: bool,
    /// [`crate::SERVER_TYPE_DAEMON`] or [`crate::SERVER_TYPE_FRONT`].
    pub server_type: String,
    /// The model's name.
    pub model: String,
    /// Length of a vector, once the model is loaded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub dimension: Option<usize>,
    /// The space of its whole, normalized vectors, once the model is loaded: an index of another space no longer fits.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub space: Option<String>,
    /// Tokens of a text that the model reads, once it is loaded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max_tokens: Option<usize>,
    /// Process id of the daemon; 0 in the instant before a front has spawned it.
    pub pid: u32,
    /// Version of the answering program.
    pub version: String,
    /// Time since the daemon (or, during a launch, the launch) began.
    pub uptime_ms: Millis,
    /// Resident memory of the daemon.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub memory_bytes: Option<ByteCount>,
    /// Threads the model computes with, once it is loaded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub threads: Option<usize>,
    /// The stages of the load with their times.
    pub stages: StageBoard,
    /// Time from the daemon's start to its readiness.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub load_ms: Option<Millis>,
    /// Requests for embeddings answered since the start.
    #[serde(default)]
    pub requests_served: u64,
    /// Requests for embeddings being worked on.
    #[serde(default)]
    pub requests_in_flight: u64,
    /// Texts embedded since the start.
    #[serde(default)]
    pub texts_embedded: u64,
    /// How long the requests of the last minute took; absent where there was none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub latency: Option<Latency>,
    /// The models in memory and those unloaded because they were idle, the current one first; empty before the first
    /// load ends.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<_>"))]
    pub models: Vec<LoadedModel>,
    /// The launch under way, or the one that started the daemon.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub launch: Option<LaunchId>,
    /// What the user should know about the daemon and can change, in whole sentences of the daemon's language.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<_>"))]
    pub warnings: Vec<String>,
    /// Why the load failed, for people.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
    /// The daemon's log file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub log_file: Option<String>,
}

impl Status {
    /// The model that answers requests which name none, once there is one.
    pub fn current(&self) -> Option<&LoadedModel> {
        self.models.iter().find(|model| model.current)
    }

    /// Whether the current model is idle (unloaded): the next request loads it again.
    pub fn is_resting(&self) -> bool {
        self.is_current(ModelState::Resting)
    }

    /// Whether the current model was unloaded and could not be loaded again: the next request tries it once more.
    pub fn has_failed_to_reload(&self) -> bool {
        self.is_current(ModelState::Failed)
    }

    fn is_current(&self, state: ModelState) -> bool {
        self.current().is_some_and(|model| model.state == state)
    }
}

/// How long requests for embeddings took, from their arrival to their answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Latency {
    /// The median, in milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 took at most this, in milliseconds.
    pub p99_ms: f64,
}

/// Result of [`CheckInit`](super::CheckInit).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum InitState {
    /// The model is loaded.
    InitCompleted,
    /// It is not, yet.
    InitInProgress,
}

impl InitState {
    /// The answer of a server with this status.
    pub fn of(status: &Status) -> Self {
        if status.ready {
            Self::InitCompleted
        } else {
            Self::InitInProgress
        }
    }
}

/// Result of [`StopServer`](super::StopServer), sent before anything ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Stopping {
    /// The server takes no new work from now on.
    Stopping,
}
