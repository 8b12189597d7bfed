//! Response headers of every answer with vectors, for clients whose fields are not ours to choose.

use axum::{
    http::{HeaderName, HeaderValue},
    response::Response,
};
use okibi_engine::Embedded;
use okibi_protocol::method::{Truncated, Windowed};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// The space that the vectors are in.
const SPACE: HeaderName = HeaderName::from_static("x-okibi-space");

/// The prompt that was put before each text, percent-encoded if it is not ASCII.
const PROMPT: HeaderName = HeaderName::from_static("x-okibi-prompt");

/// The texts that were cut: `INDEX:TOKENS`, comma-separated.
const TRUNCATED: HeaderName = HeaderName::from_static("x-okibi-truncated");

/// The texts that were embedded in windows: `INDEX:WINDOWS`, comma-separated.
const WINDOWED: HeaderName = HeaderName::from_static("x-okibi-windowed");

/// Texts that a header lists at most; a field lists all.
const LISTED: usize = 100;

/// What is encoded (RFC 3986, section 2.1). Visible ASCII and spaces stay as they are, text beyond ASCII never does.
const ENCODED: &AsciiSet = &CONTROLS.add(b'%');

/// Adds the headers.
pub(super) fn add(mut response: Response, embedded: &Embedded) -> Response {
    let headers = response.headers_mut();
    let mut insert = |name: HeaderName, value: String| {
        if !value.is_empty()
            && let Ok(value) = HeaderValue::try_from(value)
        {
            headers.insert(name, value);
        }
    };
    insert(SPACE, embedded.space.to_string());
    let prompt = embedded.prompt.as_deref().unwrap_or_default();
    insert(PROMPT, utf8_percent_encode(prompt, ENCODED).to_string());
    insert(TRUNCATED, pairs(&embedded.truncated));
    insert(WINDOWED, pairs(&embedded.windowed));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_japanese_prompt_is_ascii_in_a_header() {
        let encoded = |prompt| utf8_percent_encode(prompt, ENCODED).to_string();
        assert_eq!(encoded("query: "), "query: ");
        assert_eq!(encoded("検索 50%"), "%E6%A4%9C%E7%B4%A2 50%25");
    }
}
