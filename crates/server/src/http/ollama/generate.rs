//! Ollama's `/api/generate` and `/api/chat`: apps load and unload models by them. What they are for needs a language
//! model.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::Json;
use okibi_protocol::model_ref::ModelRef;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{keep_alive::StayInMemory, models::rfc3339, name};
use crate::{
    daemon::Daemon,
    failure::Failure,
    http::{
        error::{OllamaError, Refusals},
        request::OllamaRequest as Request,
    },
    options::KeepAlive,
};

/// A request that loads a model, or with `keep_alive` 0 unloads it.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http) struct GenerateRequest {
    /// The model's name.
    model: Option<String>,
    /// Empty.
    prompt: Option<String>,
    /// How long a model that was loaded for requests stays in memory: `5m`, seconds, `0` for not at all, `-1` forever.
    #[schema(value_type = Option<String>)]
    keep_alive: Option<StayInMemory>,
}

/// The same, as a chat.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http) struct ChatRequest {
    /// The model's name.
    model: Option<String>,
    /// Empty.
    #[schema(value_type = Option<Vec<Value>>)]
    messages: Option<Vec<IgnoredAny>>,
    /// How long a model that was loaded for requests stays in memory.
    #[schema(value_type = Option<String>)]
    keep_alive: Option<StayInMemory>,
}

/// `POST /api/generate`.
#[utoipa::path(
    post, path = "/api/generate", tag = "Ollama", request_body = GenerateRequest,
    responses((status = 200, body = Object), Refusals)
)]
pub(in crate::http) async fn generate(request: Request<GenerateRequest>) -> Result<Json<Value>, OllamaError> {
    let Request { daemon, body, .. } = request;
    let model = name::required(body.model)?;
    if body.prompt.is_some_and(|prompt| !prompt.is_empty()) {
        return Err(unsupported(&daemon, &model, "generate").await.into());
    }
    let mut answer = load_or_unload(&daemon, &model, body.keep_alive).await?;
    answer["response"] = "".into();
    Ok(Json(answer))
}

/// `POST /api/chat`.
#[utoipa::path(
    post, path = "/api/chat", tag = "Ollama", request_body = ChatRequest,
    responses((status = 200, body = Object), Refusals)
)]
pub(in crate::http) async fn chat(request: Request<ChatRequest>) -> Result<Json<Value>, OllamaError> {
    let Request { daemon, body, .. } = request;
    let model = name::required(body.model)?;
    if body.messages.is_some_and(|messages| !messages.is_empty()) {
        return Err(unsupported(&daemon, &model, "chat").await.into());
    }
    let mut answer = load_or_unload(&daemon, &model, body.keep_alive).await?;
    answer["message"] = json!({ "role": "assistant", "content": "" });
    Ok(Json(answer))
}

/// The original's words for a model that cannot do this, or for one that is not there.
async fn unsupported(daemon: &Arc<Daemon>, model: &str, what: &str) -> Failure {
    if let Err(failure) = find(daemon, model).await {
        return failure;
    }
    let shown: String = model.chars().take(name::SHOWN).collect();
    let message = format!(
        "{shown:?} does not support {what}: {shown} is an embedding model, for POST /api/embed; choose a language model of \
         another server"
    );
    Failure::invalid("model", message)
}

/// Whether there is such a model; says its own name.
async fn find(daemon: &Arc<Daemon>, model: &str) -> Result<String, Failure> {
    daemon.check_ready()?;
    let found = daemon.models.find_available(model).await;
    Ok(found.map_err(|failure| name::not_found(failure, model))?.name)
}

async fn load_or_unload(
    daemon: &Arc<Daemon>,
    model: &str,
    keep_alive: Option<StayInMemory>,
) -> Result<Value, Failure> {
    let keep_alive = keep_alive.map(|StayInMemory(keep_alive)| keep_alive);
    let reason = if keep_alive == Some(KeepAlive::For(Duration::ZERO)) {
        let found = find(daemon, model).await?;
        match daemon.models.unload_model(&ModelRef::parse(&found).to_string()) {
            // It was not in memory.
            Ok(_) | Err(Failure::UnknownModel { .. }) => "unload",
            Err(failure) => return Err(failure),
        }
    } else {
        let (lease, _) = name::lease(daemon, model).await?;
        if let Some(keep_alive) = keep_alive {
            daemon.models.set_keep_alive(&lease, keep_alive);
        }
        "load"
    };
    Ok(json!({
        "model": model,
        "created_at": rfc3339(SystemTime::now()),
        "done": true,
        "done_reason": reason,
    }))
}
