//! `okibi models`: what there is, fetching, deleting. Works without a daemon; one that runs adds what it holds.

use std::{
    sync::Mutex,
    time::{Duration, Instant, SystemTime},
};

use okibi_client::Client;
use okibi_launcher::LaunchUpdate;
use okibi_messages::{Lang, Message, load::LoadProblem, models, units};
use okibi_models::{Library, ModelError, Source};
use okibi_protocol::{
    models::{ModelDetails, ModelEntry, ModelState, ModelStep, Presence},
    stage::{Measure, Stage, StageEvent, StageState, Unit},
    units::{ByteCount, Millis},
};
use unicode_width::UnicodeWidthStr;

use crate::{
    args::{ModelsArgs, ModelsCommand},
    failure::{Exit, Failure},
    front::Front,
    launch_view::LaunchView,
    run::in_front,
    style::{self, FAINT, GOOD, styled},
};

/// At most so often is a download's measure shown.
const SHOW_EVERY: Duration = Duration::from_millis(100);

pub(crate) fn run(front: &Front, args: &ModelsArgs) -> Result<Exit, Failure> {
    let program = std::env::current_exe().map_err(|error| Failure::io("okibi", &error))?;
    let library = front.library(&program);
    let json = args.json;
    match &args.command {
        None | Some(ModelsCommand::List) => in_front(list(front, &library, json)),
        Some(ModelsCommand::Pull { model_name, .. }) => pull(front, &library, model_name, json),
        Some(ModelsCommand::Rm { model_name }) => in_front(remove(front, &library, model_name, json)),
        Some(ModelsCommand::Info { model_name }) => info(front, &library, model_name, json),
    }
}

fn failure(error: &ModelError) -> Failure {
    Failure::new("model", Message::Load(LoadProblem::from(error)))
}

/// The models, with what a running daemon holds of them.
async fn list(front: &Front, library: &Library, json: bool) -> Result<Exit, Failure> {
    let mut entries = okibi_models::inventory(library);
    let port = front.port().await;
    // No daemon, no states.
    if let Ok(client) = Client::connect(port).await
        && let Ok(of_daemon) = client.list_models().await
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

/// What is here, then what is known, in columns.
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
        rest.extend(entry.licence.clone());
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
    let source = source.map_err(|error| failure(&error))?;
    let say = |step: ModelStep| -> Result<Exit, Failure> {
        match (&step, json) {
            (
                ModelStep::Pulled {
                    model,
                    size_bytes,
                    fetched_bytes,
                    ..
                },
                false,
            ) => style::say(&styled(
                GOOD,
                &models::pulled(model, *size_bytes, *fetched_bytes, front.lang),
            ))?,
            _ => style::say(&serde_json::to_string(&step).map_err(std::io::Error::from)?)?,
        }
        Ok(Exit::Done)
    };
    let model = match source {
        Source::Hub(model) => model,
        Source::Embedded { folder } | Source::Folder { folder, .. } => {
            return say(ModelStep::Pulled {
                model: name,
                folder: folder.display().to_string(),
                size_bytes: ByteCount(okibi_models::folder_bytes(&folder)),
                fetched_bytes: ByteCount(0),
            });
        }
    };
    let began = Instant::now();
    let view = Mutex::new((LaunchView::new(json, front.lang), None::<Instant>));
    let tell = |state, measure: Option<Measure>| {
        let Ok(mut view) = view.lock() else { return };
        let is_last = measure.is_some_and(|measure| measure.total == Some(measure.done));
        let is_soon = view.1.is_some_and(|at| at.elapsed() < SHOW_EVERY);
        if state == StageState::Advanced && is_soon && !is_last {
            return;
        }
        view.1 = Some(Instant::now());
        let event = StageEvent {
            stage: Stage::Download,
            state,
            elapsed_ms: Millis::from(began.elapsed()),
            measure,
        };
        let message = String::new();
        view.0.update(LaunchUpdate::Stage { message, event });
    };
    tell(StageState::Started, None);
    let on_bytes = |done, total| {
        let total = Some(total);
        let unit = Unit::Bytes;
        tell(StageState::Advanced, Some(Measure { done, total, unit }));
    };
    let fetched = okibi_models::fetch(&model, &library.hub, &on_bytes, &|| false);
    tell(
        if fetched.is_ok() {
            StageState::Finished
        } else {
            StageState::Failed
        },
        None,
    );
    // The bars go before the last line comes.
    drop(view);
    let snapshot = fetched.map_err(|error| failure(&error))?;
    say(ModelStep::Pulled {
        model: model.name,
        folder: snapshot.folder.display().to_string(),
        size_bytes: ByteCount(snapshot.bytes),
        fetched_bytes: ByteCount(snapshot.fetched_bytes),
    })
}

/// Deletes a model; a running daemon is asked to, so that nothing is taken from under it.
async fn remove(front: &Front, library: &Library, name: &str, json: bool) -> Result<Exit, Failure> {
    let port = front.port().await;
    let removed = match Client::connect(port).await {
        Ok(client) => {
            let removed = client.remove_model(name).await;
            removed.map_err(|error| match error {
                okibi_client::ClientError::Rpc(error) => Failure::new(
                    "refused",
                    Message::Refused {
                        reason: error.message,
                    },
                ),
                error => {
                    let cause = okibi_messages::chain(&error);
                    Failure::new("no_answer", Message::NoAnswer { port, cause })
                }
            })?
        }
        Err(_) => okibi_models::remove(name, library).map_err(|error| failure(&error))?,
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
    let details = okibi_models::details(&name, library).map_err(|error| failure(&error))?;
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
    add("pooling", details.pooling.clone());
    add("normalize", Some(details.normalize.to_string()));
    for (name, prompt) in &details.prompts {
        let name = match name.as_str() {
            "query" => "prompts.query",
            "document" => "prompts.document",
            _ => continue,
        };
        add(name, Some(format!("{prompt:?}")));
    }
    add("licence", entry.licence.clone());
    add(
        "languages",
        (!entry.languages.is_empty()).then(|| entry.languages.join(" ")),
    );
    facts
}
