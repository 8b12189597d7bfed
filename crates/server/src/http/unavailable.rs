//! What the originals do and a server of embeddings does not: refused with a sentence that says what to do instead, since
//! an app shows it to its user.

use axum::{
    Extension,
    http::{StatusCode, Uri},
    response::Response,
};
use okibi_dialects::{Dialect, HttpError};

use crate::{daemon::Daemon, http::request::Shared};

/// The word for it for programs.
const CODE: &str = "not_available";

/// Chat, completion and whatever else needs a language model, on OpenAI's paths.
pub(super) async fn generation(Extension(daemon): Shared, uri: Uri) -> Response {
    let message = format!(
        "{} is an embedding model: it turns texts into vectors (POST /v1/embeddings) and cannot chat or complete. Choose a \
         language model of another server for {}",
        name(&daemon),
        uri.path()
    );
    refuse(StatusCode::BAD_REQUEST, &message, Dialect::OpenAi)
}

/// Reranking, on the paths of several servers.
pub(super) async fn reranking(Extension(daemon): Shared, uri: Uri) -> Response {
    let message = format!(
        "{} is an embedding model and not a re-ranker model: Okibi does not rerank. POST /similarity compares a text with \
         others by their vectors; set your app to no reranker, or to one of another server",
        name(&daemon)
    );
    refuse(StatusCode::FAILED_DEPENDENCY, &message, Dialect::of(uri.path()))
}

/// Classification and sparse vectors of text-embeddings-inference.
pub(super) async fn other_models(Extension(daemon): Shared, uri: Uri) -> Response {
    let message = format!(
        "{} is an embedding model with one dense vector a text (POST /embed): {} needs a model of another kind, which \
         Okibi does not have",
        name(&daemon),
        uri.path()
    );
    refuse(StatusCode::FAILED_DEPENDENCY, &message, Dialect::of(uri.path()))
}

/// What changes models in ways that only Ollama has.
pub(super) async fn model_making(uri: Uri) -> Response {
    let message = format!(
        "{} is not available: Okibi takes models as they are; POST /api/pull fetches one, and `okibi use FOLDER` adds one of \
         your own",
        uri.path()
    );
    refuse(StatusCode::BAD_REQUEST, &message, Dialect::Ollama)
}

fn name(daemon: &Daemon) -> String {
    let current = daemon.current().ok();
    current.map_or_else(|| "this server's model".to_owned(), |info| info.name.clone())
}

fn refuse(status: StatusCode, message: &str, dialect: Dialect) -> Response {
    HttpError::new(status, CODE, message).response(dialect)
}
