//! Runs the core: passes it events, performs its effects, and shows its view in the windows and in the tray.

use std::{sync::atomic::Ordering::Relaxed, time::Instant};

use okibi_config::{Key, edit::NewValue};
use okibi_messages::{chain, printable, tray, tray::Entry};
use tauri::{AppHandle, Emitter as _, Manager as _};
use tauri_plugin_clipboard_manager::ClipboardExt as _;
use tokio::{sync::mpsc, time::timeout_at};

use crate::{
    app::Shared,
    commands::choose_folder,
    contract::{DaemonView, PageName, VIEW_CHANGED},
    core::{Core, Effect, Event, ModelEvent, Notice, NoticeAction, NoticeKind, PendingSwitch, UserCommand},
    failure::Failure,
    icon::IconState,
    machine::choices,
    menu::{self, MenuState, Press},
    model_commands,
    tray::{Tray, TrayContent},
    windows::{self, Asked},
};

/// Runs until the app ends.
pub(crate) async fn run(app: AppHandle, mut core: Core, mut events: mpsc::UnboundedReceiver<Event>) {
    let shared = app.state::<Shared>();
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
        // The core believes our own launch that a daemon is there. The watcher has to see it as well: a daemon that
        // dies before that would stay ready forever.
        let is_launch_over = matches!(event, Event::LaunchEnded(_));
        let now = Instant::now();
        // What is done follows the settings as they are now: the file may have been edited a moment ago.
        let mut effects = match event {
            Event::Command(_) => core.handle(Event::Settings(choices(shared.machine.settings())), now),
            _ => Vec::new(),
        };
        effects.extend(core.handle(event, now));
        if is_launch_over {
            shared.probe.notify_one();
            // The load has changed when its model was last used, and may have downloaded it.
            shared.send(Event::Models(ModelEvent::Changed));
        }
        shared.view.send_replace(core.view(Instant::now()));
        for effect in effects {
            perform(&app, &shared, effect);
        }
        publish(&app, &shared, &core);
    }
}

fn perform(app: &AppHandle, shared: &Shared, effect: Effect) {
    match effect {
        Effect::Launch(kept) => {
            let spec = shared.machine.launch_spec(kept);
            let (steps, end) = (shared.events.clone(), shared.events.clone());
            // The handle is not kept: a stop ends the launch, and its end is an event.
            tauri::async_runtime::spawn(async move {
                let step = move |update| {
                    // It fails only when the core has ended, which is when the app ends.
                    let _ = steps.send(Event::LaunchStep(update));
                };
                let outcome = okibi_launcher::start(spec, step).await;
                // As above.
                let _ = end.send(Event::LaunchEnded(Box::new(outcome)));
            });
            shared.probe.notify_one();
        }
        Effect::Stop(port) => {
            let settings = shared.machine.settings().settings;
            let server = shared.machine.server(port);
            let drain = okibi_front::drain(&settings);
            let known = shared.machine.named_daemon();
            let end = shared.events.clone();
            // The handle is not kept: the stop ends within `drain`, and its end is an event.
            tauri::async_runtime::spawn(async move {
                let outcome = okibi_launcher::stop(server, drain, known.as_ref()).await;
                // As above.
                let _ = end.send(Event::StopEnded(outcome));
            });
        }
        Effect::OpenStart => windows::open_start(app),
        Effect::OpenPage(page) => windows::open_page(app, page, Asked::ByNobody),
        Effect::Notify(notice) => shared.notifier.show(notice),
        Effect::Unnotify => shared.notifier.take_away(),
        Effect::Remember(model, times) => shared.history().add_times(model, times),
        Effect::Models(effect) => model_commands::perform(app, effect),
        Effect::Exit => {
            shared.model_store.cancel_all();
            app.exit(0);
        }
    }
}

/// Shows the core's view in the windows and in the tray.
fn publish(app: &AppHandle, shared: &Shared, core: &Core) {
    if !app.webview_windows().is_empty()
        && let Err(error) = app.emit(VIEW_CHANGED, &*shared.view.borrow())
    {
        tracing::warn!(%error, "the windows did not get the view");
    }
    let content = tray_content(shared, core);
    with_tray(app, "the tray icon cannot be changed", |app, tray| {
        tray.show(app, content)
    });
}

/// Changes the tray icon on the main thread. All changes go this way and keep their order, so that none is lost while
/// the icon is being placed.
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

/// Returns what the tray shows.
fn tray_content(shared: &Shared, core: &Core) -> TrayContent {
    let view = shared.view.borrow().clone();
    let lang = core.lang();
    let settings = shared.machine.settings().settings;
    let state_line = menu::state_line(&view.daemon, core.status(), view.port, lang);
    let state_line = printable(&state_line).into_owned();
    let models = shared.models(core.model());
    TrayContent {
        icon: match &view.daemon {
            DaemonView::Ready { status } if status.requests_in_flight > 0 => IconState::Busy,
            DaemonView::Ready { .. } => IconState::Ready,
            DaemonView::Loading { fraction } => IconState::Loading(tray::percent(*fraction)),
            DaemonView::Stopped | DaemonView::Stopping => IconState::Stopped,
            DaemonView::Failed { .. } | DaemonView::PortTaken { .. } => IconState::Error,
        },
        tooltip: match core.status() {
            Some(status) if !status.is_resting() && matches!(view.daemon, DaemonView::Ready { .. }) => {
                tray::tooltip(status, lang)
                    .lines()
                    .map(printable)
                    .collect::<Vec<_>>()
                    .join("\n")
            }
            _ => state_line.clone(),
        },
        lines: menu::menu(&MenuState {
            lang,
            state_line,
            daemon: &view.daemon,
            model: core.model(),
            models: &models,
            language: settings.lang.value,
            starts_at_login: shared.starts_at_login(),
            starts_daemon: settings.start_daemon.value,
        }),
    }
}

/// Puts the icon onto the panel, where there is one.
fn place_tray(app: &AppHandle, core: &Core) {
    let content = tray_content(&app.state::<Shared>(), core);
    with_tray(app, "there is no tray icon", |app, tray| {
        tray.place(app, content, press_and_settle, open_main)?;
        tracing::info!("the tray icon is on the panel");
        Ok(())
    });
}

/// Opens the page that matters now: the progress of a load or of a failed start, else the status.
pub(crate) fn open_main(app: &AppHandle) {
    let page = match app.state::<Shared>().view.borrow().daemon {
        DaemonView::Loading { .. } | DaemonView::Failed { .. } | DaemonView::PortTaken { .. } => {
            PageName::Progress
        }
        _ => PageName::Status,
    };
    windows::open_page(app, page, Asked::ByUser);
}

/// Performs a menu entry. The menu has put a check mark where it was pressed, or taken it away, whatever comes of the press: what
/// the marks say is for the core, so they are set again to what it last said.
fn press_and_settle(app: &AppHandle, pressed: Press) {
    press(app, pressed);
    with_tray(app, "the marks of the menu cannot be set", |_, tray| {
        tray.settle()
    });
}

/// Performs a menu entry.
fn press(app: &AppHandle, press: Press) {
    let shared = app.state::<Shared>();
    let outcome = match press {
        Press::Entry(entry) => press_entry(app, &shared, entry),
        // It is in use already.
        Press::Model(_) | Press::Language(_) if shared.tray.is_marked(&press) => Ok(()),
        // While nothing runs, the menu only chooses the model of the next start; the models window also starts it.
        Press::Model(model) if matches!(shared.view.borrow().daemon, DaemonView::Stopped) => {
            shared.save(&[(Key::Model, NewValue::Text(model))])
        }
        Press::Model(model) => model_commands::choose(
            &shared,
            PendingSwitch {
                model,
                replace: false,
            },
        ),
        Press::Language(language) => {
            let name: &str = language.into();
            shared.save(&[(Key::Lang, NewValue::Text(name.into()))])
        }
    };
    warn(app, outcome);
}

fn press_entry(app: &AppHandle, shared: &Shared, entry: Entry) -> Result<(), Failure> {
    let open = |page| windows::open_page(app, page, Asked::ByUser);
    match entry {
        Entry::Quit | Entry::StopAndQuit if shared.is_unsaved.load(Relaxed) => windows::ask_to_close(app),
        Entry::Start => shared.command(UserCommand::Start),
        Entry::Stop => shared.command(UserCommand::Stop),
        Entry::Restart => shared.command(UserCommand::Restart),
        Entry::Quit => shared.command(UserCommand::Quit),
        Entry::StopAndQuit => shared.command(UserCommand::StopAndQuit),
        Entry::Progress => open(PageName::Progress),
        Entry::Status => open(PageName::Status),
        Entry::TryIt => open(PageName::Try),
        Entry::Models => open(PageName::Models),
        Entry::Connect => open(PageName::Connect),
        Entry::Activity => open(PageName::Activity),
        Entry::Settings => open(PageName::Settings),
        Entry::OpenLog => open(PageName::Logs),
        Entry::About => open(PageName::About),
        Entry::CopyAddress => {
            let address = shared.view.borrow().address.clone();
            app.clipboard().write_text(address).map_err(Failure::unexpected)?;
        }
        Entry::AddFolder => {
            let app = app.clone();
            // The handle is not kept: the task ends with the dialog, and warns by itself.
            tauri::async_runtime::spawn(async move {
                match choose_folder(&app, None).await {
                    // There it is, with a button to use it.
                    Ok(Some(_)) => windows::open_page(&app, PageName::Models, Asked::ByUser),
                    Ok(None) => {}
                    Err(failure) => warn(&app, Err(failure)),
                }
            });
        }
        Entry::StartAtLogin => shared.set_login(app, !shared.starts_at_login())?,
        Entry::StartDaemon => {
            let starts = shared.machine.settings().settings.start_daemon.value;
            shared.save(&[(Key::StartDaemon, NewValue::Switch(!starts))])?;
        }
        Entry::Model | Entry::Language | Entry::LanguageOfSystem => {}
    }
    Ok(())
}

/// Performs a press on a notification, or on one of its buttons.
pub(crate) fn pressed(app: &AppHandle, action: NoticeAction) {
    let shared = app.state::<Shared>();
    match action {
        NoticeAction::Show(page) => windows::open_page(app, page, Asked::ByUser),
        NoticeAction::OpenLog => windows::open_page(app, PageName::Logs, Asked::ByUser),
        NoticeAction::Retry => shared.command(UserCommand::Start),
        NoticeAction::Use(model) => warn(
            app,
            model_commands::choose(
                &shared,
                PendingSwitch {
                    model,
                    replace: false,
                },
            ),
        ),
    }
}

/// Reports a menu entry that failed where the user looks: in a notification, and in the log.
fn warn(app: &AppHandle, outcome: Result<(), Failure>) {
    let Err(failure) = outcome else {
        return;
    };
    tracing::warn!(error = chain(&failure), "a menu entry failed");
    let shared = app.state::<Shared>();
    let lang = shared.lang();
    let tray::Notification { summary, body } = tray::notify_entry_failed(failure.text(lang), lang);
    shared.notifier.show(Notice {
        kind: NoticeKind::Error,
        summary,
        body,
        percent: None,
        page: PageName::Status,
        actions: Vec::new(),
        lang,
    });
}
