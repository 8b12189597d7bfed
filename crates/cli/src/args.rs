//! The command line as types. Its help texts are put in by [`crate::language`], in the user's language.

use std::{ffi::OsString, path::PathBuf};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use okibi_config::{Flags, FolderOverrides};
use okibi_protocol::method::InputType;

use crate::setting_flags::{OfDaemons, OfDownloads, OfEveryCommand, SettingFlags};

#[derive(Debug, Parser)]
#[command(
    name = "okibi",
    version,
    disable_help_flag = true,
    disable_version_flag = true
)]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct CommonArgs {
    #[command(flatten)]
    settings: SettingFlags<OfEveryCommand>,
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[arg(short, long, global = true, action = ArgAction::Help)]
    help: Option<bool>,
    #[arg(short = 'V', long, action = ArgAction::Version)]
    version: Option<bool>,
}

#[derive(Debug, Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum Command {
    Start(StartArgs),
    Status {
        #[arg(long)]
        json: bool,
    },
    Activity(ActivityArgs),
    Stop,
    Restart(StartArgs),
    Embed(EmbedArgs),
    Models(ModelsArgs),
    Use(UseArgs),
    Serve(ServeArgs),
    Logs {
        #[arg(short, long)]
        follow: bool,
        #[arg(
            short = 'n',
            long,
            value_name = "N",
            default_value_t = 50,
            hide_default_value = true
        )]
        lines: usize,
    },
    Completions {
        #[arg(value_enum, hide_possible_values = true)]
        shell: clap_complete::Shell,
    },
    /// The daemon itself, started by a front.
    #[command(hide = true)]
    Daemon(HiddenArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    settings: SettingFlags<OfDaemons>,
}

#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    #[command(flatten)]
    settings: SettingFlags<OfDaemons>,
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ActivityArgs {
    #[arg(long)]
    pub(crate) json: bool,
    #[arg(short, long)]
    pub(crate) follow: bool,
    #[arg(long, value_name = "N", default_value_t = 20, hide_default_value = true)]
    pub(crate) limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct ModelsArgs {
    #[command(subcommand)]
    pub(crate) command: Option<ModelsCommand>,
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    List,
    Pull {
        #[arg(value_name = "NAME")]
        model_name: String,
        #[command(flatten)]
        settings: SettingFlags<OfDownloads>,
    },
    Rm {
        #[arg(value_name = "NAME")]
        model_name: String,
    },
    Info {
        #[arg(value_name = "NAME")]
        model_name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct UseArgs {
    #[arg(value_name = "NAME")]
    pub(crate) model_name: String,
    #[command(flatten)]
    settings: SettingFlags<OfDownloads>,
    #[arg(long)]
    pub(crate) replace: bool,
    #[arg(long)]
    pub(crate) keep: bool,
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a daemon is told by its front; see [`okibi_config::daemon_args`].
#[derive(Debug, Args)]
pub(crate) struct HiddenArgs {
    #[arg(long, value_name = "JSON")]
    pub(crate) settings: String,
    #[arg(long)]
    pub(crate) launch: Option<String>,
    #[arg(long)]
    pub(crate) cache_dir: Option<PathBuf>,
    #[arg(long)]
    pub(crate) data_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct EmbedArgs {
    #[arg(value_name = "TEXT")]
    pub(crate) texts: Vec<OsString>,
    #[arg(long, value_enum, default_value = "none", value_name = "query|document|none")]
    #[arg(hide_possible_values = true, hide_default_value = true)]
    pub(crate) input_type: InputTypeArg,
    #[arg(long, value_enum, default_value = "jsonl", value_name = "jsonl|json|npy")]
    #[arg(hide_possible_values = true, hide_default_value = true)]
    pub(crate) format: Format,
    #[arg(long, value_name = "N")]
    pub(crate) dimensions: Option<usize>,
    #[arg(long)]
    pub(crate) no_truncate: bool,
}

/// [`InputType`] as a flag's value.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum InputTypeArg {
    Query,
    Document,
    None,
}

impl From<InputTypeArg> for InputType {
    fn from(arg: InputTypeArg) -> Self {
        match arg {
            InputTypeArg::Query => Self::Query,
            InputTypeArg::Document => Self::Document,
            InputTypeArg::None => Self::None,
        }
    }
}

/// How vectors are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One object a line.
    Jsonl,
    /// One array.
    Json,
    /// NumPy's file format.
    Npy,
}

impl CommandLine {
    /// The settings among the flags.
    pub(crate) fn flags(&self) -> Flags {
        let flags = self.common.settings.flags.clone();
        match &self.command {
            Some(Command::Start(start) | Command::Restart(start)) => flags.and(start.settings.flags.clone()),
            Some(Command::Serve(serve)) => flags.and(serve.settings.flags.clone()),
            Some(Command::Use(args)) => flags.and(args.settings.flags.clone()),
            Some(Command::Models(ModelsArgs {
                command: Some(ModelsCommand::Pull { settings, .. }),
                ..
            })) => flags.and(settings.flags.clone()),
            _ => flags,
        }
    }

    /// Whether the command works without the user's files: it asks a daemon, and reads and writes nothing else.
    pub(crate) fn needs_no_files(&self) -> bool {
        matches!(
            self.command,
            None | Some(Command::Status { .. } | Command::Activity(_) | Command::Stop | Command::Embed(_))
        )
    }

    /// The places among the flags.
    pub(crate) fn folder_overrides(&self) -> FolderOverrides {
        let (cache, data) = match &self.command {
            Some(Command::Daemon(hidden)) => (hidden.cache_dir.clone(), hidden.data_dir.clone()),
            _ => (None, None),
        };
        FolderOverrides {
            config_file: self.common.config.clone(),
            cache,
            data,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use okibi_config::{Folders, Key, LangChoice, Scope, Settings, daemon_args};

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn a_daemon_is_told_the_settings_of_its_front() {
        let front = CommandLine::try_parse_from(
            "okibi start -m a/b --threads 2 --port=9000 --ping-seconds 7 --max-buffered-mb 99".split(' '),
        );
        let mut settings = Settings::from_flags(&front.unwrap().flags()).settings;
        settings.assets.value = Some("/assets of mine".into());
        let folders = Folders {
            config_file: "c".into(),
            cache: "-c".into(),
            data: "d".into(),
        };
        let args = [OsString::from("okibi")]
            .into_iter()
            .chain(daemon_args(&settings, &folders, LangChoice::Ja))
            .chain(["--launch".into(), "id".into()]);
        let daemon = CommandLine::try_parse_from(args).unwrap();
        assert_eq!(daemon.folder_overrides().cache, Some("-c".into()));
        let Some(Command::Daemon(HiddenArgs {
            settings: document,
            launch: Some(launch),
            ..
        })) = daemon.command
        else {
            panic!("the hidden command");
        };
        assert_eq!(launch, "id");
        let told = Settings::from_document(&document).unwrap();
        assert!(told.problems.is_empty(), "{:?}", told.problems);
        assert_eq!(told.settings.model.value, "a/b");
        assert_eq!(
            (told.settings.port.value, told.settings.threads.value),
            (9000, Some(2))
        );
        assert_eq!(
            (
                told.settings.ping_seconds.value,
                told.settings.max_buffered_mb.value
            ),
            (7, Some(99))
        );
        assert_eq!(told.settings.assets.value, settings.assets.value);
        assert_eq!(told.settings.lang.value, LangChoice::Ja);
    }

    #[test]
    fn each_setting_is_a_flag_where_its_declaration_says_so() {
        let has_flag = |command: &str, key: Key| {
            let line = ["okibi", command, &format!("{}=x", key.flag())];
            CommandLine::try_parse_from(line).is_ok()
        };
        for key in Key::ALL {
            let (everywhere, nowhere) = match key.declaration().scope {
                Scope::DaemonAndClients | Scope::Front => (true, false),
                Scope::Daemon => (false, false),
                Scope::Tray => (false, true),
            };
            assert_eq!(has_flag("status", *key), everywhere, "{key}");
            for command in ["start", "restart", "serve"] {
                assert_eq!(has_flag(command, *key), !nowhere, "{command} {key}");
            }
        }
    }
}
