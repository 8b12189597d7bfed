//! What every command knows: the language, the folders and the settings of this machine.

use std::path::Path;

use okibi_config::{
    Discovery, DiscoveryState, Flags, Folders, Key, Loaded, Settings, daemon_args::daemon_args,
    discovery::websocket_address, folders::CACHE_VARIABLE, logfile, process_environment, token::read_tokens,
};
use okibi_launcher::LaunchSpec;
use okibi_messages::{Lang, Message};
use okibi_models::Library;
use okibi_protocol::guard::Access;

use crate::{
    args::CommandLine,
    assets,
    failure::{Exit, Failure},
    style,
};

pub(crate) struct Front {
    pub(crate) lang: Lang,
    pub(crate) folders: Folders,
    pub(crate) settings: Settings,
}

impl Front {
    /// Reads this machine's settings. What is wrong in the configuration file is warned about; what is wrong on
    /// the command line or in the environment is a failure.
    pub(crate) fn open(line: &CommandLine) -> Result<Self, Failure> {
        let folders = Folders::find(&line.folder_overrides(), &process_environment)
            .map_err(|error| Failure::new("no_home", Message::Folder(error)))?;
        let loaded = Settings::load(&line.flags(), &process_environment, &folders.config_file);
        Self::checked(folders, loaded)
    }

    /// The settings of a daemon, which its front has told it; environment and file have had their say there.
    pub(crate) fn told(line: &CommandLine) -> Result<Self, Failure> {
        let folders = Folders::find(&line.folder_overrides(), &process_environment)
            .map_err(|error| Failure::new("no_home", Message::Folder(error)))?;
        Self::checked(folders, Settings::from_flags(&line.flags()))
    }

    fn checked(folders: Folders, loaded: Loaded) -> Result<Self, Failure> {
        let lang = Lang::detect(loaded.settings.lang.value);
        for problem in loaded.problems {
            let exit = if problem.is_usage() {
                Exit::Usage
            } else {
                Exit::Failed
            };
            if problem.is_error() {
                return Err(Failure::with_exit(exit, "bad_setting", Message::Setting(problem)));
            }
            style::warn(&Message::Setting(problem), lang);
        }
        okibi_client::set_token(read_tokens(&folders).map(|tokens| tokens.manage));
        Ok(Self {
            lang,
            folders,
            settings: loaded.settings,
        })
    }

    /// The port to ask: the one somebody set, else the one the discovery file names if a daemon answers there,
    /// else the default.
    pub(crate) async fn port(&self) -> u16 {
        let port = self.settings.port.value;
        match self.discovered_port() {
            Some(discovered) if discovered != port && okibi_launcher::status(discovered).await.is_ok() => {
                discovered
            }
            _ => port,
        }
    }

    /// The port that the discovery file names, unless somebody set one.
    pub(crate) fn discovered_port(&self) -> Option<u16> {
        if self.settings.port.is_set() {
            return None;
        }
        Discovery::read(&self.folders).map(|discovery| discovery.port)
    }

    /// The daemon that says of itself that it is loading; when nothing listens, its front has gone.
    pub(crate) fn loading_without_a_front(&self) -> Option<u32> {
        let discovery = Discovery::read(&self.folders)?;
        (discovery.state == DiscoveryState::Starting).then_some(discovery.pid)
    }

    /// Who is let in; from now on this process brings the token itself.
    pub(crate) fn access(&self) -> Result<Access, Failure> {
        let access = okibi_config::access(&self.settings, &self.folders)
            .map_err(|error| Failure::io("token.json", &error))?;
        if let Some(tokens) = &access.tokens {
            okibi_client::set_token(Some(tokens.manage.clone()));
        }
        Ok(access)
    }

    /// How a daemon with these settings is started.
    pub(crate) fn launch_spec(&self) -> Result<LaunchSpec, Failure> {
        let program = std::env::current_exe().map_err(|error| Failure::io("okibi", &error))?;
        let port = self.settings.port.value;
        Ok(LaunchSpec {
            program,
            daemon_args: daemon_args(&self.settings, &self.folders, self.lang.name()),
            host: self.settings.host.value,
            port,
            access: self.access()?,
            model: self.settings.model.value.clone(),
            log_file: logfile::daemon_log_path(&self.folders, port),
        })
    }

    /// A model as it was typed: a folder becomes an absolute path, a name stays.
    pub(crate) fn model_asked(&self, typed: &str) -> String {
        let flags = Flags::default().with(Key::Model, Some(typed.into()));
        Settings::from_flags(&flags).settings.model.value
    }

    /// Where models are on this machine; `program` is this executable.
    pub(crate) fn library(&self, program: &Path) -> Library {
        // A cache folder that somebody named goes before the one that the tools of the hub share.
        let own = process_environment(CACHE_VARIABLE).map(|_| self.folders.cache.as_path());
        Library::open(
            own,
            assets::folders(self.settings.assets.value.as_deref(), program),
            &self.settings.model_folders.value,
            &self.folders.data,
            &process_environment,
        )
    }

    /// Where clients of the daemon connect.
    pub(crate) fn address(&self) -> String {
        websocket_address(self.settings.port.value)
    }
}
