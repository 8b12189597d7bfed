//! The stages of a load: their names and what their events say.

use okibi_protocol::stage::{Stage, StageEvent, StageState};

use crate::{lang::Lang, pick};

/// Returns the name of a stage.
pub const fn stage_name(stage: Stage, lang: Lang) -> &'static str {
    match stage {
        Stage::Resolve => pick(lang, "Model files", "モデルファイル"),
        Stage::Download => pick(lang, "Download", "ダウンロード"),
        Stage::Runtime => pick(lang, "ONNX Runtime", "ONNX Runtime"),
        Stage::Tokenizer => pick(lang, "Tokenizer", "トークナイザー"),
        Stage::Model => pick(lang, "Model", "モデル"),
        Stage::Warmup => pick(lang, "Warm-up", "ウォームアップ"),
        Stage::Listen => pick(lang, "Port", "ポート"),
    }
}

/// Returns the sentence for an event of a stage, without its time and measure: "Loading the tokenizer", "Tokenizer
/// loaded".
pub const fn stage_text(event: &StageEvent, lang: Lang) -> &'static str {
    use StageState::{Advanced, Failed, Finished, Started};
    match (event.stage, event.state) {
        (Stage::Resolve, Started | Advanced) => {
            pick(lang, "Finding the model files", "モデルファイルを探しています")
        }
        (Stage::Resolve, Finished) => pick(lang, "Model files found", "モデルファイルを確認しました"),
        (Stage::Resolve, Failed) => pick(
            lang,
            "Model files not found",
            "モデルファイルを確認できませんでした",
        ),
        (Stage::Download, Started | Advanced) => {
            pick(lang, "Downloading the model", "モデルをダウンロード中")
        }
        (Stage::Download, Finished) => pick(lang, "Model downloaded", "モデルをダウンロードしました"),
        (Stage::Download, Failed) => pick(lang, "Download failed", "モデルをダウンロードできませんでした"),
        (Stage::Runtime, Started | Advanced) => {
            pick(lang, "Loading ONNX Runtime", "ONNX Runtime を読み込み中")
        }
        (Stage::Runtime, Finished) => pick(lang, "ONNX Runtime loaded", "ONNX Runtime を読み込みました"),
        (Stage::Runtime, Failed) => pick(
            lang,
            "ONNX Runtime could not be loaded",
            "ONNX Runtime を読み込めませんでした",
        ),
        (Stage::Tokenizer, Started | Advanced) => {
            pick(lang, "Loading the tokenizer", "トークナイザーを読み込み中")
        }
        (Stage::Tokenizer, Finished) => pick(lang, "Tokenizer loaded", "トークナイザーを読み込みました"),
        (Stage::Tokenizer, Failed) => pick(
            lang,
            "The tokenizer could not be loaded",
            "トークナイザーを読み込めませんでした",
        ),
        (Stage::Model, Started | Advanced) => pick(lang, "Loading the model", "モデルを読み込み中"),
        (Stage::Model, Finished) => pick(lang, "Model loaded", "モデルを読み込みました"),
        (Stage::Model, Failed) => pick(
            lang,
            "The model could not be loaded",
            "モデルを読み込めませんでした",
        ),
        (Stage::Warmup, Started | Advanced) => pick(lang, "Warming up", "ウォームアップ中"),
        (Stage::Warmup, Finished) => pick(lang, "Warmed up", "ウォームアップが終わりました"),
        (Stage::Warmup, Failed) => pick(lang, "Warm-up failed", "ウォームアップに失敗しました"),
        (Stage::Listen, Started | Advanced) => pick(lang, "Taking the port over", "ポートを引き継ぎ中"),
        (Stage::Listen, Finished) => pick(lang, "Listening", "接続の受け付けを始めました"),
        (Stage::Listen, Failed) => pick(
            lang,
            "The port could not be taken over",
            "ポートを引き継げませんでした",
        ),
    }
}
