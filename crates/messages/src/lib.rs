//! Every sentence shown to a user, in English and Japanese.
//!
//! Each sentence is written once, in both languages side by side (`phrase!`), and a `match` over typed data selects
//! it. A variant without a sentence, or a sentence in one language only, does not compile. The errors of libraries keep
//! their own short texts for logs; what a user reads, with advice, is here.
//!
//! - [`lang`]: which language
//! - [`message`]: all messages, with their data
//! - [`models`]: lists, downloads and switches of models
//! - [`stage`]: the stages of a load
//! - [`launch`]: how starts and stops end
//! - [`load`]: why a model is unavailable, or cannot be loaded
//! - [`settings`]: what is wrong with settings, folders and logs
//! - [`embed`]: embedding on the command line
//! - [`activity`]: the clients of a daemon and their last requests
//! - [`status`]: the status of a daemon
//! - [`tray`]: the tray app's menu, tooltip and notifications
//! - [`usage`]: what is wrong with a command line
//! - [`help`]: the command line's help
//! - [`units`]: times and sizes
//! - [`mod@printable`]: text from elsewhere, made fit for a terminal or a notification

/// Formats the sentence of the language: `phrase!(lang, "English {value}", "日本語 {value}")`.
macro_rules! phrase {
    ($lang:expr, $en:literal, $ja:literal $(,)?) => {
        match $lang {
            $crate::lang::Lang::En => format!($en),
            $crate::lang::Lang::Ja => format!($ja),
        }
    };
}

pub mod activity;
pub mod app;
pub mod embed;
mod feature;
pub mod help;
pub mod lang;
pub mod launch;
pub mod load;
pub mod message;
pub mod models;
pub mod printable;
pub mod settings;
pub mod stage;
pub mod status;
pub mod tray;
pub mod units;
pub mod usage;

pub use lang::Lang;
pub use message::Message;
pub use printable::{printable, printable_json};

/// Returns an error and its causes in one line.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        // Some libraries paste the cause into their own text.
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

/// Returns the text of a language, for texts without data.
const fn pick(lang: Lang, en: &'static str, ja: &'static str) -> &'static str {
    match lang {
        Lang::En => en,
        Lang::Ja => ja,
    }
}
