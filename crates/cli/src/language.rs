//! The user's language, known before the command line is parsed, so that help and errors are in it too.

use std::{ffi::OsString, path::PathBuf, str::FromStr};

use clap::{Arg, Command, CommandFactory};
use okibi_config::{Flags, FolderOverrides, Folders, Key, Settings, process_environment};
use okibi_messages::{
    Lang,
    help::{self, Help},
};

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
    localize(CommandLine::command(), lang)
        .about(Help::About.text(lang))
        .after_help(Help::ExitCodes.text(lang))
}

fn localize(command: Command, lang: Lang) -> Command {
    let usage = Help::UsageHeading.text(lang);
    let command = command
        .help_template(format!(
            "{{about-with-newline}}\n{usage}: {{usage}}\n\n{{all-args}}{{after-help}}"
        ))
        .subcommand_help_heading(Help::CommandsHeading.text(lang))
        .mut_args(|arg| argument(arg, lang))
        .mut_subcommands(|command| localize(command, lang));
    match Help::from_str(command.get_name()) {
        Ok(help) => command.about(help.text(lang)),
        Err(_) => command,
    }
}

fn argument(arg: Arg, lang: Lang) -> Arg {
    let heading = if arg.is_positional() {
        Help::ArgumentsHeading
    } else {
        Help::OptionsHeading
    };
    let id = arg.get_id().as_str();
    let text = match (Key::from_name(id), Help::from_str(id)) {
        (Some(key), _) => help::setting(key, lang),
        (None, Ok(text)) => {
            let usual = arg.get_default_values().first().and_then(|usual| usual.to_str());
            help::with_default(text.text(lang), usual, lang)
        }
        (None, Err(_)) => return arg,
    };
    arg.help_heading(heading.text(lang)).help(text)
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
