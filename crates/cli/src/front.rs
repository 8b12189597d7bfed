//! What every command knows: the language, this machine and its settings.

use okibi_client::{Client, ConnectOptions};
use okibi_config::{
    Flags, Folders, Key, Loaded, Settings, discovery::websocket_address, process_environment,
};
use okibi_front::Machine;
use okibi_launcher::LaunchSpec;
use okibi_messages::{Lang, Message, chain};
use okibi_models::Library;
use okibi_protocol::{guard::Access, method::Status};

use crate::{
    args::CommandLine,
    failure::{Exit, Failure},
    style,
};

pub(crate) struct Front {
    pub(crate) lang: Lang,
    pub(crate) machine: Machine,
    pub(crate) settings: Settings,
}

impl Front {
    /// Reads this machine's settings. What is wrong in the configuration file is warned about; what is wrong on
    /// the command line or in the environment is a failure.
    pub(crate) fn open(line: &CommandLine) -> Result<Self, Failure> {
        let folders = match folders(line) {
            // What asks a running daemon needs no files: without a home, it has the defaults and no token.
            Err(_) if line.needs_no_files() => Folders::nowhere(),
            found => found?,
        };
        let loaded = Settings::load(&line.flags(), &process_environment, &folders.config_file);
        Self::new(folders, loaded)
    }

    /// The settings of a daemon: those of the document that its front hands it, which has read environment and file
    /// already.
    pub(crate) fn of_daemon(line: &CommandLine, document: &str) -> Result<Self, Failure> {
        let loaded = Settings::from_document(document).map_err(|error| {
            let cause = chain(&error);
            Failure::with_exit(Exit::Usage, "bad_setting", Message::Unexpected { cause })
        })?;
        Self::new(folders(line)?, loaded)
    }

    fn new(folders: Folders, loaded: Loaded) -> Result<Self, Failure> {
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
        // The command line is the daemon's program too.
        let program = std::env::current_exe().map_err(|error| Failure::io("okibi", &error))?;
        Ok(Self {
            lang,
            machine: Machine { folders, program },
            settings: loaded.settings,
        })
    }

    /// The server to ask, with the user's token: on the port that was set, else on the one in the discovery file if a
    /// daemon answers there, else on the default one.
    pub(crate) async fn server(&self) -> ConnectOptions {
        let server = self.machine.server(self.settings.port.value);
        match self.machine.discovered_port(&self.settings) {
            Some(port) if port != server.port => {
                let discovered = ConnectOptions {
                    port,
                    ..server.clone()
                };
                let is_there = okibi_launcher::status(&discovered).await.is_ok();
                if is_there { discovered } else { server }
            }
            _ => server,
        }
    }

    /// Connects to the server to ask, and gives its port and its status.
    pub(crate) async fn connect(&self) -> Result<(u16, Client, Status), Failure> {
        let server = self.server().await;
        match okibi_launcher::connect(&server).await {
            Ok((client, status)) => Ok((server.port, client, status)),
            Err(error) => Err(Failure::status(error)),
        }
    }

    /// Which requests are let in.
    pub(crate) fn access(&self) -> Result<Access, Failure> {
        let access = self.machine.access(&self.settings);
        access.map_err(|error| Failure::io("token.json", &error))
    }

    /// How a daemon with these settings is started.
    pub(crate) fn launch_spec(&self) -> Result<LaunchSpec, Failure> {
        let (access, lang) = (self.access()?, self.lang.choice());
        Ok(self.machine.launch_spec(&self.settings, access, lang))
    }

    /// A model as it was typed: a folder becomes an absolute path, a name stays.
    pub(crate) fn model_asked(&self, typed: &str) -> String {
        let flags = Flags::default().with(Key::Model, Some(typed.into()));
        Settings::from_flags(&flags).settings.model.value
    }

    /// Where models are on this machine.
    pub(crate) fn library(&self) -> Library {
        self.machine.library(&self.settings)
    }

    /// Where clients of the daemon connect.
    pub(crate) fn address(&self) -> String {
        websocket_address(self.settings.port.value)
    }
}

fn folders(line: &CommandLine) -> Result<Folders, Failure> {
    Folders::find(&line.folder_overrides(), &process_environment)
        .map_err(|error| Failure::new("no_home", Message::Folder(error)))
}
