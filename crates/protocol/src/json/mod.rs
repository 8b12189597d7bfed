//! JSON that comes in: the one place where what a client wrote becomes a type, for the dialects and for JSON-RPC.
//!
//! - [`read`]: an object as a type; `null` is the same as an absent field
//! - [`read_list`]: the same, by position
//! - [`JsonError`]: what is wrong with it: the field, and what was expected
//! - [`field_names`]: which fields a type has
//!
//! Half of a surrogate pair in an escape, which clients send that cut a text in the middle of an emoji, is read as
//! U+FFFD, as Go does. A byte order mark at the start is skipped.
//!
//! A request that can be read is read once, as fast as `serde_json` does it. Everything above costs a second reading,
//! which only a request pays that the first one refuses.

mod error;
mod fields;
mod surrogates;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::de::{
    Deserialize, DeserializeOwned, Deserializer, IntoDeserializer, MapAccess, Visitor, value::MapDeserializer,
};
use serde_json::value::RawValue;

pub use self::{
    error::{JsonError, without_texts},
    fields::field_names,
};

/// The byte order mark in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// `text` without the byte order mark that may stand before it.
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Reads a JSON object as `T`.
///
/// Errors: what is wrong, without what stands in it.
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, JsonError> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    // A struct would be read from a list too, by position.
    if let Some(first) = text.iter().find(|byte| !byte.is_ascii_whitespace())
        && *first == b'{'
        && let Ok(read) = serde_json::from_slice(text)
    {
        return Ok(read);
    }
    let text = surrogates::replace_lone(text);
    let Members(members) = serde_json::from_slice(&text).map_err(|error| JsonError::of_text(&error))?;
    read_members::<T, _>(members)
}

/// Reads a JSON list as `T`, whose fields are its elements in their order. A method without parameters ignores those
/// that come.
///
/// Errors: as [`read`], and a list that is longer than `T` has fields.
pub fn read_list<T: DeserializeOwned>(text: &str) -> Result<T, JsonError> {
    let text = surrogates::replace_lone(text.as_bytes());
    let values: Vec<&RawValue> = serde_json::from_slice(&text).map_err(|error| JsonError::of_text(&error))?;
    let names = field_names::<T>();
    if names.is_empty() {
        return read(b"{}");
    }
    if values.len() > names.len() {
        return Err(JsonError::data(format!(
            "{} parameters are too many: this method takes {} ({})",
            values.len(),
            names.len(),
            names.join(", ")
        )));
    }
    read_members::<T, _>(names.iter().copied().zip(values).collect())
}

/// Reads a text, or another value that is no object.
pub fn read_value<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(text).or_else(|_| serde_json::from_slice(&surrogates::replace_lone(text.as_bytes())))
}

fn read_members<'de, T, K>(members: Vec<(K, &'de RawValue)>) -> Result<T, JsonError>
where
    T: DeserializeOwned,
    K: IntoDeserializer<'de, serde_json::Error>,
{
    let present = members.into_iter().filter(|(_, value)| value.get() != "null");
    serde_path_to_error::deserialize(MapDeserializer::new(present))
        .map_err(|error| JsonError::of_field::<T>(error.path(), error.inner()))
}

/// The members of an object, as they stand in it.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Each;

        impl<'de> Visitor<'de> for Each {
            type Value = Members<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        from.deserialize_map(Each)
    }
}
