//! `/info`: the model and the limits.

use axum::{Extension, Json};
use okibi_engine::ModelInfo;
use okibi_listener::Caller;
use serde_json::{Value, json};

use crate::http::{
    error::{Refusals, TeiError},
    request::Shared,
};

/// Texts that a client is advised to send at a time, as many as the original advises: clients take this for their batch
/// size, and a request of so many long texts is worked off in seconds on any machine. More are accepted.
const CLIENT_BATCH: usize = 32;

/// `GET /info`.
#[utoipa::path(get, path = "/info", tag = "text-embeddings-inference",
    responses((status = 200, body = Object), Refusals))]
pub(in crate::http) async fn info(
    Extension(daemon): Shared,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Value>, TeiError> {
    let info = daemon.current()?;
    let limits = &daemon.options;
    Ok(Json(describe(
        &info,
        limits.max_inputs,
        limits.batch_tokens(),
        &caller,
    )))
}

fn describe(info: &ModelInfo, max_inputs: usize, batch_tokens: usize, caller: &Caller) -> Value {
    json!({
        "model_id": info.name,
        "model_sha": info.digest,
        "model_dtype": "float32",
        "served_model_name": info.name,
        "model_type": { "embedding": { "pooling": info.pooling.name() } },
        "max_concurrent_requests": caller.limits.max_connections,
        "max_input_length": info.max_tokens,
        "max_batch_tokens": batch_tokens,
        "max_batch_requests": null,
        "max_client_batch_size": CLIENT_BATCH.min(max_inputs),
        "auto_truncate": true,
        "tokenization_workers": info.threads,
        "version": env!("CARGO_PKG_VERSION"),
        "sha": null,
        "docker_label": null,
        "server": "okibi",
        "dimension": info.dimension,
        "space": info.space.as_str(),
        "prompts": {
            "query": info.prompts.query,
            "document": info.prompts.document,
        },
    })
}
