//! `okibi models`: lists, fetches and deletes models. Works without a daemon; a running one adds which are loaded.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use okibi_client::{Client, ClientError};
use okibi_launcher::LaunchUpdate;
use okibi_messages::{Lang, Message, models, units};
use okibi_models::{Library, ModelError, Source};
use okibi_protocol::{
    method::{ListModels, NoParams, RemoveModel},
    models::{ModelDetails, ModelEntry, ModelParams, ModelState, ModelStep, Presence},
    units::ByteCount,
};
use parking_lot::Mutex;
use unicode_width::UnicodeWidthStr;

use crate::{
    args::{ModelsArgs, ModelsCommand},
    failure::{Exit, Failure},
    front::Front,
    launch_view::LaunchView,
    runtime::block_on,
    style::{self, FAINT, GOOD, styled},
};

pub(crate) fn run(front: &Front, args: &ModelsArgs) -> Result<Exit, Failure> {
    let library = front.library();
    let json = args.json;
    match &args.command {
        None | Some(ModelsCommand::List) => block_on(list(front, &library, json)),
        Some(ModelsCommand::Pull { model_name, .. }) => pull(front, &library, model_name, json),
        Some(ModelsCommand::Rm { model_name }) => block_on(remove(front, &library, model_name, json)),
        Some(ModelsCommand::Info { model_name }) => info(front, &library, model_name, json),
    }
}

fn failure(error: ModelError) -> Failure {
    Failure::new("model", Message::Load(Arc::new(error.into())))
}

/// The models, with their state in a running daemon.
async fn list(front: &Front, library: &Library, json: bool) -> Result<Exit, Failure> {
    let mut entries = okibi_models::inventory(library);
    // Without a daemon there are no states to add.
    if let Ok(client) = Client::connect(front.server().await).await
        && let Ok(of_daemon) = client.call::<ListModels>(NoParams {}).await
    {
        for entry in &mut entries {
            let known = of_daemon.models.iter().find(|known| known.name == entry.name);
            if let Some(known) = known {
                (entry.state, entry.current) = (known.state, known.current);
            }
        }
    }
    if json {
        let text = serde_json::to_string(&okibi_protocol::models::ModelList { models: entries });
        style::say(&text.map_err(std::io::Error::from)?)?;
        return Ok(Exit::Done);
    }
    for line in lines(&entries, front.lang) {
        style::say(&line)?;
    }
    Ok(Exit::Done)
}

/// The models on this machine, then the other known ones, in columns.
fn lines(entries: &[ModelEntry], lang: Lang) -> Vec<String> {
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
        lines.push(styled(FAINT, heading));
        lines.extend(entries.into_iter().map(|entry| line(entry, width, lang)));
    }
    lines
}

fn line(entry: &ModelEntry, width: usize, lang: Lang) -> String {
    let padding = " ".repeat(width - entry.name.width());
    let mark = match entry.state {
        ModelState::Ready => styled(GOOD, "●"),
        ModelState::Resting => styled(FAINT, "●"),
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
    let line = format!(
        "{mark} {}{padding}  {size:>9}  {dimension:>9}  {}",
        entry.name,
        rest.join(", ")
    );
    line.trim_end().to_owned()
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
            style::say(&styled(GOOD, &line))?;
        }
        step => style::say(&serde_json::to_string(&step).map_err(std::io::Error::from)?)?,
    }
    Ok(Exit::Done)
}

/// Deletes a model. A running daemon does it, so that no files of a loaded model are taken away; only where nothing
/// listens on the port are the files deleted from here. A daemon that does not let us in may have the model loaded.
async fn remove(front: &Front, library: &Library, name: &str, json: bool) -> Result<Exit, Failure> {
    let server = front.server().await;
    let removed = match Client::connect(&server).await {
        Ok(client) => {
            let model = name.to_owned();
            client.call::<RemoveModel>(ModelParams { model }).await
        }
        Err(error) => Err(error),
    };
    let removed = match removed {
        Ok(removed) => removed,
        Err(ClientError::Refused) => okibi_models::remove(name, library).map_err(failure)?,
        Err(error) => return Err(Failure::client(server.port, error)),
    };
    style::say(&if json {
        serde_json::to_string(&removed).map_err(std::io::Error::from)?
    } else {
        models::removed(&removed, front.lang)
    })?;
    Ok(Exit::Done)
}

fn info(front: &Front, library: &Library, name: &str, json: bool) -> Result<Exit, Failure> {
    let name = front.model_asked(name);
    let details = okibi_models::details(&name, library).map_err(failure)?;
    if json {
        style::say(&serde_json::to_string(&details).map_err(std::io::Error::from)?)?;
        return Ok(Exit::Done);
    }
    let facts = facts(&details);
    let width = facts.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
    style::say(&details.entry.name)?;
    for (field, value) in &facts {
        let from = details
            .found_in
            .get(*field)
            .map(|from| styled(FAINT, &format!("  ({from})")));
        let padding = " ".repeat(width - field.width());
        style::say(&format!(
            "  {}{padding}  {value}{}",
            styled(FAINT, field),
            from.unwrap_or_default()
        ))?;
    }
    if let Some(words) = &details.entry.good_for {
        let words = match front.lang {
            Lang::En => &words.en,
            Lang::Ja => &words.ja,
        };
        style::say(&format!("  {words}"))?;
    }
    Ok(Exit::Done)
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
    add("license", entry.license.clone());
    add(
        "languages",
        (!entry.languages.is_empty()).then(|| entry.languages.join(" ")),
    );
    facts
}
