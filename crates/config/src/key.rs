//! The settings' names. Each has one: as it is in `config.toml`, `OKIBI_NAME` in the environment, `--name` as a flag.

use std::fmt;

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// The model: a name, or a folder.
    Model,
    /// The port to serve on.
    Port,
    /// Threads to compute with.
    Threads,
    /// The language of messages.
    Lang,
    /// The log's filter, as in `RUST_LOG`.
    Log,
    /// Seconds that requests in flight have to finish when the daemon stops.
    DrainSeconds,
    /// The folder with the embedded model and ONNX Runtime.
    Assets,
    /// The ONNX Runtime library.
    Onnxruntime,
    /// Tokens of one batch, padding included.
    BatchTokens,
    /// Texts that wait at most.
    MaxQueuedTexts,
    /// A further address to listen on.
    Host,
    /// Names of this machine that requests may be sent to.
    AllowedHosts,
    /// Origins of web pages and extensions that are let in.
    AllowedOrigins,
    /// Whether requests have to bring a token.
    RequireToken,
    /// Further names for the loaded model.
    ModelNames,
    /// Connections at once.
    MaxConnections,
    /// Megabytes of a request.
    MaxRequestMb,
    /// Texts of a request.
    MaxInputs,
    /// Tokens of a request.
    MaxRequestTokens,
    /// Which weights of a repository are taken.
    Variant,
    /// What computes.
    Device,
    /// How long a model that nobody asks for stays in memory.
    KeepAlive,
    /// Models in memory at once.
    KeepModels,
    /// Megabytes of weights in memory at once.
    MaxModelMb,
    /// Whether a request that names a model which is here and not loaded has it loaded.
    LoadOnDemand,
    /// Further folders of models.
    ModelFolders,
    /// Seconds for the headers of an HTTP request.
    HeaderSeconds,
    /// Seconds for the body of an HTTP request.
    BodySeconds,
    /// Seconds in which a client may take no byte of its answer.
    WriteSeconds,
    /// Seconds between two pings of a WebSocket.
    PingSeconds,
    /// Requests of a JSON-RPC batch.
    MaxBatch,
    /// Megabytes that all requests hold together, and all answers.
    MaxBufferedMb,
    /// Which notifications the tray app shows.
    Notifications,
    /// When the tray app's progress window opens by itself.
    ProgressWindow,
    /// Whether the tray app starts the daemon when it starts.
    StartDaemon,
    /// Whether the tray app starts a daemon again that has died.
    RestartDaemon,
}

impl Key {
    /// Every setting.
    pub const ALL: [Self; 36] = [
        Self::Model,
        Self::Port,
        Self::Threads,
        Self::Lang,
        Self::Log,
        Self::DrainSeconds,
        Self::Assets,
        Self::Onnxruntime,
        Self::BatchTokens,
        Self::MaxQueuedTexts,
        Self::Host,
        Self::AllowedHosts,
        Self::AllowedOrigins,
        Self::RequireToken,
        Self::ModelNames,
        Self::MaxConnections,
        Self::MaxRequestMb,
        Self::MaxInputs,
        Self::MaxRequestTokens,
        Self::Variant,
        Self::Device,
        Self::KeepAlive,
        Self::KeepModels,
        Self::MaxModelMb,
        Self::LoadOnDemand,
        Self::ModelFolders,
        Self::HeaderSeconds,
        Self::BodySeconds,
        Self::WriteSeconds,
        Self::PingSeconds,
        Self::MaxBatch,
        Self::MaxBufferedMb,
        Self::Notifications,
        Self::ProgressWindow,
        Self::StartDaemon,
        Self::RestartDaemon,
    ];

    /// Its name in `config.toml`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Port => "port",
            Self::Threads => "threads",
            Self::Lang => "lang",
            Self::Log => "log",
            Self::DrainSeconds => "drain_seconds",
            Self::Assets => "assets",
            Self::Onnxruntime => "onnxruntime",
            Self::BatchTokens => "batch_tokens",
            Self::MaxQueuedTexts => "max_queued_texts",
            Self::Host => "host",
            Self::AllowedHosts => "allowed_hosts",
            Self::AllowedOrigins => "allowed_origins",
            Self::RequireToken => "require_token",
            Self::ModelNames => "model_names",
            Self::MaxConnections => "max_connections",
            Self::MaxRequestMb => "max_request_mb",
            Self::MaxInputs => "max_inputs",
            Self::MaxRequestTokens => "max_request_tokens",
            Self::Variant => "variant",
            Self::Device => "device",
            Self::KeepAlive => "keep_alive",
            Self::KeepModels => "keep_models",
            Self::MaxModelMb => "max_model_mb",
            Self::LoadOnDemand => "load_on_demand",
            Self::ModelFolders => "model_folders",
            Self::HeaderSeconds => "header_seconds",
            Self::BodySeconds => "body_seconds",
            Self::WriteSeconds => "write_seconds",
            Self::PingSeconds => "ping_seconds",
            Self::MaxBatch => "max_batch",
            Self::MaxBufferedMb => "max_buffered_mb",
            Self::Notifications => "notifications",
            Self::ProgressWindow => "progress_window",
            Self::StartDaemon => "start_daemon",
            Self::RestartDaemon => "restart_daemon",
        }
    }

    /// Its environment variable.
    pub fn variable(self) -> String {
        format!("OKIBI_{}", self.name().to_ascii_uppercase())
    }

    /// Its flag, with the two dashes.
    pub fn flag(self) -> String {
        format!("--{}", self.name().replace('_', "-"))
    }

    /// The setting of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }

    /// The setting whose name is most like `name`, where one is like it at all.
    pub fn nearest(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase().replace('-', "_");
        Self::ALL
            .into_iter()
            .map(|key| (strsim::jaro_winkler(key.name(), &name), key))
            .filter(|(likeness, _)| *likeness > 0.8)
            .max_by(|one, other| one.0.total_cmp(&other.0))
            .map(|(_, key)| key)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_in_three_spellings() {
        assert_eq!(Key::DrainSeconds.variable(), "OKIBI_DRAIN_SECONDS");
        assert_eq!(Key::DrainSeconds.flag(), "--drain-seconds");
        for key in Key::ALL {
            assert_eq!(Key::from_name(key.name()), Some(key));
        }
    }

    #[test]
    fn a_misspelt_name_finds_its_neighbour() {
        assert_eq!(Key::nearest("modle"), Some(Key::Model));
        assert_eq!(Key::nearest("Batch-Token"), Some(Key::BatchTokens));
        assert_eq!(Key::nearest("colour"), None);
    }
}
