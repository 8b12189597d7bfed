//! Small models give the vectors that they should. `tests/references/generate.py` makes the models and the vectors.

#![allow(clippy::unwrap_used, reason = "what fails in a helper fails its test")]

mod graphs;
mod harness;
mod models;
