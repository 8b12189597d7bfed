//! What the handlers of all dialects share: reading a request, and turning it into one for the engine.

use std::{marker::PhantomData, sync::Arc, time::Instant};

use axum::{
    Extension,
    extract::{FromRequest, Request},
    http::HeaderMap,
};
use okibi_engine::{EmbedRequest, Engine, Role, Text};
use okibi_listener::{Caller, HeldBytes};
use okibi_protocol::method::{InputType, OverflowChoice};
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::{
    daemon::Daemon,
    failure::Failure,
    http::{
        body,
        error::{OllamaError, TeiError},
    },
    inference,
};

/// The daemon, as handlers get it.
pub(super) type Shared = Extension<Arc<Daemon>>;

/// A request with a body: who sent it, and the body, read as `T`. What is wrong with it is answered as an `E`.
pub(super) struct JsonRequest<T, E> {
    /// When its head had arrived.
    pub(super) began: Instant,
    pub(super) daemon: Arc<Daemon>,
    pub(super) caller: Caller,
    pub(super) headers: HeaderMap,
    pub(super) body: T,
    /// Its bytes stay counted until the handler has returned: what a handler's pattern does not take lives that long.
    _held: Vec<HeldBytes>,
    _error: PhantomData<fn() -> E>,
}

/// A request of Ollama's.
pub(super) type OllamaRequest<T> = JsonRequest<T, OllamaError>;

/// A request of text-embeddings-inference's.
pub(super) type TeiRequest<T> = JsonRequest<T, TeiError>;

/// The default of a field that is true where it is absent.
pub(super) fn yes() -> bool {
    true
}

impl<T, E> FromRequest<()> for JsonRequest<T, E>
where
    T: DeserializeOwned + Send + 'static,
    E: From<Failure> + axum::response::IntoResponse,
{
    type Rejection = E;

    async fn from_request(request: Request, _state: &()) -> Result<Self, E> {
        let began = Instant::now();
        let (parts, body) = request.into_parts();
        // The routes are laid over the one, the listener puts the other into every request.
        let extensions = &parts.extensions;
        let daemon = extensions.get::<Arc<Daemon>>().expect("the routes' own").clone();
        let caller = extensions.get::<Caller>().expect("the listener's").clone();
        let (body, held) = body::json(&caller, &parts.headers, body).await?;
        Ok(Self {
            began,
            daemon,
            caller,
            headers: parts.headers,
            body,
            _held: held,
            _error: PhantomData,
        })
    }
}

/// A text or several, for the description.
#[derive(ToSchema)]
#[schema(as = OneOrMany)]
#[expect(dead_code, reason = "it only describes")]
#[serde(untagged)]
pub(super) enum OneOrMany {
    /// One text.
    One(String),
    /// Several.
    Many(Vec<String>),
}

/// The fields beside the texts that the dialects have in common.
#[derive(Default)]
pub(super) struct Choices<'a> {
    /// The role that stood behind the model's name.
    pub(super) by_name: Option<InputType>,
    pub(super) input_type: Option<InputType>,
    pub(super) prompt_name: Option<&'a str>,
    pub(super) dimensions: Option<usize>,
    pub(super) overflow: Option<OverflowChoice>,
    /// Whether long texts are cut where `overflow` does not say.
    pub(super) truncate: bool,
}

impl Choices<'_> {
    /// The request for the engine.
    ///
    /// Errors: a prompt that the model does not have.
    pub(super) fn request(
        self,
        engine: &Engine,
        caller: &Caller,
        texts: impl IntoIterator<Item = impl Into<Text>>,
    ) -> Result<EmbedRequest, Failure> {
        Ok(EmbedRequest {
            role: self.role(engine)?,
            dimensions: self.dimensions,
            overflow: inference::overflow(self.overflow, self.truncate),
            client: caller.connection.0,
            ..EmbedRequest::new(texts)
        })
    }

    /// The role of a text: a field names it, or the prompt of the model, or the model's name does.
    fn role(&self, engine: &Engine) -> Result<Role, Failure> {
        if let Some(input_type) = self.input_type {
            return Ok(inference::role(input_type));
        }
        match self.prompt_name {
            Some(name) => prompt_role(engine, name),
            None => Ok(inference::role(self.by_name.unwrap_or_default())),
        }
    }
}

/// The role whose prompt has this name.
///
/// Errors: a prompt that the model does not have.
pub(super) fn prompt_role(engine: &Engine, name: &str) -> Result<Role, Failure> {
    let role = match name {
        "query" => Role::Query,
        "document" | "passage" => Role::Document,
        _ => {
            return Err(Failure::invalid(
                "prompt_name",
                "`prompt_name` is `query` or `document`",
            ));
        }
    };
    if engine.prompt(role).is_none() {
        let model = &engine.info().name;
        let message = format!("the model {model} has no prompt of this name");
        return Err(Failure::invalid("prompt_name", message));
    }
    Ok(role)
}
