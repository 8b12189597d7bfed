//! The commands of the models window, and what the core's effects about models do.

use okibi_client::{ClientError, ConnectOptions};
use okibi_config::{Key, Settings, Source, edit::NewValue};
use okibi_messages::{Lang, chain};
use okibi_models::ModelError;
use okibi_protocol::{
    jsonrpc::{RpcError, code},
    method::{LoadModel, UnloadModel},
    models::{LoadModelParams, ModelEntry, ModelOrigin, ModelParams, ModelState, ModelStep, Presence},
    stage::StageEvent,
    units::ByteCount,
};
use tauri::{AppHandle, Manager as _, State, async_runtime};

use crate::{
    app::Shared,
    commands::Answer,
    contract::{DaemonView, LookedUp, ModelsView},
    core::{Event, ModelEffect, ModelEvent, PendingSwitch, PullEnd, SwitchEnd, UserCommand},
    failure::Failure,
    library, model_name,
    offers::offers,
};

/// Returns the models that are here, and those that are known, as they are now.
#[tauri::command]
pub(crate) async fn get_models(app: AppHandle, shared: State<'_, Shared>) -> Answer<ModelsView> {
    let entries = list(&app).await.map_err(|failure| shared.for_page(failure))?;
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
        offers: offered.into_iter().map(model_name::value).collect(),
        free_bytes: okibi_models::free_bytes(&cache),
        cache: cache.display().to_string(),
        fixed: fixed(&settings),
        models: entries,
    };
    Ok(view)
}

/// Asks the hub for a model by its name. It is in the list from then on, and can be downloaded.
#[tauri::command]
pub(crate) async fn look_up_model(shared: State<'_, Shared>, name: String) -> Answer<Option<LookedUp>> {
    let found = look_up(&shared, name.trim().to_owned()).await;
    found.map_err(|failure| shared.for_page(failure))
}

async fn look_up(shared: &Shared, name: String) -> Result<Option<LookedUp>, Failure> {
    let library = shared.library();
    let variant = shared.machine.settings().settings.variant.value;
    let asked = name.clone();
    let asking = async_runtime::spawn_blocking(move || library::look_up(&asked, variant, &library));
    let Some(found) = asking.await.map_err(Failure::unexpected)?? else {
        return Ok(None);
    };
    let entry = ModelEntry {
        name: name.clone(),
        origin: ModelOrigin::Hub,
        presence: Presence::Absent,
        state: ModelState::default(),
        current: false,
        dimension: None,
        max_tokens: None,
        size_bytes: Some(ByteCount(found.bytes)),
        last_used_ms: None,
        license: found.license,
        languages: Vec::new(),
        good_for: None,
        repository: Some(name),
        folder: None,
        precision: None,
    };
    shared.model_store.add(entry);
    shared.send(Event::Models(ModelEvent::Changed));
    Ok(Some(LookedUp {
        family: found.family,
        is_own: found.is_own,
        memory_bytes: ByteCount(found.bytes),
    }))
}

/// Unloads a model that is loaded beside the current one: its memory is free, and the next request that names it loads it again.
#[tauri::command]
pub(crate) async fn unload_model(shared: State<'_, Shared>, model: String) -> Answer<()> {
    let request = async {
        listed(&shared, &model)?;
        let client = shared.connect().await?;
        client.call::<UnloadModel>(ModelParams { model }).await?;
        Ok(())
    };
    request.await.map_err(|failure: Failure| shared.for_page(failure))
}

/// Downloads a model's files; its progress comes with the view.
#[tauri::command]
pub(crate) async fn pull_model(shared: State<'_, Shared>, model: String) -> Answer<()> {
    listed(&shared, &model).map_err(|failure| shared.for_page(failure))?;
    shared.send(Event::Models(ModelEvent::Pull(model)));
    Ok(())
}

/// Cancels a download, or dismisses one that failed. The bytes that are here are kept.
#[tauri::command]
pub(crate) async fn cancel_pull(shared: State<'_, Shared>, model: String) -> Answer<()> {
    shared.send(Event::Models(ModelEvent::CancelPull(model)));
    Ok(())
}

/// Deletes a model's files and returns how many bytes that frees. A folder of the user's is only taken from the list.
#[tauri::command]
pub(crate) async fn remove_model(shared: State<'_, Shared>, model: String) -> Answer<u64> {
    let freed = remove(&shared, model).await;
    freed.map_err(|failure| shared.for_page(failure))
}

async fn remove(shared: &Shared, model: String) -> Result<u64, Failure> {
    let entry = listed(shared, &model)?;
    if is_in_use(shared, &model) {
        return Err(Failure::ModelInUse(model));
    }
    let freed = if entry.origin == ModelOrigin::Folder {
        shared.forget_folder(&model)?;
        0
    } else {
        let library = shared.library();
        let work = async_runtime::spawn_blocking(move || library::delete(&model, &library));
        work.await.map_err(Failure::unexpected)??
    };
    shared.send(Event::Models(ModelEvent::Changed));
    Ok(freed)
}

/// Switches to a model: a ready daemon loads it beside the current one, or with `replace` in its place; any other is
/// started with it.
#[tauri::command]
pub(crate) async fn use_model(shared: State<'_, Shared>, model: String, replace: bool) -> Answer<()> {
    let chosen = listed(&shared, &model).and_then(|_| choose(&shared, PendingSwitch { model, replace }));
    chosen.map_err(|failure| shared.for_page(failure))
}

/// Dismisses a switch to another model that failed.
#[tauri::command]
pub(crate) async fn dismiss_switch(shared: State<'_, Shared>) -> Answer<()> {
    shared.send(Event::Models(ModelEvent::DismissSwitch));
    Ok(())
}

/// Stops offering models, in this run and in later ones.
#[tauri::command]
pub(crate) async fn dismiss_offers(shared: State<'_, Shared>) -> Answer<()> {
    shared.history().dismiss_offers();
    shared.send(Event::Models(ModelEvent::Changed));
    Ok(())
}

/// Switches to a model: a ready daemon loads it, any other is started with it.
pub(crate) fn choose(shared: &Shared, wanted: PendingSwitch) -> Result<(), Failure> {
    let command = match shared.view.borrow().daemon {
        DaemonView::Ready { .. } => None,
        DaemonView::Loading { .. } | DaemonView::Stopping => Some(UserCommand::Restart),
        DaemonView::Stopped | DaemonView::Failed { .. } | DaemonView::PortTaken { .. } => {
            Some(UserCommand::Start)
        }
    };
    match command {
        None => shared.send(Event::Models(ModelEvent::Switch(wanted))),
        Some(command) => {
            shared.save(&[(Key::Model, NewValue::Text(wanted.model))])?;
            shared.command(command);
        }
    }
    Ok(())
}

/// Performs an effect about models. Its progress comes back as events.
pub(crate) fn perform(app: &AppHandle, effect: ModelEffect) {
    let shared = app.state::<Shared>();
    match effect {
        ModelEffect::Pull { model, run } => pull(app.clone(), model, run),
        ModelEffect::CancelPull(run) => shared.model_store.cancel(run),
        ModelEffect::Switch(PendingSwitch { model, replace }) => {
            let server = shared.machine.server(shared.view.borrow().port);
            let lang = shared.lang();
            let params = LoadModelParams {
                variant: shared.machine.settings().settings.variant.value,
                replace,
                // Apps that ask for the one before by its name are still answered, until it was not used for a while or the user
                // unloads it.
                keep: !replace,
                ..LoadModelParams::switch_to(model)
            };
            let events = shared.events.clone();
            // The handle is not kept: the switch ends with its connection, and its end is an event.
            async_runtime::spawn(async move {
                // It fails only when the core has ended, which is when the app ends.
                let send = |event| drop(events.send(Event::Models(event)));
                let end = switch(server, params, lang, |step| send(ModelEvent::SwitchStep(step))).await;
                send(ModelEvent::SwitchEnded(end));
            });
        }
        ModelEffect::Choose { model, restart } => {
            if let Err(failure) = shared.save(&[(Key::Model, NewValue::Text(model))]) {
                tracing::warn!(
                    error = chain(&failure),
                    "the model of later starts stays as it was"
                );
            }
            if restart {
                shared.command(UserCommand::Restart);
            }
        }
        ModelEffect::List => {
            let app = app.clone();
            // The handle is not kept: the task ends with the list, and the core may wait for nothing.
            async_runtime::spawn(async move { rescan(&app).await });
        }
    }
}

/// Lists the models again, and reports that to the core.
pub(crate) async fn rescan(app: &AppHandle) {
    let shared = app.state::<Shared>();
    match list(app).await {
        Ok(entries) => {
            let is_dismissed = shared.history().has_dismissed_offers();
            let has_offers = !is_dismissed && !offers(&entries, shared.lang()).is_empty();
            shared.send(Event::Models(ModelEvent::Listed { has_offers }));
        }
        Err(failure) => tracing::warn!(error = chain(&failure), "the models were not listed"),
    }
}

/// Lists the models and keeps the list for the tray's menu.
async fn list(app: &AppHandle) -> Result<Vec<ModelEntry>, Failure> {
    let shared = app.state::<Shared>();
    let library = shared.library();
    let entries = async_runtime::spawn_blocking(move || library::read(&library))
        .await
        .map_err(Failure::unexpected)?;
    Ok(shared.model_store.keep(entries))
}

/// Downloads a model's files on a thread for blocking work.
fn pull(app: AppHandle, model: String, run: u64) {
    let shared = app.state::<Shared>();
    let (library, lang, events) = (shared.library(), shared.lang(), shared.events.clone());
    let variant = shared.machine.settings().settings.variant.value;
    let cancelled = shared.model_store.begin(run);
    let on_thread = app.clone();
    // The handle is not kept: `cancelled` ends the download, and its end is an event.
    async_runtime::spawn_blocking(move || {
        // It fails only when the core has ended, which is when the app ends.
        let send = |event| drop(events.send(Event::Models(event)));
        let bytes = |done, total| send(ModelEvent::Bytes { run, done, total });
        let end = match library::fetch(&model, variant, &library, bytes, &cancelled) {
            Ok(()) => PullEnd::Done,
            Err(ModelError::Cancelled) => PullEnd::Cancelled,
            Err(error) => {
                tracing::warn!(model, error = chain(&error), "a download failed");
                PullEnd::Failed(Failure::from(error).text(lang))
            }
        };
        on_thread.state::<Shared>().model_store.end(run);
        send(ModelEvent::PullEnded { run, end });
    });
}

/// Lets a daemon load a model and switch to it.
async fn switch(
    server: ConnectOptions,
    params: LoadModelParams,
    lang: Lang,
    step: impl Fn(StageEvent),
) -> SwitchEnd {
    let client = match okibi_launcher::connect(server).await {
        Ok((client, _)) => client,
        Err(error) => return SwitchEnd::Failed(Failure::from(error).text(lang)),
    };
    let load = async {
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
        Err(error) => SwitchEnd::Failed(Failure::from(error).text(lang)),
    }
}

/// Whether the daemon does not have enough memory for two models.
fn is_short_of_memory(error: &RpcError) -> bool {
    let data = error.data.as_ref().filter(|_| error.code == code::MODEL);
    data.is_some_and(|data| data["kind"] == "no_memory")
}

/// Returns the model that a page means: one of those that were listed, so that a page cannot name any path.
fn listed(shared: &Shared, model: &str) -> Result<ModelEntry, Failure> {
    let entries = shared.model_store.entries();
    let found = entries
        .into_iter()
        .find(|entry| model_name::value(entry) == model);
    found.ok_or_else(|| Failure::UnknownModel(model.to_owned()))
}

/// Whether the daemon has a model loaded or idle: then its files are not deleted.
fn is_in_use(shared: &Shared, model: &str) -> bool {
    let view = shared.view.borrow();
    let name = model_name::display(model);
    let is_it = |known: &str| known == model || known == name;
    match &view.daemon {
        DaemonView::Ready { status } => {
            is_it(&status.model) || status.models.iter().any(|loaded| is_it(&loaded.name))
        }
        _ => false,
    }
}

/// Returns the environment variable that decides which model a start loads, if one does.
fn fixed(settings: &Settings) -> Option<String> {
    (settings.model.source == Source::Environment).then(|| Key::Model.variable())
}
