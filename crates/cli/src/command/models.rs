//! `okibi models`: lists, fetches and deletes models. Works without a daemon; a running one adds which are loaded.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use okibi_launcher::{LaunchUpdate, StatusError};
use okibi_messages::{Lang, Message, models, units};
use okibi_models::{Library, ModelError, Source};
use okibi_protocol::{
    method::{ListModels, NoParams, RemoveModel},
    models::{ModelDetails, ModelEntry, ModelParams, ModelState, ModelStep, PrecisionProof, Presence},
    units::ByteCount,
};
use parking_lot::Mutex;
use tokio::time::timeout;
use unicode_width::UnicodeWidthStr;

use crate::{
    args::{ModelsArgs, ModelsCommand},
    failure::{Exit, Failure},
    front::Front,
    launch_view::LaunchView,
    runtime::block_on,
    style::{self, FAINT, GOOD, Line},
};

/// How long a daemon may take to list its models, which it reads from the disk.
const LIST_LIMIT: Duration = Duration::from_secs(10);

pub(crate) fn run(front: &Front, args: &ModelsArgs) -> Result<Exit, Failure> {
    let library = front.library();
    let json = args.json;
    match &args.command {
        None | Some(ModelsCommand::List) => block_on(list(front, &library, json)),
        Some(ModelsCommand::Pull { model_name, .. }) => pull(front, &library, model_name, json),
        Some(ModelsCommand::Rm { model_name }) => block_on(remove(front, &library, model_name, json)),
        Some(ModelsCommand::Info { model_name }) => block_on(info(front, &library, model_name, json)),
    }
}

fn failure(error: ModelError) -> Failure {
    Failure::new("model", Message::Load(Arc::new(error.into())))
}

/// The models, with their state in a running daemon.
async fn list(front: &Front, library: &Library, json: bool) -> Result<Exit, Failure> {
    let mut entries = okibi_models::inventory(library);
    for known in states(front).await {
        match entries.iter_mut().find(|entry| entry.name == known.name) {
            Some(entry) => (entry.state, entry.current) = (known.state, known.current),
            // A folder that the daemon was started with.
            None => entries.insert(0, known),
        }
    }
    if json {
        style::say_json(&okibi_protocol::models::ModelList { models: entries })?;
        return Ok(Exit::Done);
    }
    for line in lines(&entries, front.lang) {
        style::say(line)?;
    }
    Ok(Exit::Done)
}

/// The models as the daemon has them; none without a daemon, or with one that cannot say yet. The list is complete
/// without it, so another program on the port is only warned about.
pub(crate) async fn states(front: &Front) -> Vec<ModelEntry> {
    let listed = match front.connect().await {
        Ok((_, client, _)) => timeout(LIST_LIMIT, client.call::<ListModels>(NoParams {})).await,
        Err(Failure::Message { kind, message, .. }) => {
            if kind != "not_running" {
                style::warn(&message, front.lang);
            }
            return Vec::new();
        }
        Err(Failure::OutputClosed) => return Vec::new(),
    };
    match listed {
        Ok(Ok(listed)) => listed.models,
        _ => Vec::new(),
    }
}

/// The models on this machine, then the other known ones, in columns.
fn lines(entries: &[ModelEntry], lang: Lang) -> Vec<Line> {
    let (absent, here): (Vec<_>, Vec<_>) = entries
        .iter()
        .partition(|entry| entry.presence == Presence::Absent);
    let width = entries.iter().map(|entry| entry.name.width()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for (heading, entries) in [
        (models::here_heading(lang), here),
        (models::known_heading(lang), absent),
    ] {
        if entries.is_empty() {
            continue;
        }
        lines.push(Line::styled(FAINT, heading));
        lines.extend(entries.into_iter().map(|entry| line(entry, width, lang)));
    }
    lines
}

fn line(entry: &ModelEntry, width: usize, lang: Lang) -> Line {
    let padding = " ".repeat(width - entry.name.width());
    let mark = match entry.state {
        ModelState::Ready => Line::styled(GOOD, "●"),
        ModelState::Resting => Line::styled(FAINT, "●"),
        _ => " ".into(),
    };
    let size = entry
        .size_bytes
        .map(|size| units::size(size.0))
        .unwrap_or_default();
    let dimension = entry
        .dimension
        .map(|dimension| models::dimensions(dimension, lang));
    let dimension = dimension.unwrap_or_default();
    let mut rest = Vec::new();
    let state = models::state(entry, lang);
    rest.extend((!state.is_empty()).then(|| state.to_owned()));
    rest.extend(entry.last_used_ms.and_then(|at| {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(at);
        Some(models::ago(SystemTime::now().duration_since(at).ok()?, lang))
    }));
    if entry.presence == Presence::Absent {
        rest.push(entry.languages.join(" "));
        rest.extend(entry.license.clone());
    }
    let facts = format!(
        " {}{padding}  {size:>9}  {dimension:>9}  {}",
        entry.name,
        rest.join(", ")
    );
    mark.and(&facts).trimmed()
}

/// Fetches a model in this process: no daemon is needed for it.
fn pull(front: &Front, library: &Library, name: &str, json: bool) -> Result<Exit, Failure> {
    let name = front.model_asked(name);
    let source = okibi_models::resolve(&name, front.settings.variant.value, library);
    let step = match source.map_err(failure)? {
        Source::Hub(model) => {
            let view = Mutex::new(LaunchView::new(json, front.lang));
            let on_step = |event| {
                let message = String::new();
                view.lock().update(LaunchUpdate::Stage { message, event });
            };
            let pulled = okibi_models::pull(&model, &library.hub, &on_step, &|| false);
            // The bars go before the last line comes.
            drop(view);
            pulled.map_err(failure)?
        }
        Source::Embedded { folder } | Source::Folder { folder, .. } => ModelStep::Pulled {
            model: name,
            folder: folder.display().to_string(),
            size_bytes: ByteCount(okibi_models::folder_bytes(&folder)),
            fetched_bytes: ByteCount(0),
        },
    };
    match step {
        ModelStep::Pulled {
            model,
            size_bytes,
            fetched_bytes,
            ..
        } if !json => {
            let line = models::pulled(&model, size_bytes, fetched_bytes, front.lang);
            style::say(Line::styled(GOOD, &line))?;
        }
        step => style::say_json(&step)?,
    }
    Ok(Exit::Done)
}

/// Deletes a model. A running daemon does it, so that no files of a loaded model are taken away; only where nothing
/// listens on the port are the files deleted from here. A daemon that does not let us in may have the model loaded.
async fn remove(front: &Front, library: &Library, name: &str, json: bool) -> Result<Exit, Failure> {
    let server = front.server().await;
    let removed = match okibi_launcher::connect(&server).await {
        Ok((client, _)) => {
            let model = front.model_asked(name);
            let removed = client.call::<RemoveModel>(ModelParams { model }).await;
            removed.map_err(|error| Failure::client(server.port, error))?
        }
        Err(StatusError::NotRunning { .. }) => okibi_models::remove(name, library).map_err(failure)?,
        Err(error) => return Err(Failure::status(error)),
    };
    if json {
        style::say_json(&removed)?;
    } else {
        style::say(models::removed(&removed, front.lang))?;
    }
    Ok(Exit::Done)
}

/// The folder of a model that only the daemon knows by this name: one that it was started with.
async fn folder_of(front: &Front, name: &str) -> Option<String> {
    let is_named = |entry: &ModelEntry| entry.name.eq_ignore_ascii_case(name);
    states(front).await.into_iter().find(is_named)?.folder
}

async fn info(front: &Front, library: &Library, name: &str, json: bool) -> Result<Exit, Failure> {
    let name = front.model_asked(name);
    let details = match okibi_models::details(&name, library) {
        Err(unknown @ ModelError::UnknownModel { .. }) => match folder_of(front, &name).await {
            Some(folder) => okibi_models::details(&folder, library),
            None => Err(unknown),
        },
        found => found,
    };
    let details = details.map_err(failure)?;
    if json {
        style::say_json(&details)?;
        return Ok(Exit::Done);
    }
    let facts = facts(&details);
    let width = facts.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
    style::say(&details.entry.name)?;
    for (field, value) in &facts {
        let from = details.found_in.get(*field).map(|from| format!("  ({from})"));
        let padding = " ".repeat(width - field.width());
        let line = Line::from("  ")
            .and_styled(FAINT, field)
            .and(&format!("{padding}  {value}"))
            .and_styled(FAINT, &from.unwrap_or_default());
        style::say(line)?;
    }
    if let Some(words) = &details.entry.good_for {
        let words = match front.lang {
            Lang::En => &words.en,
            Lang::Ja => &words.ja,
        };
        style::say(format!("  {words}"))?;
    }
    Ok(Exit::Done)
}

/// How Okibi computes a model, and how near that is to 32-bit floats.
fn precision(proof: PrecisionProof) -> String {
    let PrecisionProof {
        int8,
        worst_cosine,
        mean_cosine,
        neighbors,
    } = proof;
    let name = if int8 { "int8" } else { "f32" };
    format!(
        "{name} (int8 beside f32: cosine {mean_cosine:.4}, at worst {worst_cosine:.4}; {neighbors:.2} of neighbors)"
    )
}

/// What is known about a model; the names are those of `--json`.
fn facts(details: &ModelDetails) -> Vec<(&'static str, String)> {
    let entry = &details.entry;
    let mut facts = Vec::new();
    let mut add = |name, value: Option<String>| facts.extend(value.map(|value| (name, value)));
    add("repository", entry.repository.clone());
    add("revision", details.revision.clone());
    add("folder", entry.folder.clone());
    add("model_file", details.model_file.clone());
    add("size_bytes", entry.size_bytes.map(|size| units::size(size.0)));
    add(
        "dimension",
        entry.dimension.map(|dimension| dimension.to_string()),
    );
    add("max_tokens", entry.max_tokens.map(|tokens| tokens.to_string()));
    add("output", details.output.clone());
    add("pooling", details.pooling.clone());
    let modules = details.modules.join(" → ");
    add("modules", (!modules.is_empty()).then_some(modules));
    add("normalize", Some(details.normalize.to_string()));
    let mut prompts: Vec<String> = Vec::new();
    for (name, prompt) in &details.prompts {
        prompts.push(format!("{name} {prompt:?}"));
    }
    add("prompts", (!prompts.is_empty()).then(|| prompts.join(", ")));
    add("precision", entry.precision.map(precision));
    add("license", entry.license.clone());
    add(
        "languages",
        (!entry.languages.is_empty()).then(|| entry.languages.join(" ")),
    );
    facts
}
