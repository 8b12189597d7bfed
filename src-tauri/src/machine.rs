//! This machine: folders, settings, and the daemon's program.

use std::{
    ops::Deref,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use okibi_config::{
    Discovery, DiscoveryState, Flags, FolderOverrides, Folders, Key, Loaded, Origin, Problem, Settings,
    Source, process_environment,
};
use okibi_front::program_beside;
use okibi_launcher::LaunchSpec;
use okibi_messages::{Lang, Message};
use okibi_protocol::guard::Access;

use crate::core::{Choices, Kept};

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Machine(okibi_front::Machine);

impl Deref for Machine {
    type Target = okibi_front::Machine;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Machine {
    /// Finds the user's folders and the program.
    pub(crate) fn find() -> Result<Self> {
        let folders = Folders::find(&FolderOverrides::default(), &process_environment).map_err(|error| {
            anyhow::anyhow!(Message::Folder(error).text(Lang::detect(okibi_config::LangChoice::Auto)))
        })?;
        let own = std::env::current_exe().context("this program's own path")?;
        let program = program_beside(&own);
        Ok(Self(okibi_front::Machine { folders, program }))
    }

    /// Reads the current settings: environment, file, default.
    pub(crate) fn settings(&self) -> Loaded {
        Settings::load(&Flags::default(), &process_environment, &self.folders.config_file)
    }

    /// Returns how a daemon with the current settings is started, and what is kept of the one that ran.
    pub(crate) fn launch_spec(&self, kept: Kept) -> LaunchSpec {
        let mut settings = self.settings().settings;
        if let Some(port) = kept.port {
            settings.port.value = port;
        }
        if let Some(model) = kept.model {
            settings.model.value = model;
        }
        let access = self.access(&settings).unwrap_or_else(|error| {
            // The daemon fails in the same way and reports it.
            tracing::error!(%error, "the token cannot be made");
            Access::default()
        });
        let lang = Lang::detect(settings.lang.value);
        self.0.launch_spec(&settings, access, lang.choice())
    }

    /// Whether a daemon for this port loads although its front is gone: it will listen once it is ready.
    pub(crate) fn is_loading_alone(&self, port: u16) -> bool {
        let is_starting = Discovery::read(&self.folders)
            .is_some_and(|discovery| discovery.state == DiscoveryState::Starting);
        is_starting
            && self
                .named_daemon()
                .is_some_and(|daemon| daemon.port == port && okibi_launcher::is_launched(&daemon))
    }

    /// Returns this app's log file.
    pub(crate) fn own_log_file(&self) -> PathBuf {
        self.folders.logs().join("tray.log")
    }

    /// Returns the port to watch: the one in the settings, else the one in the discovery file, else the default.
    pub(crate) fn port_to_watch(&self) -> u16 {
        let settings = self.settings().settings;
        self.discovered_port(&settings).unwrap_or(settings.port.value)
    }
}

/// Returns the settings that the core decides by.
pub(crate) fn choices(loaded: Loaded) -> Choices {
    let Loaded { settings, problems } = loaded;
    let lang = Lang::detect(settings.lang.value);
    let hides_port = |problem: &Problem| {
        matches!(
            problem,
            Problem::BrokenFile { .. }
                | Problem::UnreadableFile { .. }
                | Problem::BadValue {
                    key: Key::Port,
                    origin: Origin::File(_),
                    ..
                }
        )
    };
    Choices {
        // What the environment sets holds whatever the file says.
        is_port_unknown: settings.port.source == Source::Default && problems.iter().any(hides_port),
        problems: problems
            .into_iter()
            .map(|problem| Message::Setting(problem).text(lang))
            .collect(),
        of_daemon: Key::ALL
            .iter()
            .filter(|key| key.declaration().scope.needs_restart() && ![Key::Model, Key::Port].contains(key))
            .map(|key| format!("{key}={}\n", settings.json(*key)))
            .collect(),
        lang,
        model: settings.model.value.clone(),
        port: settings.port.value,
        notifications: settings.notifications.value,
        progress_window: settings.progress_window.value,
        restart: settings.restart_daemon.value,
    }
}

/// Returns the last lines of a log, oldest first; nothing if it cannot be read.
pub(crate) fn log_tail(path: &Path) -> Vec<String> {
    okibi_launcher::log_tail(path)
}
