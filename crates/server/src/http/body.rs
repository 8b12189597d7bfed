//! Reads the body of a request, within its bounds.

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, header},
};
use futures_util::StreamExt;
use okibi_listener::{Caller, HeldBytes};
use okibi_protocol::jsonrpc::without_texts;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::failure::{BodyError, Failure};

/// Bytes above which a body is parsed on a thread that may block: it would keep other connections waiting.
const PARSE_ASIDE_BYTES: usize = 256 << 10;

/// Reads the whole body. What is returned with it keeps its bytes counted for as long as it lives.
///
/// Errors: [`BodyError`].
pub(super) async fn bytes(
    caller: &Caller,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Bytes, Vec<HeldBytes>), Failure> {
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
        return Err(Failure::Body(too_large));
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
            // Beside the bytes as received, which the connection counts: there will be a second copy, parsed.
            held.push(caller.reserve(chunk.len()).ok_or(BodyError::NoRoom)?);
            whole.extend_from_slice(&chunk);
        }
        Ok((Bytes::from(whole), held))
    };
    let limit = limits.body_read_timeout;
    let read = timeout(limit, reading)
        .await
        .unwrap_or(Err(BodyError::Slow { limit }));
    read.map_err(Failure::Body)
}

/// Parses a body; a large one on a thread that may block. Returns `None` when parsing panics.
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
) -> Result<(T, Vec<HeldBytes>), Failure> {
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
