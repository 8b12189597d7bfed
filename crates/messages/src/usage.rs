//! A command line that cannot be read, in words.

use crate::lang::Lang;

/// What is wrong with a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsageProblem {
    /// There is no such option or the command takes no such argument.
    Unknown {
        /// The argument.
        argument: String,
        /// What may be meant.
        suggestion: Option<String>,
    },
    /// There is no such command.
    UnknownCommand {
        /// The command.
        command: String,
        /// What may be meant.
        suggestion: Option<String>,
    },
    /// An option's value is none of those it takes.
    Value {
        /// The option.
        option: String,
        /// The value; empty where it is missing.
        value: String,
        /// The values it takes, where they can be listed.
        possible: Vec<String>,
    },
    /// Something that is needed is missing.
    Missing {
        /// What.
        arguments: Vec<String>,
    },
    /// An option was given twice or with another that excludes it.
    Conflict {
        /// The option.
        option: String,
    },
    /// Anything else.
    Other {
        /// What the parser said.
        reason: String,
    },
}

impl UsageProblem {
    pub(crate) fn text(&self, lang: Lang) -> String {
        match self {
            Self::Unknown {
                argument,
                suggestion: Some(suggestion),
            } => phrase!(
                lang,
                "There is no option or argument `{argument}`; is `{suggestion}` meant?",
                "`{argument}` というオプションや引数はありません。`{suggestion}` ではありませんか。"
            ),
            Self::Unknown {
                argument,
                suggestion: None,
            } => phrase!(
                lang,
                "There is no option or argument `{argument}`.",
                "`{argument}` というオプションや引数はありません。"
            ),
            Self::UnknownCommand {
                command,
                suggestion: Some(suggestion),
            } => phrase!(
                lang,
                "There is no command `{command}`; is `{suggestion}` meant?",
                "`{command}` というコマンドはありません。`{suggestion}` ではありませんか。"
            ),
            Self::UnknownCommand {
                command,
                suggestion: None,
            } => phrase!(
                lang,
                "There is no command `{command}`.",
                "`{command}` というコマンドはありません。"
            ),
            Self::Value {
                option,
                value,
                possible,
            } => {
                let what = if value.is_empty() {
                    phrase!(lang, "`{option}` needs a value", "`{option}` には値が必要です")
                } else {
                    phrase!(
                        lang,
                        "`{option}` cannot be `{value}`",
                        "`{option}` に `{value}` は指定できません"
                    )
                };
                if possible.is_empty() {
                    return phrase!(lang, "{what}.", "{what}。");
                }
                let possible = possible.join(", ");
                phrase!(
                    lang,
                    "{what}; it takes {possible}.",
                    "{what}。指定できる値: {possible}。"
                )
            }
            Self::Missing { arguments } => {
                let arguments = arguments.join(", ");
                phrase!(
                    lang,
                    "{arguments} is missing.",
                    "{arguments} を指定してください。"
                )
            }
            Self::Conflict { option } => phrase!(
                lang,
                "`{option}` was given twice or does not go with another option.",
                "`{option}` が重複しているか、ほかのオプションと同時に指定できません。"
            ),
            Self::Other { reason } => phrase!(
                lang,
                "The command line cannot be understood: {reason}",
                "コマンドラインを解釈できません: {reason}"
            ),
        }
    }
}

/// Where more is told: the help of `command`.
pub fn see_help(command: &str, lang: Lang) -> String {
    phrase!(
        lang,
        "For all commands and options: `{command} --help`",
        "コマンドとオプションの一覧: `{command} --help`"
    )
}
