//! What is wrong with JSON, without the values that stand in it: a user's text belongs in no message and no log.

use std::fmt::{self, Write as _};

use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

use super::fields::field_names;

/// Why JSON cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// The field that is wrong, where it is one.
    pub field: Option<&'static str>,
    /// Whether it is not JSON at all.
    pub is_syntax: bool,
    message: String,
}

impl fmt::Display for JsonError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl JsonError {
    /// JSON of another kind than was expected.
    pub(super) fn data(message: String) -> Self {
        Self {
            field: None,
            is_syntax: false,
            message,
        }
    }

    /// The text is not JSON, or not an object.
    pub(super) fn of_text(error: &serde_json::Error) -> Self {
        let is_syntax = error.classify() != Category::Data;
        let message = without_texts(error);
        // Where the text is of another kind, its position says nothing.
        let message = if is_syntax {
            message
        } else {
            without_position(error, &message)
        };
        Self {
            is_syntax,
            ..Self::data(message)
        }
    }

    /// A member of an object, at `path`, does not fit `T`.
    pub(super) fn of_field<T: DeserializeOwned>(path: &Path, error: &serde_json::Error) -> Self {
        let names = field_names::<T>();
        let known = |name: &str| names.iter().copied().find(|known| *known == name);
        let mut segments = path.iter();
        let field = match segments.next() {
            Some(Segment::Map { key }) => known(key),
            _ => None,
        };
        // The position counts from the start of a value, which means nothing to a client.
        let message = without_position(error, &without_texts(error));
        // The whole text was scanned before, so it is JSON: this is how `serde_json` says that a word is a number.
        let message = match message.as_str() {
            "expected value" => "invalid type, expected a text".to_owned(),
            _ => message,
        };
        let Some(field) = field else {
            let missing = message.strip_prefix("missing field `");
            return Self {
                field: missing.and_then(|rest| known(rest.strip_suffix('`')?)),
                ..Self::data(message)
            };
        };
        let mut message = format!("{field}: {message}");
        // Which element of a list it is helps; a name that stands deeper may be a text of the user's.
        let mut place = String::new();
        for segment in segments {
            let Segment::Seq { index } = segment else { break };
            // Writing to a string cannot fail.
            let _ = write!(place, "[{index}]");
        }
        if !place.is_empty() {
            let _ = write!(message, ", at {field}{place}");
        }
        Self {
            field: Some(field),
            ..Self::data(message)
        }
    }
}

fn without_position(error: &serde_json::Error, message: &str) -> String {
    let position = format!(" at line {} column {}", error.line(), error.column());
    message.strip_suffix(&position).unwrap_or(message).to_owned()
}

/// Bytes of an unknown name that a message repeats: a name is short, a text may be private.
const REPEATED: usize = 32;

/// Words of Rust's that stand in serde's messages, and what they mean to a client.
const PLAIN: [(&str, &str); 9] = [
    ("expected usize", "expected a whole number from 0"),
    ("expected u64", "expected a whole number from 0"),
    ("expected u32", "expected a whole number from 0"),
    ("expected i64", "expected a whole number"),
    ("expected f64", "expected a number"),
    ("expected a sequence", "expected a list"),
    ("expected a map", "expected an object"),
    ("invalid type: map", "invalid type: an object"),
    ("invalid type: sequence", "invalid type: a list"),
];

/// What is wrong with JSON, in plain words and without the values that stand in it.
pub fn without_texts(error: &serde_json::Error) -> String {
    let mut message = hidden(&error.to_string());
    for (rust, plain) in PLAIN {
        if let Some(at) = message.find(rust) {
            message.replace_range(at..at + rust.len(), plain);
        }
    }
    // `expected struct Parameters`, `expected struct Parameters with 2 elements`.
    if let Some(at) = message.find("expected struct ") {
        message.truncate(at);
        message.push_str("expected an object");
    }
    message
}

fn hidden(message: &str) -> String {
    // serde's wording: `invalid type: string "…", expected a number`.
    if let Some((before, rest)) = message.split_once("string \"") {
        let after = rest.rfind("\", expected").map_or("", |at| &rest[at + 1..]);
        return format!("{before}a text{after}");
    }
    // `unknown variant `…`, expected one of …`, `unknown field `…`, expected …`.
    for (start, kind) in [("unknown variant `", "value"), ("unknown field `", "field")] {
        if let Some(rest) = message.strip_prefix(start)
            && let Some(end) = rest.rfind("`, expected").or_else(|| rest.rfind("`, there are"))
        {
            let name = &rest[..end];
            let is_name = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
            if kind == "value" || name.len() > REPEATED || !name.chars().all(is_name) {
                return format!("unknown {kind}{}", &rest[end + 1..]);
            }
        }
    }
    message.to_owned()
}
