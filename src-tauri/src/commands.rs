//! What the pages can ask the app for. Each is `async`: none holds the main thread.

use std::{path::Path, time::Instant};

use okibi_client::{Client, ClientError};
use okibi_config::{Key, edit::NewValue};
use okibi_messages::{Lang, Message, chain, tray};
use okibi_protocol::{
    method::{EmbedParams, Input, InputType},
    vector::Vectors,
};
use tauri::{AppHandle, Manager as _, State, WebviewWindow};
use tauri_plugin_clipboard_manager::ClipboardExt as _;
use tauri_plugin_dialog::DialogExt as _;
use tauri_plugin_opener::OpenerExt as _;

use crate::{
    app::Shared,
    contract::{
        About, CommandError, Embedded, FieldProblem, Place, Saved, SettingsForm, SettingsView, StatusView,
        View, WindowName,
    },
    core::{Ask, status_view},
    load::millis,
    settings, windows,
};

/// Texts that the try-it window embeds at once.
const MAX_TRY: usize = 100;

/// What a command gives.
pub(crate) type Answer<T> = Result<T, CommandError>;

/// A failure in words.
pub(crate) fn failure(message: impl Into<String>) -> CommandError {
    CommandError {
        message: message.into(),
    }
}

/// A failure that nobody is expected to mend.
pub(crate) fn unexpected(error: &(dyn std::error::Error + 'static), lang: Lang) -> CommandError {
    let cause = chain(error);
    failure(Message::Unexpected { cause }.text(lang))
}

/// Gives everything the windows show.
#[tauri::command]
pub(crate) async fn get_view(shared: State<'_, Shared>) -> Answer<View> {
    Ok(shared.view.borrow().clone())
}

/// Asks the daemon how it is now.
#[tauri::command]
pub(crate) async fn get_status(shared: State<'_, Shared>) -> Answer<StatusView> {
    let port = shared.view.borrow().port;
    match okibi_launcher::status(shared.machine.server(port)).await {
        Ok(status) if status.ready => Ok(status_view(&status)),
        Ok(_) | Err(_) => Err(failure(tray::not_ready(shared.lang()))),
    }
}

/// Starts the daemon.
#[tauri::command]
pub(crate) async fn start_daemon(shared: State<'_, Shared>) -> Answer<()> {
    shared.ask(Ask::Start);
    Ok(())
}

/// Stops the daemon.
#[tauri::command]
pub(crate) async fn stop_daemon(shared: State<'_, Shared>) -> Answer<()> {
    shared.ask(Ask::Stop);
    Ok(())
}

/// Stops the daemon and starts it with the settings of now.
#[tauri::command]
pub(crate) async fn restart_daemon(shared: State<'_, Shared>) -> Answer<()> {
    shared.ask(Ask::Restart);
    Ok(())
}

/// Ends the load under way.
#[tauri::command]
pub(crate) async fn cancel_load(shared: State<'_, Shared>) -> Answer<()> {
    shared.ask(Ask::Stop);
    Ok(())
}

/// Puts another port into the settings and starts there.
#[tauri::command]
pub(crate) async fn start_on_port(shared: State<'_, Shared>, port: u16) -> Answer<()> {
    shared
        .save(&[(Key::Port, NewValue::Number(port.into()))])
        .map_err(failure)?;
    shared.ask(Ask::Start);
    Ok(())
}

/// Opens a window, or brings it to the front.
#[tauri::command]
pub(crate) async fn open_window(app: AppHandle, shared: State<'_, Shared>, window: WindowName) -> Answer<()> {
    windows::open(&app, window, shared.lang());
    Ok(())
}

/// Closes the window that asks.
#[tauri::command]
pub(crate) async fn close_window(window: WebviewWindow, shared: State<'_, Shared>) -> Answer<()> {
    window.close().map_err(|error| unexpected(&error, shared.lang()))
}

/// Opens a file or a folder of the app with the user's program for it.
#[tauri::command]
pub(crate) async fn open_place(app: AppHandle, shared: State<'_, Shared>, place: Place) -> Answer<()> {
    let path = match place {
        Place::Log => shared.machine.daemon_log(shared.view.borrow().port),
        Place::Config => shared.machine.folders.config_file.clone(),
        Place::Models => shared.library().hub.cache,
    };
    open_path(&app, &path, shared.lang()).map_err(failure)
}

/// Opens `path`, or the nearest folder above it that exists. The error is a sentence.
pub(crate) fn open_path(app: &AppHandle, path: &Path, lang: Lang) -> Result<(), String> {
    let nearest = path.ancestors().find(|path| path.exists()).unwrap_or(path);
    app.opener()
        .open_path(nearest.display().to_string(), None::<&str>)
        .map_err(|error| {
            Message::Io {
                what: nearest.display().to_string(),
                cause: error.to_string(),
            }
            .text(lang)
        })
}

/// Puts a text onto the clipboard.
#[tauri::command]
pub(crate) async fn copy_text(app: AppHandle, shared: State<'_, Shared>, text: String) -> Answer<()> {
    app.clipboard()
        .write_text(text)
        .map_err(|error| unexpected(&error, shared.lang()))
}

/// Gives versions and paths.
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
    let lang = shared.lang();
    let port = shared.view.borrow().port;
    let began = Instant::now();
    let ask = async {
        let client = Client::connect(shared.machine.server(port)).await?;
        let params = EmbedParams {
            input_type: InputType::Document,
            ..EmbedParams::new(Input::Many(texts.into_iter().take(MAX_TRY).collect()))
        };
        client.embed(params).await
    };
    let result = ask.await.map_err(|error| match error {
        ClientError::Refused => failure(tray::not_ready(lang)),
        ClientError::Rpc(error) => failure(error.message),
        other => unexpected(&other, lang),
    })?;
    Ok(Embedded {
        model: result.model,
        vectors: match result.vectors {
            Vectors::Float(vectors) => vectors.into_iter().map(Option::unwrap_or_default).collect(),
            _ => Vec::new(),
        },
        tokens: result
            .tokens
            .into_iter()
            .map(|count| u32::try_from(count).unwrap_or(u32::MAX))
            .collect(),
        took_ms: millis(began.elapsed()),
    })
}

/// Gives the settings window what it shows.
#[tauri::command]
pub(crate) async fn get_settings(app: AppHandle, shared: State<'_, Shared>) -> Answer<SettingsView> {
    shared.read_login(&app);
    let loaded = shared.machine.settings();
    let lang = Lang::detect(loaded.settings.lang.value);
    Ok(SettingsView {
        form: settings::form(&loaded.settings, shared.starts_at_login()),
        models: shared.models(),
        fixed: settings::fixed(&loaded.settings),
        config: shared.machine.folders.config_file.display().to_string(),
        problems: loaded
            .problems
            .into_iter()
            .map(|problem| Message::Setting(problem).text(lang))
            .collect(),
    })
}

/// Checks the form and writes what has changed; where a field cannot be used, nothing is.
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
    shared.save(&changed).map_err(failure)?;
    if form.start_at_login != before.start_at_login {
        shared.set_login(&app, form.start_at_login).map_err(failure)?;
    }
    Ok(Saved {
        problems,
        needs_restart: settings::need_restart(&changed),
    })
}

/// Lets the user choose a model's folder; `None` when nothing was chosen.
#[tauri::command]
pub(crate) async fn choose_model_folder(app: AppHandle, window: WebviewWindow) -> Answer<Option<String>> {
    choose_folder(app, Some(window)).await
}

/// As [`choose_model_folder`], in front of a window where one asks.
pub(crate) async fn choose_folder(app: AppHandle, window: Option<WebviewWindow>) -> Answer<Option<String>> {
    let (sender, chosen) = tokio::sync::oneshot::channel();
    let title = tray::choose_folder(app.state::<Shared>().lang());
    let mut dialog = app.dialog().file().set_title(title);
    if let Some(window) = &window {
        dialog = dialog.set_parent(window);
    }
    dialog.pick_folder(move |folder| {
        // The window that asked may be gone.
        let _ = sender.send(folder);
    });
    let folder = chosen
        .await
        .ok()
        .flatten()
        .and_then(|folder| folder.into_path().ok())
        .map(|folder| folder.display().to_string());
    if let Some(folder) = &folder {
        app.state::<Shared>().add_folder(folder).map_err(failure)?;
    }
    Ok(folder)
}
