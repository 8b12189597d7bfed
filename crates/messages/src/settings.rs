//! What is wrong with settings, folders and the log, in words.

use okibi_config::{
    Expected, FolderError, Key, Origin, Place, Problem, folders::variables, logfile::LogWarning,
};

use crate::{lang::Lang, pick};

/// A problem of the settings, beginning with where it is.
pub(crate) fn problem(problem: &Problem, lang: Lang) -> String {
    match problem {
        Problem::BadValue {
            key,
            origin,
            value,
            expected,
        } => {
            let origin = self::origin(*key, origin);
            let expected = self::expected(*expected, lang);
            phrase!(
                lang,
                "{origin}: {value:?} is not {expected}",
                "{origin}: 「{value}」は正しくありません。{expected}を指定してください"
            )
        }
        Problem::UnknownKey {
            place,
            key,
            nearest: Some(nearest),
        } => {
            let place = self::place(place);
            phrase!(
                lang,
                "{place}: there is no setting `{key}`. Did you mean `{nearest}`?",
                "{place}: 設定 `{key}` はありません。`{nearest}` ではありませんか"
            )
        }
        Problem::UnknownKey {
            place,
            key,
            nearest: None,
        } => {
            let place = self::place(place);
            phrase!(
                lang,
                "{place}: there is no setting `{key}`",
                "{place}: 設定 `{key}` はありません"
            )
        }
        Problem::BrokenFile { place, reason } => {
            let place = self::place(place);
            let reason = reason.trim_end();
            phrase!(
                lang,
                "{place}: the file cannot be parsed ({reason}); the default settings are used",
                "{place}: 設定ファイルを解釈できません ({reason})。既定の設定を使います"
            )
        }
        Problem::RemoteHostNeedsToken { host, .. } => phrase!(
            lang,
            "listening on {host} needs `require_token = true` (`--require-token true`); only this computer is served",
            "{host} で待ち受けるには `require_token = true` (`--require-token true`) が必要です。このパソコンだけに提供します"
        ),
        Problem::BufferedTooSmall {
            buffered, request, ..
        } => {
            let least = 2 * request;
            phrase!(
                lang,
                "max_buffered_mb: {buffered} is less than {least}, which is twice `max_request_mb`",
                "max_buffered_mb: {buffered} は小さすぎます。`max_request_mb` の 2 倍の {least} 以上を指定してください"
            )
        }
        Problem::UnreadableFile { file, source } => {
            let file = file.display();
            phrase!(
                lang,
                "{file} cannot be read ({source}); the default settings are used",
                "{file} を読み込めません ({source})。既定の設定を使います"
            )
        }
    }
}

/// Why a value typed into a form cannot be used.
pub fn invalid_value(value: &str, expected: Expected, lang: Lang) -> String {
    let expected = self::expected(expected, lang);
    phrase!(
        lang,
        "\u{201c}{value}\u{201d} cannot be used. Enter {expected}.",
        "「{value}」は使えません。{expected}を指定してください。"
    )
}

fn origin(key: Key, origin: &Origin) -> String {
    match origin {
        Origin::Flag => key.flag(),
        Origin::Environment => key.variable(),
        Origin::File(place) => format!("{}: {key}", self::place(place)),
    }
}

/// `FILE:LINE:COLUMN`, as compilers write it and editors open it.
fn place(place: &Place) -> String {
    format!("{}:{}:{}", place.file.display(), place.line, place.column)
}

fn expected(expected: Expected, lang: Lang) -> String {
    match expected {
        Expected::Port => phrase!(lang, "a port from 1 to 65535", "ポート番号 (1〜65535) "),
        Expected::Number { min, max } => {
            phrase!(lang, "a whole number from {min} to {max}", "{min}〜{max} の整数")
        }
        Expected::Text => phrase!(lang, "a text", "文字列"),
        Expected::Model => phrase!(
            lang,
            "a model's name or the path of its folder",
            "モデル名またはフォルダーのパス"
        ),
        Expected::Path => phrase!(lang, "a path", "パス"),
        Expected::OneOf(names) => {
            let (english, japanese) = (names.join(", "), names.join("、"));
            phrase!(lang, "one of {english}", "次のいずれか ({japanese}) ")
        }
        Expected::List => phrase!(lang, "a list of texts", "文字列のリスト"),
        Expected::Origins => phrase!(
            lang,
            "a list of origins such as app://obsidian.md, or scheme://* for all of a scheme",
            "app://obsidian.md のようなオリジン (scheme://* でそのスキームすべて) のリスト"
        ),
        Expected::Folders => phrase!(lang, "a list of folders", "フォルダーのリスト"),
        Expected::Time => phrase!(
            lang,
            "a time such as 45s, 30m or 2h, or always",
            "45s、30m、2h のような時間、または always"
        ),
        Expected::Address => phrase!(lang, "an IP address", "IP アドレス"),
        Expected::Switch => phrase!(lang, "true or false", "true か false "),
    }
}

/// A place that cannot be found.
pub(crate) fn folder_error(error: &FolderError, lang: Lang) -> String {
    match error {
        FolderError::NoHome => {
            let [config, data, cache] = variables();
            phrase!(
                lang,
                "This user has no home folder: set HOME, or all of {config}, {data} and {cache}.",
                "ホームフォルダーがありません。HOME を設定するか、{config}、{data}、{cache} をすべて設定してください。"
            )
        }
    }
}

/// A log that is not as it was requested.
pub(crate) fn log_warning(warning: &LogWarning, lang: Lang) -> String {
    match warning {
        LogWarning::BadFilter { filter, source } => phrase!(
            lang,
            "the log filter {filter:?} cannot be parsed ({source}); `info` is used",
            "ログフィルター「{filter}」を解釈できません ({source})。`info` を使います"
        ),
        LogWarning::NoFile { path, source } => {
            let path = path.display();
            phrase!(
                lang,
                "the log file {path} cannot be written ({source})",
                "ログファイル {path} に書き込めません ({source})"
            )
        }
    }
}

/// What stands before an error on a terminal.
pub const fn error_label(lang: Lang) -> &'static str {
    pick(lang, "error:", "エラー:")
}

/// What stands before a warning on a terminal.
pub const fn warning_label(lang: Lang) -> &'static str {
    pick(lang, "warning:", "警告:")
}
