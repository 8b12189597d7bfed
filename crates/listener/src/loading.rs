//! What is answered while a model loads: the same by a front's temporary server and by a daemon in the foreground.

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

use crate::refusal::HttpError;

/// Seconds after which a client that was told to wait may ask again.
const RETRY_AFTER_SECONDS: &str = "1";

/// Answers the methods that need no model; `embed` and `embed_text` get the error that says why not yet.
///
/// Errors: −32001 while loading, with the stage, the fraction done (0 to 1, three decimals) and all stages in
/// `data`; −32003 when stopping; −32603 when the load has failed; −32601 for any other method: whatever else a
/// server can do it has to look at first.
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

/// Why no embedding can be had now.
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
    if status.ready {
        return Json(status).into_response();
    }
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, Json(status)).into_response();
    let retry_after = HeaderValue::from_static(RETRY_AFTER_SECONDS);
    response.headers_mut().insert(header::RETRY_AFTER, retry_after);
    response
}

/// `GET /readyz`: 200 when an embedding is to be had, else 503 and `Retry-After`.
pub fn readiness(status: &Status) -> Response {
    if status.ready {
        return "ready\n".into_response();
    }
    let wait = [(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS))];
    (StatusCode::SERVICE_UNAVAILABLE, wait, "not ready\n").into_response()
}

/// Any other request while there is no model: 503 and `Retry-After`, in the shape of its path, so that a client of any
/// dialect knows that it has come too early and not to the wrong place.
pub fn not_ready_response(status: &Status, path: &str) -> Response {
    let why = not_ready(status);
    let mut error = HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "loading", why.message);
    error.details = why.data;
    error.retry_after = Some(Duration::from_secs(1));
    error.response(path)
}
