//! `/embed`: a vector for each text, and `/embed_all`: one for each token.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use okibi_engine::{EmbedRequest as EngineRequest, Engine, Output, Text};
use okibi_listener::Caller;
use okibi_protocol::method::{InputType, OverflowChoice};
use serde::Deserialize;
use utoipa::ToSchema;

use super::cost;
use crate::{
    failure::Failure,
    http::{
        error::{Refusals, TeiError},
        headers,
        request::{Choices, TeiRequest as Request},
        tensor,
    },
    inference,
};

/// A request for embeddings. Fields that are not listed are ignored.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http) struct EmbedRequest {
    /// One text, the token ids of one, or a list of texts or of token ids.
    inputs: Inputs,
    /// Whether vectors are normalized to unit length.
    #[serde(default = "crate::http::request::yes")]
    #[schema(default = true)]
    normalize: bool,
    /// Whether texts over the model's limit are cut; by default they are refused.
    truncate: Option<bool>,
    /// The prompt to put before each text: `query` or `document`.
    prompt_name: Option<String>,
    /// Keeps only this many values of each vector, from the first on.
    #[schema(minimum = 1)]
    dimensions: Option<usize>,
    /// Okibi: which prompt is put before each text.
    #[schema(value_type = Option<String>)]
    input_type: Option<InputType>,
    /// Okibi: `truncate`, `refuse` or `mean` for texts over the model's limit.
    #[schema(value_type = Option<String>)]
    overflow: Option<OverflowChoice>,
}

/// One input or several.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(
    untagged,
    expecting = "inputs must be a text, a list of texts, or token ids of the model's tokenizer"
)]
pub(in crate::http) enum Inputs {
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
pub(in crate::http) enum OneInput {
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

impl EmbedRequest {
    /// The request for the engine, and the characters of its texts.
    fn for_engine(self, engine: &Engine, caller: &Caller) -> Result<(EngineRequest, usize), Failure> {
        let texts = self.inputs.into_texts();
        let characters = cost::characters(&texts);
        let choices = Choices {
            input_type: self.input_type,
            prompt_name: self.prompt_name.as_deref(),
            dimensions: self.dimensions,
            overflow: self.overflow,
            truncate: self.truncate.unwrap_or(false),
            ..Choices::default()
        };
        let asked = EngineRequest {
            normalize: self.normalize,
            ..choices.request(engine, caller, texts)?
        };
        Ok((asked, characters))
    }
}

/// `POST /embed`, and `POST /` as clients of the hub's inference API have it.
#[utoipa::path(
    post, path = "/embed", tag = "text-embeddings-inference", request_body = EmbedRequest,
    responses((status = 200, body = Vec<Vec<f32>>), Refusals)
)]
pub(in crate::http) async fn embed(request: Request<EmbedRequest>) -> Result<Response, TeiError> {
    let Request {
        began,
        daemon,
        caller,
        headers,
        body,
        ..
    } = request;
    let (engine, _) = daemon.model(None).await?;
    let (asked, characters) = body.for_engine(&engine, &caller)?;
    let mut embedded = inference::embed(&daemon, &engine, asked).await?;
    let response = tensor::answer(&headers, &mut embedded, |vectors, _| {
        Json(vectors).into_response()
    });
    Ok(cost::add(response, &embedded, characters, began))
}

/// `POST /embed_all`: a vector for each token.
#[utoipa::path(
    post, path = "/embed_all", tag = "text-embeddings-inference", request_body = EmbedRequest,
    responses((status = 200, body = Vec<Vec<Vec<f32>>>), Refusals)
)]
pub(in crate::http) async fn embed_all(request: Request<EmbedRequest>) -> Result<Response, TeiError> {
    let Request {
        began,
        daemon,
        caller,
        body,
        ..
    } = request;
    let (engine, _) = daemon.model(None).await?;
    if body.overflow == Some(OverflowChoice::Mean) {
        let message = "vectors of single tokens have no mean: `overflow` is `truncate` or `refuse` here";
        return Err(Failure::invalid("overflow", message).into());
    }
    let (asked, characters) = body.for_engine(&engine, &caller)?;
    let asked = EngineRequest {
        normalize: true,
        dimensions: None,
        output: Output::Tokens,
        ..asked
    };
    let mut embedded = inference::embed(&daemon, &engine, asked).await?;
    let dimension = engine.info().token_dimension.unwrap_or(engine.info().dimension);
    let of_token = |vectors: Vec<f32>| vectors.chunks(dimension).map(<[f32]>::to_vec).collect();
    let vectors: Vec<Vec<Vec<f32>>> = embedded.vectors.drain(..).map(of_token).collect();
    let response = headers::add(Json(vectors).into_response(), &embedded);
    Ok(cost::add(response, &embedded, characters, began))
}
