//! The methods that embed: parameters to engine requests, vectors to results, errors to codes.

use std::{sync::Arc, time::Duration};

use okibi_engine::{EmbedError, EmbedRequest, Embedded, Engine, Pending, Role};
use okibi_listener::{Answer, CallContext, ConnectionId};
use okibi_protocol::{
    jsonrpc::{RpcError, code, raw_result},
    method::{EmbedParams, EmbedResult, EmbedTextParams, EmbedTextResult, InputType, Truncated},
    vector::{Encoding, Vectors, safetensors_base64},
};
use serde_json::{json, value::RawValue};
use tokio::sync::mpsc;

use crate::{
    activity::RequestGuard,
    daemon::{Daemon, MAX_TEXTS},
};

/// Texts of one chunk of a streamed result. Each chunk is sorted by itself: enough texts to fill even batches,
/// few enough that the first ones come soon.
pub const STREAM_CHUNK: usize = 1024;

/// Texts of at most so many bytes together are tokenised at once; more would hold other connections up.
const TOKENISE_AT_ONCE: usize = 4096;

/// What a client of a full queue is told to wait.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// `embed_text`: one text as it is, in the original's format.
pub(crate) async fn text(
    daemon: &Arc<Daemon>,
    params: EmbedTextParams,
    connection: ConnectionId,
) -> Result<EmbedTextResult, RpcError> {
    let engine = daemon.engine()?;
    let guard = daemon.activity.begin();
    let request = EmbedRequest {
        client: connection.0,
        ..EmbedRequest::new(vec![params.text])
    };
    let pending = submit(engine, request)
        .await
        .map_err(|error| rpc_error(error, 0))?;
    let embedded = pending.wait().await.map_err(|error| rpc_error(error, 0))?;
    guard.served(1);
    Ok(EmbedTextResult {
        vector: safetensors_base64(&embedded.vectors),
    })
}

/// `embed`: texts, in one result or in chunks.
pub(crate) async fn texts(
    daemon: &Arc<Daemon>,
    params: EmbedParams,
    context: &CallContext,
) -> Result<Answer, RpcError> {
    let engine = daemon.engine()?;
    let EmbedParams {
        input,
        input_type,
        normalize,
        dimensions,
        truncate,
        encoding,
        stream,
    } = params;
    let texts = input.into_texts();
    if texts.len() > MAX_TEXTS {
        let message = format!(
            "{} texts are over the limit of {MAX_TEXTS} a request",
            texts.len()
        );
        return Err(RpcError::invalid_params(message).with_data(json!({ "limit": MAX_TEXTS })));
    }
    let guard = daemon.activity.begin();
    let template = EmbedRequest {
        texts: Vec::new(),
        role: match input_type {
            InputType::Query => Role::Query,
            InputType::Document => Role::Document,
            InputType::None => Role::None,
        },
        normalize,
        dimensions,
        truncate,
        client: context.connection.0,
    };
    let work = Work {
        engine,
        template,
        encoding,
    };
    if !context.in_batch && stream.unwrap_or(texts.len() > STREAM_CHUNK) {
        // Empty texts are found before the first chunk is sent: half a result is no help to anyone.
        if let Some(index) = texts.iter().position(String::is_empty) {
            return Err(rpc_error(EmbedError::EmptyText { index }, 0));
        }
        let (chunks, receiver) = mpsc::channel(1);
        tokio::spawn(work.stream(texts, chunks, guard));
        return Ok(Answer::Stream(receiver));
    }
    let count = texts.len();
    let pending = work.submit(texts, 0).await?;
    let result = work.result(pending, 0).await?;
    guard.served(count);
    Ok(Answer::Single(Ok(result)))
}

/// One `embed` call: the engine and everything but the texts.
struct Work {
    engine: Arc<Engine>,
    template: EmbedRequest,
    encoding: Encoding,
}

impl Work {
    /// Computes chunk after chunk, one ahead of the one being sent; ends early when nobody reads them.
    async fn stream(self, texts: Vec<String>, chunks: mpsc::Sender<Chunk>, guard: RequestGuard) {
        let mut ahead: Option<(Pending, usize)> = None;
        let mut offset = 0;
        let mut texts = texts.into_iter();
        loop {
            let chunk: Vec<String> = texts.by_ref().take(STREAM_CHUNK).collect();
            let count = chunk.len();
            let is_end = count == 0;
            let step = async {
                let next = match (is_end, offset) {
                    // A list that was empty from the start is the engine's error to tell.
                    (true, 1..) => None,
                    _ => Some((self.submit(chunk, offset).await?, offset)),
                };
                let done = match ahead.take() {
                    Some((pending, offset)) => Some(self.result(pending, offset).await?),
                    None => None,
                };
                Ok((next, done))
            };
            let outcome = tokio::select! {
                outcome = step => outcome,
                () = chunks.closed() => return,
            };
            match outcome {
                Err(error) => {
                    // The reader may have gone at the same moment.
                    let _ = chunks.send(Err(error)).await;
                    return;
                }
                Ok((next, done)) => {
                    if let Some(result) = done
                        && chunks.send(Ok(result)).await.is_err()
                    {
                        return;
                    }
                    ahead = next;
                }
            }
            if is_end {
                guard.served(offset);
                return;
            }
            offset += count;
        }
    }

    async fn submit(&self, texts: Vec<String>, offset: usize) -> Result<Pending, RpcError> {
        let request = EmbedRequest {
            texts,
            ..self.template.clone()
        };
        submit(Arc::clone(&self.engine), request)
            .await
            .map_err(|error| rpc_error(error, offset))
    }

    async fn result(&self, pending: Pending, offset: usize) -> Chunk {
        let embedded = pending.wait().await.map_err(|error| rpc_error(error, offset))?;
        let Embedded {
            vectors,
            tokens,
            truncated,
            prompt,
        } = embedded;
        raw_result(&EmbedResult {
            model: self.engine.info().name.clone(),
            dimension: vectors.first().map_or(0, Vec::len),
            offset,
            vectors: Vectors::encode(vectors, self.encoding),
            tokens,
            truncated: truncated
                .into_iter()
                .map(|(index, tokens)| Truncated {
                    index: offset + index,
                    tokens,
                })
                .collect(),
            prompt,
        })
    }
}

/// A chunk of a streamed result, or the error that ends it.
type Chunk = Result<Box<RawValue>, RpcError>;

/// Tokenises and queues a request; a long one is tokenised on a thread that may block.
async fn submit(engine: Arc<Engine>, request: EmbedRequest) -> Result<Pending, EmbedError> {
    let bytes: usize = request.texts.iter().map(String::len).sum();
    if bytes <= TOKENISE_AT_ONCE {
        return engine.submit(engine.prepare(request)?);
    }
    let work = move || engine.submit(engine.prepare(request)?);
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(EmbedError::Compute {
            reason: "the tokenizer panicked".into(),
        }),
    }
}

/// The code and details of an engine's error; `offset` is the index of the chunk's first text.
fn rpc_error(error: EmbedError, offset: usize) -> RpcError {
    let error = match error {
        EmbedError::EmptyText { index } => EmbedError::EmptyText {
            index: index + offset,
        },
        EmbedError::TooLong { index, tokens, limit } => EmbedError::TooLong {
            index: index + offset,
            tokens,
            limit,
        },
        EmbedError::Tokenize { index, reason } => EmbedError::Tokenize {
            index: index + offset,
            reason,
        },
        EmbedError::NotFinite { index } => EmbedError::NotFinite {
            index: index + offset,
        },
        other => other,
    };
    let message = error.to_string();
    match error {
        EmbedError::NoInput => RpcError::invalid_params(message),
        EmbedError::EmptyText { index } | EmbedError::Tokenize { index, .. } => {
            RpcError::invalid_params(message).with_data(json!({ "index": index }))
        }
        EmbedError::TooLong { index, tokens, limit } => RpcError::invalid_params(message)
            .with_data(json!({ "index": index, "tokens": tokens, "limit": limit })),
        EmbedError::Dimensions { asked, dimension } => {
            RpcError::invalid_params(message).with_data(json!({ "asked": asked, "dimension": dimension }))
        }
        EmbedError::Busy { limit } => RpcError::new(code::BUSY, message)
            .with_data(json!({ "limit": limit, "retry_after_ms": RETRY_AFTER.as_millis() as u64 })),
        EmbedError::Compute { .. } => {
            tracing::error!(%message, "a request failed");
            RpcError::new(code::INTERNAL_ERROR, message)
        }
        EmbedError::NotFinite { index } => {
            RpcError::new(code::INTERNAL_ERROR, message).with_data(json!({ "index": index }))
        }
        EmbedError::Stopped => RpcError::new(code::STOPPING, "the server is stopping"),
    }
}
