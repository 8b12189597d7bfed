//! Ollama's API, as far as embeddings go. Source: `docs/api.md` of github.com/ollama/ollama.

use std::time::SystemTime;

use axum::{
    Extension, Json,
    http::Uri,
    response::{IntoResponse, Response},
};
use okibi_engine::{EmbedRequest as EngineRequest, Engine};
use okibi_protocol::method::{Input, InputType, OverflowChoice, Truncated};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use utoipa::ToSchema;

use crate::{
    ask,
    failure::Failure,
    http::{Asked, Shared, model_name, overflow, respond, role, tensor, told},
    metrics::Dialect,
};

/// The version of Ollama's API that is spoken; clients look whether it is new enough for `/api/embed`. What follows the
/// dash says who answers.
const API_VERSION: &str = concat!("0.12.0-okibi-", env!("CARGO_PKG_VERSION"));

/// When a model that is never unloaded expires.
const NEVER: &str = "2318-01-01T00:00:00Z";

/// A request for embeddings. Fields that are not listed, `options` and `keep_alive` among them, are ignored: the model
/// stays loaded.
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
    /// Part of it that went into loading the model: none, it is loaded.
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
        let engine = daemon.engine()?;
        let model = request
            .model
            .ok_or_else(|| Failure::invalid("model", "model is required"))?;
        let by_name = model_name::check(&engine, Some(&model), &daemon.options.model_names)?;
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
            load_duration: 0,
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
        let (_, mut embedded) = ask::embed(&daemon, Dialect::Ollama, asked).await?;
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
        let engine = daemon.engine()?;
        let model = request
            .model
            .ok_or_else(|| Failure::invalid("model", "model is required"))?;
        let by_name = model_name::check(&engine, Some(&model), &daemon.options.model_names)?;
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
        let (_, mut embedded) = ask::embed(&daemon, Dialect::Ollama, asked).await?;
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
    let models = daemon
        .engine()
        .map(|engine| Json(json!({ "models": [Value::from(summary(&engine))] })));
    respond(&uri, models)
}

/// `GET /api/ps`: the models that are loaded.
#[utoipa::path(get, path = "/api/ps", tag = "Ollama",
    responses((status = 200, body = Object), crate::http::description::Refusals))]
pub(super) async fn ps(Extension(daemon): Shared, uri: Uri) -> Response {
    let models = daemon.engine().map(|engine| {
        let mut model = summary(&engine);
        model.insert("expires_at".into(), NEVER.into());
        model.insert("size_vram".into(), 0.into());
        model.insert("context_length".into(), engine.info().max_tokens.into());
        Json(json!({ "models": [Value::from(model)] }))
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
        let engine = daemon.engine()?;
        let name = request.model.or(request.name);
        let name = name.ok_or_else(|| Failure::invalid("model", "model is required"))?;
        model_name::check(&engine, Some(&name), &daemon.options.model_names)?;
        let info = engine.info();
        Ok(Json(json!({
            "modelfile": format!("# Okibi\nFROM {}\n", info.name),
            "parameters": "",
            "template": "{{ .Prompt }}",
            "details": details(),
            "model_info": {
                "general.architecture": "bert",
                "bert.embedding_length": info.dimension,
                "bert.context_length": info.max_tokens,
                "okibi.space": info.space.as_str(),
                "okibi.prompt.query": info.prompts.query,
                "okibi.prompt.document": info.prompts.document,
            },
            "capabilities": ["embedding"],
            "modified_at": modified(&engine),
        })))
    };
    asked.answer(work).await
}

/// `GET /api/version`.
#[utoipa::path(get, path = "/api/version", tag = "Ollama", responses((status = 200, body = Object)))]
pub(super) async fn version() -> Response {
    Json(json!({ "version": API_VERSION })).into_response()
}

/// A model as lists have it.
fn summary(engine: &Engine) -> Map<String, Value> {
    let info = engine.info();
    let summary = json!({
        "name": info.name,
        "model": info.name,
        "modified_at": modified(engine),
        "size": info.weight_bytes,
        "digest": info.digest,
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
fn modified(engine: &Engine) -> String {
    let modified = engine.info().modified.unwrap_or(SystemTime::UNIX_EPOCH);
    OffsetDateTime::from(modified)
        .format(&Rfc3339)
        .unwrap_or_default()
}
