//! Why texts are not embedded. Why a model cannot be loaded is in `okibi_models`, for those that put it into words.

use std::path::PathBuf;

pub use okibi_models::{Cause, LoadError};

/// Why texts were not embedded. One request's error touches no other.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EmbedError {
    /// There is no text in the request.
    #[error("the input is an empty list")]
    NoInput,
    /// A text is empty.
    #[error("text {index} is empty")]
    EmptyText {
        /// Which text, counted from 0.
        index: usize,
    },
    /// A text is over the model's limit and may not be cut.
    #[error("text {index} has {tokens} tokens; the limit is {limit}")]
    TooLong {
        /// Which text, counted from 0.
        index: usize,
        /// Its tokens, prompt and special tokens included.
        tokens: usize,
        /// The model's limit.
        limit: usize,
    },
    /// More or fewer dimensions were asked for than a vector can be cut to.
    #[error("{asked} dimensions cannot be given; the model has {dimension}")]
    Dimensions {
        /// What was asked for.
        asked: usize,
        /// The length of the model's vectors.
        dimension: usize,
    },
    /// The queue is full.
    #[error("the queue is full ({limit} texts)")]
    Busy {
        /// Texts the queue holds at the most.
        limit: usize,
    },
    /// The tokenizer failed.
    #[error("text {index} cannot be tokenized: {reason}")]
    Tokenize {
        /// Which text, counted from 0.
        index: usize,
        /// What the library said.
        reason: String,
    },
    /// A token id is not one of the model's tokenizer.
    #[error("text {index} has the token id {id}; the model's tokenizer has {vocabulary} ids, from 0")]
    UnknownId {
        /// Which text, counted from 0.
        index: usize,
        /// The id.
        id: u32,
        /// How many ids there are.
        vocabulary: usize,
    },
    /// Vectors of single tokens were asked for, and the model gives none.
    #[error("the model gives one vector a text and none for single tokens")]
    NoTokenVectors,
    /// The runtime failed or panicked.
    #[error("the model failed: {reason}")]
    Compute {
        /// What it said.
        reason: String,
    },
    /// The model gave a vector that is not finite.
    #[error("text {index} has no finite vector")]
    NotFinite {
        /// Which text, counted from 0.
        index: usize,
    },
    /// A file of the model was changed on disk after it was loaded. The engine is outdated from then on.
    #[error("the model's file {path} was changed on disk; the model is loaded again, so ask once more", path = path.display())]
    WeightsChanged {
        /// The file.
        path: PathBuf,
    },
    /// The engine has ended.
    #[error("the engine has stopped")]
    Stopped,
}
