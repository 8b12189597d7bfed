//! What can happen: the events that the core takes in. The core gets the time beside each of them.

use okibi_config::{NotificationChoice, ProgressChoice};
use okibi_launcher::{LaunchUpdate, PortHolder, StartError, Started, StopError, Stopped};
use okibi_messages::{Lang, tray::Missing};
use okibi_protocol::{method::Status, stage::StageEvent};

/// Something that happened.
#[derive(Debug)]
pub(crate) enum Event {
    /// The state of the port has changed. `log` is the end of the daemon's log if a daemon has vanished, `model` what the
    /// daemon's model has to be asked for by.
    PortChanged {
        port: u16,
        state: PortState,
        log: Vec<String>,
        model: Option<String>,
    },
    /// A step of our own launch.
    LaunchStep(LaunchUpdate),
    /// Our own launch is over.
    LaunchEnded(Box<Result<Started, StartError>>),
    /// Our own stop is over.
    StopEnded(Result<Stopped, StopError>),
    /// The user asked for something.
    Command(UserCommand),
    /// The settings have changed.
    Settings(Choices),
    /// The app crashed in its last run, and what it noted; or the user does not want to hear of it any more.
    Crash(Option<String>),
    /// What this desktop lacks has changed.
    Missing(Vec<Missing>),
    /// Something happened to models.
    Models(ModelEvent),
    /// The time that [`Core::deadline`](super::Core::deadline) named has come.
    Tick,
}

/// What listens on the port.
#[derive(Clone, Debug)]
pub(crate) enum PortState {
    /// Nothing listens.
    Free,
    /// A daemon, or a front in the middle of a launch.
    Okibi(Box<Status>),
    /// Nothing listens, and a daemon that has lost its front is loading: it will listen once it is ready.
    Loading,
    /// A program other than Okibi, where the OS reveals which one.
    Foreign(Option<PortHolder>),
    /// A program of ours that says nothing: it is suspended, or hangs.
    Silent(PortHolder),
}

/// What a user can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UserCommand {
    /// Start the daemon.
    Start,
    /// Start the daemon, without a window: nobody is looking when the app starts at login.
    StartQuietly,
    /// Stop the daemon, or cancel its load.
    Stop,
    /// Restart the daemon with the current settings.
    Restart,
    /// Quit this app; the daemon keeps running.
    Quit,
    /// Stop the daemon and quit this app.
    StopAndQuit,
}

/// The settings that the core decides by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choices {
    pub(crate) lang: Lang,
    pub(crate) model: String,
    pub(crate) port: u16,
    pub(crate) notifications: NotificationChoice,
    pub(crate) progress_window: ProgressChoice,
    pub(crate) restart: bool,
    /// What is wrong with the configuration file, in words.
    pub(crate) problems: Vec<String>,
    /// Whether what is wrong leaves open which port the user wants: then nothing is started on another one.
    pub(crate) is_port_unknown: bool,
    /// Every setting that a daemon takes up when it starts, apart from model and port: to see whether they have changed.
    pub(crate) of_daemon: String,
}

/// Something that happened to models.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ModelEvent {
    /// The user asked for a download.
    Pull(String),
    /// The user cancelled a download, or dismissed the reason why it failed.
    CancelPull(String),
    /// A download has made progress.
    Bytes { run: u64, done: u64, total: u64 },
    /// A download is over.
    PullEnded { run: u64, end: PullEnd },
    /// The user asked for another model while a daemon is ready.
    Switch(PendingSwitch),
    /// A step of that switch.
    SwitchStep(StageEvent),
    /// That switch is over.
    SwitchEnded(SwitchEnd),
    /// The user dismissed the reason why a switch failed.
    DismissSwitch,
    /// The models on this machine may have changed.
    Changed,
    /// The list of models was read again; `has_offers` says whether some of them are worth offering.
    Listed { has_offers: bool },
}

/// How a download ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PullEnd {
    Done,
    Cancelled,
    /// Why, in words.
    Failed(String),
}

/// How a switch to another model ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SwitchEnd {
    Done,
    /// This daemon is too old to switch; it has to be restarted with the model.
    NeedsRestart,
    /// There is not enough memory for both models. Why, in words.
    NoMemory(String),
    /// Why, in words.
    Failed(String),
}

/// A switch of a ready daemon to another model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PendingSwitch {
    pub(crate) model: String,
    /// Whether the current model is unloaded first, if there is not enough memory for both.
    pub(crate) replace: bool,
}
