//! `/embed`: a vector for each text, and `/embed_all`: one for each token.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use okibi_engine::{EmbedRequest as EngineRequest, Engine, Output};
use okibi_listener::Caller;
use okibi_protocol::method::{InputType, OverflowChoice};
use serde::Deserialize;
use utoipa::ToSchema;

use super::cost;
use crate::{
    failure::Failure,
    http::{
        error::{Refusals, TeiError},
        fields::{Cut, Dimensions, NoEffect, Side},
        headers,
        input::Input,
        request::{Choices, TeiRequest as Request},
        tensor,
    },
    inference,
};

/// A request for embeddings. Other fields are refused by their name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct EmbedRequest {
    /// One text, the token ids of one, or a list of texts or of token ids.
    #[schema(value_type = Inputs)]
    inputs: Input,
    /// Whether vectors are normalized to unit length; by default they are.
    normalize: Option<bool>,
    /// Whether texts over the model's limit are cut, which is the default, or refused.
    truncate: Option<bool>,
    /// `right` cuts the end off, which is the default, `left` the beginning.
    #[schema(value_type = Option<String>)]
    truncation_direction: Option<Side>,
    /// The prompt to put before each text, by its name in the model's files.
    prompt_name: Option<String>,
    /// Keeps only this many values of each vector, from the first on; 0 keeps all.
    #[schema(value_type = Option<usize>)]
    dimensions: Option<Dimensions>,
    /// The hub's inference API: the fields above, in an object of their own.
    parameters: Option<Parameters>,
    /// Okibi: the model's name, optionally followed by `:query` or `:document`; the current model if it is absent.
    model: Option<String>,
    /// Okibi: which prompt is put before each text.
    #[schema(value_type = Option<String>)]
    input_type: Option<InputType>,
    /// Okibi: `truncate`, `refuse` or `mean` for texts over the model's limit.
    #[schema(value_type = Option<String>)]
    overflow: Option<OverflowChoice>,
    /// The hub's inference API: how long a client waits for a model.
    #[schema(value_type = Option<Value>)]
    #[expect(dead_code, reason = "it has no effect")]
    options: Option<NoEffect>,
}

/// The choices of a request, where they stand in an object of their own.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Parameters {
    /// Whether vectors are normalized to unit length.
    normalize: Option<bool>,
    /// Whether texts over the model's limit are cut.
    pub(super) truncate: Option<bool>,
    /// `right` or `left`.
    #[schema(value_type = Option<String>)]
    pub(super) truncation_direction: Option<Side>,
    /// The prompt to put before each text.
    pub(super) prompt_name: Option<String>,
    /// Keeps only this many values of each vector.
    #[schema(value_type = Option<usize>)]
    dimensions: Option<Dimensions>,
}

impl Parameters {
    /// The field that says something about the vector of a whole text, where one does.
    pub(super) fn about_whole_vectors(&self) -> Option<&'static str> {
        match (self.normalize, self.dimensions.and_then(Dimensions::wanted)) {
            (Some(_), _) => Some("normalize"),
            (_, Some(_)) => Some("dimensions"),
            _ => None,
        }
    }
}

/// See [`EmbedRequest::inputs`].
#[derive(ToSchema)]
#[schema(as = Inputs)]
#[expect(dead_code, reason = "it only describes")]
#[serde(untagged)]
pub(in crate::http) enum Inputs {
    /// One text.
    Text(String),
    /// The ids of one text.
    Ids(Vec<u32>),
    /// Several, texts and ids in any order.
    Many(Vec<OneInput>),
}

/// A text, or the ids of one.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes")]
#[serde(untagged)]
pub(in crate::http) enum OneInput {
    /// A text.
    Text(String),
    /// Token ids.
    Ids(Vec<u32>),
}

impl EmbedRequest {
    /// The choices, wherever they stand.
    fn parameters(&self) -> Parameters {
        let inner = self.parameters.clone().unwrap_or_default();
        Parameters {
            normalize: self.normalize.or(inner.normalize),
            truncate: self.truncate.or(inner.truncate),
            truncation_direction: self.truncation_direction.or(inner.truncation_direction),
            prompt_name: self.prompt_name.clone().or(inner.prompt_name),
            dimensions: self.dimensions.or(inner.dimensions),
        }
    }

    /// The request for the engine, and the characters of its texts.
    fn for_engine(
        self,
        by_name: Option<InputType>,
        engine: &Engine,
        caller: &Caller,
    ) -> Result<(EngineRequest, usize), Failure> {
        let parameters = self.parameters();
        let texts = self.inputs.into_texts();
        let characters = cost::characters(&texts);
        let choices = Choices {
            by_name,
            input_type: self.input_type,
            prompt_name: parameters.prompt_name.as_deref(),
            dimensions: parameters.dimensions.and_then(Dimensions::wanted),
            normalize: parameters.normalize,
            overflow: self.overflow,
            cut: Cut::new(
                parameters.truncate.unwrap_or(true),
                parameters.truncation_direction,
            ),
            allow_empty: false,
        };
        Ok((choices.request(engine, caller, texts)?, characters))
    }
}

/// `POST /embed`, `POST /` as clients of the hub's inference API have it, and `POST /invocations`.
#[utoipa::path(
    post, path = "/embed", tag = "text-embeddings-inference", request_body = EmbedRequest,
    responses((status = 200, body = Vec<Vec<f32>>), Refusals)
)]
pub(in crate::http) async fn embed(request: Request<EmbedRequest>) -> Result<Response, TeiError> {
    let Request {
        began,
        daemon,
        caller,
        counted,
        headers,
        body,
        ..
    } = request;
    let (engine, by_name) = daemon.model(body.model.as_deref()).await?;
    let (asked, characters) = body.for_engine(by_name, &engine, &caller)?;
    let mut embedded = inference::embed(&daemon, &counted, &engine, asked).await?;
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
        counted,
        body,
        ..
    } = request;
    let (engine, by_name) = daemon.model(body.model.as_deref()).await?;
    if body.overflow == Some(OverflowChoice::Mean) {
        let message = "vectors of single tokens have no mean: `overflow` is `truncate` or `refuse` here";
        return Err(Failure::invalid("overflow", message).into());
    }
    if let Some(field) = body.parameters().about_whole_vectors() {
        let message = format!(
            "`{field}` is not available for the vectors of single tokens, which come as the model gives them"
        );
        return Err(Failure::invalid(field, message).into());
    }
    let (asked, characters) = body.for_engine(by_name, &engine, &caller)?;
    let asked = EngineRequest {
        output: Output::Tokens,
        ..asked
    };
    let mut embedded = inference::embed(&daemon, &counted, &engine, asked).await?;
    let dimension = engine.info().token_dimension.unwrap_or(engine.info().dimension);
    let of_token = |vectors: Vec<f32>| vectors.chunks(dimension).map(<[f32]>::to_vec).collect();
    let vectors: Vec<Vec<Vec<f32>>> = embedded.vectors.drain(..).map(of_token).collect();
    let response = headers::add(Json(vectors).into_response(), &embedded);
    Ok(cost::add(response, &embedded, characters, began))
}
