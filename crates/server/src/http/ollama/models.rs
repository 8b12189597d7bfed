//! Ollama's models: lists them, shows one, fetches and deletes.

use std::{convert::Infallible, time::SystemTime};

use axum::{
    Extension, Json,
    body::Body,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use okibi_protocol::{
    model_ref::ModelRef,
    models::{ModelStep, PullModelParams, Variant},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use utoipa::ToSchema;

use super::name;
use crate::{
    failure::Failure,
    http::{
        error::{OllamaError, Refusals},
        request::{OllamaRequest as Request, Shared},
    },
    models::{AvailableModel, Step},
};

/// The version of Ollama's API that is spoken. Clients look whether it is new enough for `/api/embed`; what follows the
/// dash says which server answers.
const API_VERSION: &str = concat!("0.12.0-okibi-", env!("CARGO_PKG_VERSION"));

/// When a model that is never unloaded expires.
const NEVER: &str = "2318-01-01T00:00:00Z";

/// A request about a model.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http) struct ShowRequest {
    /// Its name.
    model: Option<String>,
    /// The same, as older clients send it.
    name: Option<String>,
}

impl ShowRequest {
    fn name(self) -> Result<String, Failure> {
        name::required(self.model.or(self.name))
    }
}

/// A request to fetch a model.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http) struct PullRequest {
    /// Its name, or `NAME@REVISION`.
    model: Option<String>,
    /// The same, as older clients send it.
    name: Option<String>,
    /// Whether the answer comes line by line (the default) or at the end.
    stream: Option<bool>,
}

/// `GET /api/tags`: the models that can be asked.
#[utoipa::path(get, path = "/api/tags", tag = "Ollama", responses((status = 200, body = Object), Refusals))]
pub(in crate::http) async fn tags(Extension(daemon): Shared) -> Result<Json<Value>, OllamaError> {
    daemon.current()?;
    let available = daemon.models.available().await;
    let named = |model, tag| Value::from(summary(model, tag));
    let each = available.iter();
    let models: Vec<Value> = each
        .flat_map(|model| name::TAGS.map(|tag| named(model, tag)))
        .collect();
    Ok(Json(json!({ "models": models })))
}

/// `GET /api/ps`: the models that are loaded.
#[utoipa::path(get, path = "/api/ps", tag = "Ollama", responses((status = 200, body = Object), Refusals))]
pub(in crate::http) async fn ps(Extension(daemon): Shared) -> Result<Json<Value>, OllamaError> {
    daemon.current()?;
    let loaded = daemon.models.in_memory().into_iter().map(|(info, expires)| {
        let context = info.max_tokens;
        let expires = expires.map_or_else(|| NEVER.to_owned(), rfc3339);
        let mut model = summary(&AvailableModel::from(info), "");
        model.insert("expires_at".into(), expires.into());
        model.insert("size_vram".into(), 0.into());
        model.insert("context_length".into(), context.into());
        Value::from(model)
    });
    Ok(Json(json!({ "models": loaded.collect::<Vec<_>>() })))
}

/// `POST /api/show`: information about a model.
#[utoipa::path(
    post, path = "/api/show", tag = "Ollama", request_body = ShowRequest,
    responses((status = 200, body = Object), Refusals)
)]
pub(in crate::http) async fn show(request: Request<ShowRequest>) -> Result<Json<Value>, OllamaError> {
    let daemon = request.daemon;
    daemon.current()?;
    let asked = request.body.name()?;
    let found = daemon.models.find_available(&asked).await;
    let model = found.map_err(|failure| name::not_found(failure, &asked))?;
    Ok(Json(json!({
        "modelfile": format!("# Okibi\nFROM {}\n", model.name),
        "parameters": "",
        "template": "{{ .Prompt }}",
        "details": details(&model),
        "model_info": model_info(&model),
        "capabilities": ["embedding"],
        "modified_at": modified(&model),
    })))
}

/// `POST /api/pull`: fetches a model; a line of JSON for each step.
#[utoipa::path(
    post, path = "/api/pull", tag = "Ollama", request_body = PullRequest,
    responses((status = 200, body = Object), Refusals)
)]
pub(in crate::http) async fn pull(request: Request<PullRequest>) -> Result<Response, OllamaError> {
    let Request { daemon, body, .. } = request;
    daemon.check_ready()?;
    let (model, name) = (body.model, body.name);
    let model = ShowRequest { model, name }.name()?;
    let params = PullModelParams {
        model: model.clone(),
        variant: Variant::Auto,
    };
    let steps = daemon.models.pull(params).await;
    let mut steps = steps.map_err(|failure| name::not_found(failure, &model))?;
    if !body.stream.unwrap_or(true) {
        while let Some(step) = steps.recv().await {
            step?;
        }
        return Ok(Json(json!({ "status": "success" })).into_response());
    }
    let lines = futures_util::stream::unfold(steps, async |mut steps| {
        let line = format!("{}\n", model_line(steps.recv().await?));
        Some((Ok::<_, Infallible>(line), steps))
    });
    let lines = Body::from_stream(lines);
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], lines).into_response())
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
    responses((status = 200), Refusals)
)]
pub(in crate::http) async fn delete(request: Request<ShowRequest>) -> Result<StatusCode, OllamaError> {
    request.daemon.check_ready()?;
    let asked = request.body.name()?;
    // A tag or a role behind it means the model.
    let model = ModelRef::parse(&asked).to_string();
    let removed = request.daemon.models.remove(model).await;
    removed.map_err(|failure| name::not_found(failure, &asked))?;
    Ok(StatusCode::OK)
}

/// `GET /api/version`.
#[utoipa::path(get, path = "/api/version", tag = "Ollama", responses((status = 200, body = Object)))]
pub(in crate::http) async fn version() -> Json<Value> {
    Json(json!({ "version": API_VERSION }))
}

/// A model as lists have it, by its name with `tag` behind it.
fn summary(model: &AvailableModel, tag: &str) -> Map<String, Value> {
    let name = format!("{}{tag}", model.name);
    let summary = json!({
        "name": name,
        "model": name,
        "modified_at": modified(model),
        "size": model.bytes,
        "digest": digest(model, tag),
        "details": details(model),
    });
    match summary {
        Value::Object(summary) => summary,
        _ => Map::new(),
    }
}

/// What tells models apart. Clients take names with one digest for names of one model and ask for whichever they like
/// best, so a role, whose vectors are others, has a digest of its own, and so has a model that was never loaded, whose
/// files nobody has read.
fn digest(model: &AvailableModel, tag: &str) -> String {
    let known = model.info.as_ref().map(|info| info.digest.clone());
    let of_model = known.unwrap_or_else(|| blake3::hash(model.name.as_bytes()).to_string());
    match tag {
        "" | ":latest" => of_model,
        role => blake3::hash(format!("{of_model}{role}").as_bytes()).to_string(),
    }
}

/// The kind of network, known of models that have been loaded.
fn architecture(model: &AvailableModel) -> Option<&str> {
    model.info.as_ref()?.architecture.as_deref()
}

/// The original's `model_info`: lengths stand below the name of the architecture, or below ours while it is not known.
fn model_info(model: &AvailableModel) -> Map<String, Value> {
    let info = model.info.as_deref();
    let prompts = info.map(|info| &info.prompts);
    let architecture = architecture(model);
    let lengths = architecture.unwrap_or("okibi");
    let fields = [
        ("general.architecture".to_owned(), json!(architecture)),
        (format!("{lengths}.embedding_length"), json!(model.dimension)),
        (format!("{lengths}.context_length"), json!(model.max_tokens)),
        (
            "okibi.space".to_owned(),
            json!(info.map(|info| info.space.as_str())),
        ),
        (
            "okibi.prompt.query".to_owned(),
            json!(prompts.map(|prompts| &prompts.query)),
        ),
        (
            "okibi.prompt.document".to_owned(),
            json!(prompts.map(|prompts| &prompts.document)),
        ),
    ];
    fields.into_iter().collect()
}

fn details(model: &AvailableModel) -> Value {
    let family = architecture(model);
    json!({
        "parent_model": "",
        "format": "onnx",
        "family": family.unwrap_or_default(),
        "families": family.into_iter().collect::<Vec<_>>(),
        "parameter_size": "",
        "quantization_level": "",
    })
}

/// When the model's file was last changed (RFC 3339).
fn modified(model: &AvailableModel) -> String {
    rfc3339(model.modified().unwrap_or(SystemTime::UNIX_EPOCH))
}

pub(super) fn rfc3339(time: SystemTime) -> String {
    OffsetDateTime::from(time).format(&Rfc3339).unwrap_or_default()
}
