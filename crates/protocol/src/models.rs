//! Models on the wire: which there are, which are loaded, and the types of the methods that change that.
//!
//! [`LoadModel`](crate::method::LoadModel) and [`PullModel`](crate::method::PullModel) answer with a stream of
//! [`ModelStep`]s where a call can be streamed, and with the last one alone where it cannot.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

use crate::{
    stage::{StageBoard, StageEvent},
    units::{ByteCount, Millis},
};

/// The model that comes with Okibi.
pub const DEFAULT_MODEL: &str = "multilingual-e5-small";

/// Whether a text that names a model is the path of its folder. A name may contain a slash (`owner/name`), so only what
/// cannot be a name is a path: `./dir`, `../dir`, `~/dir`, `dir/`, an absolute path, anything with a backslash.
pub fn is_path(model: &str) -> bool {
    model.starts_with(['.', '~', '/'])
        || model.ends_with('/')
        || model.contains('\\')
        || Path::new(model).is_absolute()
}

/// Where a model comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum ModelOrigin {
    /// It comes with Okibi.
    Embedded,
    /// A folder of the user's.
    Folder,
    /// A repository of the hub.
    Hub,
}

/// Whether a model's files are on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Presence {
    /// All of them.
    Here,
    /// Some: a download was interrupted, or goes on.
    Partial,
    /// None; the model is known, and can be fetched.
    Absent,
}

/// The state of a model in a daemon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum ModelState {
    /// It is not in memory.
    #[default]
    Unloaded,
    /// It is being loaded.
    Loading,
    /// It answers.
    Ready,
    /// Idle: it was unloaded because no request came for a while; the next one loads it again.
    Resting,
    /// Its last load failed.
    Failed,
}

/// A sentence in each language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Words {
    /// In English.
    pub en: String,
    /// In Japanese.
    pub ja: String,
}

/// How a network that Okibi computes itself is computed where nobody asks for a precision, and what that was found out from:
/// thirty sentences, computed in 8-bit integers and exactly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct PrecisionProof {
    /// Whether it is computed in 8-bit integers; else in 32-bit floats.
    pub int8: bool,
    /// The cosine of the sentence whose two vectors are furthest apart.
    pub worst_cosine: f64,
    /// The mean of the cosines.
    pub mean_cosine: f64,
    /// The share of each sentence's nearest others that are among its nearest either way, 0 to 1.
    pub neighbors: f64,
}

/// A model that is here, or is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct ModelEntry {
    /// What it is asked for by.
    pub name: String,
    /// Where it comes from.
    pub origin: ModelOrigin,
    /// Whether its files are here.
    pub presence: Presence,
    /// Its state in the daemon.
    #[serde(default)]
    pub state: ModelState,
    /// Whether it answers requests that name no model.
    #[serde(default)]
    pub current: bool,
    /// Length of a vector, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub dimension: Option<usize>,
    /// Tokens of a text that it reads, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max_tokens: Option<usize>,
    /// Bytes on disk where it is here, else about as many as would be fetched.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub size_bytes: Option<ByteCount>,
    /// When it was last loaded, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_used_ms: Option<u64>,
    /// Its license: an SPDX identifier, or the name its makers give it.
    #[serde(rename = "licence", skip_serializing_if = "Option::is_none", default)]
    pub license: Option<String>,
    /// Its languages as BCP 47 codes; `mul` for a hundred or so.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<_>"))]
    pub languages: Vec<String>,
    /// What it is good for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub good_for: Option<Words>,
    /// The hub's repository that its files come from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub repository: Option<String>,
    /// The folder with its files, where they are here.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub folder: Option<String>,
    /// The precision that it is computed in, where Okibi computes it and has found out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub precision: Option<PrecisionProof>,
}

/// Result of [`ListModels`](crate::method::ListModels).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelList {
    /// First what is here, then what is known, each by name.
    pub models: Vec<ModelEntry>,
}

/// Which weights of a repository are taken.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, VariantNames,
)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Variant {
    /// The one that suits this machine: its CPU and its memory.
    #[default]
    Auto,
    /// 32-bit floats.
    Fp32,
    /// 16-bit floats.
    Fp16,
    /// Floats of 16 bits with the exponent of 32-bit ones: weights that Okibi computes with in 32 bits.
    Bf16,
    /// 8-bit integers.
    Int8,
    /// 4-bit integers.
    Q4,
}

impl Variant {
    /// Every variant.
    pub const ALL: [Self; 6] = [
        Self::Auto,
        Self::Fp32,
        Self::Fp16,
        Self::Bf16,
        Self::Int8,
        Self::Q4,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Parameters of the methods that take a model and nothing else: by position `[model]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelParams {
    /// A name, `NAME@REVISION`, or the path of a folder that the user has added.
    pub model: String,
}

/// Result of [`ModelInfo`](crate::method::ModelInfo): all that was found out about a model, and from where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelDetails {
    /// The entry of the list.
    #[serde(flatten)]
    pub entry: ModelEntry,
    /// The revision that is here: the hub's commit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub revision: Option<String>,
    /// The ONNX file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub model_file: Option<String>,
    /// The graph's output that vectors are taken from; `found_in` says why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub output: Option<String>,
    /// What is done with a text before its tokens and with the vectors of its tokens, in order.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub modules: Vec<String>,
    /// How token vectors become one: `mean`, `cls`, `last_token`, `max`, `mean_sqrt_len`, `weighted_mean`, or several with
    /// `+` between them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pooling: Option<String>,
    /// Whether vectors are brought to unit length.
    pub normalize: bool,
    /// What is put before a text, by name (`query`, `document`, …).
    #[serde(default)]
    pub prompts: BTreeMap<String, String>,
    /// Where each of these was read: the name of a field, and a file, `known models` or `default`.
    #[serde(default)]
    pub found_in: BTreeMap<String, String>,
}

/// Parameters of [`PullModel`](crate::method::PullModel).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PullModelParams {
    /// A name, or `NAME@REVISION`.
    pub model: String,
    /// Which weights.
    #[serde(default)]
    pub variant: Variant,
}

/// Parameters of [`LoadModel`](crate::method::LoadModel).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadModelParams {
    /// A name, `NAME@REVISION`, or the path of a folder that the user has added.
    pub model: String,
    /// Which weights.
    #[serde(default)]
    pub variant: Variant,
    /// Whether requests that name no model are answered by it from then on.
    #[serde(default = "yes")]
    pub switch: bool,
    /// Whether the current model is unloaded first: for machines without memory for both.
    #[serde(default)]
    pub replace: bool,
    /// Whether the model that answered until now stays in memory.
    #[serde(default)]
    pub keep: bool,
}

impl LoadModelParams {
    /// Changes over to `model`.
    pub fn switch_to(model: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            variant: Variant::Auto,
            switch: true,
            replace: false,
            keep: false,
        }
    }
}

fn yes() -> bool {
    true
}

/// A step of [`LoadModel`](crate::method::LoadModel) or [`PullModel`](crate::method::PullModel); the final one carries
/// the result instead of a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ModelStep {
    /// A step of a stage.
    Stage {
        /// The step, and how much is done.
        #[serde(flatten)]
        event: StageEvent,
    },
    /// The model answers.
    Loaded {
        /// Its name.
        model: String,
        /// Length of a vector.
        dimension: usize,
        /// The space of its vectors.
        space: String,
        /// How long it took.
        took_ms: Millis,
        /// Whether requests that name no model are answered by it.
        current: bool,
    },
    /// The files are here.
    Pulled {
        /// Its name.
        model: String,
        /// The folder with the files.
        folder: String,
        /// Bytes of its files.
        size_bytes: ByteCount,
        /// Bytes that were fetched; the rest was here already.
        fetched_bytes: ByteCount,
    },
}

/// Result of [`UnloadModel`](crate::method::UnloadModel).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnloadedModel {
    /// Its name.
    pub model: String,
    /// Whether it was loaded.
    pub was_loaded: bool,
}

/// Result of [`RemoveModel`](crate::method::RemoveModel).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedModel {
    /// Its name.
    pub model: String,
    /// Bytes that are free again.
    pub freed_bytes: ByteCount,
    /// It is in a folder of the user's own, which was only forgotten.
    #[serde(default)]
    pub files_stay: bool,
}

/// A model in a daemon's status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct LoadedModel {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: ModelState,
    /// Whether it answers requests that name no model.
    pub current: bool,
    /// The space of its vectors, once it was loaded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub space: Option<String>,
    /// Length of a vector, once it was loaded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub dimension: Option<usize>,
    /// What computes it: `cpu`, `cuda`, `coreml`, `directml`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub device: Option<String>,
    /// The steps of its load, while it loads.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stages: Option<StageBoard>,
    /// Why its last load failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
    /// A warning about it: its vectors differ from those of an earlier load, or the requested device is unavailable.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub warning: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_from_names() {
        for path in ["./m", "../m", ".", "..", ".m", "~/m", "m/", "/m", r"a\b"] {
            assert!(is_path(path), "{path}");
        }
        for name in ["m", "owner/name", "owner/name@main", "m.v2"] {
            assert!(!is_path(name), "{name}");
        }
    }

    #[test]
    fn only_the_name_has_to_be_given() {
        let params: LoadModelParams = serde_json::from_str(r#"{"model":"e5"}"#).unwrap();
        assert_eq!(params, LoadModelParams::switch_to("e5"));
        let params: PullModelParams = serde_json::from_str(r#"{"model":"e5","variant":"int8"}"#).unwrap();
        assert_eq!(params.variant, Variant::Int8);
    }

    #[test]
    fn steps_have_their_documented_json() {
        let step = ModelStep::Pulled {
            model: "a/b".into(),
            folder: "/c".into(),
            size_bytes: ByteCount(3),
            fetched_bytes: ByteCount(2),
        };
        assert_eq!(
            serde_json::to_string(&step).unwrap(),
            r#"{"type":"pulled","model":"a/b","folder":"/c","size_bytes":3,"fetched_bytes":2}"#
        );
        let stage = r#"{"type":"stage","stage":"download","state":"advanced","elapsed_ms":900,"done":1,"total":4,"unit":"bytes"}"#;
        let read: ModelStep = serde_json::from_str(stage).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), stage);
    }
}
