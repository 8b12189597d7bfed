//! The settings' values, by precedence: flag, environment, file, default.

use std::{
    ffi::{OsStr, OsString},
    net::IpAddr,
    path::{Path, PathBuf},
};

use okibi_protocol::{DEFAULT_PORT, models::Variant};

use crate::{
    Environment,
    file::{ConfigFile, FileValue},
    folders::absolute,
    key::Key,
    model_choice::{DeviceChoice, KeepAlive, VARIANTS},
    problem::{Origin, Problem, Wanted},
};

/// The embedded model.
pub const DEFAULT_MODEL: &str = "multilingual-e5-small";
pub(crate) const DEFAULT_LOG: &str = "info";
const DEFAULT_DRAIN_SECONDS: u64 = 10;

/// Where a setting's value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The command line.
    Flag,
    /// The environment.
    Environment,
    /// The configuration file.
    File,
    /// Nobody set it.
    Default,
}

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub source: Source,
}

impl<T> Setting<T> {
    /// Whether someone set it.
    pub fn is_set(&self) -> bool {
        self.source != Source::Default
    }
}

/// The language asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LangChoice {
    /// The OS's.
    #[default]
    Auto,
    /// English.
    En,
    /// Japanese.
    Ja,
}

impl LangChoice {
    /// The language of this name, `auto`, `en` or `ja`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "auto" => Some(Self::Auto),
            "en" => Some(Self::En),
            "ja" => Some(Self::Ja),
            _ => None,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::En => "en",
            Self::Ja => "ja",
        }
    }
}

/// Which notifications the tray app shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NotificationChoice {
    /// Loads and errors.
    #[default]
    All,
    /// Errors only.
    Errors,
    /// None.
    None,
}

impl NotificationChoice {
    /// The names that [`Self::from_name`] knows.
    pub const NAMES: [&'static str; 3] = ["all", "errors", "none"];

    /// The choice of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "all" => Some(Self::All),
            "errors" => Some(Self::Errors),
            "none" => Some(Self::None),
            _ => None,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Errors => "errors",
            Self::None => "none",
        }
    }
}

/// When the tray app's progress window opens by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProgressChoice {
    /// At every load started from the tray.
    Always,
    /// When such a load takes longer than a second.
    #[default]
    Slow,
    /// Never.
    Never,
}

impl ProgressChoice {
    /// The names that [`Self::from_name`] knows.
    pub const NAMES: [&'static str; 3] = ["always", "slow", "never"];

    /// The choice of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "always" => Some(Self::Always),
            "slow" => Some(Self::Slow),
            "never" => Some(Self::Never),
            _ => None,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Slow => "slow",
            Self::Never => "never",
        }
    }
}

/// Values given on the command line, as they were written.
#[derive(Clone, Debug, Default)]
pub struct Flags(Vec<(Key, OsString)>);

impl Flags {
    /// Adds a flag's value, where it was given.
    #[must_use]
    pub fn with(mut self, key: Key, value: Option<OsString>) -> Self {
        self.0.extend(value.map(|value| (key, value)));
        self
    }

    fn get(&self, key: Key) -> Option<&OsString> {
        self.0
            .iter()
            .rev()
            .find(|(given, _)| *given == key)
            .map(|(_, value)| value)
    }
}

/// Every setting. `None` leaves the choice to the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// A model's name, or the absolute path of its folder.
    pub model: Setting<String>,
    /// The port to serve on.
    pub port: Setting<u16>,
    /// Threads to compute with.
    pub threads: Setting<Option<usize>>,
    /// The language of messages.
    pub lang: Setting<LangChoice>,
    /// The log's filter, as in `RUST_LOG`.
    pub log: Setting<String>,
    /// Seconds that requests in flight have to finish when the daemon stops.
    pub drain_seconds: Setting<u64>,
    /// The folder with the embedded model and ONNX Runtime.
    pub assets: Setting<Option<PathBuf>>,
    /// The ONNX Runtime library.
    pub onnxruntime: Setting<Option<PathBuf>>,
    /// Tokens of one batch, padding included.
    pub batch_tokens: Setting<Option<usize>>,
    /// Texts that wait at most.
    pub max_queued_texts: Setting<Option<usize>>,
    /// A further address to listen on, beyond this machine.
    pub host: Setting<Option<IpAddr>>,
    /// Names of this machine that requests may be sent to, beside the loopback ones.
    pub allowed_hosts: Setting<Vec<String>>,
    /// Origins of web pages and extensions that are let in.
    pub allowed_origins: Setting<Vec<String>>,
    /// Whether requests have to bring a token.
    pub require_token: Setting<bool>,
    /// Further names under which apps may ask for the loaded model; `*` for every name.
    pub model_names: Setting<Vec<String>>,
    /// Connections at once.
    pub max_connections: Setting<Option<usize>>,
    /// Megabytes (2^20 bytes) of a request.
    pub max_request_mb: Setting<Option<usize>>,
    /// Texts of a request.
    pub max_inputs: Setting<Option<usize>>,
    /// Tokens of a request, over all its texts.
    pub max_request_tokens: Setting<Option<usize>>,
    /// Which weights of a repository are taken.
    pub variant: Setting<Variant>,
    /// What computes.
    pub device: Setting<DeviceChoice>,
    /// How long a model that nobody asks for stays in memory; `None` leaves it to the daemon.
    pub keep_alive: Setting<Option<KeepAlive>>,
    /// Models in memory at once.
    pub keep_models: Setting<Option<usize>>,
    /// Megabytes (2^20 bytes) of weights in memory at once.
    pub max_model_mb: Setting<Option<usize>>,
    /// Whether a request that names a model which is here and not loaded has it loaded.
    pub load_on_demand: Setting<bool>,
    /// Further folders of models, each absolute.
    pub model_folders: Setting<Vec<String>>,
    /// Seconds for the headers of an HTTP request.
    pub header_seconds: Setting<Option<u64>>,
    /// Seconds for the body of an HTTP request.
    pub body_seconds: Setting<Option<u64>>,
    /// Seconds in which a client may take no byte of its answer.
    pub write_seconds: Setting<Option<u64>>,
    /// Seconds between two pings of a WebSocket.
    pub ping_seconds: Setting<Option<u64>>,
    /// Requests of a JSON-RPC batch.
    pub max_batch: Setting<Option<usize>>,
    /// Megabytes (2^20 bytes) that all requests hold together, and all answers; at least twice `max_request_mb`.
    pub max_buffered_mb: Setting<Option<usize>>,
    /// Which notifications the tray app shows.
    pub notifications: Setting<NotificationChoice>,
    /// When the tray app's progress window opens by itself.
    pub progress_window: Setting<ProgressChoice>,
    /// Whether the tray app starts the daemon when it starts.
    pub start_daemon: Setting<bool>,
    /// Whether the tray app starts a daemon again that has died.
    pub restart_daemon: Setting<bool>,
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
        Self::merge(
            flags,
            environment,
            ConfigFile::read(config_file),
            config_file.parent(),
        )
    }

    /// Settings of a daemon, which is told everything by the front that starts it.
    pub fn from_flags(flags: &Flags) -> Loaded {
        Self::merge(flags, &|_| None, ConfigFile::default(), None)
    }

    fn merge(
        flags: &Flags,
        environment: Environment<'_>,
        file: ConfigFile,
        config_folder: Option<&Path>,
    ) -> Loaded {
        let mut values = Values {
            flags,
            environment,
            file: file.values,
            config_folder: config_folder.unwrap_or(Path::new("")),
            problems: file.problems,
        };
        let mut settings = Self {
            model: values.read(Key::Model, Wanted::Text, model, || DEFAULT_MODEL.into()),
            port: values.read(Key::Port, Wanted::Port, port, || DEFAULT_PORT),
            threads: values.number(Key::Threads, 1024),
            lang: values.read(Key::Lang, Wanted::Lang, lang, LangChoice::default),
            log: values.read(Key::Log, Wanted::Text, text, || DEFAULT_LOG.into()),
            drain_seconds: values.read(Key::DrainSeconds, SECONDS, seconds, || DEFAULT_DRAIN_SECONDS),
            assets: values.read(Key::Assets, Wanted::Path, some_path, || None),
            onnxruntime: values.read(Key::Onnxruntime, Wanted::Path, some_path, || None),
            batch_tokens: values.number(Key::BatchTokens, 1 << 20),
            max_queued_texts: values.number(Key::MaxQueuedTexts, 1 << 30),
            host: values.read(Key::Host, Wanted::Address, address, || None),
            allowed_hosts: values.read(Key::AllowedHosts, Wanted::List, list, Vec::new),
            allowed_origins: values.read(Key::AllowedOrigins, Wanted::List, list, Vec::new),
            require_token: values.read(Key::RequireToken, Wanted::Switch, switch, || false),
            model_names: values.read(Key::ModelNames, Wanted::List, list, Vec::new),
            max_connections: values.number(Key::MaxConnections, 65_535),
            max_request_mb: values.number(Key::MaxRequestMb, 1024),
            max_inputs: values.number(Key::MaxInputs, 1 << 20),
            max_request_tokens: values.number(Key::MaxRequestTokens, 1 << 40),
            variant: values.read(
                Key::Variant,
                Wanted::OneOf(&VARIANTS),
                |value, _| Variant::from_name(&name(value)?),
                Variant::default,
            ),
            device: values.read(
                Key::Device,
                Wanted::OneOf(&DeviceChoice::NAMES),
                |value, _| DeviceChoice::from_name(&name(value)?),
                DeviceChoice::default,
            ),
            keep_alive: values.read(
                Key::KeepAlive,
                Wanted::Time,
                |value, _| KeepAlive::read(&name(value)?).map(Some),
                || None,
            ),
            keep_models: values.number(Key::KeepModels, 64),
            max_model_mb: values.number(Key::MaxModelMb, 1 << 24),
            load_on_demand: values.read(Key::LoadOnDemand, Wanted::Switch, switch, || true),
            model_folders: values.read(Key::ModelFolders, Wanted::List, folders, Vec::new),
            header_seconds: values.seconds(Key::HeaderSeconds),
            body_seconds: values.seconds(Key::BodySeconds),
            write_seconds: values.seconds(Key::WriteSeconds),
            ping_seconds: values.seconds(Key::PingSeconds),
            max_batch: values.number(Key::MaxBatch, 1 << 16),
            max_buffered_mb: values.number(Key::MaxBufferedMb, 1 << 20),
            notifications: values.read(
                Key::Notifications,
                Wanted::OneOf(&NotificationChoice::NAMES),
                |value, _| NotificationChoice::from_name(&name(value)?),
                NotificationChoice::default,
            ),
            progress_window: values.read(
                Key::ProgressWindow,
                Wanted::OneOf(&ProgressChoice::NAMES),
                |value, _| ProgressChoice::from_name(&name(value)?),
                ProgressChoice::default,
            ),
            start_daemon: values.read(Key::StartDaemon, Wanted::Switch, switch, || true),
            restart_daemon: values.read(Key::RestartDaemon, Wanted::Switch, switch, || true),
        };
        let host = &mut settings.host;
        if let Some(address) = host.value
            && !address.is_loopback()
            && !settings.require_token.value
        {
            values.problems.push(Problem::HostWithoutToken {
                host: address,
                is_asked: matches!(host.source, Source::Flag | Source::Environment),
            });
            host.value = None;
        }
        let buffered = &mut settings.max_buffered_mb;
        let request = settings.max_request_mb.value.unwrap_or(DEFAULT_REQUEST_MB);
        if let Some(megabytes) = buffered.value
            && megabytes < 2 * request
        {
            values.problems.push(Problem::BufferedTooSmall {
                buffered: megabytes,
                request,
                is_asked: matches!(buffered.source, Source::Flag | Source::Environment),
            });
            buffered.value = None;
        }
        Loaded {
            settings,
            problems: values.problems,
        }
    }
}

/// Where the values of one reading come from.
struct Values<'a> {
    flags: &'a Flags,
    environment: Environment<'a>,
    file: Vec<(Key, FileValue, crate::problem::Place)>,
    config_folder: &'a Path,
    problems: Vec<Problem>,
}

impl Values<'_> {
    /// Takes the first value that fits; those before it that do not become problems.
    fn read<T>(
        &mut self,
        key: Key,
        wanted: Wanted,
        parse: impl Fn(&OsStr, &Path) -> Option<T>,
        default: impl FnOnce() -> T,
    ) -> Setting<T> {
        let here = Path::new("");
        let flag = self
            .flags
            .get(key)
            .map(|value| (Source::Flag, Origin::Flag, value.clone(), true));
        let variable = (self.environment)(&key.variable())
            .map(|value| (Source::Environment, Origin::Environment, value, true));
        let line = self
            .file
            .iter()
            .find(|(name, ..)| *name == key)
            .map(|(_, value, place)| {
                let (text, may_fit) = match value {
                    FileValue::Text(text) => (text.clone(), wanted != Wanted::Switch),
                    FileValue::Switch(switch) => (switch.to_string(), wanted == Wanted::Switch),
                    FileValue::List(texts) => (texts.join(","), wanted == Wanted::List),
                    FileValue::Other(text) => (text.clone(), false),
                };
                (
                    Source::File,
                    Origin::File(place.clone()),
                    OsString::from(text),
                    may_fit,
                )
            });
        for (source, origin, value, may_fit) in [flag, variable, line].into_iter().flatten() {
            let base = if source == Source::File {
                self.config_folder
            } else {
                here
            };
            match may_fit.then(|| parse(&value, base)).flatten() {
                Some(value) => return Setting { value, source },
                None => self.problems.push(Problem::BadValue {
                    key,
                    origin,
                    value: value.to_string_lossy().into_owned(),
                    wanted,
                }),
            }
        }
        Setting {
            value: default(),
            source: Source::Default,
        }
    }

    /// Seconds of a bound, which cannot be none at all.
    fn seconds(&mut self, key: Key) -> Setting<Option<u64>> {
        let wanted = Wanted::Number {
            min: 1,
            max: MAX_SECONDS,
        };
        let parse =
            |value: &OsStr, here: &Path| seconds(value, here).filter(|seconds| *seconds > 0).map(Some);
        self.read(key, wanted, parse, || None)
    }

    fn number(&mut self, key: Key, max: usize) -> Setting<Option<usize>> {
        let wanted = Wanted::Number {
            min: 1,
            max: max as u64,
        };
        let parse = |value: &OsStr, _: &Path| {
            let number = value.to_str()?.trim().parse::<usize>().ok()?;
            (1..=max).contains(&number).then_some(Some(number))
        };
        self.read(key, wanted, parse, || None)
    }
}

/// What `max_request_mb` is where nobody set it.
const DEFAULT_REQUEST_MB: usize = 32;
const MAX_SECONDS: u64 = 3600;
const SECONDS: Wanted = Wanted::Number {
    min: 0,
    max: MAX_SECONDS,
};

fn port(value: &OsStr, _: &Path) -> Option<u16> {
    value
        .to_str()?
        .trim()
        .parse::<u16>()
        .ok()
        .filter(|port| *port != 0)
}

fn seconds(value: &OsStr, _: &Path) -> Option<u64> {
    value
        .to_str()?
        .trim()
        .parse()
        .ok()
        .filter(|seconds| *seconds <= MAX_SECONDS)
}

fn lang(value: &OsStr, _: &Path) -> Option<LangChoice> {
    LangChoice::from_name(&name(value)?)
}

/// A name out of a list, whatever its case.
fn name(value: &OsStr) -> Option<String> {
    Some(value.to_str()?.trim().to_ascii_lowercase())
}

fn switch(value: &OsStr, _: &Path) -> Option<bool> {
    match name(value)?.as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn address(value: &OsStr, _: &Path) -> Option<Option<IpAddr>> {
    match value.to_str()?.trim() {
        "localhost" => Some(None),
        text => text.parse().map(Some).ok(),
    }
}

/// Texts with commas between; none of what is asked for here has one inside.
fn list(value: &OsStr, _: &Path) -> Option<Vec<String>> {
    let parts = value.to_str()?.split(',').map(str::trim);
    Some(parts.filter(|part| !part.is_empty()).map(str::to_owned).collect())
}

fn text(value: &OsStr, _: &Path) -> Option<String> {
    let text = value.to_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// A model's name, or its folder made absolute. A name may contain a slash (`owner/name`), so only what cannot
/// be a name is a folder: `./dir`, `../dir`, `~/dir`, `dir/`, an absolute path, anything with a backslash.
fn model(value: &OsStr, base: &Path) -> Option<String> {
    let text = text(value, base)?;
    let is_folder = Path::new(&text).is_absolute()
        || matches!(text.as_str(), "." | "..")
        || ["./", "../", "~/", "/"]
            .iter()
            .any(|start| text.starts_with(start))
        || text.ends_with('/')
        || text.contains('\\');
    if is_folder {
        path(OsStr::new(&text), base)?.into_os_string().into_string().ok()
    } else {
        Some(text)
    }
}

/// Folders with commas between, each made absolute.
fn folders(value: &OsStr, base: &Path) -> Option<Vec<String>> {
    let each = list(value, base)?.into_iter().map(|folder| {
        let folder = path(OsStr::new(&folder), base)?;
        folder.into_os_string().into_string().ok()
    });
    each.collect()
}

fn some_path(value: &OsStr, base: &Path) -> Option<Option<PathBuf>> {
    path(value, base).map(Some)
}

/// A path made absolute by `base` (the working directory where that is empty), `~/` by the home folder.
fn path(value: &OsStr, base: &Path) -> Option<PathBuf> {
    if value.is_empty() {
        return None;
    }
    let rest = value.to_str().and_then(|text| text.strip_prefix("~/"));
    match rest.zip(directories::BaseDirs::new()) {
        Some((rest, home)) => Some(home.home_dir().join(rest)),
        None => {
            let joined = absolute(&base.join(value));
            // `dir`, `dir/` and `dir/.` are one folder and shall have one name.
            Some(joined.components().collect())
        }
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
