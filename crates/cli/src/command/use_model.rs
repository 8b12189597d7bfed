//! `okibi use`: switches the running daemon to another model and shows its load.

use std::{
    io::{IsTerminal, Write},
    sync::Arc,
};

use okibi_client::ClientError;
use okibi_launcher::LaunchUpdate;
use okibi_messages::{Message, models};
use okibi_models::Source;
use okibi_protocol::{
    jsonrpc::{RpcError, code},
    method::LoadModel,
    models::{LoadModelParams, ModelStep},
};

use crate::{
    args::UseArgs,
    failure::{Exit, Failure},
    front::Front,
    launch_view::LaunchView,
    style::{self, GOOD, Line},
};

/// Asks the daemon for the model; where memory is too short for both, asks whether the current one may go first.
pub(crate) async fn run(front: &Front, args: &UseArgs) -> Result<Exit, Failure> {
    remember_folder(front, &args.model_name)?;
    let mut params = LoadModelParams {
        model: front.model_asked(&args.model_name),
        variant: front.settings.variant.value,
        switch: true,
        replace: args.replace,
        keep: args.keep,
    };
    match load(front, &params, args.json).await {
        Err(LoadFailure::NoMemory(reason)) => {
            style::warn(
                &Message::Refused {
                    reason: reason.clone(),
                },
                front.lang,
            );
            if args.json || !std::io::stdin().is_terminal() {
                style::note(models::replace_hint(front.lang));
                return Err(Failure::new("no_memory", Message::Refused { reason }));
            }
            if !agrees(front)? {
                return Ok(Exit::Failed);
            }
            params.replace = true;
            load(front, &params, args.json).await.map_err(Failure::from)
        }
        outcome => outcome.map_err(Failure::from),
    }
}

/// Remembers a model that is named by its path: the daemon loads only folders that the user has named.
fn remember_folder(front: &Front, typed: &str) -> Result<(), Failure> {
    let library = front.library();
    let model = front.model_asked(typed);
    // What is wrong with a name is the daemon's to say.
    let Ok(Source::Folder {
        folder, model_file, ..
    }) = okibi_models::resolve(&model, front.settings.variant.value, &library)
    else {
        return Ok(());
    };
    let remembered = okibi_models::remember_folder(&folder, model_file.as_deref(), &library);
    remembered.map_err(|error| Failure::new("model", Message::Load(Arc::new(error.into()))))
}

/// Why the daemon did not change over.
enum LoadFailure {
    /// Memory is too short for both models.
    NoMemory(String),
    /// Anything else.
    Other(Failure),
}

impl From<LoadFailure> for Failure {
    fn from(failure: LoadFailure) -> Self {
        match failure {
            LoadFailure::NoMemory(reason) => Self::new("no_memory", Message::Refused { reason }),
            LoadFailure::Other(failure) => failure,
        }
    }
}

async fn load(front: &Front, params: &LoadModelParams, json: bool) -> Result<Exit, LoadFailure> {
    let (port, client, _) = front.connect().await.map_err(LoadFailure::Other)?;
    let steps = client.stream::<LoadModel>(params.clone()).await;
    let mut steps = steps.map_err(|error| failure(port, error))?;
    let mut view = LaunchView::new(json, front.lang);
    while let Some(step) = steps.next().await {
        match step.map_err(|error| failure(port, error))? {
            ModelStep::Stage { event } => view.update(LaunchUpdate::Stage {
                message: String::new(),
                event,
            }),
            ModelStep::Loaded {
                model,
                dimension,
                took_ms,
                ..
            } if !json => {
                drop(view);
                let line = models::in_use(&model, dimension, took_ms.into(), front.lang);
                style::say(Line::styled(GOOD, &line)).map_err(|error| LoadFailure::Other(error.into()))?;
                return Ok(Exit::Done);
            }
            last => {
                style::say_json(&last).map_err(|error| LoadFailure::Other(error.into()))?;
                return Ok(Exit::Done);
            }
        }
    }
    Err(failure(port, ClientError::Closed))
}

fn failure(port: u16, error: ClientError) -> LoadFailure {
    match error {
        ClientError::Rpc(error) if kind(&error) == Some("no_memory") => LoadFailure::NoMemory(error.message),
        error => LoadFailure::Other(Failure::client(port, error)),
    }
}

/// The daemon's own word for what is wrong with a model.
fn kind(error: &RpcError) -> Option<&str> {
    let data = error.data.as_ref().filter(|_| error.code == code::MODEL)?;
    data["kind"].as_str()
}

fn agrees(front: &Front) -> Result<bool, Failure> {
    let mut stderr = anstream::stderr();
    write!(stderr, "{}", models::replace_question(front.lang))?;
    stderr.flush()?;
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(|error| Failure::io("stdin", &error))?;
    let answer = answer.trim().to_lowercase();
    Ok(["y", "yes", "はい"].contains(&answer.as_str()))
}
