//! The daemon: where the settings become its options, and the engine's errors sentences.

use std::{path::PathBuf, sync::Arc, time::Duration};

use okibi_config::{
    BackendChoice, DeviceChoice, Discovery, DiscoveryState, Folders, Settings,
    logfile::{self, Echo, daemon_log_path},
};
use okibi_messages::{Lang, Message, chain, load::load_error, models, stage::stage_text, status};
use okibi_protocol::{
    method::Status,
    notice::{LaunchId, LaunchSecret, SECRET_VARIABLE},
    stage::StageEvent,
};
use okibi_server::{
    Backend, DaemonError, DaemonOptions, Device, DevicePreference, Ended, Host, KeepAlive, Limits, LoadError,
    LoadOptions, ModelOptions, ServeOptions, SpaceChange,
};
use parking_lot::Mutex;

use crate::{
    args::HiddenArgs,
    exit,
    failure::{Exit, Failure},
    front::Front,
    style,
};

/// Where a daemon runs.
pub(crate) enum Place {
    /// Detached; reports the load to the front of this launch.
    Background(LaunchId),
    /// On a terminal, in a container, under a service manager: logs to stderr too.
    Foreground,
}

/// How long work on threads of its own may hold up the end of the process.
const BLOCKING_LIMIT: Duration = Duration::from_secs(1);

/// Runs the daemon that a front has launched.
pub(crate) fn run(front: &Front, args: &HiddenArgs) -> Result<Exit, Failure> {
    match args.launch.clone() {
        Some(launch) => serve(front, Place::Background(LaunchId(launch))),
        None => serve(front, Place::Foreground),
    }
}

/// Loads the model and serves until it is stopped.
pub(crate) fn serve(front: &Front, place: Place) -> Result<Exit, Failure> {
    // ONNX Runtime reports its use to its maker unless this is set before it is opened; what is switched off through
    // its interface is only a part of that.
    let secret = std::env::var(SECRET_VARIABLE).ok();
    // SAFETY: no other thread has been started yet that could read the environment.
    unsafe {
        std::env::set_var("ORT_DISABLE_TELEMETRY", "1");
        // What this process starts, and what shows the environment of its threads, has no use for the secret.
        std::env::remove_var(SECRET_VARIABLE);
    }
    let (echo, launch) = match place {
        Place::Background(launch) => (Echo::None, Some(launch)),
        Place::Foreground => (Echo::Stderr, None),
    };
    let is_foreground = launch.is_none();
    let port = front.settings.port.value;
    let log = logfile::init(
        daemon_log_path(&front.machine.folders, port),
        &front.settings.log.value,
        echo,
    );
    for warning in log.warnings {
        style::warn(&Message::Log(warning), front.lang);
    }
    let mut options = options(front, launch.clone(), log.file)?;
    options.launch_secret = secret.map(LaunchSecret::from_text);
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        pid = std::process::id(),
        port,
        model = options.load.model,
        launch = launch.as_ref().map(|launch| launch.0.as_str()),
        "the daemon begins"
    );
    let model = options.load.model.clone();
    let discovery = DiscoveryFile {
        folders: front.machine.folders.clone(),
        port,
        model: Arc::new(Mutex::new(model)),
        launch,
    };
    if !is_foreground {
        // Its port is its front's, which looks here whom to end. In the foreground it may be another daemon's.
        discovery.write(DiscoveryState::Starting);
    }
    let host = CliHost {
        lang: front.lang,
        discovery: discovery.clone(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::io("tokio", &error))?;
    let ended = runtime.block_on(okibi_server::run(options, host));
    discovery.remove();
    match ended {
        // The loading thread may be deep in ONNX Runtime, whose destructors at a usual exit would crash under it.
        Ok(Ended::StoppedWhileLoading) => exit::now(0),
        // So may the model's, and it does not return: the runtime's end would wait for it.
        Err(DaemonError::Hung) => exit::now(1),
        // It has loaded nothing yet: what matters is who has the port.
        Err(DaemonError::PortTaken { port, .. }) if is_foreground => {
            let found = runtime.block_on(okibi_launcher::status(front.machine.server(port)));
            return Err(match found {
                Ok(Status { pid, .. }) => {
                    Failure::new("already_running", Message::AlreadyRunning { port, pid })
                }
                Err(error) => Failure::status(error).with(Exit::Failed),
            });
        }
        ended => {
            // Downloads and other work on threads of their own may be in the middle of a wait.
            runtime.shutdown_timeout(BLOCKING_LIMIT);
            ended
        }
    }
    .map(|_| Exit::Done)
    .map_err(failure)
}

/// The bounds of the listener.
fn limits(settings: &Settings) -> Limits {
    let usual = Limits::default();
    let max_body_bytes = settings.max_request_mb.value << 20;
    let max_buffered_bytes = settings.max_buffered_mb.value.map(|megabytes| megabytes << 20);
    Limits {
        max_connections: settings.max_connections.value,
        max_body_bytes,
        max_message_bytes: max_body_bytes,
        // Large requests need more of it, unless the user knows better.
        max_buffered_bytes: max_buffered_bytes.unwrap_or(usual.max_buffered_bytes.max(4 * max_body_bytes)),
        max_batch: settings.max_batch.value,
        header_read_timeout: Duration::from_secs(settings.header_seconds.value),
        body_read_timeout: Duration::from_secs(settings.body_seconds.value),
        write_timeout: Duration::from_secs(settings.write_seconds.value),
        ping_interval: Duration::from_secs(settings.ping_seconds.value),
        ..usual
    }
}

fn options(
    front: &Front,
    launch: Option<LaunchId>,
    log_file: Option<PathBuf>,
) -> Result<DaemonOptions, Failure> {
    let settings = &front.settings;
    let library = front.library();
    Ok(DaemonOptions {
        host: settings.host.value,
        port: settings.port.value,
        access: front.access()?,
        serve: ServeOptions {
            max_inputs: settings.max_inputs.value,
            max_request_tokens: settings.max_request_tokens.value,
            model_names: settings.model_names.value.clone(),
            batch_tokens: Some(settings.batch_tokens.value),
        },
        models: ModelOptions {
            library: library.clone(),
            keep_alive: settings.keep_alive.value.map(|time| match time {
                okibi_config::KeepAlive::Always => KeepAlive::Always,
                okibi_config::KeepAlive::For(time) => KeepAlive::For(time),
            }),
            keep_models: Some(settings.keep_models.value),
            max_bytes: settings
                .max_model_mb
                .value
                .map(|megabytes| (megabytes as u64) << 20),
            load_on_demand: settings.load_on_demand.value,
        },
        load: LoadOptions {
            model: settings.model.value.clone(),
            assets: front.machine.asset_folders(settings),
            runtime_library: settings.onnxruntime.value.clone(),
            cache_folder: front.machine.folders.cache.clone(),
            threads: settings.threads.value,
            device: device(settings.device.value),
            backend: match settings.backend.value {
                BackendChoice::Auto => Backend::Auto,
                BackendChoice::Onnx => Backend::Onnx,
            },
            batch_tokens: Some(settings.batch_tokens.value),
            max_queued_texts: Some(settings.max_queued_texts.value),
            library,
            variant: settings.variant.value,
            admission: None,
        },
        launch,
        launch_secret: None,
        drain: Duration::from_secs(settings.drain_seconds.value),
        log_file,
        limits: limits(settings),
    })
}

fn device(choice: DeviceChoice) -> DevicePreference {
    match choice {
        DeviceChoice::Auto => DevicePreference::Auto,
        DeviceChoice::Cpu => DevicePreference::Only(Device::Cpu),
        DeviceChoice::Cuda => DevicePreference::Only(Device::Cuda),
        DeviceChoice::CoreMl => DevicePreference::Only(Device::CoreMl),
        DeviceChoice::DirectMl => DevicePreference::Only(Device::DirectMl),
    }
}

fn failure(error: DaemonError) -> Failure {
    match error {
        DaemonError::Load { source, .. } => Failure::new("load_failed", Message::Load(source)),
        DaemonError::PortTaken { port, source } => Failure::new(
            "port_taken",
            Message::PortNotFreed {
                port,
                cause: source.to_string(),
            },
        ),
        other => Failure::new("daemon_failed", Message::Unexpected { cause: chain(&other) }),
    }
}

/// What the daemon needs of the command line: words, and the discovery file.
struct CliHost {
    lang: Lang,
    discovery: DiscoveryFile,
}

impl Host for CliHost {
    fn progress(&self, event: &StageEvent) -> String {
        stage_text(event, self.lang).to_owned()
    }

    fn load_failed(&self, error: &LoadError) -> String {
        load_error(error, self.lang)
    }

    fn device_missing(&self, asked: Device) -> String {
        models::device_missing(asked.name(), self.lang)
    }

    fn hangs(&self, model: &str, since: Duration) -> String {
        models::hangs(model, since, self.lang)
    }

    fn drifted(&self, model: &str, drift: &SpaceChange) -> String {
        match drift {
            SpaceChange::Space => models::space_changed(model, self.lang),
            SpaceChange::Vectors { cosine } => models::vectors_changed(model, *cosine, self.lang),
        }
    }

    fn v6_taken(&self, port: u16) -> String {
        status::v6_taken(port, self.lang)
    }

    fn listening(&self) {
        self.discovery.write(DiscoveryState::Starting);
    }

    fn switched(&self, model: &str) {
        self.discovery.set_model(model);
    }

    fn serving(&self, _status: &Status) {
        self.discovery.write(DiscoveryState::Running);
    }
}

/// The file in which local apps find this daemon.
#[derive(Clone)]
struct DiscoveryFile {
    folders: Folders,
    port: u16,
    /// As it was asked for: a restart asks for it again. Held to copy or to replace the name, not while the file is
    /// written.
    model: Arc<Mutex<String>>,
    launch: Option<LaunchId>,
}

impl DiscoveryFile {
    fn write(&self, state: DiscoveryState) {
        let (pid, version) = (std::process::id(), env!("CARGO_PKG_VERSION"));
        let launch = self.launch.clone();
        let model = self.model.lock().clone();
        let discovery = Discovery::new(self.port, pid, version, &model, launch, state);
        if let Err(error) = discovery.write(&self.folders) {
            tracing::warn!(%error, "the discovery file cannot be written; apps have to know the port");
        }
    }

    fn set_model(&self, model: &str) {
        model.clone_into(&mut self.model.lock());
        self.write(DiscoveryState::Running);
    }

    fn remove(&self) {
        if let Err(error) = Discovery::remove(&self.folders, std::process::id()) {
            tracing::warn!(%error, "the discovery file cannot be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The crates below have defaults of their own, for what runs without settings: a front's temporary server, tests.
    #[test]
    fn the_defaults_of_the_settings_are_those_of_the_crates() {
        let settings = Settings::default();
        assert_eq!(
            format!("{:?}", limits(&settings)),
            format!("{:?}", Limits::default())
        );
        let serve = ServeOptions::default();
        assert_eq!(settings.max_inputs.value, serve.max_inputs);
        assert_eq!(settings.max_request_tokens.value, serve.max_request_tokens);
    }
}
