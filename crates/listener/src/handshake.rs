//! The WebSocket upgrade of an HTTP request (RFC 6455, section 4.2).

use axum::{
    body::Body,
    http::{
        HeaderMap, Method, Request, StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    response::{IntoResponse, Response},
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::refusal::HttpError;

/// Whether a request asks to become a WebSocket.
pub(crate) fn is_asked<B>(request: &Request<B>) -> bool {
    has_token(request.headers(), header::CONNECTION, "upgrade")
        && has_token(request.headers(), header::UPGRADE, "websocket")
}

/// What a request to become a WebSocket comes to.
pub(crate) enum Handshake {
    /// The connection is a WebSocket once this is sent.
    Accepted(Response),
    /// It says what is wrong.
    Refused(Response),
}

/// Answers such a request.
pub(crate) fn accept<B>(request: &Request<B>) -> Handshake {
    if request.method() != Method::GET {
        return Handshake::Refused(refuse(
            StatusCode::METHOD_NOT_ALLOWED,
            "a WebSocket starts with GET",
        ));
    }
    let headers = request.headers();
    if headers
        .get(header::SEC_WEBSOCKET_VERSION)
        .map(HeaderValue::as_bytes)
        != Some(b"13")
    {
        let mut refusal = refuse(StatusCode::UPGRADE_REQUIRED, "the WebSocket version must be 13");
        let version = HeaderValue::from_static("13");
        refusal
            .headers_mut()
            .insert(header::SEC_WEBSOCKET_VERSION, version);
        return Handshake::Refused(refusal);
    }
    let Some(key) = headers.get(header::SEC_WEBSOCKET_KEY) else {
        return Handshake::Refused(refuse(
            StatusCode::BAD_REQUEST,
            "the Sec-WebSocket-Key header is missing",
        ));
    };
    let upgrade = [
        (header::CONNECTION, "upgrade".to_owned()),
        (header::UPGRADE, "websocket".to_owned()),
        (header::SEC_WEBSOCKET_ACCEPT, derive_accept_key(key.as_bytes())),
    ];
    Handshake::Accepted((StatusCode::SWITCHING_PROTOCOLS, upgrade, Body::empty()).into_response())
}

/// Whether a header that lists tokens has `token` among them.
fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}

fn refuse(status: StatusCode, message: &str) -> Response {
    HttpError::new(status, "handshake", message).response("/")
}
