//! The files of a model on this machine, and how they are to be used.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

/// How a text's token vectors become one. Source: sentence-transformers, `models/Pooling.py`.
///
/// Its JSON is part of what a space's id is a hash of, so the variants' names stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Pooling {
    /// The mean of all tokens.
    #[default]
    #[serde(alias = "mean")]
    Mean,
    /// The first token.
    #[serde(alias = "cls")]
    Cls,
    /// The last token.
    #[serde(alias = "last_token")]
    LastToken,
}

impl Pooling {
    /// Returns its name.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The files of a model on this machine, and how they are to be used.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelFiles {
    /// The model's name for people.
    pub name: String,
    /// The ONNX file.
    pub model: PathBuf,
    /// The files with its weights: the ONNX file, then those that its graph names.
    pub weights: Vec<PathBuf>,
    /// `tokenizer.json`.
    pub tokenizer: PathBuf,
    /// How token vectors become one.
    pub pooling: Pooling,
    /// Whether vectors are meant to be of unit length.
    pub normalize: bool,
    /// What is put before a text, by its role.
    pub prompts: Prompts,
    /// Tokens of a text that the model reads, special tokens included.
    pub max_tokens: usize,
    /// Id that fills up the shorter texts of a batch. The model does not attend to it.
    pub pad_id: u32,
    /// Special tokens the configuration names, in case the tokenizer file lacks them.
    pub special_tokens: Vec<String>,
    /// The kind of network, as `model_type` of `config.json` names it.
    pub architecture: Option<String>,
    /// Length of a vector, where the files or the table of known models say it.
    pub dimension: Option<usize>,
    /// Where each of these was read, by the name it has on the wire: a file, `known models` or `default`.
    pub found_in: BTreeMap<String, String>,
}

/// What is put before a text, by its role. Source: `config_sentence_transformers.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompts {
    /// Before a text that is searched for.
    pub query: Option<String>,
    /// Before a text that is to be found.
    pub document: Option<String>,
    /// The model's other prompts, by name.
    pub others: BTreeMap<String, String>,
}
