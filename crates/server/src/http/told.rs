//! What every answer says beside its vectors, in headers, for clients whose fields are not ours to choose.

use std::fmt::Write as _;

use axum::{
    http::{HeaderName, HeaderValue},
    response::Response,
};
use okibi_engine::Embedded;
use okibi_protocol::method::{Truncated, Windowed};

/// The space that the vectors are in.
const SPACE: HeaderName = HeaderName::from_static("x-okibi-space");

/// The prompt that was put before each text, percent-encoded where it is not ASCII.
const PROMPT: HeaderName = HeaderName::from_static("x-okibi-prompt");

/// The texts that were cut: `INDEX:TOKENS`, with commas between.
const TRUNCATED: HeaderName = HeaderName::from_static("x-okibi-truncated");

/// The texts that were embedded in windows: `INDEX:WINDOWS`, with commas between.
const WINDOWED: HeaderName = HeaderName::from_static("x-okibi-windowed");

/// Texts that a header lists; a field lists all.
const LISTED: usize = 100;

/// Adds the headers.
pub(super) fn tell(mut response: Response, embedded: &Embedded) -> Response {
    let headers = response.headers_mut();
    let mut add = |name: HeaderName, value: String| {
        if !value.is_empty()
            && let Ok(value) = HeaderValue::try_from(value)
        {
            headers.insert(name, value);
        }
    };
    add(SPACE, embedded.space.to_string());
    add(
        PROMPT,
        percent_encoded(embedded.prompt.as_deref().unwrap_or_default()),
    );
    add(TRUNCATED, pairs(&embedded.truncated));
    add(WINDOWED, pairs(&embedded.windowed));
    response
}

/// The texts that were cut, as a field lists them.
pub(super) fn truncated(embedded: &Embedded) -> Vec<Truncated> {
    let each = embedded.truncated.iter();
    each.map(|&(index, tokens)| Truncated { index, tokens }).collect()
}

/// The texts that were embedded in windows, as a field lists them.
pub(super) fn windowed(embedded: &Embedded) -> Vec<Windowed> {
    let each = embedded.windowed.iter();
    each.map(|&(index, windows)| Windowed { index, windows })
        .collect()
}

fn pairs(pairs: &[(usize, usize)]) -> String {
    let mut listed: Vec<String> = pairs
        .iter()
        .take(LISTED)
        .map(|(index, count)| format!("{index}:{count}"))
        .collect();
    if pairs.len() > LISTED {
        listed.push("more".to_owned());
    }
    listed.join(",")
}

/// Source: RFC 3986, section 2.1; visible ASCII and spaces stay.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => encoded.push(char::from(byte)),
            byte => {
                // Writing to a string cannot fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_japanese_prompt_is_ascii_in_a_header() {
        assert_eq!(percent_encoded("query: "), "query: ");
        assert_eq!(percent_encoded("検索 50%"), "%E6%A4%9C%E7%B4%A2 50%25");
    }
}
