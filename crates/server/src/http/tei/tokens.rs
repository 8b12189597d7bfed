//! `/tokenize` and `/decode`: a text's tokens, and the text of token ids. llama.cpp's server has a `/tokenize` too, which
//! is told apart by its field `content`.

use std::sync::Arc;

use axum::Json;
use okibi_engine::TokenInfo;
use okibi_protocol::method::Input;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    blocking::run_blocking,
    daemon::Daemon,
    failure::Failure,
    http::{
        error::{Refusals, TeiError},
        request::{TeiRequest as Request, prompt},
    },
};

/// A request for tokens: `inputs` and what stands below it, or `content` and what stands below that. Other fields are
/// refused by their name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct TokenizeRequest {
    /// One text or a list.
    #[schema(value_type = Option<crate::http::request::OneOrMany>)]
    inputs: Option<Input>,
    /// Whether the special tokens around a text are included; by default they are.
    add_special_tokens: Option<bool>,
    /// The prompt to put before each text.
    prompt_name: Option<String>,
    /// llama.cpp: the text.
    content: Option<String>,
    /// llama.cpp: whether the special tokens around a text are included; by default they are not.
    add_special: Option<bool>,
    /// llama.cpp: `true`: special tokens in a text are always read as such.
    #[schema(value_type = Option<bool>)]
    #[expect(dead_code, reason = "it is only checked")]
    parse_special: Option<crate::http::fields::OnlyTrue>,
    /// llama.cpp: whether each token comes with its piece of the text.
    with_pieces: Option<bool>,
}

/// The tokens of a request.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(in crate::http) enum Tokenized {
    /// Those of each text of `inputs`.
    OfInputs(Vec<Vec<TokenObject>>),
    /// Those of `content`.
    OfContent {
        /// Its tokens.
        tokens: Vec<ContentToken>,
    },
}

/// A token.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct TokenObject {
    /// Its id.
    id: u32,
    /// Its part of the text, prompt included; of a special one its name.
    text: String,
    /// Whether it is a special one.
    special: bool,
    /// Where it begins, in bytes.
    start: Option<usize>,
    /// Where it ends.
    stop: Option<usize>,
}

impl TokenObject {
    /// A token of `text`.
    fn new(token: TokenInfo, text: &str) -> Self {
        let part = token.span.and_then(|(start, stop)| {
            let part = text.as_bytes().get(start..stop)?;
            // A token may be a part of a character.
            Some(String::from_utf8_lossy(part).into_owned())
        });
        Self {
            id: token.id,
            text: part.unwrap_or(token.piece),
            special: token.is_special,
            start: token.span.map(|(start, _)| start),
            stop: token.span.map(|(_, stop)| stop),
        }
    }
}

/// A token as llama.cpp's server gives it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(in crate::http) enum ContentToken {
    /// Its id.
    Id(u32),
    /// With its part of the text.
    WithPiece {
        /// Its id.
        id: u32,
        /// Its part of the text.
        piece: String,
    },
}

/// A request for the text that ids stand for. Other fields are refused by their name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct DecodeRequest {
    /// The ids of one text, or of several.
    ids: DecodeIds,
    /// Whether special tokens are left out; by default they are.
    skip_special_tokens: Option<bool>,
}

/// The ids of one text, or of several.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(
    untagged,
    expecting = "invalid value, expected a list of token ids or a list of such lists"
)]
pub(in crate::http) enum DecodeIds {
    /// One.
    One(Vec<u32>),
    /// Several.
    Many(Vec<Vec<u32>>),
}

/// `POST /tokenize`.
#[utoipa::path(
    post, path = "/tokenize", tag = "text-embeddings-inference", request_body = TokenizeRequest,
    responses((status = 200, body = Tokenized), Refusals)
)]
pub(in crate::http) async fn tokenize(
    request: Request<TokenizeRequest>,
) -> Result<Json<Tokenized>, TeiError> {
    let Request { daemon, body, .. } = request;
    if let Some(content) = body.content {
        let with_special = body.add_special.unwrap_or(false);
        let tokens = tokens(&daemon, vec![content], None, with_special).await?;
        let with_pieces = body.with_pieces.unwrap_or(false);
        let each = tokens.into_iter().flatten().map(|token| match with_pieces {
            true => ContentToken::WithPiece {
                id: token.id,
                piece: token.text,
            },
            false => ContentToken::Id(token.id),
        });
        let tokens = each.collect();
        return Ok(Json(Tokenized::OfContent { tokens }));
    }
    let inputs = body
        .inputs
        .ok_or_else(|| Failure::invalid("inputs", "`inputs` is required"))?;
    let with_special = body.add_special_tokens.unwrap_or(true);
    let tokens = tokens(&daemon, inputs.into_texts(), body.prompt_name, with_special).await?;
    Ok(Json(Tokenized::OfInputs(tokens)))
}

async fn tokens(
    daemon: &Arc<Daemon>,
    texts: Vec<String>,
    prompt_name: Option<String>,
    with_special: bool,
) -> Result<Vec<Vec<TokenObject>>, Failure> {
    let (engine, _) = daemon.model(None).await?;
    let prompt = prompt_name.map(|name| prompt(&engine, &name)).transpose()?;
    check_count(daemon, texts.len())?;
    run_blocking(move || {
        let prompt = prompt.unwrap_or_default();
        let each = texts.iter().enumerate().map(|(at, text)| {
            let text = format!("{prompt}{text}");
            let tokens = engine
                .tokenize(&text, with_special)
                .map_err(|error| Failure::from(error).at(at))?;
            Ok(tokens
                .into_iter()
                .map(|token| TokenObject::new(token, &text))
                .collect())
        });
        each.collect()
    })
    .await
}

/// `POST /decode`.
#[utoipa::path(
    post, path = "/decode", tag = "text-embeddings-inference", request_body = DecodeRequest,
    responses((status = 200, body = Vec<String>), Refusals)
)]
pub(in crate::http) async fn decode(request: Request<DecodeRequest>) -> Result<Json<Vec<String>>, TeiError> {
    let Request { daemon, body, .. } = request;
    let all = match body.ids {
        DecodeIds::One(ids) => vec![ids],
        DecodeIds::Many(all) => all,
    };
    let skip_special = body.skip_special_tokens.unwrap_or(true);
    Ok(Json(texts_of(&daemon, all, skip_special).await?))
}

/// The texts that lists of ids stand for.
pub(in crate::http) async fn texts_of(
    daemon: &Arc<Daemon>,
    all: Vec<Vec<u32>>,
    skip_special: bool,
) -> Result<Vec<String>, Failure> {
    let (engine, _) = daemon.model(None).await?;
    check_count(daemon, all.len())?;
    run_blocking(move || {
        let each = all.iter().enumerate().map(|(at, ids)| {
            let text = engine.decode(ids, skip_special);
            text.map_err(|error| Failure::from(error).at(at))
        });
        each.collect()
    })
    .await
}

fn check_count(daemon: &Daemon, count: usize) -> Result<(), Failure> {
    let limit = daemon.options.max_inputs;
    if count > limit {
        return Err(Failure::TooManyTexts { count, limit });
    }
    Ok(())
}
