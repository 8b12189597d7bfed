//! The description of the API, for programs (OpenAPI 3.1) and for people.

use axum::{
    Json,
    response::{Html, IntoResponse, Response},
};
use utoipa::OpenApi;

use super::{error::ErrorBody, llama_cpp, native, ollama, openai, tei};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Okibi",
        description = "Text embeddings on this machine, in the dialects that apps already speak."
    ),
    paths(
        openai::embed::embeddings,
        openai::models::list,
        openai::models::one,
        ollama::embed::embed,
        ollama::embed::embeddings,
        ollama::models::tags,
        ollama::models::ps,
        ollama::models::show,
        ollama::models::version,
        ollama::generate::generate,
        ollama::generate::chat,
        tei::embed::embed,
        tei::embed::embed_all,
        tei::tokens::tokenize,
        tei::tokens::decode,
        tei::similarity::similarity,
        tei::info::info,
        llama_cpp::embedding,
        llama_cpp::detokenize,
        native::livez,
        native::readyz,
        native::health,
        native::activity,
        native::metrics,
    ),
    components(schemas(ErrorBody))
)]
struct Description;

/// `GET /openapi.json`.
pub(super) async fn openapi() -> Response {
    Json(Description::openapi()).into_response()
}

/// `GET /docs`: the same for people; the page reads `/openapi.json` and fetches nothing else.
pub(super) async fn docs() -> Response {
    Html(include_str!("docs.html")).into_response()
}
