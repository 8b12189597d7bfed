//! Reads the body of a request, within its bounds.

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, header},
};
use futures_util::StreamExt;
use okibi_listener::{Bound, Caller, HeldBytes};
use okibi_protocol::jsonrpc::without_texts;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::{
    failure::{BodyError, Failure},
    http::Answer,
};

/// Bytes above which parsing would keep other connections waiting.
const PARSE_ASIDE_BYTES: usize = 256 << 10;

/// Reads the whole body; what comes with it keeps its bytes counted as long as it lives.
///
/// Errors: [`BodyError`].
pub(super) async fn bytes(
    caller: &Caller,
    headers: &HeaderMap,
    body: Body,
) -> Answer<(Bytes, Vec<HeldBytes>)> {
    let encoding = headers.get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Failure::Body(BodyError::Encoded));
    }
    let limits = &caller.limits;
    let too_large = BodyError::TooLarge {
        limit: limits.max_body_bytes,
    };
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limits.max_body_bytes) {
        return Err(refused(caller, too_large));
    }
    let reading = async {
        let mut held = Vec::new();
        let mut whole = Vec::with_capacity(announced.unwrap_or(0).min(64 << 10));
        let mut chunks = body.into_data_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| BodyError::Broken)?;
            if whole.len() + chunk.len() > limits.max_body_bytes {
                return Err(too_large.clone());
            }
            // Beside the bytes received, which are counted already: there will be a second copy, parsed.
            held.push(caller.reserve(chunk.len()).ok_or(BodyError::NoRoom)?);
            whole.extend_from_slice(&chunk);
        }
        Ok((Bytes::from(whole), held))
    };
    let limit = limits.body_read_timeout;
    let read = timeout(limit, reading)
        .await
        .unwrap_or(Err(BodyError::Slow { limit }));
    read.map_err(|error| refused(caller, error))
}

/// Counts what a bound has refused.
fn refused(caller: &Caller, error: BodyError) -> Failure {
    let bound = match error {
        BodyError::TooLarge { .. } => Some(Bound::BodySize),
        BodyError::Slow { .. } => Some(Bound::BodyTime),
        BodyError::NoRoom => Some(Bound::Buffered),
        BodyError::Encoded | BodyError::Broken => None,
    };
    if let Some(bound) = bound {
        caller.counters.refusals.count(bound);
    }
    Failure::Body(error)
}

/// Parses a body; a large one on a thread that may block. `None` where parsing panics.
pub(super) async fn parse<T: Send + 'static>(
    bytes: Bytes,
    parse: impl FnOnce(&[u8]) -> T + Send + 'static,
) -> Option<T> {
    if bytes.len() > PARSE_ASIDE_BYTES {
        tokio::task::spawn_blocking(move || parse(&bytes)).await.ok()
    } else {
        Some(parse(&bytes))
    }
}

/// Reads the body as JSON, whatever its `Content-Type`: clients of the dialects send several.
///
/// Errors: as [`bytes`], and what is wrong with the JSON, without what stands in it.
pub(super) async fn json<T: DeserializeOwned + Send + 'static>(
    caller: &Caller,
    headers: &HeaderMap,
    body: Body,
) -> Answer<(T, Vec<HeldBytes>)> {
    let (bytes, held) = bytes(caller, headers, body).await?;
    let read = |bytes: &[u8]| serde_json::from_slice::<T>(bytes).map_err(|error| without_texts(&error));
    let parsed = parse(bytes, read).await;
    match parsed.unwrap_or_else(|| Err("the request cannot be read".into())) {
        Ok(request) => Ok((request, held)),
        Err(message) => Err(Failure::Invalid {
            message: format!("the body is not the JSON that is expected: {message}"),
            param: None,
        }),
    }
}
