//! What there is, for programs (OpenAPI 3.1) and for people.

use axum::{
    Json,
    response::{Html, IntoResponse, Response},
};
use serde::Serialize;
use utoipa::{IntoResponses, OpenApi, ToSchema};

use super::{native, ollama, openai, tei};

/// An error: `error` is the message, or below `/v1/` an object with it.
#[derive(Serialize, ToSchema)]
pub(super) struct ErrorBody {
    /// What went wrong and what to do.
    error: serde_json::Value,
}

/// Why a request is refused, whatever it asks for.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it only describes")]
pub(super) enum Refusals {
    /// The request is not what it should be.
    #[response(status = 400)]
    Invalid(ErrorBody),
    /// The token is missing or wrong.
    #[response(status = 401)]
    Unauthorized(ErrorBody),
    /// The host, the origin or the right is not one that is let in.
    #[response(status = 403)]
    Forbidden(ErrorBody),
    /// There is no such model, or nothing at this path.
    #[response(status = 404)]
    NotFound(ErrorBody),
    /// The body did not come in time.
    #[response(status = 408)]
    Slow(ErrorBody),
    /// The body is too large.
    #[response(status = 413)]
    TooLarge(ErrorBody),
    /// The body is compressed.
    #[response(status = 415)]
    Compressed(ErrorBody),
    /// The tokenizer cannot read a text, or the model cannot give what is asked for.
    #[response(status = 422)]
    Unprocessable(ErrorBody),
    /// The queue is full: ask again after `Retry-After` seconds.
    #[response(status = 429)]
    Busy(ErrorBody),
    /// The model failed.
    #[response(status = 500)]
    Failed(ErrorBody),
    /// The model is loading, or the server stops: ask again after `Retry-After` seconds.
    #[response(status = 503)]
    Unavailable(ErrorBody),
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Okibi",
        description = "Text embeddings on this machine, in the dialects that apps already speak."
    ),
    paths(
        openai::embeddings,
        openai::models,
        openai::model,
        ollama::embed,
        ollama::embeddings,
        ollama::tags,
        ollama::ps,
        ollama::show,
        ollama::version,
        tei::embed,
        tei::embed_all,
        tei::tokenize,
        tei::decode,
        tei::similarity,
        tei::info,
        native::livez,
        native::readyz,
        native::health,
        native::metrics,
    ),
    components(schemas(ErrorBody))
)]
struct Description;

/// `GET /openapi.json`.
pub(super) async fn openapi() -> Response {
    Json(Description::openapi()).into_response()
}

/// `GET /docs`: the same for people; the page reads `/openapi.json` and fetches nothing else.
pub(super) async fn docs() -> Response {
    Html(include_str!("docs.html")).into_response()
}
