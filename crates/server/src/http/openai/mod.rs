//! OpenAI's API, as far as embeddings go. Source: its API reference, "Embeddings", "Models" and "Error codes".

pub(super) mod embed;
pub(super) mod models;
mod token_ids;
