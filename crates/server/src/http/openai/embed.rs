//! `/v1/embeddings`, and the same below other base URLs.

use axum::{
    Json,
    extract::Path,
    http::{HeaderName, HeaderValue},
    response::{IntoResponse, Response},
};
use okibi_protocol::{
    method::{InputType, OverflowChoice, Truncated, Windowed},
    vector::{Encoding, Vectors},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::token_ids::{TokenIds, texts};
use crate::{
    http::{
        error::{OpenAiError, Refusals},
        fields::{Cut, Dimensions, Floats, NoEffect, OnlyFalse, OnlyText, OnlyTrue, Task},
        headers,
        input::Input,
        request::{Choices, JsonRequest},
        tensor,
    },
    inference,
};

type Request<T> = JsonRequest<T, OpenAiError>;

/// Which tokenizer the token ids of a request were interpreted with.
const TOKEN_IDS: HeaderName = HeaderName::from_static("x-okibi-token-ids");

/// A request for embeddings: OpenAI's, and what NVIDIA's NIM, Voyage, Jina, Mistral, vLLM and infinity add to it. Other
/// fields are refused by their name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "some fields are only checked, or have no effect")]
pub(in crate::http) struct EmbeddingsRequest {
    /// One text, a list of texts, the token ids of one text, or a list of such lists.
    #[schema(value_type = EmbeddingsInput)]
    input: Input,
    /// The model's name, optionally followed by `:query` or `:document`; the current model if it is absent.
    model: Option<String>,
    /// How vectors are written.
    encoding_format: Option<EncodingFormat>,
    /// Keeps only this many values of each vector, from the first on; 0 keeps all.
    #[schema(value_type = Option<usize>)]
    dimensions: Option<Dimensions>,
    /// Voyage, Mistral: the same.
    #[schema(value_type = Option<usize>)]
    output_dimension: Option<Dimensions>,
    /// NIM, Voyage, Okibi: which prompt is put before each text.
    #[schema(value_type = Option<String>)]
    input_type: Option<InputType>,
    /// Jina: the same, as `retrieval.query` or `retrieval.passage`.
    #[schema(value_type = Option<String>)]
    task: Option<Task>,
    /// Okibi: the same, by the prompt's name.
    prompt_name: Option<String>,
    /// `false` or NIM's `NONE` refuses texts over the model's limit, `START` cuts their beginning off.
    #[schema(value_type = Option<Value>)]
    truncate: Option<Cut>,
    /// Voyage: `false` refuses texts over the model's limit.
    truncation: Option<bool>,
    /// Okibi: `truncate`, `refuse` or `mean` for texts over the model's limit.
    #[schema(value_type = Option<String>)]
    overflow: Option<OverflowChoice>,
    /// vLLM, Okibi: whether vectors are brought to unit length.
    normalize: Option<bool>,
    /// Jina: the same.
    normalized: Option<bool>,
    /// Okibi: which tokenizer the token ids of `input` belong to.
    token_ids: Option<TokenIds>,
    /// Jina, NIM: how vectors are written.
    embedding_type: Option<EncodingFormat>,
    /// Voyage, Mistral: `float`.
    #[schema(value_type = Option<String>)]
    output_dtype: Option<Floats>,
    /// NIM, infinity: `text`.
    #[schema(value_type = Option<String>)]
    modality: Option<OnlyText>,
    /// Jina: `false`.
    #[schema(value_type = Option<bool>)]
    late_chunking: Option<OnlyFalse>,
    /// Jina: `false`.
    #[schema(value_type = Option<bool>)]
    return_multivector: Option<OnlyFalse>,
    /// vLLM: `true`.
    #[schema(value_type = Option<bool>)]
    add_special_tokens: Option<OnlyTrue>,
    /// The end user, for the client's own use.
    #[schema(value_type = Option<Value>)]
    user: Option<NoEffect>,
    /// The same.
    #[schema(value_type = Option<Value>)]
    safety_identifier: Option<NoEffect>,
    /// For the client's own use.
    #[schema(value_type = Option<Value>)]
    metadata: Option<NoEffect>,
    /// vLLM: for the client's own use.
    #[schema(value_type = Option<Value>)]
    request_id: Option<NoEffect>,
    /// vLLM: the order of requests.
    #[schema(value_type = Option<Value>)]
    priority: Option<NoEffect>,
    /// LiteLLM: what a proxy does with fields that it does not know.
    #[schema(value_type = Option<Value>)]
    drop_params: Option<NoEffect>,
    /// LiteLLM: how long a proxy waits.
    #[schema(value_type = Option<Value>)]
    timeout: Option<NoEffect>,
    /// LM Studio: how long a model stays in memory.
    #[schema(value_type = Option<Value>)]
    ttl: Option<NoEffect>,
    /// Some clients send it to every path.
    #[schema(value_type = Option<bool>)]
    stream: Option<OnlyFalse>,
}

/// See [`EmbeddingsRequest::input`].
#[derive(ToSchema)]
#[schema(as = EmbeddingsInput)]
#[expect(dead_code, reason = "it only describes")]
#[serde(untagged)]
pub(in crate::http) enum EmbeddingsInput {
    /// One text.
    Text(String),
    /// Several texts.
    Texts(Vec<String>),
    /// The token ids of one text.
    Ids(Vec<u32>),
    /// The token ids of several texts.
    ManyIds(Vec<Vec<u32>>),
}

/// How vectors are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::http) enum EncodingFormat {
    /// Lists of numbers.
    #[default]
    Float,
    /// One base64 text a vector: f32, little-endian.
    Base64,
}

/// The answer to a request for embeddings.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct EmbeddingsResponse {
    /// `list`.
    object: &'static str,
    /// One for each text, in order.
    data: Vec<EmbeddingObject>,
    /// The loaded model's name.
    model: String,
    /// What was computed.
    usage: Usage,
    /// Okibi: the space that the vectors are in.
    space: String,
    /// Okibi: the prompt that was put before each text.
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<String>,
    /// Okibi: the texts that were cut.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    truncated: Vec<Truncated>,
    /// Okibi: the texts that were embedded in windows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    windowed: Vec<Windowed>,
}

/// One vector.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct EmbeddingObject {
    /// `embedding`.
    object: &'static str,
    /// Which text.
    index: usize,
    /// The vector.
    embedding: EmbeddingValue,
}

/// A vector as it was asked for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(in crate::http) enum EmbeddingValue {
    /// Its values.
    Float(Vec<f32>),
    /// Its values as base64.
    Base64(String),
}

/// Tokens of a request.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Usage {
    /// Tokens embedded.
    prompt_tokens: usize,
    /// The same.
    total_tokens: usize,
}

/// `POST /v1/embeddings`.
#[utoipa::path(
    post, path = "/v1/embeddings", tag = "OpenAI", request_body = EmbeddingsRequest,
    responses((status = 200, body = EmbeddingsResponse), Refusals)
)]
pub(in crate::http) async fn embeddings(
    request: Request<EmbeddingsRequest>,
) -> Result<Response, OpenAiError> {
    let Request {
        daemon,
        caller,
        counted,
        headers,
        body,
        ..
    } = request;
    let (engine, by_name) = daemon.model(body.model.as_deref()).await?;
    let format = body.encoding_format.or(body.embedding_type).unwrap_or_default();
    let cut = body.truncate.or(body.truncation.map(|cut| Cut::new(cut, None)));
    let (texts, ids_of) = texts(body.input, body.token_ids.unwrap_or_default()).await?;
    let choices = Choices {
        by_name,
        input_type: body.input_type.or(body.task.map(InputType::from)),
        prompt_name: body.prompt_name.as_deref(),
        dimensions: body
            .dimensions
            .or(body.output_dimension)
            .and_then(Dimensions::wanted),
        normalize: body.normalize.or(body.normalized),
        overflow: body.overflow,
        cut: cut.unwrap_or_default(),
        allow_empty: false,
    };
    let asked = choices.request(&engine, &caller, texts)?;
    let mut embedded = inference::embed(&daemon, &counted, &engine, asked).await?;
    let mut response = tensor::answer(&headers, &mut embedded, |vectors, embedded| {
        let total: usize = embedded.tokens.iter().sum();
        Json(EmbeddingsResponse {
            object: "list",
            data: objects(vectors, format),
            model: engine.info().name.clone(),
            usage: Usage {
                prompt_tokens: total,
                total_tokens: total,
            },
            space: embedded.space.to_string(),
            prompt: embedded.prompt.clone(),
            truncated: headers::truncated(embedded),
            windowed: headers::windowed(embedded),
        })
        .into_response()
    });
    if let Some(ids_of) = ids_of {
        let name = HeaderValue::from_static(ids_of);
        response.headers_mut().insert(TOKEN_IDS, name);
    }
    Ok(response)
}

/// `POST /openai/deployments/{name}/embeddings`, as Azure has it: the path names the model.
pub(in crate::http) async fn of_deployment(
    Path(name): Path<String>,
    mut request: Request<EmbeddingsRequest>,
) -> Result<Response, OpenAiError> {
    request.body.model = Some(name);
    embeddings(request).await
}

fn objects(vectors: Vec<Vec<f32>>, format: EncodingFormat) -> Vec<EmbeddingObject> {
    let values: Vec<EmbeddingValue> = match format {
        EncodingFormat::Float => vectors.into_iter().map(EmbeddingValue::Float).collect(),
        EncodingFormat::Base64 => match Vectors::encode(vectors, Encoding::Base64) {
            Vectors::Base64(texts) => texts.into_iter().flatten().map(EmbeddingValue::Base64).collect(),
            _ => Vec::new(),
        },
    };
    let objects = values.into_iter().enumerate();
    objects
        .map(|(index, embedding)| EmbeddingObject {
            object: "embedding",
            index,
            embedding,
        })
        .collect()
}
