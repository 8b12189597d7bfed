//! The answers while a model loads: the same from a front's temporary server and from a daemon in the foreground.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use okibi_protocol::{
    jsonrpc::{RpcError, code, raw_result},
    method::{CHECK_INIT, EMBED, EMBED_TEXT, GET_STATUS, InitState, RunState, Status},
};
use serde_json::{json, value::RawValue};

use crate::{Dialect, error::HttpError};

/// When a client that came too early may ask again.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Answers the methods that need no model. `embed` and `embed_text` get the error that says why they cannot be answered yet.
///
/// Errors: −32001 while loading, with the stage, the fraction done (0 to 1, three decimals) and all stages in
/// `data`; −32003 when stopping; −32603 when the load has failed; −32601 for any other method: a server
/// answers its own methods before it comes here.
pub fn loading_answer(method: &str, status: &Status) -> Result<Box<RawValue>, RpcError> {
    match method {
        GET_STATUS => raw_result(status),
        CHECK_INIT => raw_result(&if status.ready {
            InitState::InitCompleted
        } else {
            InitState::InitInProgress
        }),
        EMBED_TEXT | EMBED => Err(not_ready(status)),
        other => Err(RpcError::method_not_found(other)),
    }
}

/// The error of a request that needs a model while there is none.
pub fn not_ready(status: &Status) -> RpcError {
    match status.status {
        RunState::Starting | RunState::Running => {
            let board = &status.stages;
            RpcError::new(code::LOADING, "model is loading").with_data(json!({
                "stage": board.current().map(|event| event.stage.name()),
                "fraction": (board.fraction() * 1000.0).round() / 1000.0,
                "stages": board,
            }))
        }
        RunState::Stopping => RpcError::new(code::STOPPING, "the server is stopping"),
        RunState::Failed => RpcError::new(
            code::INTERNAL_ERROR,
            match &status.error {
                Some(error) => format!("the model could not be loaded: {error}"),
                None => "the model could not be loaded".to_owned(),
            },
        ),
    }
}

/// `GET /health`: the status as JSON, with 200 when ready and else 503 and `Retry-After`.
pub fn health_response(status: &Status) -> Response {
    when_ready(status, Json(status).into_response())
}

/// `GET /readyz`: 200 when the server can embed right now, else 503 and `Retry-After`.
pub fn readiness(status: &Status) -> Response {
    let text = if status.ready { "ready\n" } else { "not ready\n" };
    when_ready(status, text.into_response())
}

/// Makes `response` a 503 with `Retry-After` unless the server is ready.
fn when_ready(status: &Status, mut response: Response) -> Response {
    if !status.ready {
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
