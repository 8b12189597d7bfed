//! A line in the log for each request, at the level debug: what was asked and how it was answered, never a text or a token.
//!
//! The path comes without its query, where a token may stand. What a client wrote is cut, and the log's format escapes it.

use std::time::Duration;

use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use tracing::Level;

use crate::{connection_id::ConnectionId, service::Answer};

/// Characters of a path, a method or a client's name that are logged.
pub(crate) const LENGTH: usize = 200;

/// What is remembered of an HTTP request until it is answered.
pub(crate) struct Asked {
    method: Method,
    path: String,
    client: String,
}

impl Asked {
    /// `None` where the line would not be written.
    pub(crate) fn of<B>(request: &Request<B>) -> Option<Self> {
        tracing::enabled!(Level::DEBUG).then(|| Self {
            method: request.method().clone(),
            path: request.uri().path().chars().take(LENGTH).collect(),
            client: client(request.headers()),
        })
    }

    /// The path, cut.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Writes the line. `took` is the time until the head of the answer.
    pub(crate) fn log(&self, dialect: &str, status: StatusCode, took: Duration, connection: ConnectionId) {
        let Self { method, path, client } = self;
        tracing::debug!(
            %method,
            path,
            dialect,
            status = status.as_u16(),
            ms = milliseconds(took),
            client,
            connection = connection.0,
            "request"
        );
    }
}

/// What the client calls itself.
fn client(headers: &HeaderMap) -> String {
    let name = headers.get(header::USER_AGENT);
    let name = name.map(|name| String::from_utf8_lossy(name.as_bytes()));
    name.unwrap_or_default().chars().take(LENGTH).collect()
}

/// Writes the line of a call on a WebSocket. `took` is the time until its answer, or the first part of it, was there.
pub(crate) fn log_call(method: &str, connection: ConnectionId, took: Duration, answer: &Answer) {
    let code = match answer {
        Answer::Single(Err(error)) => error.code,
        Answer::Single(Ok(_)) | Answer::Stream(_) => 0,
    };
    let (ms, connection) = (milliseconds(took), connection.0);
    tracing::debug!(method, dialect = "jsonrpc", code, ms, connection, "call");
}

fn milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e6).round() / 1e3
}
