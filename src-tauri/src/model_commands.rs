//! What the models window can ask the app for, and the work that its effects want done.

use okibi_client::{Client, ClientError, ConnectOptions};
use okibi_config::{Key, Settings, Source, edit::NewValue};
use okibi_messages::{Lang, LoadProblem, Message, tray};
use okibi_protocol::{
    jsonrpc::{RpcError, code},
    method::LoadModel,
    models::{LoadModelParams, ModelEntry, ModelOrigin, ModelStep, Presence},
    stage::StageEvent,
    units::ByteCount,
};
use tauri::{AppHandle, Manager as _, State, async_runtime};

use crate::{
    app::Shared,
    commands::{Answer, failure, unexpected},
    contract::{DaemonView, ModelRow, ModelsView},
    core::{Ask, Event},
    library,
    models::{ModelEffect, ModelEvent, SwitchEnd, Wish},
    offers::offers,
};

/// Gives the models that are here, and those that are known, as they are now.
#[tauri::command]
pub(crate) async fn get_models(app: AppHandle, shared: State<'_, Shared>) -> Answer<ModelsView> {
    let entries = read(&app).await?;
    let lang = shared.lang();
    let settings = shared.machine.settings().settings;
    let cache = shared.library().hub.cache;
    let has_offers = shared.view.borrow().has_offers;
    let offered = if has_offers {
        offers(&entries, lang)
    } else {
        Vec::new()
    };
    let view = ModelsView {
        offers: offered.into_iter().map(library::value).collect(),
        models: entries.iter().map(|entry| row(entry, lang)).collect(),
        free_bytes: okibi_models::free_bytes(&cache).map(|bytes| bytes as f64),
        cache: cache.display().to_string(),
        fixed: fixed(&settings),
    };
    Ok(view)
}

/// Fetches a model's files; how far it is comes with the view.
#[tauri::command]
pub(crate) async fn pull_model(shared: State<'_, Shared>, model: String) -> Answer<()> {
    listed(&shared, &model)?;
    shared.tell(Event::Models(ModelEvent::Pull(model)));
    Ok(())
}

/// Ends a download, or forgets one that failed. What has come is kept.
#[tauri::command]
pub(crate) async fn cancel_pull(shared: State<'_, Shared>, model: String) -> Answer<()> {
    shared.tell(Event::Models(ModelEvent::CancelPull(model)));
    Ok(())
}

/// Deletes a model's files and gives the bytes that are free again. A folder of the user's is only forgotten.
#[tauri::command]
pub(crate) async fn remove_model(shared: State<'_, Shared>, model: String) -> Answer<f64> {
    let lang = shared.lang();
    let entry = listed(&shared, &model)?;
    if is_held(&shared, &model) {
        return Err(failure(tray::model_in_use(&crate::core::name(&model), lang)));
    }
    let freed = if entry.origin == ModelOrigin::Folder {
        shared.forget_folder(&model).map_err(failure)?;
        0
    } else {
        let library = shared.library();
        let work = async_runtime::spawn_blocking(move || library::delete(&model, &library, lang));
        work.await
            .map_err(|error| unexpected(&error, lang))?
            .map_err(failure)?
    };
    shared.tell(Event::Models(ModelEvent::Changed));
    Ok(freed as f64)
}

/// Changes over to a model: a ready daemon loads it beside the present one, or in its place where `replace` says so; any
/// other is started with it.
#[tauri::command]
pub(crate) async fn use_model(shared: State<'_, Shared>, model: String, replace: bool) -> Answer<()> {
    listed(&shared, &model)?;
    choose(&shared, Wish { model, replace }).map_err(failure)
}

/// Forgets a change to another model that failed.
#[tauri::command]
pub(crate) async fn dismiss_switch(shared: State<'_, Shared>) -> Answer<()> {
    shared.tell(Event::Models(ModelEvent::DismissSwitch));
    Ok(())
}

/// Offers no models any more, in this run and in later ones.
#[tauri::command]
pub(crate) async fn dismiss_offers(shared: State<'_, Shared>) -> Answer<()> {
    shared.history().dismiss_offers();
    shared.tell(Event::Models(ModelEvent::Changed));
    Ok(())
}

/// Changes over to a model, in a window or in the tray's menu. The error is a sentence.
pub(crate) fn choose(shared: &Shared, wish: Wish) -> Result<(), String> {
    let ask = match shared.view.borrow().daemon {
        DaemonView::Ready { .. } => None,
        DaemonView::Loading { .. } | DaemonView::Stopping => Some(Ask::Restart),
        DaemonView::Stopped | DaemonView::Failed { .. } | DaemonView::PortTaken { .. } => Some(Ask::Start),
    };
    match ask {
        None => shared.tell(Event::Models(ModelEvent::Switch(wish))),
        Some(ask) => {
            shared.save(&[(Key::Model, NewValue::Text(wish.model))])?;
            shared.ask(ask);
        }
    }
    Ok(())
}

/// Does what the core wants done about models. Its news are events.
pub(crate) fn perform(app: &AppHandle, effect: ModelEffect) {
    let shared = app.state::<Shared>();
    match effect {
        ModelEffect::Pull { model, run } => pull(app.clone(), model, run),
        ModelEffect::CancelPull(run) => shared.shelf.cancel(run),
        ModelEffect::Switch(Wish { model, replace }) => {
            let server = shared.machine.server(shared.view.borrow().port);
            let lang = shared.lang();
            let params = LoadModelParams {
                variant: shared.machine.settings().settings.variant.value,
                replace,
                ..LoadModelParams::switch_to(model)
            };
            let events = shared.events.clone();
            async_runtime::spawn(async move {
                // The core ends only with the app.
                let tell = |event| drop(events.send(Event::Models(event)));
                let end = switch(server, params, lang, |step| tell(ModelEvent::SwitchStep(step))).await;
                tell(ModelEvent::SwitchEnded(end));
            });
        }
        ModelEffect::Choose { model, restart } => {
            if let Err(problem) = shared.save(&[(Key::Model, NewValue::Text(model))]) {
                tracing::warn!(problem, "the model of later starts stays as it was");
            }
            if restart {
                shared.ask(Ask::Restart);
            }
        }
        ModelEffect::Read => {
            let app = app.clone();
            async_runtime::spawn(async move { look(&app).await });
        }
    }
}

/// Reads which models there are, and tells the core.
pub(crate) async fn look(app: &AppHandle) {
    let shared = app.state::<Shared>();
    match read(app).await {
        Ok(entries) => {
            let is_dismissed = shared.history().has_dismissed_offers();
            let has_offers = !is_dismissed && !offers(&entries, shared.lang()).is_empty();
            shared.tell(Event::Models(ModelEvent::Read { has_offers }));
        }
        Err(error) => tracing::warn!(error = error.message, "the models were not read"),
    }
}

/// Reads which models there are and keeps that for the tray's menu.
async fn read(app: &AppHandle) -> Answer<Vec<ModelEntry>> {
    let shared = app.state::<Shared>();
    let library = shared.library();
    let entries = async_runtime::spawn_blocking(move || library::read(&library))
        .await
        .map_err(|error| unexpected(&error, shared.lang()))?;
    shared.shelf.keep(entries.clone());
    Ok(entries)
}

/// Fetches a model's files on a thread of their own.
fn pull(app: AppHandle, model: String, run: u64) {
    let shared = app.state::<Shared>();
    let (library, lang, events) = (shared.library(), shared.lang(), shared.events.clone());
    let variant = shared.machine.settings().settings.variant.value;
    let cancelled = shared.shelf.begin(run);
    let on_thread = app.clone();
    async_runtime::spawn_blocking(move || {
        // The core ends only with the app.
        let tell = |event| drop(events.send(Event::Models(event)));
        let bytes = |done, total| tell(ModelEvent::Bytes { run, done, total });
        let end = library::fetch(&model, variant, &library, lang, bytes, &cancelled);
        on_thread.state::<Shared>().shelf.end(run);
        tell(ModelEvent::PullEnded { run, end });
    });
}

/// Has the daemon on `port` load a model and change over to it.
async fn switch(
    server: ConnectOptions,
    params: LoadModelParams,
    lang: Lang,
    step: impl Fn(StageEvent),
) -> SwitchEnd {
    let load = async {
        let client = Client::connect(server).await?;
        let mut steps = client.stream::<LoadModel>(params).await?;
        while let Some(next) = steps.next().await {
            match next? {
                ModelStep::Stage { event } => step(event),
                ModelStep::Loaded { .. } | ModelStep::Pulled { .. } => {}
            }
        }
        Ok(())
    };
    match load.await {
        Ok(()) => SwitchEnd::Done,
        // A daemon of an earlier version, or a front: it is loading another model.
        Err(ClientError::Rpc(error)) if [code::METHOD_NOT_FOUND, code::LOADING].contains(&error.code) => {
            SwitchEnd::NeedsRestart
        }
        Err(ClientError::Rpc(error)) if is_short_of_memory(&error) => SwitchEnd::NoMemory(error.message),
        Err(ClientError::Rpc(error)) => SwitchEnd::Failed(error.message),
        Err(ClientError::Refused | ClientError::Closed) => SwitchEnd::Failed(tray::not_ready(lang).into()),
        Err(error) => SwitchEnd::Failed(unexpected(&error, lang).message),
    }
}

/// Whether the daemon has no memory for two models.
fn is_short_of_memory(error: &RpcError) -> bool {
    let data = error.data.as_ref().filter(|_| error.code == code::MODEL);
    data.is_some_and(|data| data["kind"] == "no_memory")
}

/// The model that a page means: one of those it was given, so that no page names a path.
fn listed(shared: &Shared, model: &str) -> Answer<ModelEntry> {
    let entries = shared.shelf.entries();
    let found = entries.into_iter().find(|entry| library::value(entry) == model);
    found.ok_or_else(|| {
        let problem = LoadProblem::UnknownModel {
            name: model.to_owned(),
            nearest: Vec::new(),
        };
        failure(Message::Load(problem).text(shared.lang()))
    })
}

/// Whether the daemon holds a model: its files are not taken away from under it.
fn is_held(shared: &Shared, model: &str) -> bool {
    let view = shared.view.borrow();
    let name = crate::core::name(model);
    let is_it = |known: &str| known == model || known == name;
    match &view.daemon {
        DaemonView::Ready { status } => {
            is_it(&status.model) || view.held.iter().any(|held| is_it(&held.model))
        }
        _ => false,
    }
}

/// The variable that decides which model a start loads.
fn fixed(settings: &Settings) -> Option<String> {
    (settings.model.source == Source::Environment).then(|| Key::Model.variable())
}

/// A model as the page has it.
fn row(entry: &ModelEntry, lang: Lang) -> ModelRow {
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    ModelRow {
        value: library::value(entry),
        name: entry.name.clone(),
        origin: entry.origin,
        presence: entry.presence,
        dimension: entry.dimension.map(small),
        max_tokens: entry.max_tokens.map(small),
        size_bytes: entry.size_bytes.map(|ByteCount(bytes)| bytes as f64),
        last_used_ms: entry.last_used_ms.map(|time| time as f64),
        licence: entry.licence.clone(),
        languages: entry.languages.clone(),
        good_for: entry.good_for.as_ref().map(|words| match lang {
            Lang::En => words.en.clone(),
            Lang::Ja => words.ja.clone(),
        }),
        repository: entry.repository.clone(),
        folder: (entry.presence == Presence::Here)
            .then(|| entry.folder.clone())
            .flatten(),
    }
}
