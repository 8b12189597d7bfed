//! The id of a message that is not JSON: a client that cannot be told which call failed waits for it forever.

use super::response::Id;

/// The `id` of the object that `text` begins, where one can be made out, else [`Id::Null`].
///
/// Follows only strings and brackets, so that it finds the id on both sides of what is wrong.
pub(super) fn readable_id(text: &str) -> Id {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let end = end_of_string(bytes, at);
                if depth == 1
                    && bytes.get(at..end) == Some(b"\"id\"")
                    && let Some(value) = text.get(end..).map(str::trim_start)
                    && let Some(value) = value.strip_prefix(':')
                {
                    return first_value(value);
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    Id::Null
}

/// The index behind the string that begins at `start`.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn first_value(text: &str) -> Id {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Id>();
    values.next().and_then(Result::ok).unwrap_or(Id::Null)
}
