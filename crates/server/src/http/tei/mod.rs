//! The API of text-embeddings-inference. Source: `docs/openapi.json` of
//! github.com/huggingface/text-embeddings-inference.

mod cost;
pub(super) mod embed;
pub(super) mod info;
pub(super) mod similarity;
pub(super) mod tokens;
