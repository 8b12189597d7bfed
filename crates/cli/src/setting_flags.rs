//! Flags that are settings. Which there are comes from the table of settings. Values stay texts here: the settings read
//! them, and say what is wrong with them, in the same way wherever they come from.

use std::{ffi::OsString, fmt::Debug, marker::PhantomData, sync::LazyLock};

use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches, builder::OsStringValueParser};
use okibi_config::{Flags, Key, Scope};

/// The flags of some settings; `S` says of which.
#[derive(Clone, Debug, Default)]
pub(crate) struct SettingFlags<S> {
    pub(crate) flags: Flags,
    which: PhantomData<S>,
}

/// Which settings a command takes as flags.
pub(crate) trait Which: Debug {
    fn has(key: Key) -> bool;
}

/// Those that every command takes.
#[derive(Debug)]
pub(crate) enum OfEveryCommand {}

impl Which for OfEveryCommand {
    fn has(key: Key) -> bool {
        key.declaration().scope.is_of_every_command()
    }
}

/// Those that the commands take that start a daemon.
#[derive(Debug)]
pub(crate) enum OfDaemons {}

impl Which for OfDaemons {
    fn has(key: Key) -> bool {
        key.declaration().scope == Scope::Daemon
    }
}

/// Those that matter for a download.
#[derive(Debug)]
pub(crate) enum OfDownloads {}

impl Which for OfDownloads {
    fn has(key: Key) -> bool {
        key == Key::Variant
    }
}

impl<S: Which> SettingFlags<S> {
    fn keys() -> impl Iterator<Item = Key> {
        Key::ALL.iter().copied().filter(|key| S::has(*key))
    }
}

impl<S: Which> Args for SettingFlags<S> {
    fn augment_args(command: Command) -> Command {
        command.args(Self::keys().map(argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn argument(key: Key) -> Arg {
    /// Name and placeholder of each flag. Clap keeps references to its texts, so they are made once.
    static TEXTS: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
        let texts = |key: &Key| (key.name().replace('_', "-"), key.declaration().placeholder());
        Key::ALL.iter().map(texts).collect()
    });
    let declaration = key.declaration();
    let (name, placeholder) = &TEXTS[key as usize];
    Arg::new(key.name())
        .long(name.as_str())
        .short(declaration.short)
        .value_name(placeholder.as_str())
        .value_parser(OsStringValueParser::new())
        .global(declaration.scope.is_of_every_command())
}

impl<S: Which> FromArgMatches for SettingFlags<S> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let flags = Self::keys().fold(Flags::default(), |flags, key| {
            flags.with(key, matches.get_one::<OsString>(key.name()).cloned())
        });
        Ok(Self {
            flags,
            which: PhantomData,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
