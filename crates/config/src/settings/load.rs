//! Reads the settings by precedence: flag, environment, file, default.

use std::{ffi::OsString, path::Path};

use super::{
    setting::{Setting, Source},
    table::{Key, ReadSetting, Settings},
    value::{Value, Written},
};
use crate::{
    Environment,
    file::ConfigFile,
    problem::{Origin, Place, Problem},
};

/// Values given on the command line, as they were written.
#[derive(Clone, Debug, Default)]
pub struct Flags(Vec<(Key, Written)>);

impl Flags {
    /// Adds a flag's value, where it was given.
    #[must_use]
    pub fn with(mut self, key: Key, value: Option<OsString>) -> Self {
        self.extend(value.map(|value| (key, Written::Text(value))));
        self
    }

    /// Adds the flags of `other`, which count before these.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.extend(other.0);
        self
    }
}

impl Extend<(Key, Written)> for Flags {
    fn extend<T: IntoIterator<Item = (Key, Written)>>(&mut self, values: T) {
        self.0.extend(values);
    }
}

/// Settings that can be used, and what was wrong on the way to them.
#[derive(Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// What was wrong; see [`Problem::is_error`].
    pub problems: Vec<Problem>,
}

impl Settings {
    /// Reads the settings: `flags`, then `environment`, then `config_file`, then the defaults.
    pub fn load(flags: &Flags, environment: Environment<'_>, config_file: &Path) -> Loaded {
        merge(
            flags,
            environment,
            ConfigFile::read(config_file),
            config_file.parent(),
        )
    }

    /// Reads the settings from flags alone.
    pub fn from_flags(flags: &Flags) -> Loaded {
        merge(flags, &|_| None, ConfigFile::default(), None)
    }
}

/// Every default.
impl Default for Settings {
    fn default() -> Self {
        Self::from_flags(&Flags::default()).settings
    }
}

fn merge(
    flags: &Flags,
    environment: Environment<'_>,
    file: ConfigFile,
    config_folder: Option<&Path>,
) -> Loaded {
    let mut sources = Sources {
        flags,
        environment,
        file: file.values,
        config_folder: config_folder.unwrap_or(Path::new("")),
        problems: file.problems,
    };
    let mut settings = Settings::read_from(&mut sources);
    let mut problems = sources.problems;
    check_host(&mut settings, &mut problems);
    check_buffered(&mut settings, &mut problems);
    Loaded { settings, problems }
}

/// Nobody listens beyond this machine without a token.
fn check_host(settings: &mut Settings, problems: &mut Vec<Problem>) {
    let host = &mut settings.host;
    if let Some(address) = host.value
        && !address.is_loopback()
        && !settings.require_token.value
    {
        problems.push(Problem::RemoteHostNeedsToken {
            host: address,
            is_asked: host.is_asked(),
        });
        *host = Setting {
            value: None,
            source: Source::Default,
        };
    }
}

/// A request is counted twice, as it came and as it was read. With room for less than that, no request of the allowed
/// size could ever be answered.
fn check_buffered(settings: &mut Settings, problems: &mut Vec<Problem>) {
    let buffered = &mut settings.max_buffered_mb;
    let request = settings.max_request_mb.value;
    if let Some(megabytes) = buffered.value
        && megabytes < 2 * request
    {
        problems.push(Problem::BufferedTooSmall {
            buffered: megabytes,
            request,
            is_asked: buffered.is_asked(),
        });
        *buffered = Setting {
            value: None,
            source: Source::Default,
        };
    }
}

/// Where the values of one reading come from.
struct Sources<'a> {
    flags: &'a Flags,
    environment: Environment<'a>,
    file: Vec<(Key, Written, Place)>,
    config_folder: &'a Path,
    problems: Vec<Problem>,
}

impl ReadSetting for Sources<'_> {
    /// Takes the first value that fits; those before it that do not become problems.
    fn read<T: Value>(&mut self, key: Key, default: impl FnOnce() -> T) -> Setting<T> {
        let here = Path::new("");
        // The last one given counts, as everywhere on a command line.
        let flag = self.flags.0.iter().rev().find(|(given, _)| *given == key);
        let flag = flag.map(|(_, written)| (Source::Flag, Origin::Flag, written.clone(), here));
        let variable = (self.environment)(&key.variable()).map(|value| {
            let written = Written::Text(value);
            (Source::Environment, Origin::Environment, written, here)
        });
        let line = self.file.iter().find(|(name, ..)| *name == key);
        let line = line.map(|(_, written, place)| {
            let origin = Origin::File(place.clone());
            (Source::File, origin, written.clone(), self.config_folder)
        });
        let expected = key.declaration().expected;
        for (source, origin, written, base) in [flag, variable, line].into_iter().flatten() {
            match T::read(&written, expected, base) {
                Some(value) => return Setting { value, source },
                None => self.problems.push(Problem::BadValue {
                    key,
                    origin,
                    value: written.to_string(),
                    expected,
                }),
            }
        }
        Setting {
            value: default(),
            source: Source::Default,
        }
    }
}
