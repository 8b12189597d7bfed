//! What the handlers of all dialects share: reading a request, and turning it into one for the engine.

use std::{marker::PhantomData, sync::Arc, time::Instant};

use axum::{
    Extension,
    extract::{FromRequest, Request},
    http::HeaderMap,
};
use okibi_dialects::Dialect;
use okibi_engine::{EmbedRequest, Engine, Overflow, Text};
use okibi_listener::{Caller, HeldBytes};
use okibi_protocol::method::{InputType, OverflowChoice};
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::{
    activity::{self, Asker},
    daemon::Daemon,
    failure::Failure,
    http::{
        body,
        error::{OllamaError, TeiError},
        fields::Cut,
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
    /// Where a request for embeddings is counted.
    pub(super) counted: Arc<activity::Request>,
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
        // On a route whose answers are not counted there is none, and nobody reads what this one gets to know.
        let counted = extensions.get::<Arc<activity::Request>>().cloned();
        let counted = counted.unwrap_or_else(|| {
            let (peer, name) = (Arc::clone(&caller.peer), Arc::default());
            activity::Request::new(Dialect::of(parts.uri.path()), Asker { peer, name })
        });
        let (body, held) = body::json(&caller, &parts.headers, body).await?;
        Ok(Self {
            began,
            daemon,
            caller,
            counted,
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
    /// How many values of a vector are kept; all where it is absent.
    pub(super) dimensions: Option<usize>,
    /// Whether vectors are brought to unit length; by default they are.
    pub(super) normalize: Option<bool>,
    /// Takes precedence over `cut`, which then only says where.
    pub(super) overflow: Option<OverflowChoice>,
    pub(super) cut: Cut,
    /// Whether an empty text is embedded and not refused.
    pub(super) allow_empty: bool,
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
        let named = self.prompt_name.filter(|_| self.input_type.is_none());
        Ok(EmbedRequest {
            role: inference::role(self.input_type.or(self.by_name).unwrap_or_default()),
            prompt: named.map(|name| prompt(engine, name)).transpose()?,
            dimensions: self.dimensions,
            normalize: self.normalize.unwrap_or(true),
            overflow: self.overflow(),
            allow_empty: self.allow_empty,
            client: caller.connection.0,
            ..EmbedRequest::new(texts)
        })
    }

    fn overflow(&self) -> Overflow {
        match (self.overflow, self.cut) {
            (Some(OverflowChoice::Refuse), _) | (None, Cut::Never) => Overflow::Refuse,
            (Some(OverflowChoice::Mean), _) => Overflow::Mean,
            (_, Cut::Start) => Overflow::TruncateStart,
            (_, Cut::End) => Overflow::TruncateEnd,
            (Some(OverflowChoice::Truncate), Cut::Never) | (_, Cut::ByModel) => Overflow::Truncate,
        }
    }
}

/// What is put before a text by the prompt of this name, which may be nothing.
///
/// Errors: a prompt that the model does not have.
pub(super) fn prompt(engine: &Engine, name: &str) -> Result<String, Failure> {
    let info = engine.info();
    let prompts = &info.prompts;
    // The two names of a role stand for its prompt, whatever the file calls it.
    let of_role = || match name {
        "query" => prompts.query.as_deref(),
        "document" | "passage" => prompts.document.as_deref(),
        _ => None,
    };
    if let Some(prompt) = prompts.of_name(name).or_else(of_role) {
        return Ok(prompt.to_owned());
    }
    let model = &info.name;
    let names: Vec<&str> = prompts.named.keys().map(String::as_str).collect();
    let message = match names.is_empty() {
        true => format!("the model {model} has no prompts: leave `prompt_name` out"),
        false => {
            let names = names.join(", ");
            format!("the model {model} has no prompt of the name in `prompt_name`; it has: {names}")
        }
    };
    Err(Failure::invalid("prompt_name", message))
}
