//! How a command ends: its exit code, and what it says when it fails.

use std::{io, process::ExitCode};

use okibi_client::ClientError;
use okibi_launcher::{Rejection, StartError, StatusError, StopError};
use okibi_messages::Message;

/// What the exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or running.
    Done,
    /// Something failed.
    Failed,
    /// The command line cannot be read.
    Usage,
    /// No daemon runs; the code of `systemctl status`.
    NotRunning,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::NotRunning => 3,
        })
    }
}

/// Why a command did not do what it was asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something to tell the user.
    Message {
        exit: Exit,
        /// The kind, for programs that read `--json`.
        kind: &'static str,
        message: Box<Message>,
    },
    /// Nobody reads the output any more (`okibi logs | head`): ends quietly.
    OutputClosed,
}

impl Failure {
    pub(crate) fn new(kind: &'static str, message: Message) -> Self {
        Self::with_exit(Exit::Failed, kind, message)
    }

    pub(crate) fn with_exit(exit: Exit, kind: &'static str, message: Message) -> Self {
        Self::Message {
            exit,
            kind,
            message: Box::new(message),
        }
    }

    /// The same failure with another exit code.
    pub(crate) fn with(self, exit: Exit) -> Self {
        match self {
            Self::Message { kind, message, .. } => Self::Message { exit, kind, message },
            Self::OutputClosed => Self::OutputClosed,
        }
    }

    /// Reading or writing `what` failed.
    pub(crate) fn io(what: impl Into<String>, error: &io::Error) -> Self {
        Self::new(
            "io",
            Message::Io {
                what: what.into(),
                cause: error.to_string(),
            },
        )
    }

    /// There is no status.
    pub(crate) fn status(error: StatusError) -> Self {
        let (exit, kind) = match &error {
            StatusError::NotRunning { .. } => (Exit::NotRunning, "not_running"),
            StatusError::NotOkibi { .. } => (Exit::Failed, "port_taken"),
            StatusError::Silent { .. } => (Exit::Failed, "silent"),
            StatusError::Rejected { why, .. } => (Exit::Failed, rejection_kind(*why)),
            StatusError::NoAnswer { .. } => (Exit::Failed, "no_answer"),
        };
        Self::with_exit(exit, kind, Message::Status(error))
    }

    /// A call to the daemon on `port` failed.
    pub(crate) fn client(port: u16, error: ClientError) -> Self {
        match error {
            ClientError::Rpc(error) => {
                let reason = error.message;
                Self::new("refused", Message::Refused { reason })
            }
            error => Self::status(StatusError::NoAnswer {
                port,
                source: error.into(),
            }),
        }
    }
}

/// The kind of a rejection, for programs that read `--json`.
fn rejection_kind(why: Rejection) -> &'static str {
    match why {
        Rejection::Token => "wrong_token",
        Rejection::Busy => "too_busy",
        Rejection::Other(_) => "rejected",
    }
}

/// Failures to write to stdout.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::io("stdout", &error),
        }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let kind = match error {
            StartError::PortTaken { .. } => "port_taken",
            StartError::Rejected { why, .. } => rejection_kind(why),
            StartError::Silent { .. } => "silent",
            StartError::Stuck { .. } => "port_taken",
            StartError::PortReserved { .. } => "port_reserved",
            StartError::Bind { .. } => "bind_failed",
            StartError::Spawn { .. } => "spawn_failed",
            StartError::Load { .. } => "load_failed",
            StartError::Died { .. } => "daemon_died",
            StartError::Stopped => "stopped",
        };
        Self::new(kind, Message::Start(error))
    }
}

impl From<StopError> for Failure {
    fn from(error: StopError) -> Self {
        let kind = match error {
            StopError::NotOkibi { .. } => "port_taken",
            StopError::Rejected { why, .. } => rejection_kind(why),
            StopError::Silent { .. } => "silent",
            StopError::StillRunning { .. } => "still_running",
            StopError::NoAnswer(_) => "no_answer",
        };
        Self::new(kind, Message::Stop(error))
    }
}
