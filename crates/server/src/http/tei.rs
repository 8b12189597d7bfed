//! The API of text-embeddings-inference. Source: `docs/openapi.json` of github.com/huggingface/text-embeddings-inference.

use std::time::Duration;

use axum::{
    Extension, Json,
    http::{HeaderName, HeaderValue, Uri},
    response::{IntoResponse, Response},
};
use okibi_engine::{EmbedRequest as EngineRequest, Embedded, ModelInfo, Output, Text, pooling::Pooling};
use okibi_listener::{Bound, Caller};
use okibi_protocol::method::{InputType, OverflowChoice};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    ask,
    daemon::Daemon,
    failure::Failure,
    http::{Answer, Asked, Shared, overflow, respond, role, tensor, told},
    metrics::Dialect,
};

/// A request for embeddings. Fields that are not listed are ignored.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct EmbedRequest {
    /// One text, the token ids of one, or a list of texts or of token ids.
    inputs: Inputs,
    /// Whether vectors are brought to unit length.
    #[serde(default = "yes")]
    #[schema(default = true)]
    normalize: bool,
    /// Whether texts over the model's limit are cut; by default they are refused.
    truncate: Option<bool>,
    /// The prompt to put before each text: `query` or `document`.
    prompt_name: Option<String>,
    /// Keeps the first so many values of each vector.
    #[schema(minimum = 1)]
    dimensions: Option<usize>,
    /// Okibi: which prompt is put before each text.
    #[schema(value_type = Option<String>)]
    input_type: Option<InputType>,
    /// Okibi: `truncate`, `refuse` or `mean` for texts over the model's limit.
    #[schema(value_type = Option<String>)]
    overflow: Option<OverflowChoice>,
}

fn yes() -> bool {
    true
}

/// One input or several.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(
    untagged,
    expecting = "inputs must be a text, a list of texts, or token ids of the model's tokenizer"
)]
pub(super) enum Inputs {
    /// One text.
    Text(String),
    /// The ids of one text.
    Ids(Vec<u32>),
    /// Several, texts and ids in any order.
    Many(Vec<OneInput>),
}

/// A text, or the ids of one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum OneInput {
    /// A text.
    Text(String),
    /// Token ids.
    Ids(Vec<u32>),
}

impl Inputs {
    fn into_texts(self) -> Vec<Text> {
        match self {
            Self::Text(text) => vec![text.into()],
            Self::Ids(ids) if ids.is_empty() => Vec::new(),
            Self::Ids(ids) => vec![Text::Ids(ids)],
            Self::Many(many) => many
                .into_iter()
                .map(|one| match one {
                    OneInput::Text(text) => text.into(),
                    OneInput::Ids(ids) => Text::Ids(ids),
                })
                .collect(),
        }
    }
}

/// A request for tokens.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct TokenizeRequest {
    /// One text or a list.
    #[schema(value_type = super::ollama::OneOrMany)]
    inputs: okibi_protocol::method::Input,
    /// Whether the special tokens around a text are given too.
    #[serde(default = "yes")]
    #[schema(default = true)]
    add_special_tokens: bool,
    /// The prompt to put before each text.
    prompt_name: Option<String>,
}

/// A token.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenObject {
    /// Its id.
    id: u32,
    /// Its piece of the vocabulary.
    text: String,
    /// Whether it is a special one.
    special: bool,
    /// Where it begins, in characters.
    start: Option<usize>,
    /// Where it ends.
    stop: Option<usize>,
}

/// A request for the text that ids stand for.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct DecodeRequest {
    /// The ids of one text, or of several.
    ids: DecodeIds,
    /// Whether special tokens are left out.
    #[serde(default = "yes")]
    #[schema(default = true)]
    skip_special_tokens: bool,
}

/// The ids of one text, or of several.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(
    untagged,
    expecting = "ids must be a list of token ids or a list of such lists"
)]
pub(super) enum DecodeIds {
    /// One.
    One(Vec<u32>),
    /// Several.
    Many(Vec<Vec<u32>>),
}

/// A request for similarities.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct SimilarityRequest {
    /// What is compared.
    inputs: SimilarityInput,
    /// How.
    #[serde(default)]
    parameters: SimilarityParameters,
}

/// What is compared.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct SimilarityInput {
    /// The one.
    source_sentence: String,
    /// The others.
    sentences: Vec<String>,
}

/// How sentences are compared.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(super) struct SimilarityParameters {
    /// Whether texts over the model's limit are cut.
    truncate: Option<bool>,
    /// The prompt to put before each.
    prompt_name: Option<String>,
}

/// What an answer of the engine adds up to, in headers.
struct Cost<'a> {
    characters: usize,
    embedded: &'a Embedded,
    total: Duration,
}

impl Cost<'_> {
    /// Adds the headers; times are whole milliseconds, as the original's.
    fn tell(&self, response: Response) -> Response {
        let mut response = told::tell(response, self.embedded);
        let timing = &self.embedded.timing;
        let millis = |time: Duration| time.as_millis().to_string();
        let headers = response.headers_mut();
        let tokens: usize = self.embedded.tokens.iter().sum();
        let values = [
            ("x-compute-type", "cpu".to_owned()),
            ("x-compute-time", millis(self.total)),
            ("x-compute-characters", self.characters.to_string()),
            ("x-compute-tokens", tokens.to_string()),
            ("x-total-time", millis(self.total)),
            ("x-tokenization-time", millis(timing.tokenizing)),
            ("x-queue-time", millis(timing.queued)),
            ("x-inference-time", millis(timing.computing)),
        ];
        for (name, value) in values {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

fn characters(texts: &[Text]) -> usize {
    let each = texts.iter().map(|text| match text {
        Text::Plain(text) => text.chars().count(),
        Text::Ids(_) => 0,
    });
    each.sum()
}

/// `POST /embed`, and `POST /` as clients of the hub's inference API have it.
#[utoipa::path(
    post, path = "/embed", tag = "text-embeddings-inference", request_body = EmbedRequest,
    responses((status = 200, body = Vec<Vec<f32>>), crate::http::description::Refusals)
)]
pub(super) async fn embed(asked: Asked<EmbedRequest>) -> Response {
    let work = async |Asked {
                          began,
                          daemon,
                          caller,
                          headers,
                          request,
                          ..
                      }: Asked<EmbedRequest>| {
        let (engine, _) = daemon.model(None).await?;
        let texts = request.inputs.into_texts();
        let characters = characters(&texts);
        let asked = EngineRequest {
            role: role(&engine, request.input_type, request.prompt_name.as_deref(), None)?,
            normalize: request.normalize,
            dimensions: request.dimensions,
            overflow: overflow(request.overflow, request.truncate, false),
            client: caller.connection.0,
            ..EngineRequest::new(texts)
        };
        let mut embedded = ask::embed(&daemon, Dialect::Tei, &engine, asked).await?;
        let vectors = std::mem::take(&mut embedded.vectors);
        let response = tensor::response(tensor::Form::wanted(&headers), &vectors);
        let response = response.unwrap_or_else(|| Json(vectors).into_response());
        let cost = Cost {
            characters,
            embedded: &embedded,
            total: began.elapsed(),
        };
        Ok(cost.tell(response))
    };
    asked.answer(work).await
}

/// `POST /embed_all`: a vector for each token.
#[utoipa::path(
    post, path = "/embed_all", tag = "text-embeddings-inference", request_body = EmbedRequest,
    responses((status = 200, body = Vec<Vec<Vec<f32>>>), crate::http::description::Refusals)
)]
pub(super) async fn embed_all(asked: Asked<EmbedRequest>) -> Response {
    let work = async |Asked {
                          began,
                          daemon,
                          caller,
                          request,
                          ..
                      }: Asked<EmbedRequest>| {
        let (engine, _) = daemon.model(None).await?;
        let texts = request.inputs.into_texts();
        let characters = characters(&texts);
        if request.overflow == Some(OverflowChoice::Mean) {
            let message = "vectors of single tokens have no mean: `overflow` is `truncate` or `refuse` here";
            return Err(Failure::invalid("overflow", message));
        }
        let asked = EngineRequest {
            role: role(&engine, request.input_type, request.prompt_name.as_deref(), None)?,
            overflow: overflow(request.overflow, request.truncate, false),
            output: Output::Tokens,
            client: caller.connection.0,
            ..EngineRequest::new(texts)
        };
        let mut embedded = ask::embed(&daemon, Dialect::Tei, &engine, asked).await?;
        let dimension = engine.info().dimension;
        let of_token = |vectors: Vec<f32>| vectors.chunks(dimension).map(<[f32]>::to_vec).collect();
        let vectors: Vec<Vec<Vec<f32>>> = embedded.vectors.drain(..).map(of_token).collect();
        let cost = Cost {
            characters,
            embedded: &embedded,
            total: began.elapsed(),
        };
        Ok(cost.tell(Json(vectors).into_response()))
    };
    asked.answer(work).await
}

/// `POST /tokenize`.
#[utoipa::path(
    post, path = "/tokenize", tag = "text-embeddings-inference", request_body = TokenizeRequest,
    responses((status = 200, body = Vec<Vec<TokenObject>>), crate::http::description::Refusals)
)]
pub(super) async fn tokenize(asked: Asked<TokenizeRequest>) -> Response {
    let work = async |Asked { daemon, request, .. }: Asked<TokenizeRequest>| {
        let (engine, _) = daemon.model(None).await?;
        let role = role(&engine, None, request.prompt_name.as_deref(), None)?;
        let texts = request.inputs.into_texts();
        check_count(&daemon, texts.len())?;
        let work = move || {
            let prompt = engine.prompt(role).unwrap_or_default();
            let each = texts.iter().enumerate().map(|(at, text)| {
                let tokens = engine
                    .tokenize(&format!("{prompt}{text}"), request.add_special_tokens)
                    .map_err(|error| Failure::from(error).at(at))?;
                let objects = tokens.into_iter().map(|token| TokenObject {
                    id: token.id,
                    text: token.piece,
                    special: token.is_special,
                    start: token.span.map(|(start, _)| start),
                    stop: token.span.map(|(_, stop)| stop),
                });
                Ok(objects.collect())
            });
            each.collect::<Answer<Vec<Vec<TokenObject>>>>()
        };
        Ok(Json(aside(work).await?))
    };
    asked.answer(work).await
}

/// `POST /decode`.
#[utoipa::path(
    post, path = "/decode", tag = "text-embeddings-inference", request_body = DecodeRequest,
    responses((status = 200, body = Vec<String>), crate::http::description::Refusals)
)]
pub(super) async fn decode(asked: Asked<DecodeRequest>) -> Response {
    let work = async |Asked { daemon, request, .. }: Asked<DecodeRequest>| {
        let (engine, _) = daemon.model(None).await?;
        let all = match request.ids {
            DecodeIds::One(ids) => vec![ids],
            DecodeIds::Many(all) => all,
        };
        check_count(&daemon, all.len())?;
        let work = move || {
            let each = all.iter().enumerate().map(|(at, ids)| {
                let text = engine.decode(ids, request.skip_special_tokens);
                text.map_err(|error| Failure::from(error).at(at))
            });
            each.collect::<Answer<Vec<String>>>()
        };
        Ok(Json(aside(work).await?))
    };
    asked.answer(work).await
}

/// `POST /similarity`: cosines of one sentence with others.
#[utoipa::path(
    post, path = "/similarity", tag = "text-embeddings-inference", request_body = SimilarityRequest,
    responses((status = 200, body = Vec<f32>), crate::http::description::Refusals)
)]
pub(super) async fn similarity(asked: Asked<SimilarityRequest>) -> Response {
    let work = async |Asked {
                          began,
                          daemon,
                          caller,
                          request,
                          ..
                      }: Asked<SimilarityRequest>| {
        let (engine, _) = daemon.model(None).await?;
        let SimilarityInput {
            source_sentence,
            sentences,
        } = request.inputs;
        if sentences.is_empty() {
            return Err(okibi_engine::EmbedError::NoInput.into());
        }
        let texts: Vec<Text> = std::iter::once(source_sentence)
            .chain(sentences)
            .map(Text::from)
            .collect();
        let characters = characters(&texts);
        let asked = EngineRequest {
            role: role(&engine, None, request.parameters.prompt_name.as_deref(), None)?,
            overflow: overflow(None, request.parameters.truncate, false),
            client: caller.connection.0,
            ..EngineRequest::new(texts)
        };
        let mut embedded = ask::embed(&daemon, Dialect::Tei, &engine, asked).await?;
        let vectors = std::mem::take(&mut embedded.vectors);
        let cosines: Vec<f32> = match vectors.split_first() {
            // Both are of unit length.
            Some((source, others)) => others
                .iter()
                .map(|other| source.iter().zip(other).map(|(one, other)| one * other).sum())
                .collect(),
            None => Vec::new(),
        };
        let cost = Cost {
            characters,
            embedded: &embedded,
            total: began.elapsed(),
        };
        Ok(cost.tell(Json(cosines).into_response()))
    };
    asked.answer(work).await
}

/// `GET /info`.
#[utoipa::path(get, path = "/info", tag = "text-embeddings-inference",
    responses((status = 200, body = Object), crate::http::description::Refusals))]
pub(super) async fn info(
    Extension(daemon): Shared,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Response {
    let info = daemon.current().map(|info| {
        let limits = &daemon.options;
        Json(describe(&info, limits.max_inputs, limits.batch_tokens(), &caller))
    });
    respond(&uri, info)
}

fn describe(info: &ModelInfo, max_inputs: usize, batch_tokens: usize, caller: &Caller) -> Value {
    let pooling = match info.pooling {
        Pooling::Mean => "mean",
        Pooling::Cls => "cls",
        Pooling::LastToken => "last_token",
    };
    json!({
        "model_id": info.name,
        "model_sha": info.digest,
        "model_dtype": "float32",
        "model_type": { "embedding": { "pooling": pooling } },
        "max_concurrent_requests": caller.limits.max_connections,
        "max_input_length": info.max_tokens,
        "max_batch_tokens": batch_tokens,
        "max_batch_requests": null,
        "max_client_batch_size": max_inputs,
        "auto_truncate": false,
        "tokenization_workers": info.threads,
        "version": env!("CARGO_PKG_VERSION"),
        "sha": null,
        "docker_label": null,
        "server": "okibi",
        "dimension": info.dimension,
        "space": info.space.as_str(),
        "prompts": {
            "query": info.prompts.query,
            "document": info.prompts.document,
        },
    })
}

fn check_count(daemon: &Daemon, count: usize) -> Answer<()> {
    let limit = daemon.options.max_inputs;
    if count > limit {
        daemon.metrics.refused(Bound::Inputs);
        return Err(Failure::TooManyTexts { count, limit });
    }
    Ok(())
}

/// Runs what may take long on a thread that may block.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Answer<T> + Send + 'static) -> Answer<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Failure::Embed(okibi_engine::EmbedError::Compute {
            reason: "the tokenizer panicked".into(),
        })),
    }
}
