//! What the listener itself refuses, and why.

use std::borrow::Cow;

use axum::http::{HeaderMap, StatusCode, header};
use okibi_protocol::{
    guard::Refusal,
    jsonrpc::{Id, Response, RpcError, code},
};
use serde_json::json;

/// What a client is asked to wait when requests hold too much memory.
const RETRY_AFTER_MS: u64 = 1000;

/// Why the listener refuses an HTTP request. The service writes the response, because it knows what shape the clients
/// of a path understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The guard does not let it in.
    #[error(transparent)]
    Guard(#[from] Refusal),
    /// The service has no such path.
    #[error("there is nothing at this path")]
    NotFound,
    /// The path does not take this method.
    #[error("this path does not take this method")]
    MethodNotAllowed,
    /// The service panicked.
    #[error("the server failed at this request; its log says more")]
    Panicked,
    /// The request's line and headers are too long.
    #[error("the request's line and headers are over the limit of {limit} bytes")]
    HeaderSize {
        /// Bytes they may have.
        limit: usize,
    },
    /// There are as many connections as there may be, and this one can only ask for the status or for a stop.
    #[error("too many connections; close some, or raise `max_connections` in Okibi's settings")]
    TooManyConnections,
    /// A WebSocket starts with another method.
    #[error("a WebSocket starts with GET")]
    HandshakeMethod,
    /// A WebSocket of a version that is not spoken.
    #[error("the WebSocket version must be 13")]
    HandshakeVersion,
    /// A WebSocket without a key.
    #[error("the Sec-WebSocket-Key header is missing")]
    HandshakeKey,
}

/// A request that the guard has refused.
#[derive(Debug)]
pub struct RefusedRequest<'a> {
    /// Why.
    pub refusal: Refusal,
    /// Where it was sent.
    pub path: &'a str,
    /// Its headers, as the client wrote them.
    pub headers: &'a HeaderMap,
    /// Whether it was to become a WebSocket.
    pub is_websocket: bool,
}

impl RefusedRequest<'_> {
    /// The page that it comes from, by its own words; the first where there are several.
    pub fn origin(&self) -> Option<Cow<'_, str>> {
        let origin = self.headers.get(header::ORIGIN)?;
        Some(String::from_utf8_lossy(origin.as_bytes()))
    }
}

impl Refused {
    /// The status of the response.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Guard(Refusal::MissingHost) | Self::HandshakeKey => StatusCode::BAD_REQUEST,
            Self::Guard(Refusal::MissingToken | Refusal::WrongToken) => StatusCode::UNAUTHORIZED,
            Self::Guard(Refusal::ForeignHost | Refusal::ForeignOrigin | Refusal::NotAllowed) => {
                StatusCode::FORBIDDEN
            }
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed | Self::HandshakeMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
            Self::HandshakeVersion => StatusCode::UPGRADE_REQUIRED,
            Self::HeaderSize { .. } => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::TooManyConnections => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// One word for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Guard(Refusal::MissingHost) => "missing_host",
            Self::Guard(Refusal::ForeignHost) => "foreign_host",
            Self::Guard(Refusal::ForeignOrigin) => "foreign_origin",
            Self::Guard(Refusal::MissingToken) => "missing_token",
            Self::Guard(Refusal::WrongToken) => "invalid_api_key",
            Self::Guard(Refusal::NotAllowed) => "not_allowed",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Panicked => "internal",
            Self::HeaderSize { .. } => "header_size",
            Self::TooManyConnections => "too_many_connections",
            Self::HandshakeMethod | Self::HandshakeVersion | Self::HandshakeKey => "handshake",
        }
    }
}

/// −32002 for an element of a batch whose answers have grown too large together.
pub(crate) fn too_much_unread() -> RpcError {
    let message = "the answers of this batch are too large together; send smaller ones";
    RpcError::new(code::BUSY, message)
}

/// −32002 for a message for which there is not enough memory.
pub(crate) fn too_much_held() -> Response {
    let error = RpcError::new(code::BUSY, "too many large requests at once; try again");
    let error = error.with_data(json!({ "retry_after_ms": RETRY_AFTER_MS }));
    Response::new(Id::Null, Err(error))
}

/// −32002 for a call on a connection that was let in beyond the limit.
pub(crate) fn too_many_connections() -> RpcError {
    let error = RpcError::new(code::BUSY, Refused::TooManyConnections.to_string());
    error.with_data(json!({ "retry_after_ms": RETRY_AFTER_MS }))
}

/// −32603 for a failure that only the log explains.
pub(crate) fn internal_error() -> RpcError {
    RpcError::new(
        code::INTERNAL_ERROR,
        "the server failed at this call; its log says more",
    )
}

/// −32004 for a caller without the right to do this.
pub(crate) fn not_allowed() -> RpcError {
    RpcError::new(code::NOT_ALLOWED, Refusal::NotAllowed.to_string())
}

/// −32600 for a message that is not JSON-RPC at all.
pub(crate) fn invalid(message: &str) -> Response {
    Response::new(Id::Null, Err(RpcError::new(code::INVALID_REQUEST, message)))
}
