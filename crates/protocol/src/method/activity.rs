//! Who is connected, and what the last requests were: names, counts and times, never a text.

use serde::{Deserialize, Serialize};

/// Result of [`GetActivity`](super::GetActivity).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct Activity {
    /// The clients that have asked for embeddings: those that are connected, then those seen lately, each group with the
    /// one that was seen last first.
    pub clients: Vec<ActiveClient>,
    /// What waits for the model, or is being computed.
    pub queue: Queue,
    /// Requests with many texts that are being worked on, the oldest first.
    pub jobs: Vec<Job>,
    /// The last requests for embeddings, and those that were refused before they were read; the newest first.
    pub requests: Vec<RecentRequest>,
}

/// What waits for the model now, or is being computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Queue {
    /// Requests for embeddings.
    pub requests: u64,
    /// Their texts, a long one that is embedded in windows once for each.
    pub texts: u64,
}

/// A program that asks for embeddings, over one connection or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct ActiveClient {
    /// What it calls itself: the product of its `User-Agent`; else the name of its program, else nothing.
    pub client: String,
    /// The program at the other end of its connections, where the OS tells it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub program: Option<String>,
    /// That program's process.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pid: Option<u32>,
    /// Its IP address, without a port.
    pub address: String,
    /// The dialect of its last request.
    pub dialect: String,
    /// Its connections that are open; 0 where it was only seen lately.
    pub connections: u64,
    /// When its last request was answered, in milliseconds since 1970.
    pub last_seen_ms: u64,
    /// Its requests that were answered, failed ones included.
    pub requests: u64,
    /// Texts that were embedded for it.
    pub texts: u64,
    /// Their tokens.
    pub tokens: u64,
    /// Its requests that failed.
    pub errors: u64,
    /// The models that it has used, the last one first.
    pub models: Vec<ClientModel>,
}

/// A model that a client has used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct ClientModel {
    /// Its name.
    pub model: String,
    /// The space of the vectors that it was last given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub space: Option<String>,
    /// When that was, in milliseconds since 1970.
    pub last_used_ms: u64,
}

/// A request with many texts that is being worked on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Job {
    /// As [`ActiveClient::client`].
    pub client: String,
    /// The model that embeds it.
    pub model: String,
    /// Texts computed so far.
    pub done: u64,
    /// All of its texts.
    pub total: u64,
    /// When it began, in milliseconds since 1970.
    pub began_ms: u64,
}

/// A request that was answered or refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct RecentRequest {
    /// When it was answered, in milliseconds since 1970.
    pub at_ms: u64,
    /// As [`ActiveClient::client`].
    pub client: String,
    /// The dialect of its path.
    pub dialect: String,
    /// The model that embedded it, or was to; absent where it failed before there was one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub model: Option<String>,
    /// Texts that were embedded; of a failed request those that it had, where that is known.
    pub texts: u64,
    /// Their tokens.
    pub tokens: u64,
    /// The texts among them that were cut.
    pub truncated: u64,
    /// From its arrival to its answer, in milliseconds.
    pub took_ms: f64,
    /// The HTTP status of its answer; of a JSON-RPC call 200, or the status that its error would have over HTTP.
    pub status: u16,
    /// The kind of its error in one word, such as `loading` or `model_not_found`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
    /// The guard that refused it before it was read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refusal: Option<Refusal>,
    /// The `Origin` that it was refused for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub origin: Option<String>,
}

/// What a request was refused for before it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Refusal {
    /// It comes from a web page of an origin that is not let in.
    Origin,
    /// Its `Host` is missing, or does not name this machine.
    Host,
    /// Its token is missing, wrong, or does not allow this.
    Token,
}

impl From<crate::guard::Refusal> for Refusal {
    fn from(refusal: crate::guard::Refusal) -> Self {
        use crate::guard::Refusal as Guard;
        match refusal {
            Guard::ForeignOrigin => Self::Origin,
            Guard::MissingHost | Guard::ForeignHost => Self::Host,
            Guard::MissingToken | Guard::WrongToken | Guard::NotAllowed => Self::Token,
        }
    }
}
