//! This machine: folders, settings, and the daemon's program.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use okibi_config::{
    Discovery, Flags, FolderOverrides, Folders, Loaded, Settings, daemon_args::daemon_args, logfile,
    process_environment, token::read_tokens,
};
use okibi_launcher::LaunchSpec;
use okibi_messages::{Lang, Message};
use okibi_protocol::guard::Access;

use crate::core::Choices;

/// The daemon's program, beside this one.
const PROGRAM: &str = if cfg!(windows) { "okibi.exe" } else { "okibi" };

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub(crate) folders: Folders,
    pub(crate) program: PathBuf,
}

impl Machine {
    /// Finds the user's folders and the program.
    pub(crate) fn find() -> Result<Self> {
        let folders = Folders::find(&FolderOverrides::default(), &process_environment).map_err(|error| {
            anyhow::anyhow!(Message::Folder(error).text(Lang::detect(okibi_config::LangChoice::Auto)))
        })?;
        let own = std::env::current_exe().context("this program's own path")?;
        Ok(Self {
            folders,
            program: own.with_file_name(PROGRAM),
        })
    }

    /// The settings of now: environment, file, default.
    pub(crate) fn settings(&self) -> Loaded {
        Settings::load(&Flags::default(), &process_environment, &self.folders.config_file)
    }

    /// How a daemon with the settings of now is started.
    pub(crate) fn launch_spec(&self) -> LaunchSpec {
        let settings = self.settings().settings;
        let lang = Lang::detect(settings.lang.value);
        let port = settings.port.value;
        LaunchSpec {
            program: self.program.clone(),
            daemon_args: daemon_args(&settings, &self.folders, lang.name()),
            host: settings.host.value,
            port,
            access: self.access(&settings),
            model: settings.model.value.clone(),
            log_file: self.log_file(port),
        }
    }

    /// Who is let in; from now on this process brings the token itself.
    fn access(&self, settings: &Settings) -> Access {
        let access = okibi_config::access(settings, &self.folders).unwrap_or_else(|error| {
            // The daemon finds the same, ends, and says so.
            tracing::error!(%error, "the token cannot be made");
            Access::default()
        });
        self.bring_token();
        access
    }

    /// Brings the token from now on, where there is one.
    pub(crate) fn bring_token(&self) {
        okibi_client::set_token(read_tokens(&self.folders).map(|tokens| tokens.manage));
    }

    /// The daemon's log.
    pub(crate) fn log_file(&self, port: u16) -> PathBuf {
        logfile::daemon_log_path(&self.folders, port)
    }

    /// The log of this app.
    pub(crate) fn own_log_file(&self) -> PathBuf {
        self.folders.logs().join("tray.log")
    }

    /// The port to watch: the one somebody set, else the one that the discovery file names, else the default.
    pub(crate) fn port_to_watch(&self) -> u16 {
        let port = self.settings().settings.port;
        if port.is_set() {
            return port.value;
        }
        Discovery::read(&self.folders).map_or(port.value, |discovery| discovery.port)
    }
}

/// The settings that the core decides by.
pub(crate) fn choices(settings: &Settings) -> Choices {
    Choices {
        lang: Lang::detect(settings.lang.value),
        model: settings.model.value.clone(),
        port: settings.port.value,
        notifications: settings.notifications.value,
        progress_window: settings.progress_window.value,
        restart: settings.restart_daemon.value,
    }
}

/// The end of a log: its last lines, oldest first; empty where it cannot be read.
pub(crate) fn log_tail(path: &Path) -> Vec<String> {
    okibi_launcher::log_tail(path)
}
