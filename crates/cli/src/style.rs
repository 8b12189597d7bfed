//! Colors, and writing to the terminal. `anstream` leaves the colors out where there is no terminal, where
//! `NO_COLOR` is set, and on consoles that know none.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use okibi_launcher::StartError;
use okibi_messages::{Lang, Message, launch::log_tail, printable, printable_json, settings};
use serde::Serialize;

pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
pub(crate) const FAINT: Style = Style::new().dimmed();

/// A line for a terminal. Whatever its text comes from, the terminal obeys nothing in it but the styles that were put
/// around its parts: this is the one place where the command line makes text printable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line(String);

impl Line {
    /// A text in a style.
    pub(crate) fn styled(style: Style, text: &str) -> Self {
        Self::default().and_styled(style, text)
    }

    /// The line, and a text behind it.
    pub(crate) fn and(mut self, text: &str) -> Self {
        self.0.push_str(&printable(text));
        self
    }

    /// The line, and a text in a style behind it.
    pub(crate) fn and_styled(mut self, style: Style, text: &str) -> Self {
        let text = printable(text);
        self.0.push_str(&format!("{style}{text}{style:#}"));
        self
    }

    /// The line, and another one behind it.
    pub(crate) fn joined(mut self, other: &Self) -> Self {
        self.0.push_str(&other.0);
        self
    }

    /// The line without spaces at its end.
    pub(crate) fn trimmed(mut self) -> Self {
        self.0.truncate(self.0.trim_end().len());
        self
    }

    /// The line with the escapes of its styles.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The line without styles.
    pub(crate) fn plain(&self) -> String {
        anstream::adapter::strip_str(&self.0).to_string()
    }
}

impl<T: AsRef<str>> From<T> for Line {
    fn from(text: T) -> Self {
        Self::default().and(text.as_ref())
    }
}

/// A line on stdout.
pub(crate) fn say(line: impl Into<Line>) -> io::Result<()> {
    writeln!(anstream::stdout(), "{}", line.into().0)
}

/// A value as a line of JSON on stdout.
pub(crate) fn say_json(value: &impl Serialize) -> io::Result<()> {
    let json = serde_json::to_string(value)?;
    writeln!(io::stdout().lock(), "{}", printable_json(&json))
}

/// A warning on stderr.
pub(crate) fn warn(message: &Message, lang: Lang) {
    warn_text(&message.text(lang), lang);
}

/// A warning on stderr that is a sentence already.
pub(crate) fn warn_text(text: &str, lang: Lang) {
    labeled(WARNING, settings::warning_label(lang), text);
}

/// An error on stderr, with the end of the daemon's log where the daemon died without a word of its own.
pub(crate) fn error(message: &Message, lang: Lang) {
    labeled(BAD, settings::error_label(lang), &message.text(lang));
    if let Message::Start(error @ StartError::Died { .. }) = message {
        let tail = log_tail(error);
        if !tail.is_empty() {
            note(&Message::LogTail.text(lang));
        }
        for line in tail {
            note(&format!("  {line}"));
        }
    }
}

/// A faint line on stderr.
pub(crate) fn note(line: &str) {
    // A closed stderr does not stop the command.
    let _ = writeln!(anstream::stderr(), "{}", Line::styled(FAINT, line).0);
}

fn labeled(style: Style, label: &str, text: &str) {
    let line = Line::styled(style, label).and(" ").and(text);
    // As above.
    let _ = writeln!(anstream::stderr(), "{}", line.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_our_styles_and_nothing_else() {
        let line = Line::styled(GOOD, "✓")
            .and(" \u{1b}]0;owned\u{7}")
            .and_styled(FAINT, "two\nlines\u{9b}2J");
        let good = format!("{GOOD}✓{GOOD:#}");
        assert!(line.as_str().starts_with(&good), "{line:?}");
        assert_eq!(line.plain(), "✓ \\u{1b}]0;owned\\u{7}two lines\\u{9b}2J");
        assert_eq!(Line::from("a  ").trimmed(), Line::from("a"));
    }
}
