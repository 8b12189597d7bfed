//! A command line that cannot be read: clap's error as a message of the table.

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use okibi_messages::usage::UsageProblem;

/// What is wrong with the command line.
pub(crate) fn problem(error: &Error) -> UsageProblem {
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
        ErrorKind::UnknownArgument => UsageProblem::Unknown {
            argument: option(),
            suggestion: one(ContextKind::SuggestedArg),
        },
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

#[cfg(test)]
mod tests {
    use okibi_messages::Lang;

    use super::*;
    use crate::language;

    fn problem_of(args: &[&str]) -> UsageProblem {
        problem(
            &language::command(Lang::En)
                .try_get_matches_from(args)
                .unwrap_err(),
        )
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
