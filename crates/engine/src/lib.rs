//! Models: loading in stages, tokenizing, batching, embedding.
//!
//! Knows no socket and no async runtime: [`load()`] blocks and reports its stages to a callback; an [`Engine`]
//! owns one OS thread, which owns the session, and answers through futures. A session is computed by one of two: by Okibi's
//! own encoder, from the makers' weights, or by ONNX Runtime, from an export.
//!
//! - [`runtime`]: the ONNX Runtime library
//! - `tokenizer_file`, `unigram`: a tokenizer that opens fast
//! - [`tokenizer`], [`session`], [`pooling`], `layers`: from a text to its vector
//! - `encoder`, `graph`, `table`: what makes the vectors of tokens
//! - [`batch`]: which texts are computed together
//! - [`canary`]: whether a model's vectors are still what they were
//!
//! Where the files come from is the business of `okibi-models`. Inference goes to ONNX Runtime directly, and not through
//! fastembed: that tokenizes inside the call that computes, so sorting by length and cutting by tokens would tokenize
//! every text twice, and it takes the model as bytes, which costs a copy of it.

pub mod batch;
pub mod canary;
pub mod pooling;
pub mod runtime;
pub mod session;
pub mod tokenizer;

mod device;
mod digests;
mod encoder;
mod engine;
mod error;
mod graph;
mod kept;
mod layers;
mod load;
mod memory;
mod numbers;
mod progress;
mod proof;
mod queue;
mod sequence;
mod space;
mod table;
mod tensors;
mod tokenizer_file;
mod unigram;
mod weights;

pub use device::{Device, DevicePreference};
pub use encoder::{Backend, Precision};
pub use engine::{EmbedRequest, Embedded, Engine, ModelInfo, Pending, Prepared, Role, Timing};
pub use error::{Cause, EmbedError, LoadError};
pub use load::{Admission, DEFAULT_BATCH_TOKENS, DEFAULT_QUEUED_TEXTS, LoadOptions, Observer, load};
pub use memory::return_unused as return_unused_memory;
pub use progress::Progress;
pub use queue::{BatchRecord, Meter};
pub use sequence::Sequence;
pub use session::Output;
pub use space::SpaceId;
pub use tokenizer::{Overflow, Text, TokenInfo};
