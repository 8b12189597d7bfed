//! The user's language, known before the command line is parsed so that help and mistakes are told in it too.

use std::{ffi::OsString, path::PathBuf};

use clap::{Arg, Command, CommandFactory};
use okibi_config::{Flags, FolderOverrides, Folders, Key, Settings, process_environment};
use okibi_messages::{Lang, help::Help};

use crate::args::CommandLine;

/// The language that an unparsed command line, the environment and the configuration file ask for.
pub(crate) fn early(args: &[OsString]) -> Lang {
    let flags = Flags::default().with(Key::Lang, value_of(args, "--lang"));
    let overrides = FolderOverrides {
        config_file: value_of(args, "--config").map(PathBuf::from),
        ..FolderOverrides::default()
    };
    let settings = match Folders::find(&overrides, &process_environment) {
        Ok(folders) => Settings::load(&flags, &process_environment, &folders.config_file).settings,
        Err(_) => Settings::from_flags(&flags).settings,
    };
    Lang::detect(settings.lang.value)
}

fn value_of(args: &[OsString], flag: &str) -> Option<OsString> {
    let mut args = args.iter().take_while(|arg| *arg != "--");
    while let Some(arg) = args.next() {
        if arg == flag {
            return args.next().cloned();
        }
        let value = arg
            .to_str()
            .and_then(|arg| arg.strip_prefix(flag)?.strip_prefix('='));
        if let Some(value) = value {
            return Some(value.into());
        }
    }
    None
}

/// The command line with its help in `lang`.
pub(crate) fn command(lang: Lang) -> Command {
    localise(CommandLine::command(), lang)
        .about(Help::About.text(lang))
        .after_help(Help::ExitCodes.text(lang))
}

fn localise(command: Command, lang: Lang) -> Command {
    let usage = Help::UsageHeading.text(lang);
    let command = command
        .help_template(format!(
            "{{about-with-newline}}\n{usage}: {{usage}}\n\n{{all-args}}{{after-help}}"
        ))
        .subcommand_help_heading(Help::CommandsHeading.text(lang))
        .mut_args(|arg| argument(arg, lang))
        .mut_subcommands(|command| localise(command, lang));
    match command_help(command.get_name()) {
        Some(help) => command.about(help.text(lang)),
        None => command,
    }
}

fn argument(arg: Arg, lang: Lang) -> Arg {
    let heading = if arg.is_positional() {
        Help::ArgumentsHeading
    } else {
        Help::OptionsHeading
    };
    let arg = arg.help_heading(heading.text(lang));
    match argument_help(arg.get_id().as_str()) {
        Some(help) => arg.help(help.text(lang)),
        None => arg,
    }
}

fn command_help(name: &str) -> Option<Help> {
    Some(match name {
        "start" => Help::Start,
        "status" => Help::Status,
        "stop" => Help::Stop,
        "restart" => Help::Restart,
        "embed" => Help::Embed,
        "serve" => Help::Serve,
        "models" => Help::Models,
        "list" => Help::ModelsList,
        "pull" => Help::ModelsPull,
        "rm" => Help::ModelsRm,
        "info" => Help::ModelsInfo,
        "use" => Help::Use,
        "logs" => Help::Logs,
        "completions" => Help::Completions,
        _ => return None,
    })
}

fn argument_help(id: &str) -> Option<Help> {
    Some(match id {
        "model" => Help::Model,
        "port" => Help::Port,
        "threads" => Help::Threads,
        "lang" => Help::Lang,
        "config" => Help::Config,
        "json" => Help::Json,
        "texts" => Help::Text,
        "input_type" => Help::InputType,
        "format" => Help::Format,
        "dimensions" => Help::Dimensions,
        "no_truncate" => Help::NoTruncate,
        "follow" => Help::Follow,
        "lines" => Help::Lines,
        "shell" => Help::Shell,
        "model_name" => Help::ModelName,
        "replace" => Help::Replace,
        "keep" => Help::Keep,
        "help" => Help::HelpFlag,
        "version" => Help::Version,
        "log" => Help::LogFilter,
        "drain_seconds" => Help::DrainSeconds,
        "assets" => Help::Assets,
        "onnxruntime" => Help::Onnxruntime,
        "batch_tokens" => Help::BatchTokens,
        "max_queued_texts" => Help::MaxQueuedTexts,
        "host" => Help::Host,
        "allowed_hosts" => Help::AllowedHosts,
        "allowed_origins" => Help::AllowedOrigins,
        "require_token" => Help::RequireToken,
        "model_names" => Help::ModelNames,
        "max_connections" => Help::MaxConnections,
        "max_request_mb" => Help::MaxRequestMb,
        "max_inputs" => Help::MaxInputs,
        "max_request_tokens" => Help::MaxRequestTokens,
        "variant" => Help::Variant,
        "device" => Help::Device,
        "keep_alive" => Help::KeepAlive,
        "keep_models" => Help::KeepModels,
        "max_model_mb" => Help::MaxModelMb,
        "load_on_demand" => Help::LoadOnDemand,
        "model_folders" => Help::ModelFolders,
        "header_seconds" => Help::HeaderSeconds,
        "body_seconds" => Help::BodySeconds,
        "write_seconds" => Help::WriteSeconds,
        "ping_seconds" => Help::PingSeconds,
        "max_batch" => Help::MaxBatch,
        "max_buffered_mb" => Help::MaxBufferedMb,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_shown_in_the_help_has_words() {
        for lang in Lang::ALL {
            let command = command(lang);
            command.clone().debug_assert();
            let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
            for command in std::iter::once(&command).chain(shown) {
                assert!(command.get_about().is_some(), "{}", command.get_name());
                for arg in command.get_arguments() {
                    assert!(
                        arg.get_help().is_some(),
                        "{} {}",
                        command.get_name(),
                        arg.get_id()
                    );
                }
            }
        }
        let help = command(Lang::Ja).render_long_help().to_string();
        for english in ["Usage", "Options", "Commands", "Print"] {
            assert!(!help.contains(english), "{english} in {help}");
        }
    }

    #[test]
    fn the_flag_is_found_in_both_spellings_and_not_among_texts() {
        let args = |args: &[&str]| args.iter().map(OsString::from).collect::<Vec<_>>();
        assert_eq!(
            value_of(&args(&["okibi", "--lang", "ja"]), "--lang"),
            Some("ja".into())
        );
        assert_eq!(
            value_of(&args(&["okibi", "--lang=en", "status"]), "--lang"),
            Some("en".into())
        );
        assert_eq!(
            value_of(&args(&["okibi", "embed", "--", "--lang", "ja"]), "--lang"),
            None
        );
        assert_eq!(early(&args(&["okibi", "--lang=ja"])), Lang::Ja);
    }
}
