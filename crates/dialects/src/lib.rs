//! What both the daemon and a front's temporary server answer: errors in each dialect's shape, and the state of a load.
//!
//! - [`Dialect`]: the languages that clients speak, and which one a path belongs to
//! - [`HttpError`]: an error, and its response in a dialect
//! - [`loading`]: the answers while there is no model yet

mod error;
pub mod loading;

use axum::http::Method;
pub use error::HttpError;
use okibi_protocol::guard::Right;
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
            path if path.starts_with("/v1/") || path.starts_with("/openai/") => Self::OpenAi,
            // Those of servers that have OpenAI's paths without their version, and of llama.cpp's.
            "/embeddings" | "/models" | "/chat/completions" | "/completions" | "/embedding"
            | "/detokenize" => Self::OpenAi,
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

/// Returns what a request has to be allowed to do, where tokens are required; `None` is open to everyone, since whether a
/// server is running and ready is not a secret. The one place where HTTP requests get their rights: a route that changes
/// what runs or what is on the disk has to be listed here.
pub fn needed_right(method: &Method, path: &str) -> Option<Right> {
    let reads = method == Method::GET || method == Method::HEAD;
    match path {
        "/" | "/livez" | "/readyz" if reads => None,
        "/api/pull" | "/api/delete" => Some(Right::Manage),
        // They load and unload models, and do nothing else here.
        "/api/generate" | "/api/chat" => Some(Right::Manage),
        _ => Some(Right::Use),
    }
}

/// Whether a request is answered also when there are too many connections: those that say how the server is.
pub fn answers_when_full(method: &Method, path: &str) -> bool {
    let reads = method == Method::GET || method == Method::HEAD;
    reads
        && matches!(
            path,
            "/" | "/livez" | "/readyz" | "/health" | "/activity" | "/metrics"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_the_errors_of_the_server_that_it_comes_from() {
        for (path, dialect) in [
            ("/v1/embeddings", Dialect::OpenAi),
            ("/openai/deployments/e5/embeddings", Dialect::OpenAi),
            ("/embeddings", Dialect::OpenAi),
            ("/embedding", Dialect::OpenAi),
            ("/api/embed", Dialect::Ollama),
            ("/embed", Dialect::Tei),
            ("/rerank", Dialect::Tei),
            ("/", Dialect::Tei),
        ] {
            assert_eq!(Dialect::of(path), dialect, "{path}");
        }
    }
}
