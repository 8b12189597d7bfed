//! What the fronts, command line and tray, know of the machine they run on.
//!
//! A front reads the settings in its own way and shows everything in its own way; between the two it needs the same
//! facts: where models are, how a daemon is started, how the running one is reached. [`Machine`] gives them. Nothing
//! here prints, and nothing asks the network.

mod same_model;

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use okibi_client::ConnectOptions;
use okibi_config::{
    Discovery, Folders, LangChoice, Settings, assets, daemon_args,
    folders::CACHE_VARIABLE,
    logfile, process_environment,
    token::{hub_token, read_tokens},
};
use okibi_launcher::{LaunchSpec, LaunchedDaemon};
use okibi_models::Library;
use okibi_protocol::{guard::Access, method::Status};

pub use self::same_model::is_same_model;

/// This machine, as one user has it.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The user's folders.
    pub folders: Folders,
    /// The program that is the daemon.
    pub program: PathBuf,
}

impl Machine {
    /// Where models are.
    pub fn library(&self, settings: &Settings) -> Library {
        // A cache folder that the user has named comes before the one that the tools of the hub share.
        let own_cache = process_environment(CACHE_VARIABLE).map(|_| self.folders.cache.as_path());
        let mut library = Library::open(
            own_cache,
            self.asset_folders(settings),
            &settings.model_folders.value,
            &self.folders.data,
            &process_environment,
        );
        // What is set for Okibi comes before what is set for all tools of the hub.
        let hub = &mut library.hub;
        if let Some(address) = &settings.hub_url.value {
            hub.endpoint = address.trim_end_matches('/').to_owned();
        }
        if let Some(folder) = &settings.models_dir.value {
            hub.cache.clone_from(folder);
        }
        if let Some(token) = hub_token(&self.folders) {
            hub.token = Some(token);
        }
        hub.proxy.clone_from(&settings.proxy.value);
        library
    }

    /// Folders to search for the files that come with Okibi, in order of precedence.
    pub fn asset_folders(&self, settings: &Settings) -> Vec<PathBuf> {
        assets::folders(settings.assets.value.as_deref(), &self.program)
    }

    /// Which requests a daemon with these settings lets in. Makes the tokens where they are required and missing.
    ///
    /// Errors: those of [`okibi_config::access()`].
    pub fn access(&self, settings: &Settings) -> io::Result<Access> {
        okibi_config::access(settings, &self.folders)
    }

    /// How a daemon with these settings is started; `lang` is the language of its messages.
    pub fn launch_spec(&self, settings: &Settings, access: Access, lang: LangChoice) -> LaunchSpec {
        let port = settings.port.value;
        LaunchSpec {
            program: self.program.clone(),
            daemon_args: daemon_args(settings, &self.folders, lang),
            host: settings.host.value,
            port,
            access,
            token: self.token(),
            model: settings.model.value.clone(),
            log_file: self.daemon_log(port),
            drain: drain(settings),
        }
    }

    /// The model of a running daemon as it has to be asked for. The status has its name for people, which for a folder is
    /// not its path; the daemon's own discovery file has that.
    pub fn model_of(&self, status: &Status) -> String {
        match Discovery::read(&self.folders) {
            Some(discovery) if discovery.pid == status.pid => discovery.model,
            _ => status.model.clone(),
        }
    }

    /// The daemon that the discovery file names.
    pub fn named_daemon(&self) -> Option<LaunchedDaemon> {
        let Discovery {
            pid, port, launch, ..
        } = Discovery::read(&self.folders)?;
        Some(LaunchedDaemon { pid, port, launch })
    }

    /// How the Okibi on `port` is reached: with the user's token, where there is one. The file is read each time,
    /// because another program of ours may have made it meanwhile.
    pub fn server(&self, port: u16) -> ConnectOptions {
        ConnectOptions::from(port).with_token(self.token())
    }

    /// The port that the running daemon says it has, unless the user has set one.
    pub fn discovered_port(&self, settings: &Settings) -> Option<u16> {
        if settings.port.is_set() {
            return None;
        }
        Discovery::read(&self.folders).map(|discovery| discovery.port)
    }

    /// The log of the daemon on `port`.
    pub fn daemon_log(&self, port: u16) -> PathBuf {
        logfile::daemon_log_path(&self.folders, port)
    }

    /// The token that allows everything, where one was made.
    fn token(&self) -> Option<String> {
        read_tokens(&self.folders).map(|tokens| tokens.manage)
    }
}

/// The time that requests in flight have to finish when the daemon stops.
pub fn drain(settings: &Settings) -> Duration {
    Duration::from_secs(settings.drain_seconds.value)
}

/// The daemon's program beside `own`, the program of a front that is not the daemon itself.
pub fn program_beside(own: &Path) -> PathBuf {
    own.with_file_name(if cfg!(windows) { "okibi.exe" } else { "okibi" })
}
