//! The tray app: its menu, its tooltip, its notifications.

use std::time::Duration;

use okibi_protocol::{
    method::Status,
    stage::{StageBoard, StageState},
};

use crate::{lang::Lang, pick, stage::stage_text, status::requests, units};

/// An entry of the tray's menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Entry {
    /// Starts the daemon.
    Start,
    /// Stops it.
    Stop,
    /// Stops and starts it.
    Restart,
    /// The models to choose from.
    Model,
    /// Lets the user choose a model's folder.
    AddFolder,
    /// Opens the page of the last start.
    Progress,
    /// Opens the page of the status.
    Status,
    /// Opens the page to try it on.
    TryIt,
    /// Opens the page of the models.
    Models,
    /// Opens the page that says how other apps are pointed at the daemon.
    Connect,
    /// Opens the page that says who uses it.
    Activity,
    /// Opens the page of the settings.
    Settings,
    /// Copies the daemon's address.
    CopyAddress,
    /// Opens the page of the daemon's log.
    OpenLog,
    /// Opens the page about the app.
    About,
    /// The app starts when the user logs in.
    StartAtLogin,
    /// The daemon starts when the app does.
    StartDaemon,
    /// The languages to choose from.
    Language,
    /// The language of the system.
    LanguageOfSystem,
    /// Quits; the daemon goes on.
    Quit,
    /// Stops the daemon and quits.
    StopAndQuit,
}

impl Entry {
    /// Returns its text.
    pub const fn text(self, lang: Lang) -> &'static str {
        match self {
            Self::Start => pick(lang, "Start", "起動"),
            Self::Stop => pick(lang, "Stop", "停止"),
            Self::Restart => pick(lang, "Restart", "再起動"),
            Self::Model => pick(lang, "Model", "モデル"),
            Self::AddFolder => pick(lang, "Choose a folder…", "フォルダーを選ぶ…"),
            Self::Progress => pick(lang, "Last start…", "読み込み状況…"),
            Self::Status => pick(lang, "Status…", "状態…"),
            Self::TryIt => pick(lang, "Try it…", "試してみる…"),
            Self::Models => pick(lang, "Models…", "モデル一覧…"),
            Self::Connect => pick(lang, "Connect an app…", "アプリをつなぐ…"),
            Self::Activity => pick(lang, "Activity…", "利用状況…"),
            Self::Settings => pick(lang, "Settings…", "設定…"),
            Self::About => pick(lang, "About Okibi…", "Okibi について…"),
            Self::CopyAddress => pick(lang, "Copy address", "アドレスをコピー"),
            Self::OpenLog => pick(lang, "Log…", "ログ…"),
            Self::StartAtLogin => pick(lang, "Start at login", "ログイン時に起動"),
            Self::StartDaemon => pick(
                lang,
                "Start the daemon when the app starts",
                "アプリの起動時にデーモンも起動",
            ),
            Self::Language => pick(lang, "Language", "言語"),
            Self::LanguageOfSystem => pick(lang, "System default", "システムに合わせる"),
            Self::Quit => pick(
                lang,
                "Quit (the daemon keeps running)",
                "終了 (デーモンは動き続けます)",
            ),
            Self::StopAndQuit => pick(lang, "Stop the daemon and quit", "デーモンを停止して終了"),
        }
    }
}

/// Returns one line for a ready daemon: model, dimensions. Nothing that grows old while nobody looks.
pub fn ready(status: &Status, lang: Lang) -> String {
    let model = &status.model;
    let dimension = status.dimension.unwrap_or(0);
    phrase!(
        lang,
        "Ready: {model}, {dimension} dimensions",
        "準備完了: {model}、{dimension} 次元"
    )
}

/// Returns one line for a daemon whose current model is idle: unloaded until the next request.
pub fn idle(status: &Status, lang: Lang) -> String {
    let model = &status.model;
    phrase!(
        lang,
        "Idle: {model} is unloaded until the next request",
        "休止中: {model}、次のリクエストで読み込み直します"
    )
}

/// Returns the title of the dialog in which a model's folder is chosen.
pub const fn choose_folder(lang: Lang) -> &'static str {
    pick(lang, "Choose a model folder", "モデルのフォルダーを選択")
}

/// Returns one line for a load under way.
pub fn loading(fraction: f64, lang: Lang) -> String {
    let percent = percent(fraction);
    phrase!(
        lang,
        "Loading model… {percent} %",
        "モデルを読み込み中… {percent} %"
    )
}

/// Returns a fraction in whole percent, 0 to 100.
pub fn percent(fraction: f64) -> u8 {
    (fraction.clamp(0.0, 1.0) * 100.0) as u8
}

/// Returns one line for no daemon.
pub const fn stopped(lang: Lang) -> &'static str {
    pick(lang, "Stopped", "停止中")
}

/// Returns one line for a daemon that is stopping.
pub const fn stopping(lang: Lang) -> &'static str {
    pick(lang, "Stopping…", "停止処理中…")
}

/// Returns one line for a failed start or a dead daemon; the reason is shown elsewhere.
pub const fn failed(lang: Lang) -> &'static str {
    pick(
        lang,
        "Not running: an error occurred",
        "停止中: エラーが発生しました",
    )
}

/// Returns one line for a daemon that died and is started again by itself.
pub fn starts_again(left: Duration, lang: Lang) -> String {
    let seconds = left.as_millis().div_ceil(1000);
    phrase!(
        lang,
        "Not running: restarting in {seconds} s",
        "停止中: {seconds} 秒後に再起動します"
    )
}

/// Returns one line for a port that another program uses.
pub fn port_taken(port: u16, lang: Lang) -> String {
    phrase!(
        lang,
        "Port {port} is used by another program",
        "ポート {port} は別のプログラムが使用中"
    )
}

/// Returns the tooltip for a ready daemon, below the app's name: model, memory, requests.
pub fn tooltip(status: &Status, lang: Lang) -> String {
    let model = &status.model;
    let memory = status
        .memory_bytes
        .map_or_else(|| "–".to_owned(), |bytes| units::size(bytes.0));
    let requests = requests(status.requests_served, status.requests_in_flight, lang);
    phrase!(
        lang,
        "{model}\nMemory {memory}, requests {requests}",
        "{model}\nメモリ {memory}、リクエスト {requests}"
    )
}

/// Returns why a model is not deleted that the daemon has loaded.
pub fn model_in_use(model: &str, lang: Lang) -> String {
    phrase!(
        lang,
        "{model} is loaded. Switch to another model first, then delete it.",
        "{model} は読み込まれているため削除できません。先に別のモデルに切り替えてください。"
    )
}

/// A notification: its first line and the text below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The first line.
    pub summary: String,
    /// The text below; may be empty.
    pub body: String,
}

/// Returns the notification of a load under way: its current stage.
pub fn notify_loading(model: &str, board: &StageBoard, lang: Lang) -> Notification {
    Notification {
        summary: phrase!(lang, "Loading {model}", "{model} を読み込み中"),
        body: board.current().map_or_else(String::new, |event| {
            let text = stage_text(event, lang);
            match event.measure.filter(|_| event.state != StageState::Finished) {
                Some(measure) => format!("{text}  {}", units::measure(&measure, lang)),
                None => text.to_owned(),
            }
        }),
    }
}

/// Returns the notification of a daemon that is ready; `again` means after it died.
pub fn notify_ready(status: &Status, took: Duration, again: bool, address: &str, lang: Lang) -> Notification {
    let model = &status.model;
    let took = units::seconds(took, lang);
    Notification {
        summary: if again {
            phrase!(
                lang,
                "Restarted: ready in {took}",
                "再起動しました: {took}で準備完了"
            )
        } else {
            phrase!(lang, "Ready in {took}", "{took}で準備ができました")
        },
        body: phrase!(lang, "{model} at {address}", "{model} ({address})"),
    }
}

/// Returns the notification of a failed start.
pub fn notify_failed(reason: &str, lang: Lang) -> Notification {
    Notification {
        summary: pick(lang, "Okibi could not start", "Okibi を起動できませんでした").into(),
        body: reason.into(),
    }
}

/// Returns the notification of a menu entry that failed.
pub fn notify_entry_failed(reason: String, lang: Lang) -> Notification {
    Notification {
        summary: pick(lang, "Okibi could not do that", "操作を完了できませんでした").into(),
        body: reason,
    }
}

/// Returns the notification of something that the daemon warns of.
pub fn notify_warning(warning: String, lang: Lang) -> Notification {
    Notification {
        summary: pick(lang, "Okibi: please note", "Okibi からのお知らせ").into(),
        body: warning,
    }
}

/// Returns the notification of a mistake in the settings file.
pub fn notify_settings(problem: String, lang: Lang) -> Notification {
    Notification {
        summary: pick(
            lang,
            "The settings file has errors",
            "設定ファイルに誤りがあります",
        )
        .into(),
        body: problem,
    }
}

/// Returns the notification of a daemon that died.
pub fn notify_died(reason: &str, lang: Lang) -> Notification {
    Notification {
        summary: pick(
            lang,
            "Okibi has stopped unexpectedly",
            "Okibi が予期せず停止しました",
        )
        .into(),
        body: reason.into(),
    }
}

/// Returns the notification of a finished download.
pub fn notify_pulled(model: &str, lang: Lang) -> Notification {
    Notification {
        summary: phrase!(lang, "{model} was downloaded", "{model} をダウンロードしました"),
        body: String::new(),
    }
}

/// Returns the notification of a failed download.
pub fn notify_pull_failed(model: &str, reason: &str, lang: Lang) -> Notification {
    Notification {
        summary: phrase!(
            lang,
            "{model} could not be downloaded",
            "{model} をダウンロードできませんでした"
        ),
        body: reason.into(),
    }
}

/// Returns the notification of a switch to another model.
pub fn notify_switched(model: &str, lang: Lang) -> Notification {
    Notification {
        summary: phrase!(lang, "Now using {model}", "モデルを {model} に切り替えました"),
        body: String::new(),
    }
}

/// Returns the notification of a failed switch; the model before keeps answering.
pub fn notify_switch_failed(model: &str, reason: &str, lang: Lang) -> Notification {
    Notification {
        summary: phrase!(
            lang,
            "{model} could not be loaded",
            "{model} を読み込めませんでした"
        ),
        body: reason.into(),
    }
}

/// Returns why a ready daemon is gone. `again` means that it is being restarted.
pub fn died(last_error: Option<&str>, again: bool, lang: Lang) -> String {
    let reason = match last_error {
        Some(error) => phrase!(
            lang,
            "The daemon stopped: {error}.",
            "デーモンが終了しました: {error}"
        ),
        None => phrase!(
            lang,
            "The daemon stopped without an error. It may have been killed, or memory ran out.",
            "デーモンがエラーを残さず終了しました。強制終了されたか、メモリが不足した可能性があります。"
        ),
    };
    if !again {
        return reason;
    }
    let again = pick(lang, "It is being restarted.", "再起動しています。");
    match lang {
        Lang::En => format!("{reason} {again}"),
        Lang::Ja => format!("{reason}{again}"),
    }
}

/// Returns the advice for a daemon that died too often to be restarted automatically.
pub fn died_too_often(times: usize, minutes: u64, lang: Lang) -> String {
    phrase!(
        lang,
        "Okibi restarted it {times} times within {minutes} minutes and stopped trying. Check the log, then start it again.",
        "{minutes} 分以内に {times} 回再起動したため、自動再起動を止めました。ログで原因を確認してから、起動し直してください。"
    )
}

/// Returns what to do about a failed start.
pub fn advice_retry(lang: Lang) -> &'static str {
    pick(
        lang,
        "Fix the problem above, then start again. See the log for details.",
        "メッセージにある問題を解決してから、もう一度起動してください。詳しくはログをご覧ください。",
    )
}

/// Returns what to do about a port that another program uses.
pub fn advice_port(next_free: Option<u16>, lang: Lang) -> String {
    match next_free {
        Some(next) => phrase!(
            lang,
            "Close that program, or let Okibi use port {next}.",
            "そのプログラムを終了するか、Okibi でポート {next} を使ってください。"
        ),
        None => phrase!(
            lang,
            "Close that program, or choose another port in the settings.",
            "そのプログラムを終了するか、設定で別のポートを選んでください。"
        ),
    }
}

/// Returns the label of the button that opens the log.
pub const fn action_open_log(lang: Lang) -> &'static str {
    pick(lang, "Open log", "ログを開く")
}

/// Returns the label of the button that starts again.
pub const fn action_retry(lang: Lang) -> &'static str {
    pick(lang, "Retry", "再試行")
}

/// Something this desktop lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// No session bus.
    Bus,
    /// Nothing shows tray icons.
    Tray,
    /// Nothing shows notifications.
    Notifications,
}

impl Missing {
    /// Returns what it means for the user.
    pub const fn text(self, lang: Lang) -> &'static str {
        match self {
            Self::Bus => pick(
                lang,
                "There is no D-Bus session, so neither a tray icon nor notifications can be shown.",
                "D-Bus セッションがないため、トレイアイコンも通知も表示されません。",
            ),
            Self::Tray => pick(
                lang,
                "This desktop does not show tray icons. On GNOME, install the extension “AppIndicator and KStatusNotifierItem \
                 Support”; elsewhere, add a status notifier to your panel. Until then, use this window; closing it ends the \
                 app, and the daemon keeps running.",
                "このデスクトップではトレイアイコンが表示されません。GNOME では拡張機能「AppIndicator and KStatusNotifierItem Support」をインストールしてください。ほかのデスクトップでは、パネルに通知領域を追加してください。それまではこのウィンドウをお使いください。閉じるとアプリは終了しますが、デーモンは動き続けます。",
            ),
            Self::Notifications => pick(
                lang,
                "No notification service is running, so notifications cannot be shown.",
                "通知サービスが動いていないため、通知は表示されません。",
            ),
        }
    }
}

/// Returns the error for a missing daemon program.
pub fn no_program(path: &std::path::Path, lang: Lang) -> String {
    let path = path.display();
    phrase!(
        lang,
        "The program {path} is missing. Install Okibi again.",
        "プログラム {path} がありません。Okibi をインストールし直してください。"
    )
}

/// Returns the error for a machine without a display.
pub const fn no_display(lang: Lang) -> &'static str {
    pick(
        lang,
        "There is no display for the tray app. In a terminal, use `okibi start` instead.",
        "トレイアプリを表示する画面がありません。端末では `okibi start` で同じことができます。",
    )
}

/// Returns the error for a daemon that cannot answer now.
pub const fn not_ready(lang: Lang) -> &'static str {
    pick(
        lang,
        "The daemon is not ready. Start it first.",
        "デーモンの準備ができていません。先に起動してください。",
    )
}

#[cfg(test)]
mod tests {
    use okibi_protocol::{
        stage::{Measure, Stage, StageEvent, Unit},
        units::Millis,
    };

    use super::*;

    #[test]
    fn a_download_shows_its_progress_until_it_is_over() {
        let mut board = StageBoard::default();
        let mut event = StageEvent {
            stage: Stage::Download,
            state: StageState::Advanced,
            elapsed_ms: Millis(10),
            measure: Some(Measure {
                done: 1_000_000,
                total: Some(2_000_000),
                unit: Unit::Bytes,
            }),
        };
        board.record(event.clone());
        let text = notify_loading("m", &board, Lang::En);
        assert_eq!(
            (text.summary.as_str(), text.body.as_str()),
            ("Loading m", "Downloading the model  1.0 MB of 2.0 MB")
        );
        event.state = StageState::Finished;
        board.record(event);
        assert_eq!(
            notify_loading("m", &board, Lang::Ja).body,
            "モデルをダウンロードしました"
        );
    }

    #[test]
    fn sentences_join_in_either_language() {
        assert_eq!(
            died(Some("out of memory"), true, Lang::En),
            "The daemon stopped: out of memory. It is being restarted."
        );
        assert!(died(None, true, Lang::Ja).ends_with("可能性があります。再起動しています。"));
    }

    #[test]
    fn percents_are_whole_and_bounded() {
        assert_eq!((percent(0.649), percent(-1.0), percent(2.0)), (64, 0, 100));
    }
}
