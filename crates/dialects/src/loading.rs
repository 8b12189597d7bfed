//! The answers while a model loads: the same from a front's temporary server and from a daemon in the foreground.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use okibi_protocol::method::Status;

use crate::{Dialect, error::HttpError};

/// When a client that came too early may ask again.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);

pub use okibi_protocol::loading::{loading_answer, not_ready};

/// `GET /health`: the status as JSON, with 200 when the server can embed and else 503 and `Retry-After`.
pub fn health_response(status: &Status) -> Response {
    when_ready(status, Json(status).into_response())
}

/// `GET /readyz`: 200 when the server can embed, else 503 and `Retry-After`.
pub fn readiness(status: &Status) -> Response {
    let text = if can_embed(status) {
        "ready\n"
    } else {
        "not ready\n"
    };
    when_ready(status, text.into_response())
}

/// Whether a request would be answered by a vector, for all that is known: a model that is idle is loaded for it, and one
/// that could not be loaded again is most likely still broken.
fn can_embed(status: &Status) -> bool {
    status.ready && !status.has_failed_to_reload()
}

/// Makes `response` a 503 with `Retry-After` unless the server can embed.
fn when_ready(status: &Status, mut response: Response) -> Response {
    if !can_embed(status) {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        let seconds = HeaderValue::from(RETRY_AFTER.as_secs());
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

/// Any other request while there is no model: 503 and `Retry-After`, in the shape of its path, so that a client of any
/// dialect knows that it has come too early and not to the wrong place.
pub fn not_ready_response(status: &Status, path: &str) -> Response {
    let why = not_ready(status);
    let mut error = HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "loading", why.message);
    error.details = why.data;
    error.retry_after = Some(RETRY_AFTER);
    error.response(Dialect::of(path))
}
