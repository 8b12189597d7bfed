//! Halves of surrogate pairs in the escapes of JSON.
//!
//! JSON writes a character beyond the first 65,536 as two escapes, `\ud83d\ude00`. A client that cuts a text by UTF-16
//! units sends one of them alone, which stands for no character. Source: RFC 8259, section 8.2.

use std::borrow::Cow;

use memchr::memchr;

/// The escape that takes the place of a half: U+FFFD. As long as the one it replaces, so no position moves.
const REPLACEMENT: &[u8; 6] = b"\\ufffd";

/// `json` with U+FFFD for each half that stands alone.
pub(super) fn replace_lone(json: &[u8]) -> Cow<'_, [u8]> {
    let mut replaced: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(found) = json.get(at..).and_then(|rest| memchr(b'\\', rest)) {
        let start = at + found;
        let is_lone = match unit(json, start) {
            // Another escape, and perhaps an escaped backslash before letters that look like one.
            None => {
                at = start + 2;
                continue;
            }
            Some(0xd800..=0xdbff) => {
                let is_pair = matches!(unit(json, start + REPLACEMENT.len()), Some(0xdc00..=0xdfff));
                if is_pair {
                    at = start + 2 * REPLACEMENT.len();
                    continue;
                }
                true
            }
            Some(0xdc00..=0xdfff) => true,
            Some(_) => false,
        };
        at = start + REPLACEMENT.len();
        if is_lone {
            let replaced = replaced.get_or_insert_with(|| json.to_vec());
            replaced[start..at].copy_from_slice(REPLACEMENT);
        }
    }
    replaced.map_or(Cow::Borrowed(json), Cow::Owned)
}

/// The UTF-16 unit that the escape at `start` writes, if it is one of those.
fn unit(json: &[u8], start: usize) -> Option<u16> {
    let digits = json.get(start..start + REPLACEMENT.len())?.strip_prefix(b"\\u")?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}
