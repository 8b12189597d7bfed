//! The status of a daemon in words, for the command line, the tray menu and its tooltip.

use std::time::Duration;

use okibi_protocol::method::{RunState, Status};

use crate::{lang::Lang, pick, units};

/// Returns the state of a daemon in one line: "multilingual-e5-small is ready".
pub fn state_line(status: &Status, lang: Lang) -> String {
    let model = &status.model;
    match status.status {
        RunState::Running if status.has_failed_to_reload() => phrase!(
            lang,
            "{model} could not be loaded again; the next request tries it once more",
            "{model} を読み込み直せませんでした。次のリクエストでもう一度試します"
        ),
        RunState::Running if status.is_resting() => phrase!(
            lang,
            "{model} is idle (unloaded); the next request loads it again",
            "{model} は休止中です。次のリクエストで読み込み直します"
        ),
        RunState::Running if status.ready => {
            phrase!(lang, "{model} is ready", "{model} は準備ができています")
        }
        RunState::Starting | RunState::Running => {
            let percent = percent(status);
            phrase!(
                lang,
                "{model} is loading ({percent} %)",
                "{model} を読み込み中です ({percent} %)"
            )
        }
        RunState::Stopping => phrase!(lang, "{model} is stopping", "{model} を停止中です"),
        RunState::Failed => phrase!(lang, "{model} failed to load", "{model} を読み込めませんでした"),
    }
}

/// Returns how much of a load is done, in whole percent.
pub fn percent(status: &Status) -> u8 {
    (status.stages.fraction() * 100.0) as u8
}

/// Returns the line for a ready daemon after a start: model, dimension, time, address.
pub fn ready_line(status: &Status, time: Option<Duration>, address: &str, lang: Lang) -> String {
    let model = &status.model;
    let dimension = status.dimension.unwrap_or(0);
    match time.map(|time| units::seconds(time, lang)) {
        Some(time) => phrase!(
            lang,
            "Ready in {time}: {model}, {dimension} dimensions, {address}",
            "{time}で準備ができました: {model}、{dimension} 次元、{address}"
        ),
        None => phrase!(
            lang,
            "Already running: {model}, {dimension} dimensions, {address}",
            "すでに起動しています: {model}、{dimension} 次元、{address}"
        ),
    }
}

/// Returns the warning that another program has the port over IPv6.
pub fn v6_taken(port: u16, lang: Lang) -> String {
    phrase!(
        lang,
        "Another program has [::1]:{port}. An app that connects to \"localhost\" may reach that program, which can then read \
         the app's texts. Have apps connect to 127.0.0.1, or end the program and restart the daemon.",
        "ほかのプログラムが [::1]:{port} を使っています。「localhost」に接続するアプリはそちらにつながることがあり、\
         テキストを読まれるおそれがあります。アプリの接続先を 127.0.0.1 にするか、そのプログラムを終了してデーモンを再起動してください。"
    )
}

/// The label of a line of the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// Length of a vector.
    Dimension,
    /// Tokens of a text that are read.
    MaxTokens,
    /// The space of the vectors.
    Space,
    /// Where clients connect.
    Address,
    /// The process.
    Process,
    /// Time since the start.
    Uptime,
    /// Resident memory.
    Memory,
    /// Requests answered.
    Requests,
    /// Threads.
    Threads,
    /// Time of the load.
    Load,
    /// The log file.
    Log,
    /// The compute device.
    Device,
    /// Further models in memory.
    Models,
    /// A warning about the daemon or a model.
    Warning,
    /// Why the load failed.
    Reason,
}

impl Label {
    /// Returns the text of the label.
    pub const fn text(self, lang: Lang) -> &'static str {
        match self {
            Self::Dimension => pick(lang, "Dimensions", "次元数"),
            Self::MaxTokens => pick(lang, "Max tokens", "最大トークン数"),
            Self::Space => pick(lang, "Vector space", "ベクトル空間"),
            Self::Address => pick(lang, "Address", "アドレス"),
            Self::Process => pick(lang, "Process", "プロセス"),
            Self::Uptime => pick(lang, "Uptime", "稼働時間"),
            Self::Memory => pick(lang, "Memory", "メモリ"),
            Self::Requests => pick(lang, "Requests", "リクエスト"),
            Self::Threads => pick(lang, "Threads", "スレッド数"),
            Self::Load => pick(lang, "Load", "読み込み"),
            Self::Log => pick(lang, "Log", "ログ"),
            Self::Device => pick(lang, "Device", "デバイス"),
            Self::Models => pick(lang, "Other models", "ほかのモデル"),
            Self::Warning => pick(lang, "Warning", "警告"),
            Self::Reason => pick(lang, "Reason", "理由"),
        }
    }
}

/// Returns the number of requests, answered and in progress: `17 (2 in progress)`.
pub fn requests(served: u64, in_flight: u64, lang: Lang) -> String {
    if in_flight == 0 {
        return served.to_string();
    }
    phrase!(
        lang,
        "{served} ({in_flight} in progress)",
        "{served} (処理中 {in_flight})"
    )
}
