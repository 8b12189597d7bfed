//! The files of a model on this machine, and how they are to be used.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

/// How a text's token vectors become one. Source: sentence-transformers, `models/Pooling.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pooling {
    /// The mean of all tokens.
    Mean,
    /// The first token.
    Cls,
    /// The last token.
    LastToken,
}

impl Pooling {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Cls => "cls",
            Self::LastToken => "last_token",
        }
    }
}

/// The files of a model on this machine, and how they are to be used.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelFiles {
    /// The model's name for people.
    pub name: String,
    /// The ONNX file; external data files lie beside it.
    pub model: PathBuf,
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
    /// Id that fills the shorter texts of a batch up.
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
