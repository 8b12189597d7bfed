//! What is wrong with settings, folders and the log, in words.

use okibi_config::{FolderError, Key, Origin, Place, Problem, Wanted, logfile::LogWarning};

use crate::{lang::Lang, pick};

/// A problem of the settings, beginning with where it is.
pub(crate) fn problem(problem: &Problem, lang: Lang) -> String {
    match problem {
        Problem::BadValue {
            key,
            origin,
            value,
            wanted,
        } => {
            let origin = self::origin(*key, origin);
            let wanted = self::wanted(*wanted, lang);
            phrase!(
                lang,
                "{origin}: {value:?} is not {wanted}",
                "{origin}: 「{value}」は正しくありません。{wanted}を指定してください"
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
                "{place}: there is no setting `{key}`; is `{nearest}` meant?",
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
                "{place}: the file cannot be understood ({reason}); the default settings are used",
                "{place}: 設定ファイルを解釈できません ({reason})。既定の設定を使います"
            )
        }
        Problem::HostWithoutToken { host, .. } => phrase!(
            lang,
            "listening on {host} needs `require_token = true` (`--require-token true`); only this machine is served",
            "{host} で待ち受けるには `require_token = true` (`--require-token true`) が必要です。このマシンだけに提供します"
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
pub fn unfit(value: &str, wanted: Wanted, lang: Lang) -> String {
    let wanted = self::wanted(wanted, lang);
    phrase!(
        lang,
        "\u{201c}{value}\u{201d} cannot be used; this has to be {wanted}.",
        "「{value}」は使えません。{wanted}を指定してください。"
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

fn wanted(wanted: Wanted, lang: Lang) -> String {
    match wanted {
        Wanted::Port => phrase!(lang, "a port (1 to 65535)", "ポート番号 (1〜65535) "),
        Wanted::Number { min, max } => {
            phrase!(lang, "a whole number from {min} to {max}", "{min}〜{max} の整数")
        }
        Wanted::Lang => phrase!(lang, "a language (auto, en or ja)", "言語 (auto、en、ja) "),
        Wanted::Text => phrase!(lang, "a text", "文字列"),
        Wanted::Path => phrase!(lang, "a path", "パス"),
        Wanted::OneOf(names) => {
            let (english, japanese) = (names.join(", "), names.join("、"));
            phrase!(lang, "one of {english}", "次のいずれか ({japanese}) ")
        }
        Wanted::List => phrase!(lang, "a list of texts", "文字列のリスト"),
        Wanted::Time => phrase!(
            lang,
            "a time such as 45s, 30m or 2h, or always",
            "45s、30m、2h のような時間、または always"
        ),
        Wanted::Address => phrase!(lang, "an IP address", "IP アドレス"),
        Wanted::Switch => phrase!(lang, "true or false", "true か false "),
    }
}

/// A place that cannot be found.
pub(crate) fn folder_error(error: &FolderError, lang: Lang) -> String {
    match error {
        FolderError::NoHome { variable } => phrase!(
            lang,
            "This user has no home folder. Set {variable} to say where Okibi's files are.",
            "ホームフォルダーがありません。{variable} で Okibi のファイルの場所を指定してください。"
        ),
    }
}

/// A log that is not as it was asked for.
pub(crate) fn log_warning(warning: &LogWarning, lang: Lang) -> String {
    match warning {
        LogWarning::BadFilter { filter, source } => phrase!(
            lang,
            "the log filter {filter:?} cannot be understood ({source}); `info` is used",
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
