//! Runs the core: brings it events, does what it wants, and shows what it knows.

use std::{sync::atomic::Ordering::Relaxed, time::Instant};

use okibi_config::{Key, edit::NewValue};
use okibi_messages::{Lang, tray, tray::Entry};
use tauri::{AppHandle, Emitter as _, Manager as _};
use tauri_plugin_clipboard_manager::ClipboardExt as _;
use tokio::{sync::mpsc, time::timeout_at};

use crate::{
    app::Shared,
    commands::{choose_folder, open_path},
    contract::{DaemonView, VIEW_CHANGED, WindowName},
    core::{Ask, Core, Effect, Event},
    icon::Face,
    menu::{self, MenuState, Press},
    model_commands,
    models::{ModelEvent, Wish},
    notifier::Pressed,
    tray::{Tray, TrayLook},
    windows,
};

/// Runs until the app ends.
pub(crate) async fn run(app: AppHandle, mut core: Core, mut events: mpsc::UnboundedReceiver<Event>) {
    let shared = app.state::<Shared>();
    let mut lang = core.lang();
    loop {
        let event = match core.deadline() {
            None => events.recv().await,
            Some(deadline) => match timeout_at(deadline.into(), events.recv()).await {
                Ok(event) => event,
                Err(_) => Some(Event::Tick),
            },
        };
        let Some(event) = event else {
            return;
        };
        if let Event::Missing(missing) = &event {
            let has_tray = missing.iter().all(|what| *what == tray::Missing::Notifications);
            shared.has_tray.store(has_tray, Relaxed);
            if has_tray {
                place_tray(&app, &core);
            }
        }
        // The core takes our own launch's word that a daemon is there; one that dies before the watcher has seen it would
        // stay ready for ever.
        let is_unseen = matches!(event, Event::Started(_));
        let effects = core.handle(event, Instant::now());
        if is_unseen {
            shared.look.notify_one();
            // A model that was loaded was used, and may have been downloaded.
            shared.tell(Event::Models(ModelEvent::Changed));
        }
        shared.view.send_replace(core.view(Instant::now()));
        for effect in effects {
            perform(&app, &shared, effect);
        }
        publish(&app, &shared, &core);
        if lang != core.lang() {
            lang = core.lang();
            windows::rename_all(&app, lang);
        }
    }
}

fn perform(app: &AppHandle, shared: &Shared, effect: Effect) {
    match effect {
        Effect::Launch => {
            let spec = shared.machine.launch_spec();
            let (steps, end) = (shared.events.clone(), shared.events.clone());
            tauri::async_runtime::spawn(async move {
                let step = move |update| {
                    // The core ends only with the app.
                    let _ = steps.send(Event::Step(update));
                };
                let outcome = okibi_launcher::start(spec, step).await;
                let _ = end.send(Event::Started(Box::new(outcome)));
            });
            shared.look.notify_one();
        }
        Effect::Stop(port) => {
            let settings = shared.machine.settings().settings;
            let server = shared.machine.server(port);
            let drain = std::time::Duration::from_secs(settings.drain_seconds.value);
            let end = shared.events.clone();
            tauri::async_runtime::spawn(async move {
                let outcome = okibi_launcher::stop(server, drain).await;
                // As above.
                let _ = end.send(Event::Stopped(outcome));
            });
        }
        Effect::Open(window) => windows::open(app, window, shared.lang()),
        Effect::Notify(notice) => shared.notifier.show(notice),
        Effect::Remember(model, times) => shared.history().add_times(model, times),
        Effect::Models(effect) => model_commands::perform(app, effect),
        Effect::Exit => {
            shared.shelf.cancel_all();
            app.exit(0);
        }
    }
}

/// Shows what the core knows in the windows and in the tray.
fn publish(app: &AppHandle, shared: &Shared, core: &Core) {
    if !app.webview_windows().is_empty()
        && let Err(error) = app.emit(VIEW_CHANGED, &*shared.view.borrow())
    {
        tracing::warn!(%error, "the windows were not told");
    }
    let look = look(shared, core);
    with_tray(app, "the tray icon cannot be changed", |app, tray| {
        tray.show(app, look)
    });
}

/// Does something with the tray icon on the main thread. All that is done so keeps its order: no change is lost to an icon
/// that is just being placed.
fn with_tray(
    app: &AppHandle,
    trouble: &'static str,
    change: impl FnOnce(&AppHandle, &Tray) -> tauri::Result<()> + Send + 'static,
) {
    let on_main = app.clone();
    let queued = app.run_on_main_thread(move || {
        if let Err(error) = change(&on_main, &on_main.state::<Shared>().tray) {
            tracing::warn!(%error, "{trouble}");
        }
    });
    if let Err(error) = queued {
        tracing::warn!(%error, "{trouble}");
    }
}

/// What the tray shows.
fn look(shared: &Shared, core: &Core) -> TrayLook {
    let view = shared.view.borrow().clone();
    let lang = core.lang();
    let settings = shared.machine.settings().settings;
    let state_line = menu::state_line(&view.daemon, core.status(), view.port, lang);
    let models = shared.models();
    TrayLook {
        face: match &view.daemon {
            DaemonView::Ready { status } if status.requests_in_flight > 0.0 => Face::Busy,
            DaemonView::Ready { .. } => Face::Ready,
            DaemonView::Loading { fraction } => Face::Loading(tray::percent(*fraction)),
            DaemonView::Stopped | DaemonView::Stopping => Face::Stopped,
            DaemonView::Failed { .. } | DaemonView::PortTaken { .. } => Face::Error,
        },
        tooltip: match core.status() {
            Some(status) if matches!(&view.daemon, DaemonView::Ready { status } if !status.is_resting) => {
                tray::tooltip(status, lang)
            }
            _ => format!("Okibi: {state_line}"),
        },
        lines: menu::menu(&MenuState {
            lang,
            state_line,
            daemon: &view.daemon,
            model: &view.model,
            models: &models,
            language: settings.lang.value,
            starts_at_login: shared.starts_at_login(),
            starts_daemon: settings.start_daemon.value,
        }),
    }
}

/// Puts the icon onto the panel, where there is one.
fn place_tray(app: &AppHandle, core: &Core) {
    let look = look(&app.state::<Shared>(), core);
    with_tray(app, "there is no tray icon", |app, tray| {
        tray.place(app, look, press, open_main)?;
        tracing::info!("the tray icon is on the panel");
        Ok(())
    });
}

/// Opens the window that matters now: the load under way, else the status.
pub(crate) fn open_main(app: &AppHandle) {
    let shared = app.state::<Shared>();
    let window = match shared.view.borrow().daemon {
        DaemonView::Loading { .. } | DaemonView::Failed { .. } | DaemonView::PortTaken { .. } => {
            WindowName::Progress
        }
        _ => WindowName::Status,
    };
    windows::open(app, window, shared.lang());
}

/// Does what a menu entry says.
fn press(app: &AppHandle, press: Press) {
    let shared = app.state::<Shared>();
    let lang = shared.lang();
    let open = |window| windows::open(app, window, lang);
    let told = match press {
        Press::Entry(entry) => return press_entry(app, &shared, entry, open),
        // A menu chooses; it is the window that also starts.
        Press::Model(model) if matches!(shared.view.borrow().daemon, DaemonView::Stopped) => {
            shared.save(&[(Key::Model, NewValue::Text(model))])
        }
        Press::Model(model) => model_commands::choose(
            &shared,
            Wish {
                model,
                replace: false,
            },
        ),
        Press::Language(language) => {
            let name: &str = language.into();
            shared.save(&[(Key::Lang, NewValue::Text(name.into()))])
        }
    };
    warn(app, told, lang);
}

fn press_entry(app: &AppHandle, shared: &Shared, entry: Entry, open: impl Fn(WindowName)) {
    let lang = shared.lang();
    match entry {
        Entry::Start => shared.ask(Ask::Start),
        Entry::Stop => shared.ask(Ask::Stop),
        Entry::Restart => shared.ask(Ask::Restart),
        Entry::Quit => shared.ask(Ask::Quit),
        Entry::StopAndQuit => shared.ask(Ask::StopAndQuit),
        Entry::Progress => open(WindowName::Progress),
        Entry::Status => open(WindowName::Status),
        Entry::TryIt => open(WindowName::Try),
        Entry::Models => open(WindowName::Models),
        Entry::Settings => open(WindowName::Settings),
        Entry::CopyAddress => {
            let address = shared.view.borrow().address.clone();
            let copied = app.clipboard().write_text(address);
            warn(app, copied.map_err(|error| error.to_string()), lang);
        }
        Entry::OpenLog => open_log(app),
        Entry::AddFolder => {
            let app = app.clone();
            tauri::async_runtime::spawn(async move {
                let chosen = choose_folder(app.clone(), None).await;
                warn(&app, chosen.map(drop).map_err(|error| error.message), lang);
            });
        }
        Entry::StartAtLogin => {
            let told = shared.set_login(app, !shared.starts_at_login());
            warn(app, told, lang);
        }
        Entry::StartDaemon => {
            let starts = shared.machine.settings().settings.start_daemon.value;
            let told = shared.save(&[(Key::StartDaemon, NewValue::Switch(!starts))]);
            warn(app, told, lang);
        }
        Entry::Model | Entry::Language | Entry::LanguageOfSystem => {}
    }
}

fn open_log(app: &AppHandle) {
    let shared = app.state::<Shared>();
    let log = shared.machine.daemon_log(shared.view.borrow().port);
    let lang = shared.lang();
    warn(app, open_path(app, &log, lang), lang);
}

/// Does what a notification's button says.
pub(crate) fn pressed(app: &AppHandle, pressed: Pressed) {
    match pressed {
        Pressed::OpenLog => open_log(app),
        Pressed::Retry => app.state::<Shared>().ask(Ask::Start),
    }
}

/// Tells of a menu entry that could not do its work, where the user looks: in a notification, and in the log.
fn warn(app: &AppHandle, told: Result<(), String>, lang: Lang) {
    let Err(summary) = told else {
        return;
    };
    tracing::warn!(summary, "a menu entry could not do its work");
    app.state::<Shared>().notifier.show(crate::core::Notice {
        kind: crate::core::NoticeKind::Error,
        summary,
        body: String::new(),
        percent: None,
        has_actions: false,
        lang,
    });
}
