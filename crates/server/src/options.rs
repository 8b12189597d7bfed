//! What a daemon is started with, what it needs from the program around it, and how it ends.
//!
//! This file knows no other of the crate, so that each of them can use it.

use std::{net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use okibi_engine::{Device, LoadError, LoadOptions, canary::SpaceChange};
use okibi_listener::Limits;
use okibi_models::Library;
use okibi_protocol::{
    guard::Access,
    method::Status,
    notice::{LaunchId, LaunchSecret},
    stage::StageEvent,
};

/// The most texts that one streamed request may have.
pub const MAX_TEXTS: usize = 100_000;

/// Everything a daemon is started with.
#[derive(Clone, Debug)]
pub struct DaemonOptions {
    /// A further address to listen on, beyond this machine.
    pub host: Option<IpAddr>,
    /// Port to serve on.
    pub port: u16,
    /// The model and how to load it.
    pub load: LoadOptions,
    /// The launch it belongs to; without one it runs in the foreground and takes the port before it loads.
    pub launch: Option<LaunchId>,
    /// What only this daemon and the front of its launch know; absent where the front has given none.
    pub launch_secret: Option<LaunchSecret>,
    /// How long a stop waits for requests in flight.
    pub drain: Duration,
    /// The log file, for the status.
    pub log_file: Option<PathBuf>,
    /// Bounds of the listener.
    pub limits: Limits,
    /// Which clients are let in.
    pub access: Access,
    /// The models it may hold.
    pub models: ModelOptions,
    /// Bounds and names of what it answers.
    pub serve: ServeOptions,
}

/// What a daemon answers, and how much of it.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Texts of a request that is answered at once; streamed ones may have [`MAX_TEXTS`].
    pub max_inputs: usize,
    /// Tokens of a request, over all its texts.
    pub max_request_tokens: usize,
    /// Further names under which apps may ask for the loaded model; `*` stands for every name.
    pub model_names: Vec<String>,
    /// Tokens of a batch, where the user chose.
    pub batch_tokens: Option<usize>,
}

impl ServeOptions {
    /// Tokens of a batch.
    pub(crate) fn batch_tokens(&self) -> usize {
        self.batch_tokens.unwrap_or(okibi_engine::DEFAULT_BATCH_TOKENS)
    }
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            max_inputs: 10_000,
            max_request_tokens: 4_000_000,
            model_names: Vec::new(),
            batch_tokens: None,
        }
    }
}

/// What a daemon needs from the program around it: words, and somebody who wants to know that it serves.
pub trait Host: Send + Sync + 'static {
    /// One sentence about a step of the load, in the front's language.
    fn progress(&self, event: &StageEvent) -> String;
    /// Why a load failed and what to do, in the front's language.
    fn load_failed(&self, error: &LoadError) -> String;
    /// Says that the requested device is unavailable, in the front's language.
    fn device_missing(&self, asked: Device) -> String;
    /// Says that a model's vectors differ from those of its last load, in the front's language.
    fn drifted(&self, model: &str, drift: &SpaceChange) -> String;
    /// Says that a run of a model has not returned for this long, in the front's language.
    fn hangs(&self, model: &str, since: Duration) -> String;
    /// Says that another program has `port` on `[::1]`, in the front's language.
    fn v6_taken(&self, port: u16) -> String;
    /// Called once in the foreground, when the daemon has taken the port and begins to load. May do I/O.
    fn listening(&self);
    /// Called when another model has become the current one; `model` is its name, or the path of its folder. May do
    /// I/O: no lock is held.
    fn switched(&self, model: &str);
    /// Called once, when the daemon has begun to serve.
    fn serving(&self, status: &Status);
}

/// Why a daemon ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was asked to stop, and everything it had accepted is answered.
    Stopped,
    /// It was asked to stop while it loaded.
    StoppedWhileLoading,
}

/// Why a daemon failed.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The model cannot be loaded.
    #[error("the model cannot be loaded: {message}")]
    Load {
        /// What the host says about it.
        message: String,
        /// The error itself.
        source: Arc<LoadError>,
    },
    /// The port could not be taken.
    #[error("port {port} cannot be taken")]
    PortTaken {
        /// The port.
        port: u16,
        /// What the OS said.
        source: std::io::Error,
    },
    /// Another launch or another daemon has the port.
    #[error("another daemon has taken this one's place")]
    Superseded,
    /// Requests were still in flight when the time to finish them was over.
    #[error("{calls} requests were cut: they took longer than {seconds} s to finish")]
    Cut {
        /// Requests without an answer.
        calls: usize,
        /// The time they had.
        seconds: u64,
    },
    /// A model's run has not returned, and cannot be interrupted. The caller has to end the process at once.
    #[error("a run of a model has not ended in time")]
    Hung,
    /// The load ended without an outcome.
    #[error("the model's load ended unexpectedly")]
    LoadDied,
}

/// How long a model stays in memory after its last request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepAlive {
    /// As long as the daemon runs.
    Always,
    /// This long after its last request.
    For(Duration),
}

/// What a daemon may do with models.
#[derive(Clone, Debug)]
pub struct ModelOptions {
    /// Where models are.
    pub library: Library,
    /// How long a model stays in memory after its last request; each model's default where it is `None`.
    pub keep_alive: Option<KeepAlive>,
    /// How many may be in memory at once; `None` means the default.
    pub keep_models: Option<usize>,
    /// The most bytes of weights in memory at once.
    pub max_bytes: Option<u64>,
    /// Whether a model on this machine is loaded when a request names it.
    pub load_on_demand: bool,
}
