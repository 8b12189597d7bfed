//! What `okibi embed` says to its user.

use crate::lang::Lang;

/// The reason why a line was not embedded.
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
    /// It has more tokens than the model reads, and cutting was not allowed.
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

/// A message about embedding. Texts are counted from 1, as lines are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmbedMessage {
    /// A line is bad, and the output format cannot express that; nothing was written.
    Refused {
        /// The number of the text.
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
        /// The number of the text.
        line: u64,
        /// The tokens it has.
        tokens: usize,
        /// The tokens that were read.
        limit: usize,
    },
    /// More texts were cut than are listed.
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
                    "Text {line}: {why}. Nothing was written. `--format jsonl` embeds the other texts.",
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
                "text {line} has {tokens} tokens; only the first {limit} were used",
                "{line} 番目のテキストは {tokens} トークンあるため、先頭の {limit} トークンだけを使いました"
            ),
            Self::MoreTruncated { more } => phrase!(
                lang,
                "{more} more texts were cut to the model's limit",
                "ほかに {more} 件のテキストをモデルの上限に切り詰めました"
            ),
            Self::BinaryToTerminal => phrase!(
                lang,
                "npy is a binary format and would garble the terminal. Write it to a file: `okibi embed --format npy … > \
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

/// The number of texts that are done.
pub fn count(texts: u64, lang: Lang) -> String {
    phrase!(lang, "{texts} texts", "{texts} 件")
}
