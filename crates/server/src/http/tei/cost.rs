//! The headers in which text-embeddings-inference says what a request cost.

use std::time::{Duration, Instant};

use axum::{
    http::{HeaderName, HeaderValue},
    response::Response,
};
use okibi_engine::{Embedded, Text};

/// Characters of the texts of a request; each token id counts as one, as with the original.
pub(super) fn characters(texts: &[Text]) -> usize {
    let each = texts.iter().map(|text| match text {
        Text::Plain(text) => text.chars().count(),
        Text::Ids(ids) => ids.len(),
    });
    each.sum()
}

/// Adds the headers. Times are whole milliseconds, as the original's.
pub(super) fn add(
    mut response: Response,
    embedded: &Embedded,
    characters: usize,
    began: Instant,
) -> Response {
    let millis = |time: Duration| time.as_millis().to_string();
    let (timing, total) = (&embedded.timing, millis(began.elapsed()));
    let tokens: usize = embedded.tokens.iter().sum();
    let values = [
        ("x-compute-type", "cpu".to_owned()),
        ("x-compute-time", total.clone()),
        ("x-compute-characters", characters.to_string()),
        ("x-compute-tokens", tokens.to_string()),
        ("x-total-time", total),
        ("x-tokenization-time", millis(timing.tokenizing)),
        ("x-queue-time", millis(timing.queued)),
        ("x-inference-time", millis(timing.computing)),
    ];
    for (name, value) in values {
        if let Ok(value) = HeaderValue::try_from(value) {
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
    response
}
