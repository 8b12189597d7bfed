//! HTTP on the daemon's port: three dialects that apps already speak, and our own.
//!
//! - `openai`, `ollama`, `tei`: shapes, status codes and errors as the originals give them
//! - `native`: JSON-RPC by POST, events, health, metrics, the description of it all
//!
//! Inside: `body` reads requests within their bounds, `model_name` reads names with a role, `tensor` writes vectors as
//! bytes, `told` is what every answer says beside its vectors.

mod body;
mod description;
#[cfg(fuzzing)]
pub mod fuzzing;
mod model_name;
mod native;
mod ollama;
mod openai;
mod tei;
mod tensor;
mod told;

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::DefaultBodyLimit,
    http::Uri,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use okibi_engine::{EmbedRequest, Embedded, Engine, Role, Text};
use okibi_listener::Caller;
use okibi_protocol::method::{InputType, OverflowChoice};

use crate::{ask, daemon::Daemon, failure::Failure, metrics::Dialect};

/// What handlers share.
type Shared = Extension<Arc<Daemon>>;

/// An answer, or why there is none; told in the shape of the path.
type Answer<T = Response> = Result<T, Failure>;

/// Every route of a daemon.
pub(crate) fn routes(daemon: Arc<Daemon>) -> Router {
    Router::new()
        .route("/", get(native::greeting).post(tei::embed))
        .route("/v1/embeddings", post(openai::embeddings))
        .route("/v1/models", get(openai::models))
        .route("/v1/models/{*id}", get(openai::model))
        .route("/api/embed", post(ollama::embed))
        .route("/api/embeddings", post(ollama::embeddings))
        .route("/api/tags", get(ollama::tags))
        .route("/api/ps", get(ollama::ps))
        .route("/api/show", post(ollama::show))
        .route("/api/version", get(ollama::version))
        .route("/embed", post(tei::embed))
        .route("/embed_all", post(tei::embed_all))
        .route("/tokenize", post(tei::tokenize))
        .route("/decode", post(tei::decode))
        .route("/similarity", post(tei::similarity))
        .route("/info", get(tei::info))
        .route("/ping", get(native::livez))
        .route("/rpc", post(native::rpc))
        .route("/events", get(native::events))
        .route("/health", get(native::health))
        .route("/livez", get(native::livez))
        .route("/readyz", get(native::readyz))
        .route("/metrics", get(native::metrics))
        .route("/openapi.json", get(description::openapi))
        .route("/docs", get(description::docs))
        // `body` has bounds of its own, which tell more.
        .layer(DefaultBodyLimit::disable())
        .layer(Extension(daemon))
}

/// The response of a handler.
fn respond<T: IntoResponse>(uri: &Uri, answer: Answer<T>) -> Response {
    match answer {
        Ok(answer) => answer.into_response(),
        Err(failure) => failure.http().response(uri.path()),
    }
}

/// What a dialect asks for, in one form.
struct Ask {
    texts: Vec<Text>,
    role: Role,
    normalize: bool,
    dimensions: Option<usize>,
    overflow: okibi_engine::Overflow,
}

impl Ask {
    fn new(texts: Vec<Text>) -> Self {
        Self {
            texts,
            role: Role::None,
            normalize: true,
            dimensions: None,
            overflow: okibi_engine::Overflow::Truncate,
        }
    }

    async fn embed(
        self,
        daemon: &Arc<Daemon>,
        dialect: Dialect,
        caller: &Caller,
    ) -> Answer<(Arc<Engine>, Embedded)> {
        let request = EmbedRequest {
            role: self.role,
            normalize: self.normalize,
            dimensions: self.dimensions,
            overflow: self.overflow,
            client: caller.connection.0,
            ..EmbedRequest::new(self.texts)
        };
        ask::embed(daemon, dialect, request).await
    }
}

/// The role of a text: a field names it, or the prompt of the model, or the model's name does.
///
/// Errors: a prompt that the model does not have.
fn role(
    engine: &Engine,
    input_type: Option<InputType>,
    prompt_name: Option<&str>,
    by_name: Option<Role>,
) -> Answer<Role> {
    if let Some(input_type) = input_type {
        return Ok(ask::role(input_type));
    }
    let Some(name) = prompt_name else {
        return Ok(by_name.unwrap_or_default());
    };
    let role = match name {
        "query" => Role::Query,
        "document" | "passage" => Role::Document,
        _ => {
            return Err(Failure::invalid(
                "prompt_name",
                "`prompt_name` is `query` or `document`",
            ));
        }
    };
    if engine.prompt(role).is_none() {
        let model = &engine.info().name;
        let message = format!("the model {model} has no prompt of this name");
        return Err(Failure::invalid("prompt_name", message));
    }
    Ok(role)
}

/// What is done with long texts where a dialect's `truncate` is `by_default` unless it is given.
fn overflow(
    overflow: Option<OverflowChoice>,
    truncate: Option<bool>,
    by_default: bool,
) -> okibi_engine::Overflow {
    ask::overflow(overflow, truncate.unwrap_or(by_default))
}
