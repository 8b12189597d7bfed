//! Text from elsewhere, made fit for a terminal or a notification: model names, the words of a daemon, errors of a hub.
//!
//! Applied where a text is printed, and there to everything that is: whoever writes a sentence need not think of it.

use std::{borrow::Cow, fmt::Write as _};

/// Returns the text with nothing in it that a terminal obeys: line breaks and tabs become spaces, and what else controls
/// a terminal or turns the direction of writing around is written out (`\u{1b}`).
pub fn printable(text: &str) -> Cow<'_, str> {
    written_out(text, |out, char| match char {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => out.push(' '),
        other => {
            // Writing to a String does not fail.
            let _ = write!(out, "{}", other.escape_unicode());
        }
    })
}

/// Returns JSON in one line, with JSON's own escapes for what [`printable`] writes out: the values stay the same.
pub fn printable_json(json: &str) -> Cow<'_, str> {
    written_out(json, |out, char| {
        // As above. Each of them is a single unit of UTF-16.
        let _ = write!(out, "\\u{:04x}", char as u32);
    })
}

fn written_out(text: &str, escape: impl Fn(&mut String, char)) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if is_obeyed(char) {
            escape(&mut out, char);
        } else {
            out.push(char);
        }
    }
    Cow::Owned(out)
}

/// Whether a terminal does something for the character other than showing it.
fn is_obeyed(char: char) -> bool {
    // Control characters of both kinds, line and paragraph ends, and the marks that turn the direction around.
    char.is_control()
        || matches!(char, '\u{2028}' | '\u{2029}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_written_out() {
        for (text, shown) in [
            ("検索 model-v2 ✓", "検索 model-v2 ✓"),
            ("a\x1b]0;owned\x07b", "a\\u{1b}]0;owned\\u{7}b"),
            ("one\r\ntwo\tthree", "one  two three"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("exe\u{202e}gpj", "exe\\u{202e}gpj"),
            ("a\u{2028}b", "a b"),
        ] {
            assert_eq!(printable(text), shown);
        }
    }

    #[test]
    fn json_keeps_its_values() {
        let value = serde_json::json!({"name": "a\u{9b}b\u{7f}c\x1b\u{202e}\n"});
        let shown = printable_json(&value.to_string()).into_owned();
        assert!(!shown.contains(is_obeyed), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
