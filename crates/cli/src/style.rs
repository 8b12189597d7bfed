//! Colors, and writing to the terminal. `anstream` leaves the colors out where there is no terminal, where
//! `NO_COLOR` is set, and on consoles that know none.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use okibi_launcher::StartError;
use okibi_messages::{Lang, Message, launch::log_tail, settings};

pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
pub(crate) const FAINT: Style = Style::new().dimmed();

/// Puts a style around a text.
pub(crate) fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// A line on stdout.
pub(crate) fn say(line: &str) -> io::Result<()> {
    writeln!(anstream::stdout(), "{line}")
}

/// A warning on stderr.
pub(crate) fn warn(message: &Message, lang: Lang) {
    labeled(WARNING, settings::warning_label(lang), &message.text(lang));
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
    let _ = writeln!(anstream::stderr(), "{}", styled(FAINT, line));
}

fn labeled(style: Style, label: &str, text: &str) {
    // As above.
    let _ = writeln!(anstream::stderr(), "{} {text}", styled(style, label));
}
