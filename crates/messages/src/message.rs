//! All messages, with their data.

use std::{path::PathBuf, sync::Arc};

use okibi_config::{FolderError, Problem, logfile::LogWarning};
use okibi_launcher::{StartError, StatusError, StopError, Stopped};
use okibi_models::LoadError;
use okibi_protocol::stage::StageEvent;

use crate::{
    embed::EmbedMessage, lang::Lang, launch, load::load_error, settings, stage::stage_text,
    usage::UsageProblem,
};

/// A message to the user.
#[derive(Debug)]
pub enum Message {
    /// A stage of a load moved on.
    Stage(StageEvent),
    /// A model is unavailable, or cannot be loaded.
    Load(Arc<LoadError>),
    /// The model is loaded, but the front did not give the port up, or another program took it.
    PortNotFreed {
        /// The port.
        port: u16,
        /// Why.
        cause: String,
    },
    /// A start failed.
    Start(StartError),
    /// A stop failed.
    Stop(StopError),
    /// A stop ended well.
    Stopped {
        /// How.
        how: Stopped,
        /// The port.
        port: u16,
    },
    /// A setting or the configuration file is wrong.
    Setting(Problem),
    /// A place for Okibi's files cannot be found.
    Folder(FolderError),
    /// The log is not as requested.
    Log(LogWarning),
    /// The command line cannot be read.
    Usage(UsageProblem),
    /// The daemon refused, in its own words.
    Refused {
        /// Why.
        reason: String,
    },
    /// A message about embedding.
    Embed(EmbedMessage),
    /// Another front is launching; its launch is shown.
    Attached,
    /// The Okibi on the port is about to end, and is waited for.
    Waiting {
        /// Its process id.
        pid: u32,
    },
    /// There is no status: no daemon runs, another program has the port, or it does not answer.
    Status(StatusError),
    /// A daemon is on the port already.
    AlreadyRunning {
        /// The port.
        port: u16,
        /// Its process id.
        pid: u32,
    },
    /// A daemon runs with another model than the one asked for.
    OtherModel {
        /// The model that runs.
        running: String,
        /// The requested model, as it has to be written on the command line.
        asked: String,
    },
    /// There is no log file.
    NoLog {
        /// Where it would be.
        path: PathBuf,
    },
    /// The end of the daemon's log follows.
    LogTail,
    /// A file or stream cannot be read or written.
    Io {
        /// What.
        what: String,
        /// Why.
        cause: String,
    },
    /// Something that should not happen.
    Unexpected {
        /// What happened.
        cause: String,
    },
}

impl Message {
    /// Returns the message in a language.
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::Stage(event) => stage_text(event, lang).to_owned(),
            Self::Load(error) => load_error(error, lang),
            Self::PortNotFreed { port, cause } => phrase!(
                lang,
                "The model is loaded, but port {port} did not become free: {cause}. Start again, or choose another \
                 port with `--port`.",
                "モデルは読み込めましたが、ポート {port} が空きませんでした: {cause}。もう一度起動するか、\
                 `--port` で別のポートを指定してください。"
            ),
            Self::Start(error) => launch::start_error(error, lang),
            Self::Stop(error) => launch::stop_error(error, lang),
            Self::Stopped { how, port } => match how {
                Stopped::Stopped => phrase!(
                    lang,
                    "Stopped; port {port} is free.",
                    "停止しました。ポート {port} は空いています。"
                ),
                Stopped::LoadEnded => phrase!(
                    lang,
                    "The load was ended; port {port} is free.",
                    "読み込みをキャンセルしました。ポート {port} は空いています。"
                ),
                Stopped::NotRunning => phrase!(lang, "Okibi is not running.", "Okibi は起動していません。"),
            },
            Self::Setting(problem) => settings::problem(problem, lang),
            Self::Folder(error) => settings::folder_error(error, lang),
            Self::Log(warning) => settings::log_warning(warning, lang),
            Self::Usage(problem) => problem.text(lang),
            Self::Embed(message) => message.text(lang),
            Self::Refused { reason } => reason.clone(),
            Self::Attached => phrase!(
                lang,
                "A start is already under way; waiting for it.",
                "すでに起動処理が進んでいるため、完了を待ちます。"
            ),
            Self::Waiting { pid } => phrase!(
                lang,
                "The Okibi on the port (process {pid}) is stopping; waiting for its end.",
                "このポートの Okibi (プロセス {pid}) が停止処理中のため、終了を待ちます。"
            ),
            Self::Status(error) => launch::status_error(error, lang),
            Self::AlreadyRunning { port, pid } => phrase!(
                lang,
                "Okibi is already running on port {port} (process {pid}). Stop it with `okibi stop`, or choose another port \
                 with `--port`.",
                "Okibi はすでにポート {port} で起動しています (プロセス {pid})。`okibi stop` で停止するか、\
                 `--port` で別のポートを指定してください。"
            ),
            Self::OtherModel { running, asked } => phrase!(
                lang,
                "Okibi is already running with another model, {running}. To change it: `okibi restart -m {asked}`.",
                "Okibi は別のモデル {running} で起動しています。変更するには `okibi restart -m {asked}` を実行してください。"
            ),
            Self::NoLog { path } => {
                let path = path.display();
                phrase!(
                    lang,
                    "There is no log yet ({path}). Start a daemon with `okibi start`; it writes one.",
                    "ログはまだありません ({path})。`okibi start` で起動すると記録されます。"
                )
            }
            Self::LogTail => phrase!(lang, "End of the log:", "ログの末尾:"),
            Self::Io { what, cause } => phrase!(
                lang,
                "Cannot read or write {what}: {cause}.",
                "{what} を読み書きできません: {cause}"
            ),
            Self::Unexpected { cause } => phrase!(
                lang,
                "Unexpected error: {cause}.",
                "予期しないエラーが発生しました: {cause}"
            ),
        }
    }
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
