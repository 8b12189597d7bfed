//! Ollama's API, as far as embeddings go. Source: `docs/api.md` of github.com/ollama/ollama.

use std::time::{Duration, SystemTime};

use axum::{
    Extension, Json,
    body::Body,
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use okibi_engine::EmbedRequest as EngineRequest;
use okibi_protocol::{
    method::{Input, InputType, OverflowChoice, Truncated},
    models::{ModelStep, PullModelParams, Variant},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use utoipa::ToSchema;

use crate::{
    ask,
    failure::Failure,
    http::{Asked, Shared, overflow, respond, role, tensor, told},
    metrics::Dialect,
    models::{Askable, KeepAlive, Step},
};

/// The version of Ollama's API that is spoken; clients look whether it is new enough for `/api/embed`. What follows the
/// dash says who answers.
const API_VERSION: &str = concat!("0.12.0-okibi-", env!("CARGO_PKG_VERSION"));

/// When a model that is never unloaded expires.
const NEVER: &str = "2318-01-01T00:00:00Z";

/// A request for embeddings. Fields that are not listed, `options` among them, are ignored.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct EmbedRequest {
    /// The loaded model's name, perhaps with `:query` or `:document` behind it.
    model: Option<String>,
    /// One text or a list.
    #[schema(value_type = Option<OneOrMany>)]
    input: Option<Input>,
    /// Whether texts over the model's limit are cut (the default) or refused.
    truncate: Option<bool>,
    /// Keeps the first so many values of each vector.
    #[schema(minimum = 1)]
    dimensions: Option<usize>,
    /// How long a model that was loaded for requests stays in memory: `5m`, seconds, `0` for not at all, `-1` for ever.
    #[schema(value_type = Option<String>)]
    keep_alive: Option<StayInMemory>,
    /// Okibi: which prompt is put before each text.
    #[schema(value_type = Option<String>)]
    input_type: Option<InputType>,
    /// Okibi: the same, by the prompt's name.
    prompt_name: Option<String>,
    /// Okibi: `truncate`, `refuse` or `mean` for texts over the model's limit.
    #[schema(value_type = Option<String>)]
    overflow: Option<OverflowChoice>,
}

/// A text or several, for the description.
#[derive(ToSchema)]
#[schema(as = OneOrMany)]
#[expect(dead_code, reason = "it only describes")]
#[serde(untagged)]
pub(super) enum OneOrMany {
    /// One text.
    One(String),
    /// Several.
    Many(Vec<String>),
}

/// The answer to `/api/embed`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EmbedResponse {
    /// The loaded model's name.
    model: String,
    /// One vector for each text, in order.
    embeddings: Vec<Vec<f32>>,
    /// From the request's arrival to its answer, in nanoseconds.
    total_duration: u64,
    /// Part of it that went into loading the model; next to nothing where it was loaded.
    load_duration: u64,
    /// Tokens embedded.
    prompt_eval_count: usize,
    /// Okibi: the space that the vectors are in.
    space: String,
    /// Okibi: the texts that were cut.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    truncated: Vec<Truncated>,
}

/// A request for one embedding, as Ollama had it first.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct OldEmbedRequest {
    /// The loaded model's name, perhaps with `:query` or `:document` behind it.
    model: Option<String>,
    /// The text.
    prompt: Option<String>,
}

/// The answer to `/api/embeddings`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OldEmbedResponse {
    /// The vector; empty for an empty text.
    embedding: Vec<f32>,
}

/// A request about a model.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ShowRequest {
    /// Its name.
    model: Option<String>,
    /// The same, as older clients send it.
    name: Option<String>,
}

impl ShowRequest {
    fn name(self) -> Result<String, Failure> {
        let name = self.model.or(self.name);
        name.ok_or_else(|| Failure::invalid("model", "model is required"))
    }
}

/// A request to fetch a model.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct PullRequest {
    /// Its name, or `NAME@REVISION`.
    model: Option<String>,
    /// The same, as older clients send it.
    name: Option<String>,
    /// Whether the answer comes line by line (the default) or at the end.
    stream: Option<bool>,
}

/// How long a model stays: Ollama's `keep_alive`.
#[derive(Debug)]
pub(super) struct StayInMemory(KeepAlive);

impl<'de> Deserialize<'de> for StayInMemory {
    /// Reads a number of seconds, or a text like `5m`, `1h30m`, `-1`; what is below 0 means for ever.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "keep_alive must be a number of seconds or a time such as 5m"
        )]
        enum Written {
            Seconds(f64),
            Text(String),
        }
        let seconds = match Written::deserialize(deserializer)? {
            Written::Seconds(seconds) => Some(seconds),
            Written::Text(text) => seconds_of(&text),
        };
        let wrong =
            || serde::de::Error::custom("keep_alive must be a number of seconds or a time such as 5m");
        let seconds = seconds.filter(|seconds| seconds.is_finite()).ok_or_else(wrong)?;
        let keep = Duration::try_from_secs_f64(seconds).ok();
        let keep = keep.filter(|keep| *keep < LONGEST);
        Ok(Self(keep.map_or(KeepAlive::Always, KeepAlive::For)))
    }
}

/// Longer than this is for ever.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// Seconds of a time in Go's form: numbers with `h`, `m`, `s` or `ms` behind each, or one without.
fn seconds_of(text: &str) -> Option<f64> {
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text),
    };
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|letter: char| letter.is_ascii_alphabetic())?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let units = [("ms", 0.001), ("h", 3600.0), ("m", 60.0), ("s", 1.0)];
        let (unit, factor) = units.into_iter().find(|(unit, _)| rest.starts_with(unit))?;
        rest = &rest[unit.len()..];
        seconds += number * factor;
    }
    (!text.is_empty()).then_some(sign * seconds)
}

/// `POST /api/embed`.
#[utoipa::path(
    post, path = "/api/embed", tag = "Ollama", request_body = EmbedRequest,
    responses((status = 200, body = EmbedResponse), crate::http::description::Refusals)
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
        let model = request
            .model
            .ok_or_else(|| Failure::invalid("model", "model is required"))?;
        let (engine, by_name) = daemon.model(Some(&model)).await?;
        let load_duration = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        if let Some(StayInMemory(keep_alive)) = request.keep_alive {
            daemon.models.keep(&engine, keep_alive);
        }
        let texts = match request.input {
            None => Vec::new(),
            // The original's answer to an empty text is an empty list.
            Some(Input::One(text)) if text.is_empty() => Vec::new(),
            Some(input) => input.into_texts(),
        };
        let answer = |embeddings, tokens, space, truncated| EmbedResponse {
            model,
            embeddings,
            total_duration: u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX),
            load_duration,
            prompt_eval_count: tokens,
            space,
            truncated,
        };
        if texts.is_empty() {
            let space = engine.info().space.to_string();
            return Ok(Json(answer(Vec::new(), 0, space, Vec::new())).into_response());
        }
        let asked = EngineRequest {
            role: role(
                &engine,
                request.input_type,
                request.prompt_name.as_deref(),
                by_name,
            )?,
            dimensions: request.dimensions,
            overflow: overflow(request.overflow, request.truncate, true),
            client: caller.connection.0,
            ..EngineRequest::new(texts)
        };
        let mut embedded = ask::embed(&daemon, Dialect::Ollama, &engine, asked).await?;
        let vectors = std::mem::take(&mut embedded.vectors);
        let response = match tensor::response(tensor::Form::wanted(&headers), &vectors) {
            Some(response) => response,
            None => Json(answer(
                vectors,
                embedded.tokens.iter().sum(),
                embedded.space.to_string(),
                told::truncated(&embedded),
            ))
            .into_response(),
        };
        Ok(told::tell(response, &embedded))
    };
    asked.answer(work).await
}

/// `POST /api/embeddings`.
#[utoipa::path(
    post, path = "/api/embeddings", tag = "Ollama", request_body = OldEmbedRequest,
    responses((status = 200, body = OldEmbedResponse), crate::http::description::Refusals)
)]
pub(super) async fn embeddings(asked: Asked<OldEmbedRequest>) -> Response {
    let work = async |Asked {
                          daemon,
                          caller,
                          request,
                          ..
                      }: Asked<OldEmbedRequest>| {
        let model = request
            .model
            .ok_or_else(|| Failure::invalid("model", "model is required"))?;
        let (engine, by_name) = daemon.model(Some(&model)).await?;
        let text = request.prompt.unwrap_or_default();
        if text.is_empty() {
            let embedding = Vec::new();
            return Ok(Json(OldEmbedResponse { embedding }).into_response());
        }
        let asked = EngineRequest {
            role: by_name.unwrap_or_default(),
            client: caller.connection.0,
            ..EngineRequest::new([text])
        };
        let mut embedded = ask::embed(&daemon, Dialect::Ollama, &engine, asked).await?;
        let embedding = embedded.vectors.pop().unwrap_or_default();
        Ok(told::tell(
            Json(OldEmbedResponse { embedding }).into_response(),
            &embedded,
        ))
    };
    asked.answer(work).await
}

/// `GET /api/tags`: the models that can be asked.
#[utoipa::path(get, path = "/api/tags", tag = "Ollama",
    responses((status = 200, body = Object), crate::http::description::Refusals))]
pub(super) async fn tags(Extension(daemon): Shared, uri: Uri) -> Response {
    let models = async {
        daemon.current()?;
        let askable = daemon.models.askable().await;
        let models: Vec<Value> = askable.iter().map(|model| summary(model).into()).collect();
        Ok(Json(json!({ "models": models })))
    };
    respond(&uri, models.await)
}

/// `GET /api/ps`: the models that are loaded.
#[utoipa::path(get, path = "/api/ps", tag = "Ollama",
    responses((status = 200, body = Object), crate::http::description::Refusals))]
pub(super) async fn ps(Extension(daemon): Shared, uri: Uri) -> Response {
    let models = daemon.current().map(|_| {
        let held = daemon.models.in_memory().into_iter().map(|(info, expires)| {
            let context = info.max_tokens;
            let mut model = summary(&Askable::from(info));
            model.insert(
                "expires_at".into(),
                expires.map_or_else(|| NEVER.into(), |at| rfc3339(at).into()),
            );
            model.insert("size_vram".into(), 0.into());
            model.insert("context_length".into(), context.into());
            Value::from(model)
        });
        Json(json!({ "models": held.collect::<Vec<_>>() }))
    });
    respond(&uri, models)
}

/// `POST /api/show`: what is to be known about a model.
#[utoipa::path(
    post, path = "/api/show", tag = "Ollama", request_body = ShowRequest,
    responses((status = 200, body = Object), crate::http::description::Refusals)
)]
pub(super) async fn show(asked: Asked<ShowRequest>) -> Response {
    let work = async |Asked { daemon, request, .. }: Asked<ShowRequest>| {
        daemon.current()?;
        let model = daemon.models.find_askable(&request.name()?).await?;
        let info = model.info.as_deref();
        let prompts = info.map(|info| &info.prompts);
        Ok(Json(json!({
            "modelfile": format!("# Okibi\nFROM {}\n", model.name),
            "parameters": "",
            "template": "{{ .Prompt }}",
            "details": details(),
            "model_info": {
                "general.architecture": "bert",
                "bert.embedding_length": model.dimension,
                "bert.context_length": model.max_tokens,
                "okibi.space": info.map(|info| info.space.as_str()),
                "okibi.prompt.query": prompts.map(|prompts| &prompts.query),
                "okibi.prompt.document": prompts.map(|prompts| &prompts.document),
            },
            "capabilities": ["embedding"],
            "modified_at": modified(&model),
        })))
    };
    asked.answer(work).await
}

/// `POST /api/pull`: fetches a model; a line of JSON for each step.
#[utoipa::path(
    post, path = "/api/pull", tag = "Ollama", request_body = PullRequest,
    responses((status = 200, body = Object), crate::http::description::Refusals)
)]
pub(super) async fn pull(asked: Asked<PullRequest>) -> Response {
    let work = async |Asked {
                          daemon,
                          caller,
                          request,
                          ..
                      }: Asked<PullRequest>| {
        daemon.check_manage(caller.right)?;
        let is_streamed = request.stream.unwrap_or(true);
        let (model, name) = (request.model, request.name);
        let model = ShowRequest { model, name }.name()?;
        let mut steps = daemon.models.pull(PullModelParams {
            model: model.strip_suffix(":latest").unwrap_or(&model).to_owned(),
            variant: Variant::Auto,
        })?;
        if !is_streamed {
            while let Some(step) = steps.recv().await {
                step?;
            }
            return Ok(Json(json!({ "status": "success" })).into_response());
        }
        let lines = futures_util::stream::unfold(steps, async |mut steps| {
            let line = format!("{}\n", model_line(steps.recv().await?));
            Some((Ok::<_, std::convert::Infallible>(line), steps))
        });
        let lines = Body::from_stream(lines);
        Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], lines).into_response())
    };
    asked.answer(work).await
}

/// A step as Ollama's clients read it.
fn model_line(step: Step) -> Value {
    match step {
        Ok(ModelStep::Stage { event }) => match event.measure {
            Some(measure) => json!({
                "status": "pulling",
                "digest": "model",
                "total": measure.total,
                "completed": measure.done,
            }),
            None => json!({ "status": "pulling manifest" }),
        },
        Ok(ModelStep::Loaded { .. } | ModelStep::Pulled { .. }) => json!({ "status": "success" }),
        Err(failure) => json!({ "error": failure.message() }),
    }
}

/// `DELETE /api/delete`: deletes a model's files.
#[utoipa::path(
    delete, path = "/api/delete", tag = "Ollama", request_body = ShowRequest,
    responses((status = 200), crate::http::description::Refusals)
)]
pub(super) async fn delete(asked: Asked<ShowRequest>) -> Response {
    let work = async |Asked {
                          daemon,
                          caller,
                          request,
                          ..
                      }: Asked<ShowRequest>| {
        daemon.check_manage(caller.right)?;
        let name = request.name()?;
        let name = name.strip_suffix(":latest").unwrap_or(&name).to_owned();
        daemon.models.remove(name).await?;
        Ok(StatusCode::OK)
    };
    asked.answer(work).await
}

/// `GET /api/version`.
#[utoipa::path(get, path = "/api/version", tag = "Ollama", responses((status = 200, body = Object)))]
pub(super) async fn version() -> Response {
    Json(json!({ "version": API_VERSION })).into_response()
}

/// A model as lists have it.
fn summary(model: &Askable) -> Map<String, Value> {
    let summary = json!({
        "name": model.name,
        "model": model.name,
        "modified_at": modified(model),
        "size": model.bytes,
        "digest": model.info.as_ref().map_or("", |info| &info.digest),
        "details": details(),
    });
    match summary {
        Value::Object(summary) => summary,
        _ => Map::new(),
    }
}

fn details() -> Value {
    json!({
        "parent_model": "",
        "format": "onnx",
        "family": "bert",
        "families": ["bert"],
        "parameter_size": "",
        "quantization_level": "",
    })
}

/// When the model's file was last changed (RFC 3339).
fn modified(model: &Askable) -> String {
    rfc3339(model.modified().unwrap_or(SystemTime::UNIX_EPOCH))
}

fn rfc3339(time: SystemTime) -> String {
    OffsetDateTime::from(time).format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keep_alive_is_read_as_ollama_reads_it() {
        let read = |json: &str| serde_json::from_str::<StayInMemory>(json).map(|read| read.0).ok();
        let seconds = |seconds| Some(KeepAlive::For(Duration::from_secs(seconds)));
        assert_eq!(read("300"), seconds(300));
        assert_eq!(read("\"5m\""), seconds(300));
        assert_eq!(read("\"1h30m\""), seconds(5400));
        assert_eq!(read("0"), seconds(0));
        assert_eq!(read("-1"), Some(KeepAlive::Always));
        assert_eq!(read("\"-1m\""), Some(KeepAlive::Always));
        for wrong in ["\"\"", "\"soon\"", "\"5x\"", "[]"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
