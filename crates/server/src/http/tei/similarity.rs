//! `/similarity`: cosines of one sentence with others.

use std::iter;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use okibi_engine::{EmbedError, Text};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{cost, embed::Parameters};
use crate::{
    failure::Failure,
    http::{
        error::{Refusals, TeiError},
        fields::{Cut, NoEffect},
        headers,
        request::{Choices, TeiRequest as Request},
    },
    inference,
};

/// A request for similarities. Other fields are refused by their name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct SimilarityRequest {
    /// What is compared.
    inputs: SimilarityInput,
    /// How: `truncate`, `truncation_direction`, `prompt_name`.
    parameters: Option<Parameters>,
    /// Okibi: the model's name; the current model if it is absent.
    model: Option<String>,
    /// The hub's inference API: how long a client waits for a model.
    #[schema(value_type = Option<Value>)]
    #[expect(dead_code, reason = "it has no effect")]
    options: Option<NoEffect>,
}

/// What is compared.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct SimilarityInput {
    /// The sentence that the others are compared with.
    source_sentence: String,
    /// The sentences to compare with it.
    sentences: Vec<String>,
}

/// `POST /similarity`: cosines of one sentence with others.
#[utoipa::path(
    post, path = "/similarity", tag = "text-embeddings-inference", request_body = SimilarityRequest,
    responses((status = 200, body = Vec<f32>), Refusals)
)]
pub(in crate::http) async fn similarity(request: Request<SimilarityRequest>) -> Result<Response, TeiError> {
    let Request {
        began,
        daemon,
        caller,
        counted,
        body,
        ..
    } = request;
    let (engine, by_name) = daemon.model(body.model.as_deref()).await?;
    let parameters = body.parameters.unwrap_or_default();
    if let Some(field) = parameters.about_whole_vectors() {
        let message = format!("`{field}` changes no cosine; leave it out");
        return Err(Failure::invalid(field, message).into());
    }
    let SimilarityInput {
        source_sentence,
        sentences,
    } = body.inputs;
    if sentences.is_empty() {
        return Err(EmbedError::NoInput.into());
    }
    let texts: Vec<Text> = iter::once(source_sentence)
        .chain(sentences)
        .map(Text::from)
        .collect();
    let characters = cost::characters(&texts);
    let choices = Choices {
        by_name,
        prompt_name: parameters.prompt_name.as_deref(),
        cut: Cut::new(
            parameters.truncate.unwrap_or(true),
            parameters.truncation_direction,
        ),
        ..Choices::default()
    };
    let asked = choices.request(&engine, &caller, texts)?;
    let embedded = inference::embed(&daemon, &counted, &engine, asked).await?;
    let cosines: Vec<f32> = match embedded.vectors.split_first() {
        // Both are of unit length.
        Some((source, others)) => others
            .iter()
            .map(|other| source.iter().zip(other).map(|(one, other)| one * other).sum())
            .collect(),
        None => Vec::new(),
    };
    let response = headers::add(Json(cosines).into_response(), &embedded);
    Ok(cost::add(response, &embedded, characters, began))
}
