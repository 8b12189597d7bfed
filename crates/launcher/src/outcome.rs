//! How a start, a stop or a question for the status can end, and what is reported while a start is under way.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use okibi_client::ConnectOptions;
use okibi_protocol::{
    guard::Access,
    method::{RunState, Status},
    notice::LaunchId,
    stage::StageEvent,
};

/// What a launch needs to know.
#[derive(Clone, Debug)]
pub struct LaunchSpec {
    /// The headless program `okibi`.
    pub program: PathBuf,
    /// Arguments that make it a daemon, model and settings included; `--launch ID` is added by the launcher.
    pub daemon_args: Vec<std::ffi::OsString>,
    /// A further address to listen on, beyond this machine.
    pub host: Option<IpAddr>,
    /// Port to serve on.
    pub port: u16,
    /// Which requests are let in, already while the model loads.
    pub access: Access,
    /// The token that this user's Okibi takes, where it may require one.
    pub token: Option<String>,
    /// The model's name, for clients that ask while it loads.
    pub model: String,
    /// The daemon's log file, whose end is shown when it dies.
    pub log_file: PathBuf,
    /// How long an Okibi that is stopping may take for its requests in flight.
    pub drain: Duration,
}

impl LaunchSpec {
    /// How the daemon, or another Okibi on the port, is reached.
    pub(crate) fn server(&self) -> ConnectOptions {
        ConnectOptions::from(self.port).with_token(self.token.clone())
    }
}

/// A daemon as the discovery file names it. The file may be old, so this is no proof of anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaunchedDaemon {
    /// Its process id.
    pub pid: u32,
    /// Its port.
    pub port: u16,
    /// The launch that started it; absent in the foreground.
    pub launch: Option<LaunchId>,
}

/// What is reported while a start is under way.
#[derive(Clone, Debug)]
pub enum LaunchUpdate {
    /// A daemon was spawned; the stages follow.
    Spawned {
        /// Its process id.
        pid: u32,
    },
    /// Another front is in the middle of a launch; its stages follow.
    Attached,
    /// The Okibi on the port is about to end, and is waited for.
    Waiting {
        /// Its process id.
        pid: u32,
    },
    /// A stage moved on.
    Stage {
        /// One sentence for people from the daemon; empty when attached to another front's launch.
        message: String,
        /// What moved.
        event: StageEvent,
    },
}

/// How a start ended well.
#[derive(Clone, Debug)]
pub enum Started {
    /// This front launched the daemon, and it is ready.
    Launched(Status),
    /// Another front launched it meanwhile, and it is ready.
    Attached(Status),
    /// It was ready before.
    AlreadyRunning(Status),
}

impl Started {
    /// The ready daemon's status.
    pub fn status(&self) -> &Status {
        match self {
            Self::Launched(status) | Self::Attached(status) | Self::AlreadyRunning(status) => status,
        }
    }
}

/// A program that holds a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortHolder {
    /// Its process id.
    pub pid: u32,
    /// Its name, as the OS has it.
    pub name: String,
}

/// How a daemon's process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// With an exit code.
    Code(i32),
    /// By a signal (Unix): 9 is SIGKILL, as the kernel sends it when memory runs out.
    Signal(i32),
    /// In a way that could not be found out.
    Unknown,
}

/// Why an Okibi that is there does not let this program in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// It requires a token, and not the one that this program has.
    Token,
    /// It has no room for another connection.
    Busy,
    /// Another reason, with this HTTP status.
    Other(u16),
}

impl From<u16> for Rejection {
    /// Reads the HTTP status of the refused upgrade.
    fn from(status: u16) -> Self {
        match status {
            401 => Self::Token,
            503 => Self::Busy,
            other => Self::Other(other),
        }
    }
}

/// Why a start failed.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program holds the port; nothing was started.
    #[error("port {port} is taken by another program")]
    PortTaken {
        /// The port.
        port: u16,
        /// The program that holds it, where the OS reveals it.
        holder: Option<PortHolder>,
        /// The next port that is free.
        next_free: Option<u16>,
    },
    /// An Okibi is on the port, and does not let this program in.
    #[error("the Okibi on port {port} refuses the connection")]
    Rejected {
        /// The port.
        port: u16,
        /// Why.
        why: Rejection,
    },
    /// A program of ours is on the port, and says nothing: it is suspended, or hangs.
    #[error("the Okibi on port {port} (process {}) is silent", holder.pid)]
    Silent {
        /// The port.
        port: u16,
        /// The program.
        holder: PortHolder,
    },
    /// The program on the port says that it is an Okibi which is about to end, or to be ready, and neither comes.
    #[error("the program on port {port} says {state:?} and stays")]
    Stuck {
        /// The port.
        port: u16,
        /// The program that holds it, where the OS reveals it.
        holder: Option<PortHolder>,
        /// What it says of itself.
        state: RunState,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The OS does not let anyone bind the port (Windows reserves ranges; Unix keeps ports below 1024).
    #[error("port {port} is reserved by the operating system")]
    PortReserved {
        /// The port.
        port: u16,
        /// The next port that is free.
        next_free: Option<u16>,
    },
    /// The port could not be bound for another reason.
    #[error("port {port} cannot be bound")]
    Bind {
        /// The port.
        port: u16,
        /// What the OS said.
        source: std::io::Error,
    },
    /// The daemon could not be spawned.
    #[error("the daemon {program} cannot be started")]
    Spawn {
        /// The program.
        program: PathBuf,
        /// What the OS said.
        source: std::io::Error,
    },
    /// The daemon said why it cannot load.
    #[error("the daemon cannot load: {error}")]
    Load {
        /// The reason, for people.
        error: String,
        /// The end of its log.
        log_tail: Vec<String>,
    },
    /// The daemon ended without saying why.
    #[error("the daemon ended while loading")]
    Died {
        /// How it ended.
        exit: Exit,
        /// The end of its log.
        log_tail: Vec<String>,
    },
    /// A client stopped the launch.
    #[error("the launch was stopped")]
    Stopped,
}

/// How a stop ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The daemon has ended and the port is free.
    Stopped,
    /// A load was ended and the port is free.
    LoadEnded,
    /// There was nothing to stop.
    NotRunning,
}

/// Why a stop failed.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// Another program holds the port.
    #[error("port {port} is held by another program")]
    NotOkibi {
        /// The port.
        port: u16,
        /// The program that holds it, where the OS reveals it.
        holder: Option<PortHolder>,
    },
    /// An Okibi is on the port, and does not let this program in.
    #[error("the Okibi on port {port} refuses the connection")]
    Rejected {
        /// The port.
        port: u16,
        /// Why.
        why: Rejection,
    },
    /// A program of ours is on the port, and says nothing: it is suspended, or hangs. It has not proved to be a daemon
    /// that may be ended.
    #[error("the Okibi on port {port} (process {}) is silent", holder.pid)]
    Silent {
        /// The port.
        port: u16,
        /// The program.
        holder: PortHolder,
    },
    /// The daemon took the request but has not ended in time.
    #[error("the daemon (process {pid}) has not ended within {seconds} s")]
    StillRunning {
        /// The daemon's process id.
        pid: u32,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The daemon was there but did not answer.
    #[error("the daemon does not answer")]
    NoAnswer(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// [`StatusError::NotRunning`] is an outcome of a stop, which has looked before.
impl From<StatusError> for StopError {
    fn from(error: StatusError) -> Self {
        match error {
            StatusError::NotOkibi { port, holder } => Self::NotOkibi { port, holder },
            StatusError::Rejected { port, why } => Self::Rejected { port, why },
            StatusError::Silent { port, holder } => Self::Silent { port, holder },
            StatusError::NoAnswer { source, .. } => Self::NoAnswer(source),
            error @ StatusError::NotRunning { .. } => Self::NoAnswer(error.into()),
        }
    }
}

/// Why there is no status.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// Nobody listens on the port.
    #[error("nothing listens on port {port}")]
    NotRunning {
        /// The port.
        port: u16,
    },
    /// Another program holds the port.
    #[error("port {port} is held by another program")]
    NotOkibi {
        /// The port.
        port: u16,
        /// The program that holds it, where the OS reveals it.
        holder: Option<PortHolder>,
    },
    /// An Okibi is on the port, and does not let this program in.
    #[error("the Okibi on port {port} refuses the connection")]
    Rejected {
        /// The port.
        port: u16,
        /// Why.
        why: Rejection,
    },
    /// A program of ours is on the port, and says nothing: it is suspended, or hangs.
    #[error("the Okibi on port {port} (process {}) is silent", holder.pid)]
    Silent {
        /// The port.
        port: u16,
        /// The program.
        holder: PortHolder,
    },
    /// An Okibi is there but did not answer.
    #[error("the daemon on port {port} does not answer")]
    NoAnswer {
        /// The port.
        port: u16,
        /// What the client says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
