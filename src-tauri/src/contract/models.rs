//! What the models window and the app tell each other.
//!
//! What is on the disk is asked for with `get_models`; what changes by itself, downloads and what the daemon holds,
//! comes with every [`View`](super::View).

use okibi_protocol::models::{ModelOrigin, ModelState, Presence};
use serde::Serialize;
use ts_rs::TS;

use super::MeasureView;

/// The models that are here, and those that are known.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct ModelsView {
    /// First what is here, then what is known, each by name.
    pub models: Vec<ModelRow>,
    /// The folder that downloads go to.
    pub cache: String,
    /// Bytes free there, where the OS tells it.
    pub free_bytes: Option<f64>,
    /// Values of the models to be offered for the user's language; empty once they have been dismissed.
    pub offers: Vec<String>,
    /// The variable of the environment that decides which model a start loads.
    pub fixed: Option<String>,
}

/// A model that is here, or is known.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct ModelRow {
    /// What commands and the setting `model` call it: its name, or its folder's path.
    pub value: String,
    /// What people call it.
    pub name: String,
    /// Where it comes from.
    pub origin: ModelOrigin,
    /// Whether its files are here.
    pub presence: Presence,
    /// Length of a vector, where that is known.
    pub dimension: Option<u32>,
    /// Tokens of a text that it reads, where that is known.
    pub max_tokens: Option<u32>,
    /// Bytes on disk where it is here, else about as many as would be fetched.
    pub size_bytes: Option<f64>,
    /// When it was last loaded, in milliseconds since 1970.
    pub last_used_ms: Option<f64>,
    /// Its licence.
    pub licence: Option<String>,
    /// Its languages as BCP 47 codes; `mul` for a hundred or so.
    pub languages: Vec<String>,
    /// What it is good for, in the user's language.
    pub good_for: Option<String>,
    /// The hub's repository that its files come from.
    pub repository: Option<String>,
    /// The folder with its files, where they are here.
    pub folder: Option<String>,
}

/// A download under way, or one that failed.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct PullView {
    /// The model's value.
    pub model: String,
    /// How it stands.
    pub progress: PullProgress,
}

/// How a download stands.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PullProgress {
    /// It goes on.
    Running {
        /// Bytes that are here.
        done: f64,
        /// All bytes, once that is known.
        total: Option<f64>,
    },
    /// It failed; what has come is kept.
    Failed {
        /// Why, and what to do.
        message: String,
    },
}

/// The change of a ready daemon to another model: under way, or failed.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct SwitchView {
    /// The model's value.
    pub model: String,
    /// How it stands.
    pub progress: SwitchProgress,
}

/// How a change to another model stands.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SwitchProgress {
    /// The model is being loaded; the one before answers meanwhile.
    Loading {
        /// Share of the load that is done, 0 to 1.
        fraction: f64,
        /// How far its download is, where there is one.
        download: Option<MeasureView>,
    },
    /// It failed; the model before goes on.
    Failed {
        /// Why, and what to do.
        message: String,
        /// Whether there is memory for it once the present model has gone.
        may_replace: bool,
    },
}

/// What a daemon holds of a model.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct HeldView {
    /// The model's name, as the daemon has it.
    pub model: String,
    /// What is held.
    pub state: ModelState,
    /// Whether it answers requests that name no model.
    pub is_current: bool,
    /// Why its last load failed, or what is to be known about it.
    pub note: Option<String>,
}
