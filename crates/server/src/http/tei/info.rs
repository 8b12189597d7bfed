//! `/info`: the model and the limits.

use axum::{Extension, Json};
use okibi_engine::ModelInfo;
use okibi_listener::Caller;
use serde_json::{Value, json};

use crate::http::{
    error::{Refusals, TeiError},
    request::Shared,
};

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
        "model_type": { "embedding": { "pooling": info.pooling.name() } },
        "max_concurrent_requests": caller.limits.max_connections,
        "max_input_length": info.max_tokens,
        "max_batch_tokens": batch_tokens,
        "max_batch_requests": null,
        "max_client_batch_size": max_inputs,
        "auto_truncate": false,
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
