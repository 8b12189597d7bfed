//! How a model makes one vector of a text, as a sentence-transformers repository describes it.
//!
//! [`read()`] turns `modules.json` and the folders that it names into a [`Pipeline`]: what happens to a text before it is
//! tokenized, and the [`Step`]s from the vectors of its tokens to its own. What is not supported is refused by its name,
//! because a step that is left out gives other vectors and no error. It computes nothing: that is the engine's work.

mod description;
mod read;

pub use self::description::{
    Activation, Dense, LayerNorm, ModuleWeights, Network, Pipeline, Pooling, PoolingMode, Step,
};
pub(crate) use self::read::{
    MODULES_FILE, TRANSFORMER_FILES, files_of_modules, read, read_transformer, weights,
};
