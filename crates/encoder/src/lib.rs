//! Computes encoders from their makers' own weights: the same bits alone, in any batch, with any threads, on any processor.
//!
//! Pure computing: no runtime of others, no sockets, no tokenizer. Token ids go in, a vector of each token comes out.
//! Read it in this order:
//!
//! - [`description`]: what an encoder consists of, whatever family it is of
//! - [`families`]: what configurations say, and what files call each part
//! - [`weights`]: files of learned values, opened, checked and mapped
//! - [`parameters`]: its learned values, by the part they belong to
//! - [`Encoder`]: an encoder that is ready to run
//! - [`proof`]: whether a lower precision is good enough for a model
//! - `network`: these, packed for a processor
//! - `packed`: the same in a file, for the next start
//! - `forward`: one loop over the layers, in stages that threads share
//! - `linear`, `attention`, `norm`, `rotary`, `activation`: the parts of a layer
//! - [`Stages`]: where the time goes
//! - `lanes`: sixteen numbers at a time, on each processor

mod activation;
mod arena;
mod attention;
pub mod description;
mod encoder;
pub mod families;
mod forward;
mod lanes;
mod linear;
mod network;
mod norm;
mod open;
mod packed;
pub mod parameters;
pub mod proof;
mod rotary;
mod stages;
mod threads;
pub mod weights;

pub use encoder::{Encoder, Memory, RunError, TokenTable};
pub use lanes::Kernel;
pub use linear::Precision;
pub use open::{OpenError, Options};
pub use packed::PackedState;
pub use stages::{Stage, Stages};

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
