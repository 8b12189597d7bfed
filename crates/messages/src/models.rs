//! Sentences about models: lists, downloads, switches and warnings.

use std::time::Duration;

use okibi_protocol::{
    models::{ModelEntry, ModelState, Presence, RemovedModel},
    units::ByteCount,
};

use crate::{lang::Lang, pick, units};

/// The requested device is unavailable.
pub fn device_missing(asked: &str, lang: Lang) -> String {
    phrase!(
        lang,
        "The device {asked} is unavailable with this ONNX Runtime library or on this computer; using the CPU instead.",
        "デバイス {asked} は、この ONNX Runtime またはこのパソコンでは使えません。代わりに CPU で計算します。"
    )
}

/// The files of a model, or the way they are used, have changed since its last load.
pub fn space_changed(model: &str, lang: Lang) -> String {
    phrase!(
        lang,
        "The files of {model} have changed since its last load. Indexes built before no longer fit.",
        "前回の読み込みから {model} のファイルが変わりました。以前に作った索引は使えません。"
    )
}

/// A model returns different vectors than at its last load, from the same files.
pub fn vectors_changed(model: &str, cosine: f64, lang: Lang) -> String {
    phrase!(
        lang,
        "{model} returns different vectors than at its last load (cosine {cosine:.4}), from the same files. ONNX \
         Runtime, a driver or the CPU has changed.",
        "{model} のベクトルが前回の読み込みと異なります (コサイン {cosine:.4})。ファイルは同じなので、ONNX Runtime、\
         ドライバー、CPU のいずれかが変わっています。"
    )
}

/// A run of a model has not returned.
pub fn hangs(model: &str, since: Duration, lang: Lang) -> String {
    let since = units::long(since, lang);
    phrase!(
        lang,
        "{model} has been computing one batch for {since} and may never return. Restarting the daemon ends it.",
        "{model} は 1 回の計算に {since} かかっており、終わらない可能性があります。デーモンを再起動すると終わります。"
    )
}

/// The daemon has switched to a model.
pub fn in_use(model: &str, dimension: usize, time: Duration, lang: Lang) -> String {
    let time = units::seconds(time, lang);
    phrase!(
        lang,
        "Switched to {model}, {dimension} dimensions ({time})",
        "{model} に切り替えました。{dimension} 次元 ({time})"
    )
}

/// The files of a model are on this machine.
pub fn pulled(model: &str, size: ByteCount, fetched: ByteCount, lang: Lang) -> String {
    let size = units::size(size.0);
    if fetched.0 == 0 {
        return phrase!(
            lang,
            "{model} is already on this computer ({size}).",
            "{model} はすでにこのパソコンにあります ({size})。"
        );
    }
    let fetched = units::size(fetched.0);
    phrase!(
        lang,
        "{model} is now on this computer ({size}, {fetched} downloaded). Use it with `okibi use {model}`.",
        "{model} を取得しました ({size}、うち {fetched} をダウンロード)。`okibi use {model}` で使えます。"
    )
}

/// The files of a model were deleted, or its folder was removed from the list.
pub fn removed(removed: &RemovedModel, lang: Lang) -> String {
    let model = &removed.model;
    if removed.files_stay {
        return phrase!(
            lang,
            "The folder {model} was removed from the list; its files were not deleted.",
            "フォルダー {model} を一覧から外しました。ファイルは削除していません。"
        );
    }
    let freed = units::size(removed.freed_bytes.0);
    phrase!(
        lang,
        "{model} was deleted; {freed} freed.",
        "{model} を削除しました。{freed} が空きました。"
    )
}

/// Asks before the current model is unloaded.
pub fn replace_question(lang: Lang) -> &'static str {
    pick(
        lang,
        "Unload the current model first? Requests will wait in the meantime. [y/N] ",
        "先に現在のモデルを解放しますか? その間のリクエストは待たされます。[y/N] ",
    )
}

/// Returns what to do where there is no terminal to ask on.
pub fn replace_hint(lang: Lang) -> &'static str {
    pick(
        lang,
        "`--replace` unloads the current model first; requests wait in the meantime.",
        "`--replace` を付けると、先に現在のモデルを解放します。その間のリクエストは待たされます。",
    )
}

/// Heading of the models that are on this machine.
pub fn here_heading(lang: Lang) -> &'static str {
    pick(lang, "On this computer", "このパソコンにあるモデル")
}

/// Heading of the models that can be downloaded.
pub fn known_heading(lang: Lang) -> &'static str {
    pick(
        lang,
        "Known models; download one with `okibi models pull NAME`",
        "ダウンロードできるモデル (`okibi models pull 名前`)",
    )
}

/// Returns the state of a model in the list, in a word or two; empty where there is nothing to say.
pub fn state(entry: &ModelEntry, lang: Lang) -> &'static str {
    match (entry.state, entry.presence) {
        (ModelState::Ready, _) if entry.current => pick(lang, "in use", "使用中"),
        (ModelState::Ready, _) => pick(lang, "loaded", "読み込み済み"),
        (ModelState::Loading, _) => pick(lang, "loading", "読み込み中"),
        (ModelState::Resting, _) => pick(lang, "idle", "休止中"),
        (ModelState::Failed, _) => pick(lang, "failed", "失敗"),
        (ModelState::Unloaded, Presence::Partial) => pick(lang, "incomplete", "取得途中"),
        (ModelState::Unloaded, Presence::Here | Presence::Absent) => "",
    }
}

/// Returns the state of a model other than the current one; empty where it is ready.
pub fn held(state: ModelState, lang: Lang) -> &'static str {
    match state {
        ModelState::Ready | ModelState::Unloaded => "",
        ModelState::Loading => pick(lang, "loading", "読み込み中"),
        ModelState::Resting => pick(lang, "idle", "休止中"),
        ModelState::Failed => pick(lang, "failed", "失敗"),
    }
}

/// Returns when a model was last loaded: `3 d 4 h ago`.
pub fn ago(time: Duration, lang: Lang) -> String {
    let time = units::long(time, lang);
    phrase!(lang, "{time} ago", "{time}前")
}

/// Returns the dimensions of a model for a list.
pub fn dimensions(dimension: usize, lang: Lang) -> String {
    phrase!(lang, "{dimension} dims", "{dimension} 次元")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_already_is_not_called_fetched() {
        let text = pulled("m", ByteCount(2_000_000), ByteCount(0), Lang::En);
        assert_eq!(text, "m is already on this computer (2.0 MB).");
        let text = pulled("m", ByteCount(2_000_000), ByteCount(1_000_000), Lang::Ja);
        assert!(text.contains("1.0 MB をダウンロード"), "{text}");
    }
}
