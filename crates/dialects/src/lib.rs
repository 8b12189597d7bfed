//! What both the daemon and a front's temporary server answer: errors in each dialect's shape, and the state of a load.
//!
//! - [`Dialect`]: the languages that clients speak, and which one a path belongs to
//! - [`HttpError`]: an error, and its response in a dialect
//! - [`loading`]: the answers while there is no model yet

mod error;
pub mod loading;

pub use error::HttpError;
use strum::IntoStaticStr;

/// The language that a request is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Dialect {
    /// JSON-RPC, over WebSocket or HTTP.
    JsonRpc,
    /// OpenAI's.
    OpenAi,
    /// Ollama's.
    Ollama,
    /// That of text-embeddings-inference, whose errors all other paths have too.
    Tei,
}

impl Dialect {
    /// The dialect of an HTTP path.
    pub fn of(path: &str) -> Self {
        match path {
            path if path.starts_with("/v1/") => Self::OpenAi,
            path if path.starts_with("/api/") => Self::Ollama,
            _ => Self::Tei,
        }
    }

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The name of the server-sent event whose data is the status.
pub const STATUS_EVENT: &str = "status";

/// Paths that need no token: whether a server is running and ready is not a secret.
const OPEN_PATHS: [&str; 3] = ["/", "/livez", "/readyz"];

/// Whether `path` may be asked without the token, where one is required.
pub fn is_open(path: &str) -> bool {
    OPEN_PATHS.contains(&path)
}
