//! How starts and stops end: sentences for the user.

use okibi_launcher::{Exit, PortHolder, Rejection, StartError, StatusError, StopError};
use okibi_protocol::{DEFAULT_PORT, method::RunState};

use crate::{chain, lang::Lang};

/// Returns why a start failed, and what to do about it.
pub(crate) fn start_error(error: &StartError, lang: Lang) -> String {
    match error {
        StartError::PortTaken {
            port,
            holder,
            next_free,
        } => {
            let taken = port_taken(*port, holder.as_ref(), lang);
            join(lang, &[&taken, &other_port(*next_free, lang)])
        }
        StartError::Rejected { port, why } => rejected(*port, *why, lang),
        StartError::Silent { port, holder } => silent(*port, holder, lang),
        StartError::Stuck {
            port,
            holder,
            state,
            seconds,
        } => {
            let taken = port_taken(*port, holder.as_ref(), lang);
            join(lang, &[&taken, &stuck(*state, *seconds, lang)])
        }
        StartError::PortReserved { port, next_free } => join(
            lang,
            &[&port_reserved(*port, lang), &other_port(*next_free, lang)],
        ),
        StartError::Bind { port, source } => phrase!(
            lang,
            "Port {port} cannot be used: {source}.",
            "ポート {port} を使えません: {source}"
        ),
        StartError::Spawn { program, source } => {
            let program = program.display();
            phrase!(
                lang,
                "The daemon {program} cannot be started: {source}. Check that the file exists and is executable.",
                "デーモン {program} を起動できません: {source}。ファイルがあり、実行できることを確認してください。"
            )
        }
        StartError::Load { error, .. } => error.clone(),
        StartError::Died { exit, .. } => died(*exit, lang),
        StartError::Stopped => phrase!(
            lang,
            "The start was stopped before the model was loaded.",
            "モデルの読み込みが終わる前に、起動がキャンセルされました。"
        ),
    }
}

/// Returns why a start failed, without advice for the command line.
pub fn start_reason(error: &StartError, lang: Lang) -> String {
    match error {
        StartError::PortTaken { port, holder, .. } => port_taken(*port, holder.as_ref(), lang),
        StartError::PortReserved { port, .. } => port_reserved(*port, lang),
        other => start_error(other, lang),
    }
}

/// Returns the end of the daemon's log, where the failure has it.
pub fn log_tail(error: &StartError) -> &[String] {
    match error {
        StartError::Load { log_tail, .. } | StartError::Died { log_tail, .. } => log_tail,
        _ => &[],
    }
}

/// Returns why a stop failed, and what to do about it.
pub(crate) fn stop_error(error: &StopError, lang: Lang) -> String {
    match error {
        StopError::NotOkibi { port, holder } => {
            let taken = port_taken(*port, holder.as_ref(), lang);
            let nothing = phrase!(lang, "Nothing was stopped.", "停止したものはありません。");
            join(lang, &[&taken, &nothing])
        }
        StopError::Rejected { port, why } => rejected(*port, *why, lang),
        StopError::Silent { port, holder } => silent(*port, holder, lang),
        StopError::StillRunning { pid, seconds } => phrase!(
            lang,
            "The daemon (process {pid}) did not end within {seconds} s; it may still be finishing requests. \
             Stop it again, or end the process.",
            "デーモン (プロセス {pid}) が {seconds} 秒以内に終了しませんでした。処理中のリクエストが残っている可能性があります。\
             もう一度停止するか、プロセスを終了してください。"
        ),
        StopError::NoAnswer(source) => {
            let cause = chain(source.as_ref());
            phrase!(
                lang,
                "The daemon does not answer: {cause}.",
                "デーモンが応答しません: {cause}"
            )
        }
    }
}

/// Returns why there is no status.
pub fn status_error(error: &StatusError, lang: Lang) -> String {
    match error {
        StatusError::NotRunning { port } => phrase!(
            lang,
            "Okibi is not running on port {port}. Start it with `okibi start`.",
            "Okibi はポート {port} で起動していません。`okibi start` で起動してください。"
        ),
        StatusError::NotOkibi { port, holder } => port_taken(*port, holder.as_ref(), lang),
        StatusError::Rejected { port, why } => rejected(*port, *why, lang),
        StatusError::Silent { port, holder } => silent(*port, holder, lang),
        StatusError::NoAnswer { port, source } => {
            let cause = chain(source.as_ref());
            phrase!(
                lang,
                "Okibi on port {port} does not answer: {cause}.",
                "ポート {port} の Okibi が応答しません: {cause}"
            )
        }
    }
}

/// Returns which program uses the port that Okibi needs.
pub fn port_taken(port: u16, holder: Option<&PortHolder>, lang: Lang) -> String {
    let Some(PortHolder { pid, name }) = holder else {
        return phrase!(
            lang,
            "Port {port} is used by another program.",
            "ポート {port} は別のプログラムが使用しています。"
        );
    };
    let taken = phrase!(
        lang,
        "Port {port} is used by {name} (process {pid}).",
        "ポート {port} は {name} (プロセス {pid}) が使用しています。"
    );
    if port == DEFAULT_PORT && name.to_ascii_lowercase().contains("anki") {
        let anki = phrase!(
            lang,
            "Anki's add-on AnkiConnect listens there by default.",
            "Anki のアドオン AnkiConnect が既定でこのポートを使います。"
        );
        return join(lang, &[&taken, &anki]);
    }
    taken
}

/// Returns that a program of ours has the port and says nothing.
pub fn silent(port: u16, holder: &PortHolder, lang: Lang) -> String {
    let PortHolder { pid, name } = holder;
    phrase!(
        lang,
        "Port {port} is used by {name} (process {pid}), which does not answer. It is suspended (Ctrl-Z) or hangs: continue \
         it, stop it, or end the process.",
        "ポート {port} は {name} (プロセス {pid}) が使用していますが、応答がありません。一時停止 (Ctrl-Z) しているか、\
         動かなくなっています。再開するか、停止するか、プロセスを終了してください。"
    )
}

/// Returns what the program on the port says of itself, and does not do.
fn stuck(state: RunState, seconds: u64, lang: Lang) -> String {
    match state {
        RunState::Stopping => phrase!(
            lang,
            "It says that it is an Okibi which is stopping, but it has not ended within {seconds} s. End the process, \
             or choose another port.",
            "停止処理中の Okibi だと応答しますが、{seconds} 秒以内に終了しませんでした。プロセスを終了するか、\
             別のポートを指定してください。"
        ),
        RunState::Failed => phrase!(
            lang,
            "It says that it is an Okibi whose load has failed, but it has not ended within {seconds} s. End the \
             process, or choose another port.",
            "読み込みに失敗した Okibi だと応答しますが、{seconds} 秒以内に終了しませんでした。プロセスを終了するか、\
             別のポートを指定してください。"
        ),
        RunState::Starting | RunState::Running => phrase!(
            lang,
            "It says that it is an Okibi which is running, but it is not ready after {seconds} s. End the process, or \
             choose another port.",
            "実行中の Okibi だと応答しますが、{seconds} 秒待っても準備ができません。プロセスを終了するか、\
             別のポートを指定してください。"
        ),
    }
}

/// Why an Okibi does not let this program in.
pub(crate) fn rejected(port: u16, why: Rejection, lang: Lang) -> String {
    match why {
        Rejection::Token => phrase!(
            lang,
            "The Okibi on port {port} requires a token, and yours is missing or is another one. It was probably started by \
             another user or with another data folder. Another one can be started beside it, on another port.",
            "ポート {port} の Okibi に接続するにはトークンが必要ですが、手元のトークンがないか、一致しません。\
             別のユーザーまたは別のデータフォルダーで起動された可能性があります。別のポートを指定すると、並べて起動できます。"
        ),
        Rejection::Busy => phrase!(
            lang,
            "The Okibi on port {port} is too busy to take another connection. Try again in a moment.",
            "ポート {port} の Okibi は混み合っていて、新しい接続を受け付けられません。しばらくしてからもう一度お試しください。"
        ),
        Rejection::Other(status) => phrase!(
            lang,
            "The Okibi on port {port} refuses the connection (HTTP status {status}).",
            "ポート {port} の Okibi が接続を拒否しました (HTTP ステータス {status})。"
        ),
    }
}

fn port_reserved(port: u16, lang: Lang) -> String {
    phrase!(
        lang,
        "Port {port} is reserved by the operating system; no program can use it.",
        "ポート {port} は OS が予約しているため、どのプログラムも使えません。"
    )
}

fn other_port(next_free: Option<u16>, lang: Lang) -> String {
    match next_free {
        Some(next) => phrase!(
            lang,
            "Use another one: `okibi start --port {next}`.",
            "別のポートを使うには `okibi start --port {next}` を実行してください。"
        ),
        None => phrase!(
            lang,
            "Choose another one with `--port`.",
            "`--port` で別のポートを指定してください。"
        ),
    }
}

fn died(exit: Exit, lang: Lang) -> String {
    match exit {
        Exit::Signal(9) => phrase!(
            lang,
            "The daemon was killed while loading (signal 9). Memory may have run out; \
             close other programs or choose a smaller model.",
            "デーモンが読み込み中に強制終了されました (シグナル 9)。メモリ不足の可能性があります。\
             ほかのプログラムを終了するか、小さいモデルを選んでください。"
        ),
        Exit::Signal(signal) => phrase!(
            lang,
            "The daemon crashed while loading (signal {signal}). Check its log.",
            "デーモンが読み込み中に異常終了しました (シグナル {signal})。原因はログで確認できます。"
        ),
        Exit::Code(code) => phrase!(
            lang,
            "The daemon ended while loading (exit code {code}). Check its log.",
            "デーモンが読み込み中に終了しました (終了コード {code})。原因はログで確認できます。"
        ),
        Exit::Unknown => phrase!(
            lang,
            "The daemon ended while loading. Check its log.",
            "デーモンが読み込み中に終了しました。原因はログで確認できます。"
        ),
    }
}

/// Joins sentences: with a space in English, without one in Japanese.
fn join(lang: Lang, sentences: &[&str]) -> String {
    sentences.join(match lang {
        Lang::En => " ",
        Lang::Ja => "",
    })
}
