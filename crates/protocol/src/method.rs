//! Parameters and results of Okibi's JSON-RPC methods.

use serde::{Deserialize, Serialize};

use crate::{
    models::{LoadedModel, ModelState},
    notice::LaunchId,
    stage::StageBoard,
    units::{ByteCount, Millis},
    vector::{Encoding, Vectors},
};

/// Asks how the server is: no parameters, result [`Status`].
pub const GET_STATUS: &str = "get_status";
/// Asks whether the load is over: no parameters, result [`InitState`].
pub const CHECK_INIT: &str = "check_init";
/// Embeds one text as it is: [`EmbedTextParams`], result [`EmbedTextResult`].
pub const EMBED_TEXT: &str = "embed_text";
/// Embeds texts: [`EmbedParams`], result [`EmbedResult`], streamed for long lists.
pub const EMBED: &str = "embed";
/// Ends the server: no parameters, result [`Stopping`].
pub const STOP_SERVER: &str = "stop_server";
/// Asks for [`STATUS_CHANGED`] notifications: no parameters, result [`Status`].
pub const SUBSCRIBE: &str = "subscribe";
/// Notification of a subscription: parameters are the new [`Status`].
pub const STATUS_CHANGED: &str = "status_changed";

/// Where a server is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// A model is loading.
    Starting,
    /// It serves.
    Running,
    /// It finishes what it has accepted and ends.
    Stopping,
    /// The load failed; it is about to end.
    Failed,
}

/// Result of [`GET_STATUS`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Where the server is in its life.
    pub status: RunState,
    /// Whether a request for an embedding is answered now.
    pub ready: bool,
    /// [`crate::SERVER_TYPE_DAEMON`] or [`crate::SERVER_TYPE_FRONT`].
    pub server_type: String,
    /// The model's name.
    pub model: String,
    /// Length of a vector, once the model is loaded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub dimension: Option<usize>,
    /// The space of its whole, normalised vectors, once the model is loaded: an index of another one no longer fits.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub space: Option<String>,
    /// Tokens of a text that the model reads, once it is loaded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max_tokens: Option<usize>,
    /// Process id of the daemon; 0 in the instant before a front has spawned it.
    pub pid: u32,
    /// Version of the answering program.
    pub version: String,
    /// Time since the daemon (or, during a launch, the launch) began.
    pub uptime_ms: Millis,
    /// Resident memory of the daemon.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub memory_bytes: Option<ByteCount>,
    /// Threads the model computes with, once it is loaded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub threads: Option<usize>,
    /// The stages of the load with their times.
    pub stages: StageBoard,
    /// Time from the daemon's start to its readiness.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub load_ms: Option<Millis>,
    /// Requests for embeddings answered since the start.
    #[serde(default)]
    pub requests_served: u64,
    /// Requests for embeddings being worked on.
    #[serde(default)]
    pub requests_in_flight: u64,
    /// Texts embedded since the start.
    #[serde(default)]
    pub texts_embedded: u64,
    /// How long the requests of the last minute took; absent where there was none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub latency: Option<Latency>,
    /// Every model that is held, the current one first; empty before the first is loaded.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub models: Vec<LoadedModel>,
    /// The launch under way, or the one that started the daemon.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub launch: Option<LaunchId>,
    /// Why the load failed, for people.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
    /// The daemon's log file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub log_file: Option<String>,
}

impl Status {
    /// The model that answers requests which name none, once there is one.
    pub fn current(&self) -> Option<&LoadedModel> {
        self.models.iter().find(|model| model.current)
    }

    /// Whether the current model has been put to rest: the next request loads it again.
    pub fn is_resting(&self) -> bool {
        self.current()
            .is_some_and(|model| model.state == ModelState::Resting)
    }
}

/// How long requests for embeddings took, from their arrival to their answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// The median, in milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 took at most this, in milliseconds.
    pub p99_ms: f64,
}

/// Result of [`CHECK_INIT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum InitState {
    /// The model is loaded.
    InitCompleted,
    /// It is not, yet.
    InitInProgress,
}

/// Result of [`STOP_SERVER`], sent before anything ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Stopping {
    /// The server takes no new work from now on.
    Stopping,
}

/// Parameters of [`EMBED_TEXT`]: by position `[text]`. Unknown ones are ignored, as the original did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmbedTextParams {
    /// The text, embedded without any prompt.
    pub text: String,
}

/// Result of [`EMBED_TEXT`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmbedTextResult {
    /// Base64 of a safetensors file with one F32 tensor `vector` of shape [1, dimension], L2-normalised.
    pub vector: String,
}

/// What a text is for: decides which of the model's prompts is put before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputType {
    /// Something searched for.
    #[serde(alias = "search_query")]
    Query,
    /// Something to be found.
    #[serde(alias = "passage", alias = "search_document")]
    Document,
    /// Neither: the text as it is.
    #[default]
    None,
}

/// What is done with a text over the model's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverflowChoice {
    /// Its end is cut off, which is reported.
    Truncate,
    /// The request is refused.
    Refuse,
    /// It is embedded in windows, whose vectors are averaged, weighted by their tokens.
    Mean,
}

/// One text or several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "input must be a string or a list of strings")]
pub enum Input {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Input {
    /// The texts, one or several.
    pub fn into_texts(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }
}

/// Parameters of [`EMBED`]: by position as in [`EmbedParams::NAMES`]. Unknown names are an error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbedParams {
    /// The texts.
    pub input: Input,
    /// Which prompt is put before each.
    #[serde(default)]
    pub input_type: InputType,
    /// Whether vectors are brought to unit length.
    #[serde(default = "yes")]
    pub normalize: bool,
    /// Keeps the first so many values of each vector (before normalising); all where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub dimensions: Option<usize>,
    /// Whether a text over the model's limit is cut (and reported) or refused.
    #[serde(default = "yes")]
    pub truncate: bool,
    /// How the vectors are written.
    #[serde(default)]
    pub encoding: Encoding,
    /// Whether the result comes in chunks: by default it does for lists longer than a chunk, never in a batch.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stream: Option<bool>,
    /// What is done with a text over the limit; goes before `truncate`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub overflow: Option<OverflowChoice>,
    /// Which model is asked, perhaps with `:query` or `:document` behind its name; the current one where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub model: Option<String>,
}

fn yes() -> bool {
    true
}

impl EmbedParams {
    /// The parameters' names in their order by position.
    pub const NAMES: [&'static str; 9] = [
        "input",
        "input_type",
        "normalize",
        "dimensions",
        "truncate",
        "encoding",
        "stream",
        "overflow",
        "model",
    ];

    /// Everything by default for `input`.
    pub fn new(input: Input) -> Self {
        Self {
            input,
            input_type: InputType::None,
            normalize: true,
            dimensions: None,
            truncate: true,
            encoding: Encoding::Float,
            stream: None,
            overflow: None,
            model: None,
        }
    }
}

/// A text that was longer than the model's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truncated {
    /// Which text, counted from 0 over the whole input.
    pub index: usize,
    /// Its length in tokens, prompt and special tokens included.
    pub tokens: usize,
}

/// A text that was embedded in windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Windowed {
    /// Which text, counted from 0 over the whole input.
    pub index: usize,
    /// How many windows.
    pub windows: usize,
}

/// A text that has no vector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedText {
    /// Index in the whole input.
    pub index: usize,
    /// Why, for people.
    pub message: String,
}

/// Result of [`EMBED`], or a chunk of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmbedResult {
    /// The model's name.
    pub model: String,
    /// Length of each vector.
    pub dimension: usize,
    /// Index of the chunk's first text; 0 where there is one chunk.
    pub offset: usize,
    /// One vector per text, in the order of the input; none for those in `failed`.
    pub vectors: Vectors,
    /// Tokens of each text that were embedded, prompt and special tokens included.
    pub tokens: Vec<usize>,
    /// The texts of this chunk that were cut.
    pub truncated: Vec<Truncated>,
    /// The texts of this chunk that were embedded in windows.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub windowed: Vec<Windowed>,
    /// The texts of this chunk for which the model gave no vector of finite numbers.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub failed: Vec<FailedText>,
    /// The prompt that was put before each text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub prompt: Option<String>,
    /// The space that the vectors are in: vectors of different spaces cannot be compared.
    #[serde(default)]
    pub space: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jsonrpc::Params;

    #[test]
    fn embed_takes_one_text_or_a_list_by_name_and_by_position() {
        let one: EmbedParams = Params::Positional(vec!["text".into(), "query".into()])
            .parse(&EmbedParams::NAMES)
            .unwrap();
        assert_eq!(one.input.into_texts(), ["text"]);
        assert_eq!(one.input_type, InputType::Query);
        let many: EmbedParams = serde_json::from_str(r#"{"input":["a","b"],"encoding":"base64"}"#).unwrap();
        assert_eq!(
            (many.normalize, many.truncate, many.encoding),
            (true, true, Encoding::Base64)
        );
    }

    #[test]
    fn a_wrong_parameter_is_named() {
        let error = |json: &str| serde_json::from_str::<EmbedParams>(json).unwrap_err().to_string();
        assert!(error(r#"{"input":"a","inptu_type":"query"}"#).contains("inptu_type"));
        assert!(error(r#"{"input":"a","input_type":"question"}"#).contains("question"));
        assert!(error(r#"{"input":3}"#).contains("input must be a string or a list of strings"));
    }

    #[test]
    fn small_results_have_the_original_json() {
        assert_eq!(
            serde_json::to_string(&InitState::InitInProgress).unwrap(),
            r#"{"status":"init_in_progress"}"#
        );
        assert_eq!(
            serde_json::to_string(&Stopping::Stopping).unwrap(),
            r#"{"status":"stopping"}"#
        );
    }
}
