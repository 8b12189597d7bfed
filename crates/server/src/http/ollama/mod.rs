//! Ollama's API, as far as embeddings go. Source: `docs/api.md` of github.com/ollama/ollama.

pub(super) mod embed;
pub(super) mod generate;
mod keep_alive;
pub(super) mod models;
mod name;
