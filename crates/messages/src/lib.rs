//! Every sentence shown to a user, in English and Japanese, from one table.
//!
//! Each sentence stands once, both languages side by side (`phrase!`); a `match` over typed data picks it, so
//! that a variant without words, or words in one language only, do not compile. Library errors keep their own
//! terse texts for logs; what a person reads, with the advice, is here.
//!
//! - [`lang`]: which language
//! - [`message`]: all messages, with their data
//! - [`models`]: lists, downloads and changes of models
//! - [`stage`]: the stages of a load in words
//! - [`launch`]: how starts and stops end
//! - [`load`]: why a model cannot be loaded
//! - [`settings`]: what is wrong with settings, folders and logs
//! - [`embed`]: embedding on the command line
//! - [`status`]: a daemon's status in words
//! - [`tray`]: the tray app's menu, tooltip and notifications
//! - [`usage`]: a command line that cannot be read
//! - [`help`]: the command line's help
//! - [`units`]: times and sizes

/// Formats the sentence of the language: `phrase!(lang, "English {value}", "日本語 {value}")`.
macro_rules! phrase {
    ($lang:expr, $en:literal, $ja:literal $(,)?) => {
        match $lang {
            $crate::lang::Lang::En => format!($en),
            $crate::lang::Lang::Ja => format!($ja),
        }
    };
}

pub mod embed;
pub mod help;
pub mod lang;
pub mod launch;
pub mod load;
pub mod message;
pub mod models;
pub mod settings;
pub mod stage;
pub mod status;
pub mod tray;
pub mod units;
pub mod usage;

pub use lang::Lang;
pub use load::LoadProblem;
pub use message::Message;

/// An error and what caused it, in one line.
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

/// The text of the language, where it has no data.
const fn pick(lang: Lang, en: &'static str, ja: &'static str) -> &'static str {
    match lang {
        Lang::En => en,
        Lang::Ja => ja,
    }
}
