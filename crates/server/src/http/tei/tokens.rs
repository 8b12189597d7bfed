//! `/tokenize` and `/decode`: a text's tokens, and the text of token ids.

use axum::Json;
use okibi_protocol::method::Input;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    blocking::run_blocking,
    daemon::Daemon,
    failure::Failure,
    http::{
        error::{Refusals, TeiError},
        request::{TeiRequest as Request, prompt_role},
    },
};

/// A request for tokens.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http) struct TokenizeRequest {
    /// One text or a list.
    #[schema(value_type = crate::http::request::OneOrMany)]
    inputs: Input,
    /// Whether the special tokens around a text are included.
    #[serde(default = "crate::http::request::yes")]
    #[schema(default = true)]
    add_special_tokens: bool,
    /// The prompt to put before each text.
    prompt_name: Option<String>,
}

/// A token.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct TokenObject {
    /// Its id.
    id: u32,
    /// Its piece of the vocabulary.
    text: String,
    /// Whether it is a special one.
    special: bool,
    /// Where it begins, in characters.
    start: Option<usize>,
    /// Where it ends.
    stop: Option<usize>,
}

/// A request for the text that ids stand for.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http) struct DecodeRequest {
    /// The ids of one text, or of several.
    ids: DecodeIds,
    /// Whether special tokens are left out.
    #[serde(default = "crate::http::request::yes")]
    #[schema(default = true)]
    skip_special_tokens: bool,
}

/// The ids of one text, or of several.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(
    untagged,
    expecting = "ids must be a list of token ids or a list of such lists"
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
    responses((status = 200, body = Vec<Vec<TokenObject>>), Refusals)
)]
pub(in crate::http) async fn tokenize(
    request: Request<TokenizeRequest>,
) -> Result<Json<Vec<Vec<TokenObject>>>, TeiError> {
    let Request { daemon, body, .. } = request;
    let (engine, _) = daemon.model(None).await?;
    let role = body
        .prompt_name
        .map(|name| prompt_role(&engine, &name))
        .transpose()?;
    let texts = body.inputs.into_texts();
    check_count(&daemon, texts.len())?;
    let tokens = run_blocking(move || {
        let prompt = role.and_then(|role| engine.prompt(role)).unwrap_or_default();
        let each = texts.iter().enumerate().map(|(at, text)| {
            let tokens = engine
                .tokenize(&format!("{prompt}{text}"), body.add_special_tokens)
                .map_err(|error| Failure::from(error).at(at))?;
            let objects = tokens.into_iter().map(|token| TokenObject {
                id: token.id,
                text: token.piece,
                special: token.is_special,
                start: token.span.map(|(start, _)| start),
                stop: token.span.map(|(_, stop)| stop),
            });
            Ok(objects.collect())
        });
        each.collect()
    });
    Ok(Json(tokens.await?))
}

/// `POST /decode`.
#[utoipa::path(
    post, path = "/decode", tag = "text-embeddings-inference", request_body = DecodeRequest,
    responses((status = 200, body = Vec<String>), Refusals)
)]
pub(in crate::http) async fn decode(request: Request<DecodeRequest>) -> Result<Json<Vec<String>>, TeiError> {
    let Request { daemon, body, .. } = request;
    let (engine, _) = daemon.model(None).await?;
    let all = match body.ids {
        DecodeIds::One(ids) => vec![ids],
        DecodeIds::Many(all) => all,
    };
    check_count(&daemon, all.len())?;
    let texts = run_blocking(move || {
        let each = all.iter().enumerate().map(|(at, ids)| {
            let text = engine.decode(ids, body.skip_special_tokens);
            text.map_err(|error| Failure::from(error).at(at))
        });
        each.collect()
    });
    Ok(Json(texts.await?))
}

fn check_count(daemon: &Daemon, count: usize) -> Result<(), Failure> {
    let limit = daemon.options.max_inputs;
    if count > limit {
        return Err(Failure::TooManyTexts { count, limit });
    }
    Ok(())
}
