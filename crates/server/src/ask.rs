//! One request for embeddings, whichever dialect it came in.

use std::sync::Arc;

use okibi_engine::{EmbedError, EmbedRequest, Embedded, Engine, Overflow, Pending, Role, Text};
use okibi_protocol::method::{InputType, OverflowChoice};

use crate::{blocking::run_blocking, daemon::Daemon, failure::Failure, models::Lease};

/// Texts of at most so many bytes together are tokenised at once; more would hold other connections up.
const TOKENISE_AT_ONCE: usize = 4096;

/// What the engine calls the role that the wire calls `input_type`.
pub(crate) fn role(input_type: InputType) -> Role {
    match input_type {
        InputType::Query => Role::Query,
        InputType::Document => Role::Document,
        InputType::None => Role::None,
    }
}

/// What is done with long texts: `overflow` goes before `truncate`.
pub(crate) fn overflow(overflow: Option<OverflowChoice>, truncate: bool) -> Overflow {
    match overflow {
        Some(OverflowChoice::Truncate) => Overflow::Truncate,
        Some(OverflowChoice::Refuse) => Overflow::Refuse,
        Some(OverflowChoice::Mean) => Overflow::Mean,
        None if truncate => Overflow::Truncate,
        None => Overflow::Refuse,
    }
}

/// Embeds the texts of one request by `model`, and counts it. A text without a vector fails the request.
pub(crate) async fn embed(
    daemon: &Arc<Daemon>,
    model: &Lease,
    request: EmbedRequest,
) -> Result<Embedded, Failure> {
    run(daemon, model, request, Embedded::whole).await
}

/// As [`embed`], for dialects that can say which texts have no vector.
pub(crate) async fn embed_each(
    daemon: &Arc<Daemon>,
    model: &Lease,
    request: EmbedRequest,
) -> Result<Embedded, Failure> {
    run(daemon, model, request, Ok).await
}

/// What is to be made of vectors that may not all be there.
type Judge = fn(Embedded) -> Result<Embedded, EmbedError>;

async fn run(
    daemon: &Arc<Daemon>,
    model: &Lease,
    request: EmbedRequest,
    judge: Judge,
) -> Result<Embedded, Failure> {
    let limit = daemon.options.max_inputs;
    let count = request.texts.len();
    if count > limit {
        return Err(Failure::TooManyTexts { count, limit });
    }
    let guard = daemon.activity.begin();
    let pending = submit(daemon, model, request).await?;
    let embedded = judge(pending.wait().await?)?;
    daemon.metrics.embedded(&embedded);
    guard.served(count);
    Ok(embedded)
}

/// Tokenises and queues a request; a long one is tokenised on a thread that may block.
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
    if bytes <= TOKENISE_AT_ONCE {
        return submit(model, request);
    }
    let engine = model.engine();
    run_blocking(move || submit(&engine, request)).await
}
