//! `/v1/models`: the models that can be asked.

use axum::{Extension, Json, extract::Path};
use okibi_models::Prompts;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    http::{
        error::{OpenAiError, Refusals},
        request::Shared,
    },
    models::AvailableModel,
};

/// The models that can be asked.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct ModelList {
    /// `list`.
    object: &'static str,
    /// The models that are loaded or can be, each with its roles.
    data: Vec<ModelObject>,
}

/// A model.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct ModelObject {
    /// Its name.
    id: String,
    /// `model`.
    object: &'static str,
    /// When its file was last changed, in seconds since 1970.
    created: u64,
    /// `okibi`.
    owned_by: &'static str,
}

/// `GET /v1/models`.
#[utoipa::path(get, path = "/v1/models", tag = "OpenAI", responses((status = 200, body = ModelList), Refusals))]
pub(in crate::http) async fn list(Extension(daemon): Shared) -> Result<Json<ModelList>, OpenAiError> {
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
pub(in crate::http) async fn one(
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
