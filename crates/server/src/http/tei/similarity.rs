//! `/similarity`: cosines of one sentence with others.

use std::iter;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use okibi_engine::{EmbedError, Text};
use serde::Deserialize;
use utoipa::ToSchema;

use super::cost;
use crate::{
    http::{
        error::{Refusals, TeiError},
        headers,
        request::{Choices, TeiRequest as Request},
    },
    inference,
};

/// A request for similarities.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http) struct SimilarityRequest {
    /// What is compared.
    inputs: SimilarityInput,
    /// How.
    #[serde(default)]
    parameters: SimilarityParameters,
}

/// What is compared.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http) struct SimilarityInput {
    /// The sentence that the others are compared with.
    source_sentence: String,
    /// The sentences to compare with it.
    sentences: Vec<String>,
}

/// How sentences are compared.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(in crate::http) struct SimilarityParameters {
    /// Whether texts over the model's limit are cut.
    truncate: Option<bool>,
    /// The prompt to put before each.
    prompt_name: Option<String>,
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
        body,
        ..
    } = request;
    let (engine, _) = daemon.model(None).await?;
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
        prompt_name: body.parameters.prompt_name.as_deref(),
        truncate: body.parameters.truncate.unwrap_or(false),
        ..Choices::default()
    };
    let asked = choices.request(&engine, &caller, texts)?;
    let embedded = inference::embed(&daemon, &engine, asked).await?;
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
