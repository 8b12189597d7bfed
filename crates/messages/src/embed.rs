//! Embedding on the command line, in words.

use crate::lang::Lang;

/// A line that is not embedded, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadLine {
    /// It is empty.
    Empty,
    /// It is not UTF-8.
    NotUtf8,
    /// It is longer than a text may be.
    TooLarge {
        /// The most bytes a text may have.
        limit: u64,
    },
    /// It has more tokens than the model reads, and was not to be cut.
    TooLong {
        /// Its tokens.
        tokens: u64,
        /// The model's limit.
        limit: u64,
    },
    /// The daemon refused it.
    Refused {
        /// What the daemon said.
        reason: String,
    },
}

impl BadLine {
    /// The reason alone.
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::Empty => phrase!(lang, "the text is empty", "テキストが空です"),
            Self::NotUtf8 => phrase!(lang, "the text is not UTF-8", "テキストが UTF-8 ではありません"),
            Self::TooLarge { limit } => {
                let limit = crate::units::size(*limit);
                phrase!(
                    lang,
                    "the text is larger than {limit}",
                    "テキストが {limit} を超えています"
                )
            }
            Self::TooLong { tokens, limit } => phrase!(
                lang,
                "the text has {tokens} tokens; the model reads {limit}",
                "テキストは {tokens} トークンで、モデルの上限 {limit} を超えています"
            ),
            Self::Refused { reason } => reason.clone(),
        }
    }
}

/// What embedding has to say. Texts are counted from 1, as lines are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmbedMessage {
    /// A line is bad, and the format has no place to say so; nothing was written.
    Refused {
        /// Which text.
        line: u64,
        /// Why.
        why: BadLine,
    },
    /// Some lines were bad; each has an object with `error` in the output.
    SomeFailed {
        /// How many.
        failed: u64,
        /// Of how many.
        all: u64,
    },
    /// A text was cut to the model's limit.
    Truncated {
        /// Which text.
        line: u64,
        /// The tokens it has.
        tokens: usize,
        /// The tokens that were read.
        limit: usize,
    },
    /// More texts were cut than are named.
    MoreTruncated {
        /// How many more.
        more: u64,
    },
    /// Binary output would go to a terminal.
    BinaryToTerminal,
    /// The model is still loading.
    Loading {
        /// Percent done.
        percent: u8,
    },
    /// The daemon failed or hung up.
    Failed {
        /// Why.
        cause: String,
    },
    /// The input cannot be read.
    Input {
        /// Why.
        cause: String,
    },
}

impl EmbedMessage {
    pub(crate) fn text(&self, lang: Lang) -> String {
        match self {
            Self::Refused { line, why } => {
                let why = why.text(lang);
                phrase!(
                    lang,
                    "Text {line}: {why}. Nothing was written; with `--format jsonl` the other texts are embedded.",
                    "{line} 番目のテキスト: {why}。何も出力していません。`--format jsonl` ではほかのテキストを埋め込めます。"
                )
            }
            Self::SomeFailed { failed, all } => phrase!(
                lang,
                "{failed} of {all} texts were not embedded; their lines in the output say why.",
                "{all} 件中 {failed} 件を埋め込めませんでした。理由は出力の各行にあります。"
            ),
            Self::Truncated { line, tokens, limit } => phrase!(
                lang,
                "text {line} has {tokens} tokens; the first {limit} were read",
                "{line} 番目のテキストは {tokens} トークンあるため、先頭の {limit} トークンだけを使いました"
            ),
            Self::MoreTruncated { more } => phrase!(
                lang,
                "{more} more texts were cut to the model's limit",
                "ほかに {more} 件のテキストをモデルの上限に切り詰めました"
            ),
            Self::BinaryToTerminal => phrase!(
                lang,
                "npy is binary and would garble the terminal. Send it to a file: `okibi embed --format npy … > \
                 vectors.npy`.",
                "npy はバイナリー形式のため、端末には出力しません。\
                 `okibi embed --format npy … > vectors.npy` のようにファイルへ出力してください。"
            ),
            Self::Loading { percent } => phrase!(
                lang,
                "The model is still loading ({percent} %). Wait for it with `okibi start`.",
                "モデルを読み込み中です ({percent} %)。`okibi start` で完了を待てます。"
            ),
            Self::Failed { cause } => phrase!(
                lang,
                "The daemon could not embed the texts: {cause}.",
                "テキストを埋め込めませんでした: {cause}"
            ),
            Self::Input { cause } => phrase!(
                lang,
                "The input cannot be read: {cause}.",
                "入力を読み込めません: {cause}"
            ),
        }
    }
}

/// How many texts are done.
pub fn count(texts: u64, lang: Lang) -> String {
    phrase!(lang, "{texts} texts", "{texts} 件")
}
