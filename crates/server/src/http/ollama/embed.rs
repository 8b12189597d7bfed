//! Ollama's `/api/embed`, and `/api/embeddings` before it.

use std::time::Duration;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use okibi_protocol::method::{Input, InputType, OverflowChoice, Truncated};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{keep_alive::StayInMemory, name};
use crate::{
    http::{
        error::{OllamaError, Refusals},
        fields::{Cut, Dimensions, NoEffect},
        headers,
        request::{Choices, OllamaRequest as Request, OneOrMany},
        tensor,
    },
    inference,
};

/// A request for embeddings. Other fields are refused by their name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "some fields have no effect")]
#[schema(as = OllamaEmbedRequest)]
pub(in crate::http) struct EmbedRequest {
    /// The model's name, optionally followed by `:query` or `:document`.
    model: Option<String>,
    /// One text or a list. An empty text of a list is embedded, as the original does it.
    #[schema(value_type = Option<OneOrMany>)]
    input: Option<Input>,
    /// Whether texts over the model's limit are cut (the default) or refused.
    truncate: Option<bool>,
    /// Keeps only this many values of each vector, from the first on; 0, or more than there are, keeps all.
    #[schema(value_type = Option<usize>)]
    dimensions: Option<Dimensions>,
    /// How long a model that was loaded for requests stays in memory: `5m`, seconds, `0` for not at all, `-1` forever.
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
    /// How the original's runner computes.
    #[schema(value_type = Option<Value>)]
    options: Option<NoEffect>,
    /// The text of `/api/embeddings`, which some clients send beside `input`.
    #[schema(value_type = Option<Value>)]
    prompt: Option<NoEffect>,
    /// Some clients send it to every path.
    #[schema(value_type = Option<Value>)]
    stream: Option<NoEffect>,
}

/// The answer to `/api/embed`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OllamaEmbedResponse)]
pub(in crate::http) struct EmbedResponse {
    /// The model's name, as the request has it.
    model: String,
    /// One vector for each text, in order.
    embeddings: Vec<Vec<f32>>,
    /// From the request's arrival to its answer, in nanoseconds.
    total_duration: u64,
    /// The part of it that loading the model took; next to nothing if it was loaded already.
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

/// A request for one embedding, as Ollama had it first. Other fields are refused by their name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "some fields have no effect")]
pub(in crate::http) struct OldEmbedRequest {
    /// The model's name, optionally followed by `:query` or `:document`.
    model: Option<String>,
    /// The text.
    prompt: Option<String>,
    /// How long a model that was loaded for requests stays in memory.
    #[schema(value_type = Option<String>)]
    keep_alive: Option<StayInMemory>,
    /// How the original's runner computes.
    #[schema(value_type = Option<Value>)]
    options: Option<NoEffect>,
    /// The texts of `/api/embed`, which some clients send beside `prompt`.
    #[schema(value_type = Option<Value>)]
    input: Option<NoEffect>,
    /// Some clients send it to every path.
    #[schema(value_type = Option<Value>)]
    stream: Option<NoEffect>,
}

/// The answer to `/api/embeddings`.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct OldEmbedResponse {
    /// The vector; empty for an empty text.
    embedding: Vec<f32>,
}

/// `POST /api/embed`.
#[utoipa::path(
    post, path = "/api/embed", tag = "Ollama", request_body = EmbedRequest,
    responses((status = 200, body = EmbedResponse), Refusals)
)]
pub(in crate::http) async fn embed(request: Request<EmbedRequest>) -> Result<Response, OllamaError> {
    let Request {
        began,
        daemon,
        caller,
        counted,
        headers,
        body,
        ..
    } = request;
    let model = name::required(body.model)?;
    let (engine, by_name) = name::lease(&daemon, &model).await?;
    let load_duration = nanoseconds(began.elapsed());
    if let Some(StayInMemory(keep_alive)) = body.keep_alive {
        daemon.models.set_keep_alive(&engine, keep_alive);
    }
    let texts = match body.input {
        None => Vec::new(),
        // The original's answer to an empty text is an empty list.
        Some(Input::One(text)) if text.is_empty() => Vec::new(),
        Some(input) => input.into_texts(),
    };
    let mut response = EmbedResponse {
        model,
        embeddings: Vec::new(),
        total_duration: load_duration,
        load_duration,
        prompt_eval_count: 0,
        space: engine.info().space.to_string(),
        truncated: Vec::new(),
    };
    if texts.is_empty() {
        return Ok(Json(response).into_response());
    }
    let choices = Choices {
        by_name,
        input_type: body.input_type,
        prompt_name: body.prompt_name.as_deref(),
        dimensions: body
            .dimensions
            .and_then(|wanted| wanted.at_most(engine.info().dimension)),
        normalize: None,
        overflow: body.overflow,
        cut: Cut::new(body.truncate.unwrap_or(true), None),
        allow_empty: true,
    };
    let asked = choices.request(&engine, &caller, texts)?;
    let mut embedded = inference::embed(&daemon, &counted, &engine, asked).await?;
    Ok(tensor::answer(&headers, &mut embedded, |vectors, embedded| {
        response.embeddings = vectors;
        response.total_duration = nanoseconds(began.elapsed());
        response.prompt_eval_count = embedded.tokens.iter().sum();
        response.space = embedded.space.to_string();
        response.truncated = headers::truncated(embedded);
        Json(response).into_response()
    }))
}

/// `POST /api/embeddings`.
#[utoipa::path(
    post, path = "/api/embeddings", tag = "Ollama", request_body = OldEmbedRequest,
    responses((status = 200, body = OldEmbedResponse), Refusals)
)]
pub(in crate::http) async fn embeddings(request: Request<OldEmbedRequest>) -> Result<Response, OllamaError> {
    let Request {
        daemon,
        caller,
        counted,
        body,
        ..
    } = request;
    let model = name::required(body.model)?;
    let (engine, by_name) = name::lease(&daemon, &model).await?;
    if let Some(StayInMemory(keep_alive)) = body.keep_alive {
        daemon.models.set_keep_alive(&engine, keep_alive);
    }
    let text = body.prompt.unwrap_or_default();
    if text.is_empty() {
        let embedding = Vec::new();
        return Ok(Json(OldEmbedResponse { embedding }).into_response());
    }
    let choices = Choices {
        by_name,
        ..Choices::default()
    };
    let asked = choices.request(&engine, &caller, [text])?;
    let mut embedded = inference::embed(&daemon, &counted, &engine, asked).await?;
    let embedding = embedded.vectors.pop().unwrap_or_default();
    let response = Json(OldEmbedResponse { embedding }).into_response();
    Ok(headers::add(response, &embedded))
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
