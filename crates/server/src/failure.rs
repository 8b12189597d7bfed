//! Why a request for embeddings gets no vectors, and how each dialect says so.

use std::{sync::Arc, time::Duration};

use axum::http::StatusCode;
use okibi_dialects::{HttpError, loading};
use okibi_engine::{EmbedError, LoadError};
use okibi_listener::Bound;
use okibi_models::ErrorKind;
use okibi_protocol::{
    jsonrpc::{RpcError, code},
    method::{RunState, Status},
};
use serde_json::{Value, json};

use crate::activity::Outcome;

/// When a client that finds the queue full may ask again.
const BUSY_RETRY: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug)]
pub(crate) enum Failure {
    /// There is no model to ask: it loads, or the daemon stops.
    NotReady(Box<Status>),
    /// The daemon stops.
    Stopping,
    /// The engine's own.
    Embed(EmbedError),
    /// More texts than a request may have.
    TooManyTexts { count: usize, limit: usize },
    /// More tokens than a request may have.
    TooManyTokens { tokens: usize, limit: usize },
    /// A model was asked for that is neither here nor known.
    UnknownModel { asked: String, loaded: String },
    /// A model was asked for that is known and not here.
    NotHere { name: String },
    /// A model was asked for that is here and not loaded, and none is loaded for a request.
    NotLoaded { name: String },
    /// A model was asked for that is not there, in the words of a dialect.
    NotFound { message: String },
    /// A model that is held cannot be deleted.
    InUse { name: String },
    /// A model cannot be loaded or fetched.
    Model(Arc<ModelFailure>),
    /// The parameters of a JSON-RPC call do not fit its method.
    Params(RpcError),
    /// Work of the daemon's own panicked.
    Panicked,
    /// The request is not what it should be.
    Invalid {
        message: String,
        param: Option<&'static str>,
    },
    /// The body does not fit.
    Body(BodyError),
}

/// Why a model cannot be loaded, fetched or deleted.
#[derive(Clone, Debug)]
pub(crate) struct ModelFailure {
    /// One word for programs.
    pub(crate) kind: &'static str,
    /// In the user's language.
    pub(crate) message: String,
    status: StatusCode,
    details: Option<Value>,
    /// The engine's error; `None` where a load ended without one.
    pub(crate) source: Option<Arc<LoadError>>,
}

impl ModelFailure {
    /// The engine's error, with what the program around says of it.
    pub(crate) fn new(error: LoadError, message: String) -> Self {
        let details = match &error {
            LoadError::NoMemory { needed, free } => {
                Some(json!({ "needed_bytes": needed, "free_bytes": free }))
            }
            _ => None,
        };
        Self {
            kind: error.kind().name(),
            message,
            status: status_of(error.kind()),
            details,
            source: Some(Arc::new(error)),
        }
    }

    /// So many models are being loaded that another one has to wait.
    pub(crate) fn too_many_loads(count: usize) -> Self {
        Self::busy(format!(
            "{count} models are being loaded already; try again when one of them is ready"
        ))
    }

    /// So many models are being fetched that another one has to wait.
    pub(crate) fn too_many_pulls(count: usize) -> Self {
        Self::busy(format!(
            "{count} models are being fetched already; try again when one of them is here"
        ))
    }

    fn busy(message: String) -> Self {
        Self {
            kind: "busy",
            message,
            status: StatusCode::TOO_MANY_REQUESTS,
            details: None,
            source: None,
        }
    }

    /// Something ended that should not have.
    pub(crate) fn interrupted() -> Self {
        Self {
            kind: "interrupted",
            message: "the model was unloaded or its load was interrupted; try again".into(),
            status: StatusCode::SERVICE_UNAVAILABLE,
            details: None,
            source: None,
        }
    }

    /// A load ended without an outcome: its thread panicked, or never began.
    pub(crate) fn load_died() -> Self {
        Self {
            kind: "load_failed",
            message: "the model's load ended unexpectedly; the log says more".into(),
            status: StatusCode::INTERNAL_SERVER_ERROR,
            details: None,
            source: None,
        }
    }
}

impl ModelFailure {
    /// Whether no source knows the name.
    pub(crate) fn is_unknown_name(&self) -> bool {
        self.kind == ErrorKind::ModelNotFound.name()
    }
}

impl From<ModelFailure> for Failure {
    fn from(failure: ModelFailure) -> Self {
        Self::Model(Arc::new(failure))
    }
}

/// Why a request's body cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It is compressed.
    Encoded,
    /// It is over the limit, in bytes.
    TooLarge { limit: usize },
    /// It took too long to come.
    Slow { limit: Duration },
    /// Requests hold too much memory already.
    NoRoom,
    /// The client has gone.
    Broken,
}

impl Failure {
    /// The request is not what it should be, in `param`.
    pub(crate) fn invalid(param: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid {
            message: message.into(),
            param: Some(param),
        }
    }

    /// The failure of the texts from `offset` on, which counts them from 0.
    pub(crate) fn at(self, offset: usize) -> Self {
        let Self::Embed(mut error) = self else {
            return self;
        };
        match &mut error {
            EmbedError::EmptyText { index }
            | EmbedError::TooLong { index, .. }
            | EmbedError::Tokenize { index, .. }
            | EmbedError::UnknownId { index, .. }
            | EmbedError::NotFinite { index } => *index += offset,
            _ => {}
        }
        Self::Embed(error)
    }

    /// What went wrong, for people.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::NotReady(status) => loading::not_ready(status).message,
            Self::Stopping => "the server is stopping".into(),
            Self::Embed(EmbedError::Stopped) => "the server is stopping".into(),
            Self::Embed(error) => error.to_string(),
            Self::TooManyTexts { count, limit } => {
                format!("{count} texts are over the limit of {limit} a request")
            }
            Self::TooManyTokens { tokens, limit } => {
                format!("{tokens} tokens are over the limit of {limit} a request")
            }
            Self::UnknownModel { asked, loaded } => {
                let asked: String = asked.chars().take(80).collect();
                format!(
                    "the model {asked:?} is not loaded; {loaded:?} is (add a name to `model_names` in Okibi's settings to \
                     have it answered by the loaded model)"
                )
            }
            Self::NotHere { name } => {
                format!("the model {name:?} is not on this machine; `okibi models pull {name}` fetches it")
            }
            Self::NotLoaded { name } => format!(
                "the model {name:?} is not loaded, and `load_on_demand` is off in Okibi's settings; `okibi use {name}` \
                 changes over to it"
            ),
            Self::NotFound { message } => message.clone(),
            Self::InUse { name } => format!("the model {name:?} is in use; unload it first"),
            Self::Model(failure) => failure.message.clone(),
            Self::Params(error) => error.message.clone(),
            Self::Panicked => "the server failed at this request; its log says more".into(),
            Self::Invalid { message, .. } => message.clone(),
            Self::Body(error) => match error {
                BodyError::Encoded => {
                    "compressed bodies are not taken: send it without Content-Encoding".into()
                }
                BodyError::TooLarge { limit } => format!("the body is over the limit of {limit} bytes"),
                BodyError::Slow { limit } => {
                    format!("the body did not come within {} s", limit.as_secs())
                }
                BodyError::NoRoom => "too many large requests at once; try again".into(),
                BodyError::Broken => "the body ended early".into(),
            },
        }
    }

    /// Details for programs.
    fn details(&self) -> Option<Value> {
        Some(match self {
            Self::NotReady(status) => loading::not_ready(status).data?,
            Self::TooManyTexts { limit, .. } => json!({ "limit": limit }),
            Self::TooManyTokens { tokens, limit } => json!({ "tokens": tokens, "limit": limit }),
            Self::Embed(error) => match error {
                EmbedError::EmptyText { index }
                | EmbedError::Tokenize { index, .. }
                | EmbedError::NotFinite { index } => json!({ "index": index }),
                EmbedError::TooLong { index, tokens, limit } => {
                    json!({ "index": index, "tokens": tokens, "limit": limit })
                }
                EmbedError::UnknownId {
                    index,
                    id,
                    vocabulary,
                } => {
                    json!({ "index": index, "id": id, "vocabulary": vocabulary })
                }
                EmbedError::Dimensions { asked, dimension } => {
                    json!({ "asked": asked, "dimension": dimension })
                }
                EmbedError::Busy { limit } => {
                    json!({ "limit": limit, "retry_after_ms": BUSY_RETRY.as_millis() as u64 })
                }
                _ => return None,
            },
            Self::NotHere { .. } => json!({ "kind": "not_here" }),
            Self::NotLoaded { .. } => json!({ "kind": "not_loaded" }),
            Self::InUse { .. } => json!({ "kind": "in_use" }),
            Self::Model(failure) => {
                let mut details = failure.details.clone().unwrap_or_else(|| json!({}));
                details["kind"] = failure.kind.into();
                details
            }
            _ => return None,
        })
    }

    /// The error of a JSON-RPC call.
    pub(crate) fn rpc(&self) -> RpcError {
        let code = match self {
            Self::NotReady(status) => return loading::not_ready(status),
            Self::Params(error) => return error.clone(),
            Self::Stopping | Self::Embed(EmbedError::Stopped) => code::STOPPING,
            Self::Embed(EmbedError::Busy { .. } | EmbedError::WeightsChanged { .. }) | Self::Body(_) => {
                code::BUSY
            }
            Self::Panicked | Self::Embed(EmbedError::Compute { .. } | EmbedError::NotFinite { .. }) => {
                code::INTERNAL_ERROR
            }
            Self::NotHere { .. } | Self::NotLoaded { .. } | Self::InUse { .. } | Self::Model(_) => {
                code::MODEL
            }
            _ => code::INVALID_PARAMS,
        };
        let error = RpcError::new(code, self.message());
        match self.details() {
            Some(details) => error.with_data(details),
            None => error,
        }
    }

    /// The error of an HTTP request.
    pub(crate) fn http(&self) -> HttpError {
        let (status, code, param) = match self {
            Self::NotReady(status) => match status.status {
                RunState::Starting | RunState::Running => (StatusCode::SERVICE_UNAVAILABLE, "loading", None),
                RunState::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping", None),
                RunState::Failed => (StatusCode::SERVICE_UNAVAILABLE, "load_failed", None),
            },
            Self::Stopping | Self::Embed(EmbedError::Stopped) => {
                (StatusCode::SERVICE_UNAVAILABLE, "stopping", None)
            }
            Self::Embed(error) => match error {
                EmbedError::NoInput | EmbedError::EmptyText { .. } => {
                    (StatusCode::BAD_REQUEST, "empty_input", Some("input"))
                }
                EmbedError::TooLong { .. } => {
                    (StatusCode::BAD_REQUEST, "context_length_exceeded", Some("input"))
                }
                EmbedError::Dimensions { .. } => {
                    (StatusCode::BAD_REQUEST, "invalid_dimensions", Some("dimensions"))
                }
                EmbedError::UnknownId { .. } => (StatusCode::BAD_REQUEST, "unknown_token_id", Some("input")),
                EmbedError::Tokenize { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "tokenizer", Some("input")),
                EmbedError::NoTokenVectors => (StatusCode::UNPROCESSABLE_ENTITY, "no_token_vectors", None),
                EmbedError::Busy { .. } => (StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", None),
                EmbedError::WeightsChanged { .. } => (StatusCode::SERVICE_UNAVAILABLE, "reloading", None),
                _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal", None),
            },
            Self::TooManyTexts { .. } => (StatusCode::BAD_REQUEST, "too_many_inputs", Some("input")),
            Self::TooManyTokens { .. } => (StatusCode::BAD_REQUEST, "too_many_tokens", Some("input")),
            Self::UnknownModel { .. } => (StatusCode::NOT_FOUND, "model_not_found", Some("model")),
            Self::NotHere { .. } | Self::NotLoaded { .. } | Self::NotFound { .. } => {
                (StatusCode::NOT_FOUND, "model_not_found", Some("model"))
            }
            Self::InUse { .. } => (StatusCode::CONFLICT, "model_in_use", Some("model")),
            Self::Model(failure) => (failure.status, failure.kind, Some("model")),
            Self::Params(_) => (StatusCode::BAD_REQUEST, "invalid_request", None),
            Self::Panicked => (StatusCode::INTERNAL_SERVER_ERROR, "internal", None),
            Self::Invalid { param, .. } => (StatusCode::BAD_REQUEST, "invalid_request", *param),
            Self::Body(error) => match error {
                BodyError::Encoded => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "compressed_body", None),
                BodyError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", None),
                BodyError::Slow { .. } => (StatusCode::REQUEST_TIMEOUT, "slow_body", None),
                BodyError::NoRoom => (StatusCode::SERVICE_UNAVAILABLE, "overloaded", None),
                BodyError::Broken => (StatusCode::BAD_REQUEST, "broken_body", None),
            },
        };
        let retry_after = match self {
            Self::NotReady(status) if matches!(status.status, RunState::Starting | RunState::Running) => {
                Some(loading::RETRY_AFTER)
            }
            Self::Embed(EmbedError::WeightsChanged { .. }) => Some(loading::RETRY_AFTER),
            Self::Embed(EmbedError::Busy { .. }) | Self::Body(BodyError::NoRoom) => Some(BUSY_RETRY),
            _ => None,
        };
        HttpError {
            param,
            retry_after,
            details: self.details(),
            ..HttpError::new(status, code, self.message())
        }
    }

    /// The bound that the request went over.
    pub(crate) fn bound(&self) -> Option<Bound> {
        match self {
            Self::TooManyTexts { .. } => Some(Bound::Inputs),
            Self::TooManyTokens { .. } => Some(Bound::RequestTokens),
            Self::Embed(EmbedError::Busy { .. }) => Some(Bound::Queue),
            Self::Body(error) => match error {
                BodyError::TooLarge { .. } => Some(Bound::BodySize),
                BodyError::Slow { .. } => Some(Bound::BodyTime),
                BodyError::NoRoom => Some(Bound::Buffered),
                BodyError::Encoded | BodyError::Broken => None,
            },
            _ => None,
        }
    }

    /// The word for it in metrics.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Self::NotReady(_) => "loading",
            Self::Stopping | Self::Embed(EmbedError::Stopped) => "stopping",
            Self::Embed(EmbedError::Busy { .. }) | Self::Body(BodyError::NoRoom) => "busy",
            Self::Embed(EmbedError::Compute { .. } | EmbedError::NotFinite { .. }) => "failed",
            Self::Model(_) | Self::Panicked => "failed",
            _ => "invalid",
        }
    }
}

/// Returns the HTTP status of a model's failure.
fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::ModelNotFound | ErrorKind::RevisionNotFound | ErrorKind::NotRemovable => {
            StatusCode::NOT_FOUND
        }
        ErrorKind::InUse => StatusCode::CONFLICT,
        ErrorKind::Gated => StatusCode::FORBIDDEN,
        ErrorKind::Offline | ErrorKind::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::DownloadFailed => StatusCode::BAD_GATEWAY,
        ErrorKind::NoSpace | ErrorKind::NoMemory => StatusCode::INSUFFICIENT_STORAGE,
        ErrorKind::Unsafe | ErrorKind::NoOnnx => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::LoadFailed => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// As HTTP would tell it, whatever the request came by.
impl From<&Failure> for Outcome {
    fn from(failure: &Failure) -> Self {
        let error = failure.http();
        Self {
            status: error.status.as_u16(),
            error: Some(error.code),
        }
    }
}

impl From<EmbedError> for Failure {
    fn from(error: EmbedError) -> Self {
        if let EmbedError::Compute { .. } = &error {
            tracing::error!(%error, "a request failed");
        }
        Self::Embed(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A status in this state.
    fn status(state: RunState) -> Box<Status> {
        let status = json!({
            "status": state, "ready": false, "server_type": "okibi-daemon", "model": "m", "pid": 1, "version": "0",
            "uptime_ms": 5, "stages": [],
        });
        serde_json::from_value(status).unwrap()
    }

    #[test]
    fn a_client_that_came_too_early_is_told_when_to_ask_again_whatever_loads() {
        for (state, retry_after) in [
            (RunState::Starting, Some(loading::RETRY_AFTER)),
            (RunState::Running, Some(loading::RETRY_AFTER)),
            (RunState::Stopping, None),
        ] {
            let error = Failure::NotReady(status(state)).http();
            assert_eq!(
                (error.status.as_u16(), error.retry_after),
                (503, retry_after),
                "{state:?}"
            );
        }
    }

    #[test]
    fn every_text_of_a_chunk_is_counted_over_the_whole_input() {
        let failure = Failure::from(EmbedError::EmptyText { index: 3 }).at(1024);
        assert_eq!(failure.rpc().data, Some(json!({ "index": 1027 })));
    }

    #[test]
    fn a_full_queue_is_429_with_a_hint() {
        let error = Failure::from(EmbedError::Busy { limit: 5 }).http();
        assert_eq!(
            (error.status.as_u16(), error.retry_after),
            (429, Some(BUSY_RETRY))
        );
    }
}
