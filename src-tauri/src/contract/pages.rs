//! What single pages exchange with the app: the search, the log, the tokens, the update check.

use okibi_protocol::units::Millis;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// The texts that are searched on the page to try it. They stay in the app's memory, and go with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS)]
pub struct SearchView {
    /// How far it is.
    pub state: SearchState,
    /// The file or folder that the texts come from; none where they were pasted.
    pub source: Option<String>,
    /// Texts in all.
    pub total: u64,
    /// Texts whose vectors are there.
    pub done: u64,
    /// The model of the vectors.
    pub model: Option<String>,
    /// What went wrong, or what was left out.
    pub message: Option<String>,
}

/// How far the texts of a search are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SearchState {
    /// There are none.
    #[default]
    Empty,
    /// Files are read.
    Reading,
    /// They are being embedded; those that are done can be searched.
    Embedding,
    /// All can be searched.
    Ready,
    /// They could not be read or embedded; see the message.
    Failed,
}

/// The texts that are nearest to a query.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct Found {
    /// The nearest first; ten at most.
    pub hits: Vec<Hit>,
    /// From the request to the answer, embedding included.
    pub took_ms: Millis,
}

/// A text that was found.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct Hit {
    /// The text.
    pub text: String,
    /// Where it stands: file and line, such as `notes.md:12`; none where it was pasted.
    pub place: Option<String>,
    /// Cosine similarity to the query, -1 to 1.
    pub score: f32,
}

/// The end of the daemon's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct LogView {
    /// The file.
    pub file: String,
    /// Its last lines, the oldest first.
    pub lines: Vec<String>,
}

/// The tokens that other apps send where the daemon requires one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct TokenView {
    /// The token for apps that embed; none where no token was ever made.
    pub for_use: Option<String>,
    /// Whether the hub's token was given to Okibi. Pages never get the token itself.
    pub has_hub_token: bool,
}

/// What a check for updates has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct UpdateView {
    /// The address that was asked.
    pub address: String,
    /// The newer version; none where this one is the newest.
    pub version: Option<String>,
    /// What is new in it.
    pub notes: Option<String>,
}

/// A page in the web that the app opens in the user's browser; pages never name an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// The project.
    Project,
    /// What changed in each version.
    Changes,
    /// Where faults are reported.
    Issues,
}
