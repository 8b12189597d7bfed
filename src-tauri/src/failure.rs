//! Why something that the user asked for was not done, and what the user reads about it.

use std::{error::Error, path::PathBuf};

use okibi_client::ClientError;
use okibi_config::edit::EditError;
use okibi_launcher::StatusError;
use okibi_messages::{
    Lang, Message, app, chain, launch,
    load::{self, model_error},
    tray,
};
use okibi_models::ModelError;
use okibi_protocol::jsonrpc::RpcError;

use crate::{contract::CommandError, model_name, updates::UpdateError};

/// See the module.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// No daemon can answer now.
    #[error("no daemon is ready")]
    NotReady,
    /// The port does not lead to a daemon that answers.
    #[error("the port does not lead to a daemon")]
    Port(#[source] StatusError),
    /// The daemon's answer is an error, whose message is for people already.
    #[error("the daemon refused: {}", .0.message)]
    Refused(RpcError),
    /// A page or the menu names a model that is not in the list.
    #[error("the model {0} is not in the list")]
    UnknownModel(String),
    /// Texts that are embedded half cannot be searched any more: another model answers.
    #[error("the model was changed")]
    ModelChanged,
    /// A model is not deleted while the daemon has it loaded.
    #[error("the model {0} is loaded")]
    ModelInUse(String),
    /// A model's files cannot be read, downloaded or deleted.
    #[error("the model's files cannot be used")]
    Model(#[from] ModelError),
    /// The settings cannot be saved.
    #[error("{file} cannot be saved")]
    Settings {
        file: String,
        #[source]
        source: EditError,
    },
    /// A file or folder cannot be opened.
    #[error("{} cannot be opened", path.display())]
    Open {
        path: PathBuf,
        #[source]
        source: Box<tauri_plugin_opener::Error>,
    },
    /// The check for updates has no result.
    #[error("the check for updates has no result")]
    Update(#[from] UpdateError),
    /// A file cannot be written.
    #[error("{} cannot be written", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// Something that users are not expected to fix.
    #[error("unexpected")]
    Unexpected(#[source] Box<dyn Error + Send + Sync>),
}

impl Failure {
    /// Wraps an error that users are not expected to fix.
    pub(crate) fn unexpected(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unexpected(error.into())
    }

    /// Returns what the user reads: one sentence, perhaps with advice.
    pub(crate) fn text(&self, lang: Lang) -> String {
        match self {
            Self::NotReady => tray::not_ready(lang).into(),
            Self::Port(error) => launch::status_error(error, lang),
            Self::Refused(error) => refusal(error, lang),
            Self::UnknownModel(name) => model_error(
                &ModelError::UnknownModel {
                    name: name.clone(),
                    nearest: Vec::new(),
                },
                lang,
            ),
            Self::ModelChanged => app::model_changed(lang).into(),
            Self::ModelInUse(model) => tray::model_in_use(&model_name::display(model), lang),
            Self::Model(error) => model_error(error, lang),
            Self::Settings { file, source } => Message::Io {
                what: file.clone(),
                cause: match source {
                    EditError::Broken { source, .. } => source.message().to_owned(),
                    EditError::Io { source, .. } => chain(source),
                },
            }
            .text(lang),
            Self::Open { path, source } => Message::Io {
                what: path.display().to_string(),
                cause: chain(source.as_ref()),
            }
            .text(lang),
            Self::Update(error) => match error {
                UpdateError::Off => app::no_update_address(lang).into(),
                UpdateError::Key => app::bad_update_key(lang).into(),
                UpdateError::Unreachable { address, source } => {
                    app::update_unreachable(address, &chain(source.as_ref()), lang)
                }
                UpdateError::Signature { address } => app::update_unsigned(address, lang),
                UpdateError::Release { address } => app::update_unreadable(address, lang),
            },
            Self::Write { path, source } => Message::Io {
                what: path.display().to_string(),
                cause: chain(source),
            }
            .text(lang),
            Self::Unexpected(error) => Message::Unexpected {
                cause: chain(error.as_ref()),
            }
            .text(lang),
        }
    }

    /// Returns it as a page gets it. It is logged here, which is the last place that knows its cause.
    pub(crate) fn for_page(self, lang: Lang) -> CommandError {
        let message = self.text(lang);
        match self {
            Self::NotReady => CommandError::NotReady { message },
            other => {
                tracing::warn!(error = chain(&other), "a command of a page failed");
                CommandError::Failed { message }
            }
        }
    }
}

/// What the daemon said. It speaks the language that it was started in; where that is not the reader's, the kind of the error is
/// said in theirs.
fn refusal(error: &RpcError, lang: Lang) -> String {
    let kind = error.data.as_ref().and_then(|data| data["kind"].as_str());
    match kind.and_then(|kind| load::kind_of_failure(kind, lang)) {
        Some(sentence) if Lang::of(&error.message) != lang => sentence.into(),
        _ => error.message.clone(),
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Refused | ClientError::Closed => Self::NotReady,
            ClientError::Rpc(error) => Self::Refused(error),
            other => Self::unexpected(other),
        }
    }
}

impl From<StatusError> for Failure {
    fn from(error: StatusError) -> Self {
        match error {
            StatusError::NotRunning { .. } => Self::NotReady,
            other => Self::Port(other),
        }
    }
}
