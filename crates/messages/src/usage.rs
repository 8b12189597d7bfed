//! What is wrong with a command line.

use crate::lang::Lang;

/// What is wrong with a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsageProblem {
    /// There is no such option or the command takes no such argument.
    Unknown {
        /// The argument.
        argument: String,
        /// A similar name that exists.
        suggestion: Option<String>,
    },
    /// A text to embed that begins like an option.
    TextLikeOption {
        /// The text.
        text: String,
    },
    /// There is no such command.
    UnknownCommand {
        /// The command.
        command: String,
        /// A similar name that exists.
        suggestion: Option<String>,
    },
    /// An option does not accept this value.
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
                "There is no option or argument `{argument}`. Did you mean `{suggestion}`?",
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
            Self::TextLikeOption { text } => phrase!(
                lang,
                "There is no option `{text}`. If it is a text to embed, put `--` before it: `okibi embed -- {text:?}`.",
                "`{text}` というオプションはありません。埋め込むテキストなら、前に `--` を付けてください: \
                 `okibi embed -- {text:?}`"
            ),
            Self::UnknownCommand {
                command,
                suggestion: Some(suggestion),
            } => phrase!(
                lang,
                "There is no command `{command}`. Did you mean `{suggestion}`?",
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
                        "`{value}` is not a valid value for `{option}`",
                        "`{option}` に `{value}` は指定できません"
                    )
                };
                if possible.is_empty() {
                    return phrase!(lang, "{what}.", "{what}。");
                }
                let possible = possible.join(", ");
                phrase!(
                    lang,
                    "{what}. Possible values: {possible}.",
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
                "`{option}` was given twice or cannot be combined with another option.",
                "`{option}` が重複しているか、ほかのオプションと同時に指定できません。"
            ),
            Self::Other { reason } => phrase!(
                lang,
                "The command line is invalid: {reason}",
                "コマンドラインを解釈できません: {reason}"
            ),
        }
    }
}

/// Points to the help of `command`.
pub fn see_help(command: &str, lang: Lang) -> String {
    phrase!(
        lang,
        "For all commands and options: `{command} --help`",
        "コマンドとオプションの一覧: `{command} --help`"
    )
}
