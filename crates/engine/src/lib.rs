//! Models: where they come from, loading in stages, tokenising, batching, embedding.
//!
//! Knows no socket and no async runtime: [`load()`] blocks and reports its stages to a callback; an [`Engine`]
//! owns one OS thread, which owns the ONNX session, and answers through futures.
//!
//! - [`source`]: from a model's name to its files
//! - [`runtime`]: the ONNX Runtime library
//! - [`tokenizer`], [`session`], [`pooling`]: from a text to its vector
//! - [`batch`]: which texts are computed together
//!
//! fastembed gives the catalogue of models and their pooling. Inference goes to ONNX Runtime directly: fastembed's
//! own path tokenises inside the call that computes, so sorting by length and cutting by tokens would tokenise
//! every text twice, and it takes the model as bytes, which costs a copy of it.

pub mod batch;
pub mod pooling;
pub mod runtime;
pub mod session;
pub mod source;
pub mod tokenizer;

mod engine;
mod error;
mod load;
mod memory;
mod queue;
mod space;
mod unigram;

pub use engine::{EmbedRequest, Embedded, Engine, ModelInfo, Pending, Prepared, Role, Timing};
pub use error::{Cause, EmbedError, LoadError};
pub use load::{DEFAULT_BATCH_TOKENS, DEFAULT_QUEUED_TEXTS, LoadOptions, Observer, load};
pub use memory::return_unused as return_unused_memory;
pub use queue::{BatchRecord, Meter};
pub use session::Output;
pub use space::SpaceId;
pub use tokenizer::{Overflow, Text, TokenInfo};
