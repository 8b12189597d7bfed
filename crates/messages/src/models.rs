//! Models: lists, downloads, changes, and what is odd about one.

use std::time::Duration;

use okibi_protocol::{
    models::{ModelEntry, ModelState, Presence, RemovedModel},
    units::ByteCount,
};

use crate::{lang::Lang, pick, units};

/// A device was asked for that is not to be had.
pub fn device_missing(asked: &str, lang: Lang) -> String {
    phrase!(
        lang,
        "The device {asked} was asked for, and this ONNX Runtime library or this machine does not have it; the \
         processor computes.",
        "装置 {asked} が指定されましたが、この ONNX Runtime またはマシンでは使えないため、プロセッサーで計算します。"
    )
}

/// A model's files, or how they are used, have changed since its last load.
pub fn space_changed(model: &str, lang: Lang) -> String {
    phrase!(
        lang,
        "The files of {model} have changed since it was last loaded: an index made before no longer fits.",
        "前回の読み込みから {model} のファイルが変わりました。以前に作った索引とは合いません。"
    )
}

/// A model gives other vectors than at its last load, from the same files.
pub fn vectors_changed(model: &str, cosine: f64, lang: Lang) -> String {
    phrase!(
        lang,
        "{model} gives other vectors than at its last load (cosine {cosine:.4}), from the same files: ONNX Runtime, a \
         driver or the processor is another one.",
        "{model} のベクトルが前回の読み込みと異なります (コサイン {cosine:.4})。ファイルは同じなので、ONNX Runtime、\
         ドライバー、プロセッサーのいずれかが変わっています。"
    )
}

/// A model answers from now on.
pub fn in_use(model: &str, dimension: usize, time: Duration, lang: Lang) -> String {
    let time = units::seconds(time, lang);
    phrase!(
        lang,
        "{model} answers now, {dimension} dimensions (changed over in {time})",
        "{model} に切り替えました。{dimension} 次元 ({time})"
    )
}

/// A model's files are here.
pub fn pulled(model: &str, size: ByteCount, fetched: ByteCount, lang: Lang) -> String {
    let size = units::size(size.0);
    if fetched.0 == 0 {
        return phrase!(
            lang,
            "{model} is on this machine already ({size}).",
            "{model} はすでにこのマシンにあります ({size})。"
        );
    }
    let fetched = units::size(fetched.0);
    phrase!(
        lang,
        "{model} is on this machine now ({size}, {fetched} fetched). Use it with `okibi use {model}`.",
        "{model} を取得しました ({size}、うち {fetched} をダウンロード)。`okibi use {model}` で使えます。"
    )
}

/// A model's files were deleted.
pub fn removed(removed: &RemovedModel, lang: Lang) -> String {
    let model = &removed.model;
    if removed.files_stay {
        return phrase!(
            lang,
            "The folder {model} was forgotten; its files stay.",
            "フォルダー {model} を一覧から外しました。ファイルは残ります。"
        );
    }
    let freed = units::size(removed.freed_bytes.0);
    phrase!(
        lang,
        "{model} was deleted; {freed} are free again.",
        "{model} を削除しました。{freed} が空きました。"
    )
}

/// Asks before the present model gives its memory up.
pub fn replace_question(lang: Lang) -> &'static str {
    pick(
        lang,
        "Unload the present model first? Requests wait meanwhile. [y/N] ",
        "先に現在のモデルを解放しますか? その間のリクエストは待たされます。[y/N] ",
    )
}

/// What to do where nobody can be asked.
pub fn replace_hint(lang: Lang) -> &'static str {
    pick(
        lang,
        "`--replace` unloads the present model first; requests wait meanwhile.",
        "`--replace` を付けると、先に現在のモデルを解放します。その間のリクエストは待たされます。",
    )
}

/// Heading of the models that are here.
pub fn here_heading(lang: Lang) -> &'static str {
    pick(lang, "On this machine", "このマシンにあるモデル")
}

/// Heading of the models that can be fetched.
pub fn known_heading(lang: Lang) -> &'static str {
    pick(
        lang,
        "Known, to fetch with `okibi models pull NAME`",
        "取得できるモデル (`okibi models pull 名前`)",
    )
}

/// How a model of the list stands, in a word or two; empty where there is nothing to say.
pub fn state(entry: &ModelEntry, lang: Lang) -> &'static str {
    match (entry.state, entry.presence) {
        (ModelState::Ready, _) if entry.current => pick(lang, "in use", "使用中"),
        (ModelState::Ready, _) => pick(lang, "loaded", "読み込み済み"),
        (ModelState::Loading, _) => pick(lang, "loading", "読み込み中"),
        (ModelState::Resting, _) => pick(lang, "resting", "休止中"),
        (ModelState::Failed, _) => pick(lang, "failed", "失敗"),
        (ModelState::Unloaded, Presence::Partial) => pick(lang, "incomplete", "取得途中"),
        (ModelState::Unloaded, Presence::Here | Presence::Absent) => "",
    }
}

/// How a model stands that is held beside the current one; empty where it is ready.
pub fn held(state: ModelState, lang: Lang) -> &'static str {
    match state {
        ModelState::Ready | ModelState::Unloaded => "",
        ModelState::Loading => pick(lang, "loading", "読み込み中"),
        ModelState::Resting => pick(lang, "resting", "休止中"),
        ModelState::Failed => pick(lang, "failed", "失敗"),
    }
}

/// When a model was last loaded: `3 d 4 h ago`.
pub fn ago(time: Duration, lang: Lang) -> String {
    let time = units::long(time, lang);
    phrase!(lang, "{time} ago", "{time}前")
}

/// Dimensions of a vector in a list.
pub fn dimensions(dimension: usize, lang: Lang) -> String {
    phrase!(lang, "{dimension} dims", "{dimension} 次元")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_already_is_not_called_fetched() {
        let text = pulled("m", ByteCount(2_000_000), ByteCount(0), Lang::En);
        assert_eq!(text, "m is on this machine already (2.0 MB).");
        let text = pulled("m", ByteCount(2_000_000), ByteCount(1_000_000), Lang::Ja);
        assert!(text.contains("1.0 MB をダウンロード"), "{text}");
    }
}
