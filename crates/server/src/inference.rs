//! One request for embeddings, whichever dialect it came in.

use std::sync::Arc;

use okibi_engine::{EmbedError, EmbedRequest, Embedded, Engine, Overflow, Pending, Role, Text};
use okibi_protocol::method::{InputType, OverflowChoice};

use crate::{activity::Request, blocking::run_blocking, daemon::Daemon, failure::Failure, models::Lease};

/// Texts of at most this many bytes together are tokenized at once; more would hold up other connections.
const TOKENIZE_AT_ONCE: usize = 4096;

/// What the engine calls the role that the wire calls `input_type`.
pub(crate) fn role(input_type: InputType) -> Role {
    match input_type {
        InputType::Query => Role::Query,
        InputType::Document => Role::Document,
        InputType::None => Role::None,
    }
}

/// What is done with long texts: `overflow` takes precedence over `truncate`.
pub(crate) fn overflow(overflow: Option<OverflowChoice>, truncate: bool) -> Overflow {
    match overflow {
        Some(OverflowChoice::Truncate) => Overflow::Truncate,
        Some(OverflowChoice::Refuse) => Overflow::Refuse,
        Some(OverflowChoice::Mean) => Overflow::Mean,
        None if truncate => Overflow::Truncate,
        None => Overflow::Refuse,
    }
}

/// What becomes of a request with a text that has no vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnFailure {
    /// It fails as a whole.
    Whole,
    /// The other texts get theirs; for dialects that can say which have none.
    Each,
}

impl OnFailure {
    /// What a request is answered with.
    ///
    /// Errors: [`EmbedError::NotFinite`].
    pub(crate) fn apply(self, embedded: Embedded) -> Result<Embedded, EmbedError> {
        match self {
            Self::Whole => embedded.whole(),
            Self::Each => Ok(embedded),
        }
    }
}

/// Embeds the texts of one request by `model`, and counts it; `request` gets to know what was done. A text without a vector fails the request.
pub(crate) async fn embed(
    daemon: &Arc<Daemon>,
    request: &Arc<Request>,
    model: &Lease,
    asked: EmbedRequest,
) -> Result<Embedded, Failure> {
    embed_or(OnFailure::Whole, daemon, request, model, asked).await
}

/// As [`embed`], with what becomes of a text without a vector.
pub(crate) async fn embed_or(
    on_failure: OnFailure,
    daemon: &Arc<Daemon>,
    request: &Arc<Request>,
    model: &Lease,
    asked: EmbedRequest,
) -> Result<Embedded, Failure> {
    let limit = daemon.options.max_inputs;
    let count = asked.texts.len();
    let name = &model.info().name;
    request.read(name, count);
    if count > limit {
        return Err(Failure::TooManyTexts { count, limit });
    }
    let guard = daemon.activity.begin();
    let (_job, progress) = daemon.activity.begin_job(request, name, count).unzip();
    let asked = EmbedRequest { progress, ..asked };
    let pending = submit(daemon, model, asked).await?;
    let embedded = on_failure.apply(pending.wait().await?)?;
    daemon.metrics.embedded(&embedded);
    request.embedded(&embedded);
    guard.served(count);
    Ok(embedded)
}

/// Tokenizes and queues a request; a long one is tokenized on a thread that may block.
pub(crate) async fn submit(
    daemon: &Daemon,
    model: &Lease,
    request: EmbedRequest,
) -> Result<Pending, Failure> {
    let limit = daemon.options.max_request_tokens;
    let submit = move |engine: &Engine, request| {
        let prepared = engine.prepare(request)?;
        let tokens = prepared.tokens();
        if tokens > limit {
            return Err(Failure::TooManyTokens { tokens, limit });
        }
        Ok(engine.submit(prepared)?)
    };
    let bytes: usize = request.texts.iter().map(Text::bytes).sum();
    if bytes <= TOKENIZE_AT_ONCE {
        return submit(model, request);
    }
    // The thread has a lease of its own: it goes on when the request is dropped.
    let model = model.clone();
    run_blocking(move || submit(&model, request)).await
}
