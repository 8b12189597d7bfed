//! The commands of the pages. Each is `async`: Tauri runs the others on the main thread, which would stop all windows.

use std::{path::Path, sync::atomic::Ordering::Relaxed, time::Instant};

use okibi_config::{Key, edit::NewValue};
use okibi_messages::{Lang, Message, tray};
use okibi_protocol::{
    method::{Activity, EmbedParams, Input, InputType, Status},
    vector::Vectors,
};
use tauri::{AppHandle, Manager as _, State, WebviewWindow};
use tauri_plugin_clipboard_manager::ClipboardExt as _;
use tauri_plugin_dialog::DialogExt as _;
use tauri_plugin_opener::OpenerExt as _;

use crate::{
    app::Shared,
    contract::{
        About, CommandError, Embedded, FieldProblem, PageName, Place, Saved, SettingsForm, SettingsView,
        TokenView, View,
    },
    core::UserCommand,
    failure::Failure,
    settings, windows,
};

/// Texts that the try-it window can embed at once.
const MAX_TRY: usize = 100;

/// The result of a command.
pub(crate) type Answer<T> = Result<T, CommandError>;

/// Returns everything the windows show.
#[tauri::command]
pub(crate) async fn get_view(shared: State<'_, Shared>) -> Answer<View> {
    Ok(shared.view.borrow().clone())
}

/// Requests the current status from the daemon.
#[tauri::command]
pub(crate) async fn get_status(shared: State<'_, Shared>) -> Answer<Status> {
    let port = shared.view.borrow().port;
    match okibi_launcher::status(shared.machine.server(port)).await {
        Ok(status) if status.ready => Ok(status),
        Ok(_) => Err(shared.for_page(Failure::NotReady)),
        Err(error) => Err(shared.for_page(error)),
    }
}

/// Starts the daemon.
#[tauri::command]
pub(crate) async fn start_daemon(shared: State<'_, Shared>) -> Answer<()> {
    shared.command(UserCommand::Start);
    Ok(())
}

/// Stops the daemon.
#[tauri::command]
pub(crate) async fn stop_daemon(shared: State<'_, Shared>) -> Answer<()> {
    shared.command(UserCommand::Stop);
    Ok(())
}

/// Stops the daemon and starts it with the current settings.
#[tauri::command]
pub(crate) async fn restart_daemon(shared: State<'_, Shared>) -> Answer<()> {
    shared.command(UserCommand::Restart);
    Ok(())
}

/// Cancels the load under way.
#[tauri::command]
pub(crate) async fn cancel_load(shared: State<'_, Shared>) -> Answer<()> {
    shared.command(UserCommand::Stop);
    Ok(())
}

/// Writes another port into the settings and starts the daemon there.
#[tauri::command]
pub(crate) async fn start_on_port(shared: State<'_, Shared>, port: u16) -> Answer<()> {
    shared
        .save(&[(Key::Port, NewValue::Number(port.into()))])
        .map_err(|failure| shared.for_page(failure))?;
    shared.command(UserCommand::Start);
    Ok(())
}

/// Returns the page that the main window was last asked to show.
#[tauri::command]
pub(crate) async fn get_page(shared: State<'_, Shared>) -> Answer<PageName> {
    Ok(*shared.page.lock())
}

/// Opens the main window, or brings it to the front, with this page.
#[tauri::command]
pub(crate) async fn open_page(app: AppHandle, page: PageName) -> Answer<()> {
    windows::open_page(&app, page, windows::Asked::ByUser);
    Ok(())
}

/// Notes whether something is typed in the main window and not saved.
#[tauri::command]
pub(crate) async fn set_unsaved(shared: State<'_, Shared>, is_unsaved: bool) -> Answer<()> {
    shared.is_unsaved.store(is_unsaved, Relaxed);
    Ok(())
}

/// Does not show the welcome again.
#[tauri::command]
pub(crate) async fn end_welcome(shared: State<'_, Shared>) -> Answer<()> {
    shared.history().end_welcome();
    Ok(())
}

/// Returns who is connected to the daemon, and the last requests.
#[tauri::command]
pub(crate) async fn get_activity(shared: State<'_, Shared>) -> Answer<Activity> {
    let request = async { Ok(shared.connect().await?.activity().await?) };
    request.await.map_err(|error: Failure| shared.for_page(error))
}

/// Lets pages of this origin use the daemon, which takes it up when it is restarted.
#[tauri::command]
pub(crate) async fn allow_origin(shared: State<'_, Shared>, origin: String) -> Answer<()> {
    let mut origins = shared.machine.settings().settings.allowed_origins.value;
    if !origins.contains(&origin) {
        origins.push(origin);
        shared
            .save(&[(Key::AllowedOrigins, NewValue::List(origins))])
            .map_err(|failure| shared.for_page(failure))?;
    }
    Ok(())
}

/// Returns the tokens that other apps send.
#[tauri::command]
pub(crate) async fn get_tokens(shared: State<'_, Shared>) -> Answer<TokenView> {
    Ok(token_view(&shared))
}

/// Keeps the token that the hub knows the user by; an empty one is forgotten.
#[tauri::command]
pub(crate) async fn keep_hub_token(shared: State<'_, Shared>, token: String) -> Answer<TokenView> {
    let folders = &shared.machine.folders;
    okibi_config::token::keep_hub_token(folders, &token).map_err(|source| {
        let path = folders.data.clone();
        shared.for_page(Failure::Write { path, source })
    })?;
    Ok(token_view(&shared))
}

/// Makes new tokens: a daemon that starts from now on takes no others.
#[tauri::command]
pub(crate) async fn rotate_tokens(shared: State<'_, Shared>) -> Answer<TokenView> {
    let folders = &shared.machine.folders;
    okibi_config::token::rotate_tokens(folders).map_err(|source| {
        let path = okibi_config::token::token_file(folders);
        shared.for_page(Failure::Write { path, source })
    })?;
    shared.settings_changed();
    Ok(token_view(&shared))
}

fn token_view(shared: &Shared) -> TokenView {
    let tokens = okibi_config::token::read_tokens(&shared.machine.folders);
    TokenView {
        for_use: tokens.map(|tokens| tokens.for_use),
        has_hub_token: okibi_config::token::hub_token(&shared.machine.folders).is_some(),
    }
}

/// Closes the window that asks.
#[tauri::command]
pub(crate) async fn close_window(window: WebviewWindow, shared: State<'_, Shared>) -> Answer<()> {
    let closed = window.close();
    closed.map_err(|error| shared.for_page(Failure::unexpected(error)))
}

/// Opens a file or a folder of the app with the user's program for it.
#[tauri::command]
pub(crate) async fn open_place(app: AppHandle, shared: State<'_, Shared>, place: Place) -> Answer<()> {
    let path = match place {
        Place::Log => shared.machine.daemon_log(shared.view.borrow().port),
        Place::Config => shared.machine.folders.config_file.clone(),
        Place::Models => shared.library().hub.cache,
    };
    open_path(&app, &path).map_err(|failure| shared.for_page(failure))
}

/// Opens `path`, or the nearest folder above it that exists.
pub(crate) fn open_path(app: &AppHandle, path: &Path) -> Result<(), Failure> {
    let nearest = path.ancestors().find(|path| path.exists()).unwrap_or(path);
    app.opener()
        .open_path(nearest.display().to_string(), None::<&str>)
        .map_err(|source| Failure::Open {
            path: nearest.to_owned(),
            source: Box::new(source),
        })
}

/// Copies a text to the clipboard.
#[tauri::command]
pub(crate) async fn copy_text(app: AppHandle, shared: State<'_, Shared>, text: String) -> Answer<()> {
    app.clipboard()
        .write_text(text)
        .map_err(|error| shared.for_page(Failure::unexpected(error)))
}

/// Returns versions and paths.
#[tauri::command]
pub(crate) async fn get_about(shared: State<'_, Shared>) -> Answer<About> {
    let folders = &shared.machine.folders;
    let port = shared.view.borrow().port;
    Ok(About {
        version: env!("CARGO_PKG_VERSION").into(),
        log: shared.machine.daemon_log(port).display().to_string(),
        config: folders.config_file.display().to_string(),
        models: shared.library().hub.cache.display().to_string(),
    })
}

/// Embeds a few texts as documents, through the daemon like any other app.
#[tauri::command]
pub(crate) async fn embed(shared: State<'_, Shared>, texts: Vec<String>) -> Answer<Embedded> {
    let began = Instant::now();
    let request = async {
        let client = shared.connect().await?;
        let params = EmbedParams {
            input_type: InputType::Document,
            ..EmbedParams::new(Input::Many(texts.into_iter().take(MAX_TRY).collect()))
        };
        Ok(client.embed(params).await?)
    };
    let result = request.await.map_err(|error: Failure| shared.for_page(error))?;
    Ok(Embedded {
        model: result.model,
        vectors: match result.vectors {
            Vectors::Float(vectors) => vectors.into_iter().map(Option::unwrap_or_default).collect(),
            _ => Vec::new(),
        },
        tokens: result.tokens,
        took_ms: began.elapsed().into(),
    })
}

/// Returns what the settings window shows.
#[tauri::command]
pub(crate) async fn get_settings(app: AppHandle, shared: State<'_, Shared>) -> Answer<SettingsView> {
    shared.read_login(&app);
    let loaded = shared.machine.settings();
    let lang = Lang::detect(loaded.settings.lang.value);
    Ok(SettingsView {
        form: settings::form(&loaded.settings, shared.starts_at_login()),
        models: shared.models(&loaded.settings.model.value),
        fixed: settings::fixed(&loaded.settings),
        config: shared.machine.folders.config_file.display().to_string(),
        problems: loaded
            .problems
            .into_iter()
            .map(|problem| Message::Setting(problem).text(lang))
            .collect(),
    })
}

/// Checks the form and writes what has changed. If a field is invalid, nothing is written.
#[tauri::command]
pub(crate) async fn save_settings(
    app: AppHandle,
    shared: State<'_, Shared>,
    form: SettingsForm,
) -> Answer<Saved> {
    let lang = shared.lang();
    let problems: Vec<FieldProblem> = settings::check(&form, lang);
    if !problems.is_empty() {
        return Ok(Saved {
            problems,
            needs_restart: Vec::new(),
        });
    }
    let before = shared.machine.settings().settings;
    let before = settings::form(&before, shared.starts_at_login());
    let changed = settings::changes(&before, &form);
    shared
        .save(&changed)
        .map_err(|failure| shared.for_page(failure))?;
    if form.start_at_login != before.start_at_login {
        shared
            .set_login(&app, form.start_at_login)
            .map_err(|failure| shared.for_page(failure))?;
    }
    Ok(Saved {
        problems,
        needs_restart: settings::need_restart(&changed),
    })
}

/// Lets the user choose a model's folder; `None` when nothing was chosen.
#[tauri::command]
pub(crate) async fn choose_model_folder(app: AppHandle, window: WebviewWindow) -> Answer<Option<String>> {
    let chosen = choose_folder(&app, Some(window)).await;
    chosen.map_err(|failure| app.state::<Shared>().for_page(failure))
}

/// Lets the user choose a model's folder, in front of `window` if there is one, and adds it to the list.
pub(crate) async fn choose_folder(
    app: &AppHandle,
    window: Option<WebviewWindow>,
) -> Result<Option<String>, Failure> {
    let (sender, chosen) = tokio::sync::oneshot::channel();
    let title = tray::choose_folder(app.state::<Shared>().lang());
    let mut dialog = app.dialog().file().set_title(title);
    if let Some(window) = &window {
        dialog = dialog.set_parent(window);
    }
    dialog.pick_folder(move |folder| {
        // It fails if the command was dropped meanwhile: the window that asked is gone.
        let _ = sender.send(folder);
    });
    let folder = chosen
        .await
        .ok()
        .flatten()
        .and_then(|folder| folder.into_path().ok())
        .map(|folder| folder.display().to_string());
    if let Some(folder) = &folder {
        app.state::<Shared>().add_folder(folder)?;
    }
    Ok(folder)
}
