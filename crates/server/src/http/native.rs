//! Our own: JSON-RPC by POST, events, health, metrics.

use std::sync::Arc;

use axum::{
    Extension, Json,
    body::{Body, Bytes},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::future::join_all;
use okibi_dialects::{STATUS_EVENT, loading};
use okibi_listener::{Bound, Caller, HeldAnswer, product};
use okibi_protocol::jsonrpc::{self, Call, Element, Id, Message, Response as RpcResponse, RpcError, code};
use tokio::sync::Semaphore;

use crate::{
    activity::Asker,
    daemon::Daemon,
    http::{body, error::NativeError, request::Shared},
    rpc::{self, CallContext},
};

/// What `GET /` says: to people, and to clients that look for Ollama's own words.
const GREETING: &str = concat!(
    "Okibi ",
    env!("CARGO_PKG_VERSION"),
    ": JSON-RPC over WebSocket here, HTTP at /docs. For clients that look for these words: Ollama is running\n"
);

/// Source: the OpenMetrics specification 1.0, "Content-Type".
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `GET /`, `HEAD /`.
pub(super) async fn greeting() -> &'static str {
    GREETING
}

/// `GET /livez`, `GET /ping`: whether the server is there.
#[utoipa::path(get, path = "/livez", tag = "Okibi", responses((status = 200, body = String)))]
pub(super) async fn livez() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: whether the server can embed right now.
#[utoipa::path(get, path = "/readyz", tag = "Okibi",
    responses((status = 200, body = String), (status = 503, description = "not ready", body = String)))]
pub(super) async fn readyz(Extension(daemon): Shared) -> Response {
    loading::readiness(&daemon.status())
}

/// `GET /health`: the status, with 503 while there is no model.
#[utoipa::path(get, path = "/health", tag = "Okibi",
    responses((status = 200, body = Object), (status = 503, description = "not ready", body = Object)))]
pub(super) async fn health(Extension(daemon): Shared) -> Response {
    loading::health_response(&daemon.status())
}

/// `GET /activity`: who is connected, what waits, and what the last requests were, without their texts.
#[utoipa::path(get, path = "/activity", tag = "Okibi", responses((status = 200, body = Object)))]
pub(super) async fn activity(Extension(daemon): Shared) -> Response {
    Json(daemon.recent_activity()).into_response()
}

/// `GET /events`: the status as it changes, as server-sent events.
pub(super) async fn events(Extension(daemon): Shared, Extension(caller): Extension<Caller>) -> Response {
    let changes = daemon.changes().clone();
    okibi_listener::events(&caller, STATUS_EVENT, &changes, move || daemon.status())
}

/// `GET /metrics`, as OpenMetrics text.
#[utoipa::path(get, path = "/metrics", tag = "Okibi",
    responses((status = 200, body = String, content_type = "application/openmetrics-text")))]
pub(super) async fn metrics(Extension(daemon): Shared, Extension(caller): Extension<Caller>) -> Response {
    let status = daemon.status();
    let queued = daemon.models.queued_texts();
    let text = daemon.metrics.text(&status, queued, &caller);
    ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response()
}

/// `POST /rpc`: the JSON-RPC of the WebSocket, one message a request. Results are not streamed, and there are no
/// subscriptions.
pub(super) async fn rpc(
    Extension(daemon): Shared,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, NativeError> {
    let (bytes, _held) = body::bytes(&caller, &headers, body).await?;
    let asker = Asker {
        peer: Arc::clone(&caller.peer),
        name: product(&headers),
    };
    Ok(match answer(daemon, &caller, &asker, bytes).await {
        Some(text) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        // Notifications get no answer.
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

async fn answer(daemon: Arc<Daemon>, caller: &Caller, asker: &Asker, bytes: Bytes) -> Option<String> {
    let max_batch = caller.limits.max_batch;
    let read = move |bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(text) => jsonrpc::parse(text, max_batch),
        Err(_) => Message::Single(Err(jsonrpc::not_text(bytes))),
    };
    let Some(message) = body::parse(bytes, read).await else {
        let error = RpcError::new(code::INTERNAL_ERROR, "the request cannot be read");
        return Some(RpcResponse::new(Id::Null, Err(error)).to_text());
    };
    let one = async |element: Element| match element {
        Err(response) => Some((response, None)),
        Ok(call) => answer_call(&daemon, caller, asker, call).await,
    };
    match message {
        Message::TooLong(response) => {
            caller.counters.refusals.count(Bound::Batch);
            Some(response.to_text())
        }
        Message::Single(element) => one(element).await.map(|(response, _)| response.to_text()),
        Message::Batch(elements) => {
            let answers = in_order(elements.into_iter().map(one), caller.limits.max_in_flight).await;
            let (answers, _held): (Vec<RpcResponse>, Vec<_>) = answers.into_iter().flatten().unzip();
            (!answers.is_empty()).then(|| jsonrpc::batch_text(&answers))
        }
    }
}

/// Runs at most `limit` of the futures at the same time, as a WebSocket does with the calls of a batch, and returns what
/// they gave, in their order.
async fn in_order<T>(futures: impl IntoIterator<Item = impl Future<Output = T>>, limit: usize) -> Vec<T> {
    let permits = Semaphore::new(limit);
    let limited = futures.into_iter().map(|future| async {
        // The semaphore is never closed, so there is always a permit to wait for.
        let _permit = permits.acquire().await;
        future.await
    });
    join_all(limited).await
}

/// Answers a call. The answer counts as unread output until the array that it may be in is written.
async fn answer_call(
    daemon: &Arc<Daemon>,
    caller: &Caller,
    asker: &Asker,
    call: Call,
) -> Option<(RpcResponse, Option<HeldAnswer>)> {
    let id = call.id.clone();
    let context = CallContext {
        connection: caller.connection,
        asker: asker.clone(),
        right: caller.right,
        may_stream: false,
        websocket: None,
    };
    let outcome = match rpc::answer(daemon, call, context).await {
        Ok(okibi_listener::Answer::Single(outcome)) => outcome,
        Ok(okibi_listener::Answer::Stream(_)) => Err(RpcError::new(
            code::INTERNAL_ERROR,
            "the answer cannot be streamed here",
        )),
        Err(error) => Err(error),
    };
    let id = id?;
    let counted = outcome.and_then(|result| {
        let held = caller.hold_answer(result.get().len())?;
        Ok((result, held))
    });
    Some(match counted {
        Ok((result, held)) => (RpcResponse::new(id, Ok(result)), Some(held)),
        Err(error) => (RpcResponse::new(id, Err(error)), None),
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn calls_of_a_batch_run_within_the_bound_and_keep_their_order() {
        let (now, most) = (Cell::new(0), Cell::new(0));
        let call = async |at: usize| {
            now.set(now.get() + 1);
            most.set(most.get().max(now.get()));
            // The later ones are done first.
            for _ in at..100 {
                tokio::task::yield_now().await;
            }
            now.set(now.get() - 1);
            at
        };
        let answers = in_order((0..100).map(call), 32).await;
        assert_eq!(answers, (0..100).collect::<Vec<_>>());
        assert_eq!(most.get(), 32);
    }
}
