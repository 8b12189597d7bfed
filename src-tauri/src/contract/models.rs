//! The types of commands and events of the models window.
//!
//! Pages request what is on the disk with `get_models`. What changes by itself, downloads and the state of the daemon's
//! models, comes with every [`View`](super::View).

use okibi_protocol::{models::ModelEntry, stage::Measure, units::ByteCount};
use serde::Serialize;
use ts_rs::TS;

/// The models that are here, and those that are known.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct ModelsView {
    /// First what is here, then what is known, each by name.
    pub models: Vec<ModelEntry>,
    /// The folder that downloads go to.
    pub cache: String,
    /// Free bytes there, if the OS reports them.
    pub free_bytes: Option<u64>,
    /// The models offered for the user's language, as commands call them; empty once they have been dismissed.
    pub offers: Vec<String>,
    /// The variable of the environment that decides which model a start loads.
    pub fixed: Option<String>,
}

/// A download under way, or one that failed.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct PullView {
    /// The model, as commands call it.
    pub model: String,
    /// Its state.
    pub progress: PullProgress,
}

/// The state of a download.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PullProgress {
    /// It is under way.
    Running {
        /// Bytes that are here.
        done: u64,
        /// All bytes, once that is known.
        total: Option<u64>,
    },
    /// It failed; the bytes that are here are kept.
    Failed {
        /// Why, and what to do.
        message: String,
    },
}

/// The switch of a ready daemon to another model: under way, or failed.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct SwitchView {
    /// The model, as commands call it.
    pub model: String,
    /// Its state.
    pub progress: SwitchProgress,
}

/// The state of a switch to another model.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SwitchProgress {
    /// The model is being loaded; the current one keeps answering until then.
    Loading {
        /// Share of the load that is done, 0 to 1.
        fraction: f64,
        /// How far its download is, where there is one.
        download: Option<Measure>,
    },
    /// It failed; the current model keeps answering.
    Failed {
        /// Why, and what to do.
        message: String,
        /// Whether there is enough memory once the current model is unloaded.
        may_replace: bool,
    },
}

/// A model of the hub that was looked up before anything of it is downloaded.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct LookedUp {
    /// The network's family, such as `bert`, where the hub says it.
    pub family: Option<String>,
    /// Whether Okibi computes it itself; else ONNX Runtime does.
    pub is_own: bool,
    /// Bytes of memory that it takes at the most: those of its files.
    pub memory_bytes: ByteCount,
}
