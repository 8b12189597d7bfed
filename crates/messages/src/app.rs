//! The pages of the app's window, where it speaks itself: search, log, report.

use std::path::Path;

use crate::{lang::Lang, pick};

/// Returns the title of the dialog in which files to search are chosen.
pub const fn choose_search_files(lang: Lang) -> &'static str {
    pick(lang, "Choose files to search", "検索するファイルを選択")
}

/// Returns the title of the dialog in which a folder to search is chosen.
pub const fn choose_search_folder(lang: Lang) -> &'static str {
    pick(lang, "Choose a folder to search", "検索するフォルダーを選択")
}

/// Returns what the files of the dialog are called.
pub const fn text_files(lang: Lang) -> &'static str {
    pick(lang, "Text files", "テキストファイル")
}

/// Returns the title of the dialog in which a report's file is named.
pub const fn choose_report(lang: Lang) -> &'static str {
    pick(lang, "Save the report", "レポートを保存")
}

/// Returns what several files are called.
pub fn files(first: &Path, count: usize, lang: Lang) -> String {
    let first = first.display();
    let more = count - 1;
    phrase!(lang, "{first} and {more} more", "{first} ほか {more} 件")
}

/// Returns why there is nothing to search.
pub const fn no_texts(lang: Lang) -> &'static str {
    pick(
        lang,
        "There are no lines with text in it.",
        "テキストのある行が見つかりませんでした。",
    )
}

/// Returns what is said where there are more lines than are searched.
pub fn too_many_texts(limit: usize, lang: Lang) -> String {
    phrase!(
        lang,
        "Only the first {limit} lines are searched.",
        "検索するのは先頭の {limit} 行だけです。"
    )
}

/// Returns what is said of files that cannot be read.
pub fn unreadable(first: &Path, count: usize, lang: Lang) -> String {
    let first = first.display();
    match count {
        1 => phrase!(
            lang,
            "{first} could not be read.",
            "{first} を読み込めませんでした。"
        ),
        _ => phrase!(
            lang,
            "{count} files could not be read, {first} among them.",
            "{first} など {count} 個のファイルを読み込めませんでした。"
        ),
    }
}

/// Returns why texts that were embedded half can no longer be searched.
pub const fn model_changed(lang: Lang) -> &'static str {
    pick(
        lang,
        "The model was changed meanwhile. Search in these lines again.",
        "途中でモデルが変わりました。もう一度取り込んでください。",
    )
}

/// Returns what the user is told after a crash of the app.
pub const fn crashed(lang: Lang) -> &'static str {
    pick(
        lang,
        "The Okibi app ran into an internal error last time.",
        "前回、Okibi アプリで内部エラーが発生しました。",
    )
}

/// Returns what the user is told when the running daemon does not have the current settings.
pub const fn needs_restart(lang: Lang) -> &'static str {
    pick(
        lang,
        "The settings have changed. The changes take effect when the daemon restarts.",
        "設定が変わりました。変更はデーモンを再起動すると反映されます。",
    )
}

/// Returns why nothing is started while the configuration file is broken.
pub const fn advice_config(lang: Lang) -> &'static str {
    pick(
        lang,
        "Correct the settings file, then start again.",
        "設定ファイルを修正してから、もう一度起動してください。",
    )
}

/// Returns the label of a notification's button that opens a page.
pub const fn action_show(lang: Lang) -> &'static str {
    pick(lang, "Show", "表示")
}

/// Returns the label of a notification's button that takes up a model that was downloaded.
pub const fn action_use(lang: Lang) -> &'static str {
    pick(lang, "Use now", "今すぐ使う")
}

/// Returns why no update is looked for.
pub const fn no_update_address(lang: Lang) -> &'static str {
    pick(
        lang,
        "No update address is set. Enter one with its key in Settings to check for updates.",
        "アップデートの確認先が設定されていません。確認するには、設定でアドレスと鍵を指定してください。",
    )
}

/// Returns why no update is looked for.
pub const fn bad_update_key(lang: Lang) -> &'static str {
    pick(
        lang,
        "The update key in Settings is not a minisign public key.",
        "設定にあるアップデート用の鍵は、minisign の公開鍵ではありません。",
    )
}

/// Returns why a check for updates has no result.
pub fn update_unreachable(address: &str, cause: &str, lang: Lang) -> String {
    phrase!(
        lang,
        "{address} could not be reached: {cause}.",
        "{address} に接続できませんでした: {cause}"
    )
}

/// Returns why a check for updates has no result.
pub fn update_unsigned(address: &str, lang: Lang) -> String {
    phrase!(
        lang,
        "What {address} says is not signed with the key in Settings, so it is not used.",
        "{address} の内容は設定の鍵で署名されていないため、使用しません。"
    )
}

/// Returns why a check for updates has no result.
pub fn update_unreadable(address: &str, lang: Lang) -> String {
    phrase!(
        lang,
        "{address} does not describe a version of Okibi.",
        "{address} に Okibi のバージョン情報がありません。"
    )
}
