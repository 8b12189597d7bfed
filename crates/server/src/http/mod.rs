//! HTTP on the daemon's port: three dialects that apps already speak, and our own.
//!
//! - `openai`, `ollama`, `tei`: shapes, status codes and errors as the originals give them
//! - `llama_cpp`: the two paths of llama.cpp's server that are its own
//! - `unavailable`: what the originals do and Okibi does not, with what to do instead
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
mod fields;
#[cfg(fuzzing)]
pub mod fuzzing;
mod headers;
mod input;
mod llama_cpp;
mod native;
mod ollama;
mod openai;
pub(crate) mod reference;
mod request;
mod tei;
mod tensor;
mod unavailable;

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{MethodRouter, delete, get, post},
};
use okibi_dialects::Dialect;

use crate::daemon::Daemon;

/// Every route of a daemon.
pub(crate) fn routes(daemon: Arc<Daemon>) -> Router {
    embedding_routes()
        .route("/", get(native::greeting))
        .merge(openai_lists())
        .merge(unavailable_routes())
        .route("/api/tags", get(ollama::models::tags))
        .route("/api/ps", get(ollama::models::ps))
        .route("/api/show", post(ollama::models::show))
        .route("/api/pull", post(ollama::models::pull))
        .route("/api/generate", post(ollama::generate::generate))
        .route("/api/chat", post(ollama::generate::chat))
        .route("/api/delete", delete(ollama::models::delete))
        .route("/api/version", get(ollama::models::version))
        .route("/tokenize", post(tei::tokens::tokenize))
        .route("/decode", post(tei::tokens::decode))
        .route("/detokenize", post(llama_cpp::detokenize))
        .route("/info", get(tei::info::info))
        .route("/ping", get(native::livez))
        .route("/rpc", post(native::rpc))
        .route("/events", get(native::events))
        .route("/health", get(native::health))
        .route("/activity", get(native::activity))
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

/// The lists of models of OpenAI's API, below each base URL that a client may be set to.
fn openai_lists() -> Router {
    let below = |router: Router, base: &str| {
        router
            .route(&format!("{base}/models"), get(openai::models::list))
            .route(&format!("{base}/models/{{*id}}"), get(openai::models::one))
    };
    ["", "/v1", "/openai/v1", "/openai"]
        .into_iter()
        .fold(Router::new(), below)
}

/// Paths of the originals that are refused with a sentence of their own.
fn unavailable_routes() -> Router {
    let all = |router: Router, (paths, handler): (&[&str], MethodRouter)| {
        paths
            .iter()
            .fold(router, |router, path| router.route(path, handler.clone()))
    };
    [
        (
            [
                "/v1/chat/completions",
                "/v1/completions",
                "/v1/responses",
                "/v1/messages",
                "/chat/completions",
                "/completions",
                "/completion",
                "/openai/v1/chat/completions",
                "/openai/deployments/{name}/chat/completions",
                "/generate",
            ]
            .as_slice(),
            post(unavailable::generation),
        ),
        (
            &[
                "/rerank",
                "/v1/rerank",
                "/v2/rerank",
                "/reranking",
                "/v1/reranking",
            ],
            post(unavailable::reranking),
        ),
        (
            &["/predict", "/embed_sparse", "/classify"],
            post(unavailable::other_models),
        ),
        (
            &["/api/create", "/api/copy", "/api/push"],
            post(unavailable::model_making),
        ),
    ]
    .into_iter()
    .fold(Router::new(), all)
}

/// The routes whose answers count as requests for embeddings.
fn embedding_routes() -> Router {
    let counted = |dialect| {
        middleware::from_fn(move |Extension(daemon), request, next| {
            count::request(dialect, daemon, request, next)
        })
    };
    let openai = Router::new()
        .route("/v1/embeddings", post(openai::embed::embeddings))
        // As text-embeddings-inference and infinity have it, and as Azure does.
        .route("/embeddings", post(openai::embed::embeddings))
        .route("/openai/v1/embeddings", post(openai::embed::embeddings))
        .route("/openai/deployments/{name}/embeddings", post(openai::embed::of_deployment))
        .route("/embedding", post(llama_cpp::embedding));
    let ollama = Router::new()
        .route("/api/embed", post(ollama::embed::embed))
        .route("/api/embeddings", post(ollama::embed::embeddings));
    let tei = Router::new()
        .route("/", post(tei::embed::embed))
        .route("/embed", post(tei::embed::embed))
        // Amazon's cloud asks here.
        .route("/invocations", post(tei::embed::embed))
        .route("/embed_all", post(tei::embed::embed_all))
        .route("/similarity", post(tei::similarity::similarity));
    openai
        .route_layer(counted(Dialect::OpenAi))
        .merge(ollama.route_layer(counted(Dialect::Ollama)))
        .merge(tei.route_layer(counted(Dialect::Tei)))
}
