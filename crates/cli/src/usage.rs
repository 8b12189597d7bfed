//! A command line that cannot be read: clap's error as a message of the table.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use okibi_messages::usage::UsageProblem;

/// What is wrong with the command line `args`.
pub(crate) fn problem(error: &Error, args: &[OsString]) -> UsageProblem {
    let one = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        // Suggestions come with the likeliest last.
        Some(ContextValue::Strings(texts)) => texts.last().cloned(),
        _ => None,
    };
    let many = |kind| match error.get(kind) {
        Some(ContextValue::Strings(texts)) => texts.clone(),
        Some(ContextValue::String(text)) => vec![text.clone()],
        _ => Vec::new(),
    };
    let option = || one(ContextKind::InvalidArg).unwrap_or_default();
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let (argument, suggestion) = (option(), one(ContextKind::SuggestedArg));
            match text_like_option(&argument, args) {
                Some(text) if suggestion.is_none() => UsageProblem::TextLikeOption { text },
                _ => UsageProblem::Unknown { argument, suggestion },
            }
        }
        ErrorKind::InvalidSubcommand => UsageProblem::UnknownCommand {
            command: one(ContextKind::InvalidSubcommand).unwrap_or_default(),
            suggestion: one(ContextKind::SuggestedSubcommand),
        },
        ErrorKind::InvalidValue | ErrorKind::ValueValidation | ErrorKind::NoEquals => UsageProblem::Value {
            option: option(),
            value: one(ContextKind::InvalidValue).unwrap_or_default(),
            possible: many(ContextKind::ValidValue),
        },
        ErrorKind::MissingRequiredArgument => UsageProblem::Missing {
            arguments: many(ContextKind::InvalidArg),
        },
        ErrorKind::ArgumentConflict | ErrorKind::TooManyValues => UsageProblem::Conflict { option: option() },
        _ => UsageProblem::Other {
            reason: error.kind().to_string(),
        },
    }
}

/// The whole text of `embed` whose beginning was taken for an option.
fn text_like_option(argument: &str, args: &[OsString]) -> Option<String> {
    let mut args = args.iter().skip(1).map(|arg| arg.to_string_lossy());
    args.find(|arg| arg == "embed")?;
    let text = args.find(|arg| arg.starts_with(argument))?;
    Some(text.into_owned())
}

#[cfg(test)]
mod tests {
    use okibi_messages::Lang;

    use super::*;
    use crate::language;

    fn problem_of(args: &[&str]) -> UsageProblem {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        let error = language::command(Lang::En).try_get_matches_from(&args);
        problem(&error.unwrap_err(), &args)
    }

    #[test]
    fn mistakes_are_told_apart() {
        assert_eq!(
            problem_of(&["okibi", "statsu"]),
            UsageProblem::UnknownCommand {
                command: "statsu".into(),
                suggestion: Some("status".into()),
            }
        );
        let UsageProblem::Unknown { argument, suggestion } = problem_of(&["okibi", "start", "--modle", "x"])
        else {
            panic!("an unknown option")
        };
        assert_eq!(
            (argument.as_str(), suggestion.as_deref()),
            ("--modle", Some("--model"))
        );
        let UsageProblem::Value { value, possible, .. } = problem_of(&["okibi", "embed", "--format", "xml"])
        else {
            panic!("a value that does not fit")
        };
        assert_eq!((value.as_str(), possible.len()), ("xml", 3));
        for text in ["-5 degrees", "-x", "--- cut here", "-q=1 -- y"] {
            assert_eq!(
                problem_of(&["okibi", "--lang", "en", "embed", "first", text]),
                UsageProblem::TextLikeOption { text: text.into() }
            );
        }
        assert!(matches!(
            problem_of(&["okibi", "embed", "--fromat", "json"]),
            UsageProblem::Unknown { suggestion: Some(known), .. } if known == "--format"
        ));
        assert!(matches!(
            problem_of(&["okibi", "start", "-5"]),
            UsageProblem::Unknown { .. }
        ));
        assert!(matches!(
            problem_of(&["okibi", "completions"]),
            UsageProblem::Missing { .. }
        ));
        assert!(matches!(
            problem_of(&["okibi", "start", "--port"]),
            UsageProblem::Value { value, .. } if value.is_empty()
        ));
    }
}
