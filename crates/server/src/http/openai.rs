//! OpenAI's embeddings API. Source: its API reference, "Embeddings", "Models" and "Error codes".

use std::sync::LazyLock;

use axum::{
    Extension, Json,
    extract::Path,
    http::{HeaderName, HeaderValue},
    response::{IntoResponse, Response},
};
use okibi_engine::Text;
use okibi_models::Prompts;
use okibi_protocol::{
    method::{InputType, OverflowChoice, Truncated, Windowed},
    vector::{Encoding, Vectors},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tiktoken_rs::CoreBPE;
use utoipa::ToSchema;

use crate::{
    blocking::run_blocking,
    failure::Failure,
    http::{
        error::{OpenAiError, Refusals},
        headers,
        request::{Choices, JsonRequest, Shared},
        tensor,
    },
    inference,
    models::AvailableModel,
};

type Request<T> = JsonRequest<T, OpenAiError>;

/// Which tokenizer the token ids of a request were interpreted with.
const TOKEN_IDS: HeaderName = HeaderName::from_static("x-okibi-token-ids");

/// A request for embeddings. Fields that are not listed are ignored.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct EmbeddingsRequest {
    /// One text, a list of texts, the token ids of one text, or a list of such lists.
    input: EmbeddingsInput,
    /// The model's name, optionally followed by `:query` or `:document`; the current model if it is absent.
    model: Option<String>,
    /// How vectors are written.
    #[serde(default)]
    encoding_format: EncodingFormat,
    /// Keeps only this many values of each vector, from the first on.
    #[schema(minimum = 1)]
    dimensions: Option<usize>,
    /// The end user, for the client's own use; ignored.
    #[expect(dead_code, reason = "it is part of the original's request")]
    user: Option<Value>,
    /// Okibi: which prompt is put before each text.
    #[schema(value_type = Option<String>)]
    input_type: Option<InputType>,
    /// Okibi: the same, by the prompt's name.
    prompt_name: Option<String>,
    /// Okibi: `false` refuses texts over the model's limit.
    truncate: Option<bool>,
    /// Okibi: `truncate`, `refuse` or `mean` for texts over the model's limit.
    #[schema(value_type = Option<String>)]
    overflow: Option<OverflowChoice>,
    /// Okibi: which tokenizer the token ids of `input` belong to.
    #[serde(default)]
    token_ids: TokenIds,
}

/// See [`EmbeddingsRequest::input`].
#[derive(Debug, Deserialize, ToSchema)]
#[serde(
    untagged,
    expecting = "input must be a text, a list of texts, a list of token ids or a list of lists of token ids"
)]
pub(super) enum EmbeddingsInput {
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
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum EncodingFormat {
    /// Lists of numbers.
    #[default]
    Float,
    /// One base64 text a vector: f32, little-endian.
    Base64,
}

/// Which tokenizer the token ids of a request belong to. OpenAI's own clients and LangChain send those of `cl100k_base`, whatever the model's
/// name: they are turned back into text, and never read as if they were the model's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum TokenIds {
    /// OpenAI's `cl100k_base`.
    #[default]
    Cl100k,
    /// The loaded model's tokenizer, as `/tokenize` gives them.
    Model,
}

/// The answer to a request for embeddings.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EmbeddingsResponse {
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
pub(super) struct EmbeddingObject {
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
pub(super) enum EmbeddingValue {
    /// Its values.
    Float(Vec<f32>),
    /// Its values as base64.
    Base64(String),
}

/// Tokens of a request.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Usage {
    /// Tokens embedded.
    prompt_tokens: usize,
    /// The same.
    total_tokens: usize,
}

/// The models that can be asked.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ModelList {
    /// `list`.
    object: &'static str,
    /// The models that are loaded or can be, each with its roles.
    data: Vec<ModelObject>,
}

/// A model.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ModelObject {
    /// Its name.
    id: String,
    /// `model`.
    object: &'static str,
    /// When its file was last changed, in seconds since 1970.
    created: u64,
    /// `okibi`.
    owned_by: &'static str,
}

/// `POST /v1/embeddings`.
#[utoipa::path(
    post, path = "/v1/embeddings", tag = "OpenAI", request_body = EmbeddingsRequest,
    responses((status = 200, body = EmbeddingsResponse), Refusals)
)]
pub(super) async fn embeddings(request: Request<EmbeddingsRequest>) -> Result<Response, OpenAiError> {
    let Request {
        daemon,
        caller,
        headers,
        body,
        ..
    } = request;
    let (engine, by_name) = daemon.model(body.model.as_deref()).await?;
    let (texts, ids_of) = texts(body.input, body.token_ids).await?;
    let choices = Choices {
        by_name,
        input_type: body.input_type,
        prompt_name: body.prompt_name.as_deref(),
        dimensions: body.dimensions,
        overflow: body.overflow,
        truncate: body.truncate.unwrap_or(true),
    };
    let asked = choices.request(&engine, &caller, texts)?;
    let mut embedded = inference::embed(&daemon, &engine, asked).await?;
    let mut response = tensor::answer(&headers, &mut embedded, |vectors, embedded| {
        let total: usize = embedded.tokens.iter().sum();
        Json(EmbeddingsResponse {
            object: "list",
            data: objects(vectors, body.encoding_format),
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

/// The texts of a request, and which tokenizer's ids they were made of.
async fn texts(
    input: EmbeddingsInput,
    token_ids: TokenIds,
) -> Result<(Vec<Text>, Option<&'static str>), Failure> {
    let ids = match input {
        EmbeddingsInput::Text(text) => return Ok((vec![text.into()], None)),
        EmbeddingsInput::Texts(texts) => return Ok((texts.into_iter().map(Text::from).collect(), None)),
        EmbeddingsInput::Ids(ids) => vec![ids],
        EmbeddingsInput::ManyIds(ids) => ids,
    };
    if token_ids == TokenIds::Model {
        return Ok((ids.into_iter().map(Text::Ids).collect(), Some("model")));
    }
    // The vocabulary takes a good part of a second to build when it is first needed, and there may be many ids.
    let decode = move || ids.iter().enumerate().map(|(at, ids)| decode(at, ids)).collect();
    Ok((run_blocking(decode).await?, Some("cl100k")))
}

/// OpenAI's vocabulary, built when it is first needed.
static CL100K: LazyLock<Result<CoreBPE, String>> =
    LazyLock::new(|| tiktoken_rs::cl100k_base().map_err(|error| error.to_string()));

/// The text that ids of `cl100k_base` stand for.
fn decode(at: usize, ids: &[u32]) -> Result<Text, Failure> {
    let unreadable = |reason: &str| {
        let message = format!(
            "text {at}: these token ids are not valid in cl100k_base ({reason}); send texts (in LangChain, \
             check_embedding_ctx_length=False), or `\"token_ids\": \"model\"` for ids of the loaded model's tokenizer"
        );
        Failure::invalid("input", message)
    };
    let vocabulary = CL100K.as_ref().map_err(|error| unreadable(error))?;
    let text = vocabulary
        .decode(ids.to_vec())
        .map_err(|_| unreadable("they decode to no text"))?;
    Ok(text.into())
}

/// `GET /v1/models`.
#[utoipa::path(get, path = "/v1/models", tag = "OpenAI", responses((status = 200, body = ModelList), Refusals))]
pub(super) async fn models(Extension(daemon): Shared) -> Result<Json<ModelList>, OpenAiError> {
    daemon.current()?;
    let available = daemon.models.available().await;
    Ok(Json(ModelList {
        object: "list",
        data: available.iter().flat_map(with_roles).collect(),
    }))
}

/// `GET /v1/models/{id}`; the id may hold a slash, as it is or as `%2F`.
#[utoipa::path(get, path = "/v1/models/{id}", tag = "OpenAI", params(("id" = String, Path, description = "a name")),
    responses((status = 200, body = ModelObject), Refusals))]
pub(super) async fn model(
    Extension(daemon): Shared,
    Path(id): Path<String>,
) -> Result<Json<ModelObject>, OpenAiError> {
    daemon.current()?;
    let model = daemon.models.find_available(&id).await?;
    Ok(Json(object(&model, id)))
}

/// A model, and it with each role that it has a prompt for, where that is known.
fn with_roles(model: &AvailableModel) -> Vec<ModelObject> {
    let prompts = model.info.as_ref().map(|info| &info.prompts);
    let role = |prompt: fn(&Prompts) -> &Option<String>, role| {
        let has_it = prompts.is_some_and(|prompts| prompt(prompts).is_some());
        has_it.then(|| format!("{}:{role}", model.name))
    };
    std::iter::once(model.name.clone())
        .chain(role(|prompts| &prompts.query, "query"))
        .chain(role(|prompts| &prompts.document, "document"))
        .map(|id| object(model, id))
        .collect()
}

fn object(model: &AvailableModel, id: String) -> ModelObject {
    let since = model.modified();
    let since = since.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    ModelObject {
        id,
        object: "model",
        created: since.map_or(0, |since| since.as_secs()),
        owned_by: "okibi",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ids_of_openai_become_their_text_and_never_ours() {
        let ids = CL100K.as_ref().unwrap().encode_ordinary("熾火は残る embers");
        let (texts, ids_of) = texts(EmbeddingsInput::Ids(ids), TokenIds::Cl100k).await.unwrap();
        assert_eq!(
            (texts, ids_of),
            (vec![Text::from("熾火は残る embers")], Some("cl100k"))
        );
        let unknown = decode(0, &[4_000_000]).unwrap_err().http();
        assert!(
            unknown.message.contains("check_embedding_ctx_length"),
            "{}",
            unknown.message
        );
    }

    #[test]
    fn every_form_of_input_is_recognized() {
        let read = |json: &str| serde_json::from_str::<EmbeddingsInput>(json);
        assert!(matches!(read("\"a\""), Ok(EmbeddingsInput::Text(_))));
        assert!(matches!(read("[\"a\"]"), Ok(EmbeddingsInput::Texts(_))));
        assert!(matches!(read("[1,2]"), Ok(EmbeddingsInput::Ids(_))));
        assert!(matches!(read("[[1],[2]]"), Ok(EmbeddingsInput::ManyIds(_))));
        assert!(read("[1,\"a\"]").is_err() && read("[-1]").is_err() && read("{}").is_err());
    }
}
