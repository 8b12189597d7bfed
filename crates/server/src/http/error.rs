//! The errors of each dialect: a [`Failure`] that becomes a response in the dialect's shape.

use axum::response::{IntoResponse, Response};
use okibi_dialects::Dialect;
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use crate::failure::Failure;

/// What a response says to the metrics: how the request ended, and the bound that it went over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    pub(super) word: &'static str,
    /// The error in one word for programs.
    pub(super) code: &'static str,
    pub(super) bound: Option<okibi_listener::Bound>,
}

fn response(failure: &Failure, dialect: Dialect) -> Response {
    let error = failure.http();
    let mut response = error.response(dialect);
    response.extensions_mut().insert(Outcome {
        word: failure.outcome(),
        code: error.code,
        bound: failure.bound(),
    });
    response
}

macro_rules! dialect_errors {
    ($($(#[$doc:meta])* $name:ident: $dialect:ident,)*) => {
        $(
            $(#[$doc])*
            pub(super) struct $name(Failure);

            impl<E: Into<Failure>> From<E> for $name {
                fn from(error: E) -> Self {
                    Self(error.into())
                }
            }

            impl IntoResponse for $name {
                fn into_response(self) -> Response {
                    response(&self.0, Dialect::$dialect)
                }
            }
        )*
    };
}

dialect_errors! {
    /// An error as OpenAI's API gives it.
    OpenAiError: OpenAi,
    /// An error as Ollama's API gives it.
    OllamaError: Ollama,
    /// An error as text-embeddings-inference gives it.
    TeiError: Tei,
    /// An error on a path of our own.
    NativeError: JsonRpc,
}

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
    /// The tokenizer cannot read a text, or the model cannot give what is asked for; on the paths of
    /// text-embeddings-inference also a field with a wrong value.
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
