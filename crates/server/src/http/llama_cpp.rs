//! What llama.cpp's server has beside OpenAI's paths. Source: `tools/server/README.md` of github.com/ggml-org/llama.cpp.
//! Its `/tokenize` shares the path, and the code, with that of text-embeddings-inference.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use okibi_engine::Text;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    failure::Failure,
    http::{
        error::{OpenAiError, Refusals},
        headers,
        input::Input,
        openai::embed::EncodingFormat,
        request::{Choices, JsonRequest},
        tei::tokens,
    },
    inference,
};

type Request<T> = JsonRequest<T, OpenAiError>;

/// A request for embeddings. Other fields are refused by their name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EmbeddingRequest {
    /// One text, the token ids of one, or a list of texts or of token ids.
    #[schema(value_type = Option<crate::http::openai::embed::EmbeddingsInput>)]
    content: Option<Input>,
    /// The same.
    #[schema(value_type = Option<crate::http::openai::embed::EmbeddingsInput>)]
    input: Option<Input>,
    /// 2 for vectors of unit length, which is the default, −1 for vectors as the model gives them.
    embd_normalize: Option<i64>,
    /// Okibi: the model's name, optionally followed by `:query` or `:document`; the current model if it is absent.
    model: Option<String>,
    /// `float`.
    encoding_format: Option<EncodingFormat>,
}

/// The vector of a text.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LlamaEmbedding {
    /// Which text.
    index: usize,
    /// A list with the vector.
    embedding: [Vec<f32>; 1],
}

/// `POST /embedding`.
#[utoipa::path(
    post, path = "/embedding", tag = "llama.cpp", request_body = EmbeddingRequest,
    responses((status = 200, body = Vec<LlamaEmbedding>), Refusals)
)]
pub(super) async fn embedding(request: Request<EmbeddingRequest>) -> Result<Response, OpenAiError> {
    let Request {
        daemon,
        caller,
        counted,
        body,
        ..
    } = request;
    let content = body
        .content
        .or(body.input)
        .ok_or_else(|| Failure::invalid("content", "`content` is required"))?;
    let normalize = match body.embd_normalize {
        None | Some(2) => true,
        Some(-1) => false,
        Some(_) => {
            let message =
                "`embd_normalize` is 2 (unit length) or -1 (as the model gives it); Okibi has no other norm";
            return Err(Failure::invalid("embd_normalize", message).into());
        }
    };
    if body.encoding_format == Some(EncodingFormat::Base64) {
        let message = "`encoding_format` is `float` here; POST /v1/embeddings has `base64` too";
        return Err(Failure::invalid("encoding_format", message).into());
    }
    let (engine, by_name) = daemon.model(body.model.as_deref()).await?;
    let choices = Choices {
        by_name,
        normalize: Some(normalize),
        ..Choices::default()
    };
    let texts: Vec<Text> = content.into_texts();
    let asked = choices.request(&engine, &caller, texts)?;
    let mut embedded = inference::embed(&daemon, &counted, &engine, asked).await?;
    let vectors = std::mem::take(&mut embedded.vectors);
    let objects: Vec<LlamaEmbedding> = vectors
        .into_iter()
        .enumerate()
        .map(|(index, vector)| LlamaEmbedding {
            index,
            embedding: [vector],
        })
        .collect();
    Ok(headers::add(Json(objects).into_response(), &embedded))
}

/// A request for the text that ids stand for.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct DetokenizeRequest {
    /// The ids.
    tokens: Vec<u32>,
}

/// The text that ids stand for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Detokenized {
    /// The text.
    content: String,
}

/// `POST /detokenize`.
#[utoipa::path(
    post, path = "/detokenize", tag = "llama.cpp", request_body = DetokenizeRequest,
    responses((status = 200, body = Detokenized), Refusals)
)]
pub(super) async fn detokenize(
    request: Request<DetokenizeRequest>,
) -> Result<Json<Detokenized>, OpenAiError> {
    let mut texts = tokens::texts_of(&request.daemon, vec![request.body.tokens], false).await?;
    let content = texts.pop().unwrap_or_default();
    Ok(Json(Detokenized { content }))
}
