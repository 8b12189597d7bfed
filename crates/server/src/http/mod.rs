//! HTTP on the daemon's port: three dialects that apps already speak, and our own.
//!
//! - `openai`, `ollama`, `tei`: shapes, status codes and errors as the originals give them
//! - `native`: JSON-RPC by POST, events, health, metrics, the description of it all
//!
//! Handlers are ordinary ones of axum. They take a [`request::JsonRequest`], which `body` reads within its bounds, and
//! return the error type of their dialect, from `error`. `tensor` writes vectors as bytes, `headers` what every answer
//! says beside them.
//!
//! ```text
//! request ─▶ count ─▶ JsonRequest ─▶ handler ─▶ response, or the dialect's error ─▶ count ─▶ client
//! ```
//!
//! `count` is a layer around the routes, so an answer is counted wherever in there it came about.

mod body;
mod count;
mod description;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod headers;
mod native;
mod ollama;
mod openai;
mod request;
mod tei;
mod tensor;

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{delete, get, post},
};
use okibi_dialects::Dialect;

use crate::daemon::Daemon;

/// Every route of a daemon.
pub(crate) fn routes(daemon: Arc<Daemon>) -> Router {
    embedding_routes()
        .route("/", get(native::greeting))
        .route("/v1/models", get(openai::models))
        .route("/v1/models/{*id}", get(openai::model))
        .route("/api/tags", get(ollama::models::tags))
        .route("/api/ps", get(ollama::models::ps))
        .route("/api/show", post(ollama::models::show))
        .route("/api/pull", post(ollama::models::pull))
        .route("/api/delete", delete(ollama::models::delete))
        .route("/api/version", get(ollama::models::version))
        .route("/tokenize", post(tei::tokens::tokenize))
        .route("/decode", post(tei::tokens::decode))
        .route("/info", get(tei::info::info))
        .route("/ping", get(native::livez))
        .route("/rpc", post(native::rpc))
        .route("/events", get(native::events))
        .route("/health", get(native::health))
        .route("/livez", get(native::livez))
        .route("/readyz", get(native::readyz))
        .route("/metrics", get(native::metrics))
        .route("/openapi.json", get(description::openapi))
        .route("/docs", get(description::docs))
        .layer(middleware::from_fn(count::bounds))
        // `body` has bounds of its own, whose errors say more.
        .layer(DefaultBodyLimit::disable())
        .layer(Extension(daemon))
}

/// The routes whose answers count as requests for embeddings.
fn embedding_routes() -> Router {
    let counted = |dialect| {
        middleware::from_fn(move |Extension(daemon), request, next| {
            count::request(dialect, daemon, request, next)
        })
    };
    let openai = Router::new().route("/v1/embeddings", post(openai::embeddings));
    let ollama = Router::new()
        .route("/api/embed", post(ollama::embed::embed))
        .route("/api/embeddings", post(ollama::embed::embeddings));
    let tei = Router::new()
        .route("/", post(tei::embed::embed))
        .route("/embed", post(tei::embed::embed))
        .route("/embed_all", post(tei::embed::embed_all))
        .route("/similarity", post(tei::similarity::similarity));
    openai
        .route_layer(counted(Dialect::OpenAi))
        .merge(ollama.route_layer(counted(Dialect::Ollama)))
        .merge(tei.route_layer(counted(Dialect::Tei)))
}
