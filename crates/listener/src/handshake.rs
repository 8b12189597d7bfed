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

use crate::refusal::Refused;

/// The one version of the protocol there is.
const VERSION: &str = "13";

/// Whether a request asks to become a WebSocket.
pub(crate) fn is_asked<B>(request: &Request<B>) -> bool {
    has_token(request.headers(), header::CONNECTION, "upgrade")
        && has_token(request.headers(), header::UPGRADE, "websocket")
}

/// Returns the response that makes the connection a WebSocket once it is sent.
///
/// Errors: what is wrong with the request.
pub(crate) fn accept<B>(request: &Request<B>) -> Result<Response, Refused> {
    if request.method() != Method::GET {
        return Err(Refused::HandshakeMethod);
    }
    let header = |name| request.headers().get(name).map(HeaderValue::as_bytes);
    if header(header::SEC_WEBSOCKET_VERSION) != Some(VERSION.as_bytes()) {
        return Err(Refused::HandshakeVersion);
    }
    let key = header(header::SEC_WEBSOCKET_KEY).ok_or(Refused::HandshakeKey)?;
    let upgrade = [
        (header::CONNECTION, "upgrade".to_owned()),
        (header::UPGRADE, "websocket".to_owned()),
        (header::SEC_WEBSOCKET_ACCEPT, derive_accept_key(key)),
    ];
    Ok((StatusCode::SWITCHING_PROTOCOLS, upgrade, Body::empty()).into_response())
}

/// Adds the header that a refusal of another version has to name ours in (RFC 6455, section 4.2.2).
pub(crate) fn name_version(response: &mut Response) {
    let version = HeaderValue::from_static(VERSION);
    response
        .headers_mut()
        .insert(header::SEC_WEBSOCKET_VERSION, version);
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
