//! Reads the body of a request, within its bounds.

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, header},
};
use futures_util::StreamExt;
use okibi_listener::{Caller, HeldBytes};
use okibi_protocol::json::{self, JsonError};
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
    let read = |bytes: &[u8]| json::read::<T>(bytes).map_err(refused);
    let parsed = parse(bytes, read).await;
    let request = parsed.unwrap_or_else(|| Err(Failure::Panicked))?;
    Ok((request, held))
}

/// What is said of a body that does not fit.
fn refused(error: JsonError) -> Failure {
    let message = error.to_string();
    let message = match message.split_once(", expected") {
        _ if error.is_syntax => format!("the body is not JSON: {message}"),
        // The names of all fields, of which there are many.
        Some((unknown, _)) if message.starts_with("unknown field") => format!(
            "{unknown}: Okibi does not do what it asks for, or does not know it; the answer without it would not be the \
             one that was asked for"
        ),
        _ => message,
    };
    Failure::Invalid {
        message,
        param: error.field,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[test]
    fn a_wrong_body_is_told_by_its_field() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "only its errors are looked at")]
        struct Request {
            texts: Vec<String>,
            cut: Option<bool>,
        }
        for (body, param, message) in [
            (
                r#"{"texts": ["a"], "cut": "no"}"#,
                Some("cut"),
                "cut: invalid type: a text, expected a boolean",
            ),
            (r#"{"cut": true}"#, Some("texts"), "missing field `texts`"),
            (
                r#"{"texts": [], "late": true}"#,
                None,
                "unknown field `late`: Okibi does not do what it asks for",
            ),
            (
                r#"{"texts": [}"#,
                None,
                "the body is not JSON: expected value at line 1 column 12",
            ),
            ("", None, "the body is not JSON: EOF while parsing"),
            ("[]", None, "invalid type: a list, expected an object"),
        ] {
            let failure = refused(json::read::<Request>(body.as_bytes()).unwrap_err()).http();
            assert_eq!((failure.status.as_u16(), failure.param), (400, param), "{body}");
            assert!(
                failure.message.starts_with(message),
                "{body}: {}",
                failure.message
            );
        }
    }
}
