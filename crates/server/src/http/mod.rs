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

pub(crate) use model_name::ModelName;

use std::{sync::Arc, time::Instant};

use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, FromRequest, Request},
    http::{HeaderMap, Uri},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use okibi_dialects::Dialect;
use okibi_engine::{Engine, Role};
use okibi_listener::{Caller, HeldBytes};
use okibi_protocol::method::{InputType, OverflowChoice};
use serde::de::DeserializeOwned;

use crate::{ask, daemon::Daemon, failure::Failure};

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
        .route("/api/pull", post(ollama::pull))
        .route("/api/delete", delete(ollama::delete))
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
        Err(failure) => failure.http().response(Dialect::of(uri.path())),
    }
}

/// A request of a dialect: who sent it, and its body, read as `T`.
struct Asked<T> {
    /// When its head had arrived.
    began: Instant,
    daemon: Arc<Daemon>,
    caller: Caller,
    uri: Uri,
    headers: HeaderMap,
    request: T,
    /// Its bytes stay counted as long as it is worked on.
    held: Vec<HeldBytes>,
}

impl<T: DeserializeOwned + Send + 'static> FromRequest<()> for Asked<T> {
    type Rejection = Response;

    async fn from_request(request: Request, _state: &()) -> Result<Self, Response> {
        let began = Instant::now();
        let (parts, body) = request.into_parts();
        // The routes are laid over the one, the listener puts the other into every request.
        let extensions = &parts.extensions;
        let daemon = extensions.get::<Arc<Daemon>>().expect("the routes' own").clone();
        let caller = extensions.get::<Caller>().expect("the listener's").clone();
        match body::json(&caller, &parts.headers, body).await {
            Ok((request, held)) => Ok(Self {
                began,
                daemon,
                caller,
                uri: parts.uri,
                headers: parts.headers,
                request,
                held,
            }),
            Err(failure) => Err(failure.http().response(Dialect::of(parts.uri.path()))),
        }
    }
}

impl<T> Asked<T> {
    /// Answers it by `work`, which gets everything but the place.
    async fn answer<R: IntoResponse>(mut self, work: impl AsyncFnOnce(Self) -> Answer<R>) -> Response {
        let uri = self.uri.clone();
        let _held = std::mem::take(&mut self.held);
        respond(&uri, work(self).await)
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
