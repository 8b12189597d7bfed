//! The JSON-RPC methods that embed: parameters to engine requests, vectors to results, errors to codes.

use std::{future::Future, sync::Arc};

use okibi_engine::{EmbedError, EmbedRequest, Embedded, Engine, Pending};
use okibi_listener::{Answer, Chunk, ConnectionId};
use okibi_protocol::{
    jsonrpc::{RpcError, raw_result},
    method::{
        EmbedParams, EmbedResult, EmbedTextParams, EmbedTextResult, FailedText, InputType, Truncated,
        Windowed,
    },
    vector::{Encoding, Vectors, safetensors_base64},
};
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use crate::{
    activity::{JobGuard, Outcome, Request, RequestGuard},
    daemon::Daemon,
    failure::Failure,
    inference::{self, OnFailure},
    metrics::OK,
    models::Lease,
    options::MAX_TEXTS,
};

/// Texts of one chunk of a streamed result. Each chunk is sorted by itself: enough texts to fill even batches,
/// few enough that the first ones come soon.
pub const STREAM_CHUNK: usize = 1024;

/// Counts the answer of `embedding`: with its last chunk where it is streamed, else here, where it leaves, so that no
/// failure is missed.
pub(crate) async fn counted(
    daemon: &Daemon,
    request: &Request,
    embedding: impl Future<Output = Result<Answer, Failure>>,
) -> Result<Answer, RpcError> {
    let answered = embedding.await;
    match &answered {
        Ok(Answer::Stream(_)) => {}
        Ok(Answer::Single(_)) => count_answer(daemon, request, Ok(())),
        Err(failure) => count_answer(daemon, request, Err(failure)),
    }
    answered.map_err(|failure| failure.rpc())
}

/// Counts the end of a request.
fn count_answer(daemon: &Daemon, request: &Request, outcome: Result<(), &Failure>) {
    let took = request.began.elapsed();
    let outcome = match outcome {
        Ok(()) => {
            daemon.metrics.answered(request.dialect, OK, took);
            Outcome::OK
        }
        Err(failure) => {
            daemon.metrics.failed(request.dialect, failure, took);
            failure.into()
        }
    };
    daemon.activity.answered(request, outcome);
}

/// `embed_text`: one text as it is, in the original's format.
pub(crate) async fn text(
    daemon: &Arc<Daemon>,
    request: &Arc<Request>,
    params: EmbedTextParams,
    connection: ConnectionId,
) -> Result<Answer, Failure> {
    let asked = EmbedRequest {
        client: connection.0,
        ..EmbedRequest::new([params.text])
    };
    let (model, _) = daemon.model(None).await?;
    let embedded = inference::embed(daemon, request, &model, asked).await?;
    let vector = safetensors_base64(&embedded.vectors);
    Ok(Answer::Single(raw_result(&EmbedTextResult { vector })))
}

/// `embed`: texts, in one result or in chunks. `may_stream` says whether the answer can come in several messages.
pub(crate) async fn texts(
    daemon: &Arc<Daemon>,
    request: &Arc<Request>,
    params: EmbedParams,
    connection: ConnectionId,
    may_stream: bool,
) -> Result<Answer, Failure> {
    let EmbedParams {
        input,
        input_type,
        normalize,
        dimensions,
        truncate,
        encoding,
        stream,
        overflow,
        model,
    } = params;
    let (model, by_name) = daemon.model(model.as_deref()).await?;
    let texts = input.into_texts();
    let input_type = match input_type {
        InputType::None => by_name.unwrap_or_default(),
        named => named,
    };
    let template = EmbedRequest {
        role: inference::role(input_type),
        normalize,
        dimensions,
        overflow: inference::overflow(overflow, truncate),
        client: connection.0,
        ..EmbedRequest::new([] as [String; 0])
    };
    if may_stream && stream.unwrap_or(texts.len() > STREAM_CHUNK) {
        if texts.len() > MAX_TEXTS {
            return Err(Failure::TooManyTexts {
                count: texts.len(),
                limit: MAX_TEXTS,
            });
        }
        // Empty texts are found before the first chunk is sent: half a result is no help to anyone.
        if let Some(index) = texts.iter().position(String::is_empty) {
            return Err(EmbedError::EmptyText { index }.into());
        }
        let guard = daemon.activity.begin();
        let name = &model.info().name;
        request.read(name, texts.len());
        let (job, progress) = daemon.activity.begin_job(request, name, texts.len()).unzip();
        let work = Work {
            daemon: daemon.clone(),
            request: Arc::clone(request),
            model,
            template: EmbedRequest { progress, ..template },
            encoding,
            _job: job,
        };
        let (chunks, receiver) = mpsc::channel(1);
        // It ends by itself: with the last chunk, or when nobody reads the chunks any more.
        tokio::spawn(work.stream(texts, chunks, guard));
        return Ok(Answer::Stream(receiver));
    }
    let asked = EmbedRequest {
        texts: texts.into_iter().map(Into::into).collect(),
        ..template
    };
    let embedded = inference::embed_or(on_failure(encoding), daemon, request, &model, asked).await?;
    Ok(Answer::Single(result(&model, embedded, encoding, 0)))
}

/// What becomes of a text without a vector: one tensor has no place for it.
fn on_failure(encoding: Encoding) -> OnFailure {
    match encoding {
        Encoding::Float | Encoding::Base64 => OnFailure::Each,
        Encoding::Safetensors => OnFailure::Whole,
    }
}

/// One `embed` call whose result is streamed: the model and everything but the texts.
struct Work {
    daemon: Arc<Daemon>,
    request: Arc<Request>,
    model: Lease,
    template: EmbedRequest,
    encoding: Encoding,
    _job: Option<JobGuard>,
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
                Err::<_, Failure>(failure) => {
                    count_answer(&self.daemon, &self.request, Err(&failure));
                    // The reader may have gone at the same moment.
                    let _ = chunks.send(Chunk::Last(Err(failure.rpc()))).await;
                    return;
                }
                Ok((next, done)) => {
                    let chunk = match done {
                        Some(Ok(result)) if !is_end => Some(Chunk::More(result)),
                        last => last.map(Chunk::Last),
                    };
                    if let Some(chunk) = chunk
                        && chunks.send(chunk).await.is_err()
                    {
                        return;
                    }
                    ahead = next;
                }
            }
            if is_end {
                count_answer(&self.daemon, &self.request, Ok(()));
                guard.served(offset);
                return;
            }
            offset += count;
        }
    }

    async fn submit(&self, texts: Vec<String>, offset: usize) -> Result<Pending, Failure> {
        let request = EmbedRequest {
            texts: texts.into_iter().map(Into::into).collect(),
            ..self.template.clone()
        };
        let submitted = inference::submit(&self.daemon, &self.model, request).await;
        submitted.map_err(|failure| failure.at(offset))
    }

    async fn result(&self, pending: Pending, offset: usize) -> Result<Written, Failure> {
        let waited = pending.wait().await;
        let whole = waited.and_then(|embedded| on_failure(self.encoding).apply(embedded));
        let embedded = whole.map_err(|error| Failure::from(error).at(offset))?;
        self.daemon.metrics.embedded(&embedded);
        self.request.embedded(&embedded);
        Ok(result(&self.model, embedded, self.encoding, offset))
    }
}

/// A result as JSON.
type Written = Result<Box<RawValue>, RpcError>;

fn result(engine: &Engine, embedded: Embedded, encoding: Encoding, offset: usize) -> Written {
    raw_result(&EmbedResult {
        model: engine.info().name.clone(),
        dimension: embedded.vectors.first().map_or(0, Vec::len),
        offset,
        vectors: Vectors::encode(embedded.vectors, encoding).without(&embedded.failed),
        tokens: embedded.tokens,
        truncated: embedded
            .truncated
            .into_iter()
            .map(|(index, tokens)| Truncated {
                index: offset + index,
                tokens,
            })
            .collect(),
        windowed: embedded
            .windowed
            .into_iter()
            .map(|(index, windows)| Windowed {
                index: offset + index,
                windows,
            })
            .collect(),
        failed: embedded
            .failed
            .into_iter()
            .map(|index| {
                let index = offset + index;
                let message = EmbedError::NotFinite { index }.to_string();
                FailedText { index, message }
            })
            .collect(),
        prompt: embedded.prompt,
        space: embedded.space.to_string(),
    })
}
