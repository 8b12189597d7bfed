//! The files of a model on this machine, and how they are to be used.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::Value;

use crate::{
    error::ModelError,
    onnx::Signature,
    output::{self, ChosenOutput},
    pipeline::Pipeline,
    prompts::Prompts,
    tokenizer_config::TokenizerConfig,
};

/// The files of a model on this machine, and how they are to be used.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelFiles {
    /// The model's name for people.
    pub name: String,
    /// The folder with all of them.
    pub folder: PathBuf,
    /// The file that its weights are opened by: the ONNX file, the one of safetensors, or the list of several.
    pub model: PathBuf,
    /// The files that its graph names, relative to the ONNX file's folder.
    pub external: Vec<String>,
    /// The files with its weights: the one that they are opened by, those that it names, and those of the modules.
    pub weights: Vec<PathBuf>,
    /// `config.json`, where the network is described.
    pub config_file: PathBuf,
    /// `tokenizer.json`.
    pub tokenizer: PathBuf,
    /// How it makes one vector of a text.
    pub pipeline: Pipeline,
    /// Whether vectors are meant to be of unit length.
    pub normalize: bool,
    /// What is put before a text, by its role.
    pub prompts: Prompts,
    /// Tokens of a text that the model reads, special tokens included.
    pub max_tokens: usize,
    /// What the tokenizer's configuration says beyond `tokenizer.json`.
    pub tokenizer_config: TokenizerConfig,
    /// The position of a text's first token, for graphs that want to be told positions.
    pub first_position: usize,
    /// Id that fills up the shorter texts of a batch. The model does not attend to it.
    pub pad_id: u32,
    /// Special tokens the configuration names, in case the tokenizer file lacks them.
    pub special_tokens: Vec<String>,
    /// The kind of network, as `model_type` of `config.json` names it.
    pub architecture: Option<String>,
    /// Length of a vector, where the files or the table of known models say it.
    pub dimension: Option<usize>,
    /// The graph's output that vectors are taken from, where the ONNX file could be read; the engine asks again once it
    /// has opened the file.
    pub output: Option<ChosenOutput>,
    /// Where each of these was read, by the name it has on the wire: a file, `known models` or `default`.
    pub found_in: BTreeMap<String, String>,
    /// `config.json`.
    pub(crate) config: Value,
}

impl ModelFiles {
    /// Chooses the output of the model's graph that vectors are taken from.
    ///
    /// Errors: [`ModelError::Unsupported`], [`ModelError::MissingFile`].
    pub fn choose_output(&self, graph: &Signature) -> Result<ChosenOutput, ModelError> {
        let has_prompts = self.prompts.is_any();
        output::choose(
            graph,
            &self.pipeline,
            has_prompts,
            &self.folder,
            &self.model,
            &self.config,
        )
    }
}
