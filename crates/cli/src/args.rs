//! The command line as types. Its help texts are put in by [`crate::language`], in the user's language.

use std::{ffi::OsString, path::PathBuf};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use okibi_config::{Flags, FolderOverrides, Key};
use okibi_protocol::method::InputType;

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
    #[arg(long, global = true, value_name = "N")]
    port: Option<OsString>,
    #[arg(long, global = true, value_name = "auto|en|ja")]
    lang: Option<OsString>,
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[arg(short, long, global = true, action = ArgAction::Help)]
    help: Option<bool>,
    #[arg(short = 'V', long, action = ArgAction::Version)]
    version: Option<bool>,
}

/// What the commands take that start a daemon. Values stay texts here: the settings read them, and say what is
/// wrong with them, in the same way wherever they come from.
#[derive(Debug, Default, Args)]
pub(crate) struct DaemonArgs {
    #[arg(short, long, value_name = "NAME|./DIR")]
    model: Option<OsString>,
    #[arg(long, value_name = "N")]
    threads: Option<OsString>,
    #[arg(long, value_name = "FILTER")]
    log: Option<OsString>,
    #[arg(long, value_name = "N")]
    drain_seconds: Option<OsString>,
    #[arg(long, value_name = "DIR")]
    assets: Option<OsString>,
    #[arg(long, value_name = "FILE")]
    onnxruntime: Option<OsString>,
    #[arg(long, value_name = "N")]
    batch_tokens: Option<OsString>,
    #[arg(long, value_name = "N")]
    max_queued_texts: Option<OsString>,
    #[arg(long, value_name = "IP")]
    host: Option<OsString>,
    #[arg(long, value_name = "NAME,…")]
    allowed_hosts: Option<OsString>,
    #[arg(long, value_name = "ORIGIN,…")]
    allowed_origins: Option<OsString>,
    #[arg(long, value_name = "true|false")]
    require_token: Option<OsString>,
    #[arg(long, value_name = "NAME,…")]
    model_names: Option<OsString>,
    #[arg(long, value_name = "N")]
    max_connections: Option<OsString>,
    #[arg(long, value_name = "N")]
    max_request_mb: Option<OsString>,
    #[arg(long, value_name = "N")]
    max_inputs: Option<OsString>,
    #[arg(long, value_name = "N")]
    max_request_tokens: Option<OsString>,
    #[arg(long, value_name = "auto|fp32|fp16|int8|q4")]
    variant: Option<OsString>,
    #[arg(long, value_name = "auto|cpu|cuda|…")]
    device: Option<OsString>,
    #[arg(long, value_name = "always|TIME")]
    keep_alive: Option<OsString>,
    #[arg(long, value_name = "N")]
    keep_models: Option<OsString>,
    #[arg(long, value_name = "N")]
    max_model_mb: Option<OsString>,
    #[arg(long, value_name = "true|false")]
    load_on_demand: Option<OsString>,
    #[arg(long, value_name = "DIR,…")]
    model_folders: Option<OsString>,
    #[arg(long, value_name = "N")]
    header_seconds: Option<OsString>,
    #[arg(long, value_name = "N")]
    body_seconds: Option<OsString>,
    #[arg(long, value_name = "N")]
    write_seconds: Option<OsString>,
    #[arg(long, value_name = "N")]
    ping_seconds: Option<OsString>,
    #[arg(long, value_name = "N")]
    max_batch: Option<OsString>,
    #[arg(long, value_name = "N")]
    max_buffered_mb: Option<OsString>,
}

#[derive(Debug, Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum Command {
    Start(StartArgs),
    Status {
        #[arg(long)]
        json: bool,
    },
    Stop,
    Restart(StartArgs),
    Embed(EmbedArgs),
    Models(ModelsArgs),
    Use(UseArgs),
    Serve(DaemonArgs),
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
    /// The daemon itself: started by a front, told everything by flags.
    #[command(hide = true)]
    Daemon(HiddenArgs),
}

#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    #[command(flatten)]
    pub(crate) daemon: DaemonArgs,
    #[arg(long)]
    pub(crate) json: bool,
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
        #[arg(long, value_name = "auto|fp32|fp16|int8|q4")]
        variant: Option<OsString>,
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
    #[arg(long, value_name = "auto|fp32|fp16|int8|q4")]
    variant: Option<OsString>,
    #[arg(long)]
    pub(crate) replace: bool,
    #[arg(long)]
    pub(crate) keep: bool,
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct HiddenArgs {
    #[command(flatten)]
    pub(crate) daemon: DaemonArgs,
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
        let flags = Flags::default()
            .with(Key::Port, self.common.port.clone())
            .with(Key::Lang, self.common.lang.clone());
        match &self.command {
            Some(Command::Start(start) | Command::Restart(start)) => start.daemon.add_to(flags),
            Some(Command::Serve(daemon)) => daemon.add_to(flags),
            Some(Command::Use(args)) => flags.with(Key::Variant, args.variant.clone()),
            Some(Command::Models(ModelsArgs {
                command: Some(ModelsCommand::Pull { variant, .. }),
                ..
            })) => flags.with(Key::Variant, variant.clone()),
            Some(Command::Daemon(hidden)) => hidden.daemon.add_to(flags),
            _ => flags,
        }
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

impl DaemonArgs {
    fn add_to(&self, flags: Flags) -> Flags {
        flags
            .with(Key::Model, self.model.clone())
            .with(Key::Threads, self.threads.clone())
            .with(Key::Log, self.log.clone())
            .with(Key::DrainSeconds, self.drain_seconds.clone())
            .with(Key::Assets, self.assets.clone())
            .with(Key::Onnxruntime, self.onnxruntime.clone())
            .with(Key::BatchTokens, self.batch_tokens.clone())
            .with(Key::MaxQueuedTexts, self.max_queued_texts.clone())
            .with(Key::Host, self.host.clone())
            .with(Key::AllowedHosts, self.allowed_hosts.clone())
            .with(Key::AllowedOrigins, self.allowed_origins.clone())
            .with(Key::RequireToken, self.require_token.clone())
            .with(Key::ModelNames, self.model_names.clone())
            .with(Key::MaxConnections, self.max_connections.clone())
            .with(Key::MaxRequestMb, self.max_request_mb.clone())
            .with(Key::MaxInputs, self.max_inputs.clone())
            .with(Key::MaxRequestTokens, self.max_request_tokens.clone())
            .with(Key::Variant, self.variant.clone())
            .with(Key::Device, self.device.clone())
            .with(Key::KeepAlive, self.keep_alive.clone())
            .with(Key::KeepModels, self.keep_models.clone())
            .with(Key::MaxModelMb, self.max_model_mb.clone())
            .with(Key::LoadOnDemand, self.load_on_demand.clone())
            .with(Key::ModelFolders, self.model_folders.clone())
            .with(Key::HeaderSeconds, self.header_seconds.clone())
            .with(Key::BodySeconds, self.body_seconds.clone())
            .with(Key::WriteSeconds, self.write_seconds.clone())
            .with(Key::PingSeconds, self.ping_seconds.clone())
            .with(Key::MaxBatch, self.max_batch.clone())
            .with(Key::MaxBufferedMb, self.max_buffered_mb.clone())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use okibi_config::{Folders, Settings, daemon_args::daemon_args};

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
            .chain(daemon_args(&settings, &folders, "ja"))
            .chain(["--launch".into(), "id".into()]);
        let daemon = CommandLine::try_parse_from(args).unwrap();
        let told = Settings::from_flags(&daemon.flags());
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
            (Some(7), Some(99))
        );
        assert!(told.settings.assets.value.is_some());
        assert_eq!(daemon.folder_overrides().cache, Some("-c".into()));
        assert!(
            matches!(daemon.command, Some(Command::Daemon(HiddenArgs { launch: Some(id), .. })) if id == "id")
        );
    }
}
