//! The tray app: shows the daemon, starts and stops it. The logic for that is in `okibi-launcher`.
//!
//! - [`contract`]: the types of commands and events between the app and its pages
//!
//! Inside: `core` decides, without I/O; `driver` performs its effects and shows its view. `watcher` watches the port,
//! `machine` reads settings and folders, `failure` is what can go wrong, `desktop` finds out what the desktop offers. `menu` and `icon` say what the
//! tray shows, `tray` shows it. `windows` opens the pages (`closing` knows those about to close), `commands` and
//! `model_commands` answer them. `library` lists, downloads and deletes models, `model_name` says what they are called,
//! `offers` which are worth offering. `notifier` shows notifications, `history` keeps what outlives a run.

use std::{process::ExitCode, sync::atomic::Ordering::Relaxed};

use okibi_config::logfile::{self, Echo};
use okibi_messages::{Lang, Message, tray as words};
use tauri::{Manager as _, RunEvent, plugin::TauriPlugin};
use tauri_plugin_autostart::MacosLauncher;
use tauri_plugin_window_state::StateFlags;
use tokio::sync::{mpsc, watch};

pub mod contract;

mod app;
mod closing;
mod commands;
mod core;
mod desktop;
mod driver;
mod failure;
mod history;
mod icon;
mod library;
mod machine;
mod menu;
mod model_commands;
mod model_name;
mod notifier;
mod offers;
mod settings;
mod tray;
mod watcher;
mod windows;

use crate::{
    app::Shared,
    contract::WindowName,
    core::{Core, Event, UserCommand},
    history::History,
    machine::{Machine, choices},
    notifier::Notifier,
};

/// Runs the app until the user quits.
///
/// Arguments: `--window progress|status|try|models|settings` opens a window at once; `--version` prints the version.
pub fn run() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let first_window = match parse(&args) {
        Ok(Invocation::Version) => {
            println!("okibi-tray {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        Ok(Invocation::Run(window)) => window,
        Err(error) => {
            eprintln!(
                "okibi-tray: {error}\nUsage: okibi-tray [--window progress|status|try|models|settings]"
            );
            return ExitCode::from(2);
        }
    };
    match start(first_window) {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the tray app ends");
            eprintln!("okibi-tray: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What the command line asks for.
enum Invocation {
    Run(Option<WindowName>),
    Version,
}

/// An argument that this program does not have.
#[derive(Debug, thiserror::Error)]
#[error("unknown argument {0:?}")]
struct UnknownArgument(String);

/// Reads the command line.
fn parse(args: &[String]) -> Result<Invocation, UnknownArgument> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        [] => Ok(Invocation::Run(None)),
        ["--version" | "-V"] => Ok(Invocation::Version),
        ["--window", name] => WindowName::from_label(name)
            .map(|name| Invocation::Run(Some(name)))
            .ok_or_else(|| UnknownArgument(name.to_owned())),
        [other, ..] => Err(UnknownArgument(other.to_owned())),
    }
}

fn start(first_window: Option<WindowName>) -> anyhow::Result<i32> {
    let machine = Machine::find()?;
    let loaded = machine.settings();
    let lang = Lang::detect(loaded.settings.lang.value);
    logfile::init(machine.own_log_file(), &loaded.settings.log.value, Echo::None);
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        pid = std::process::id(),
        "the tray app begins"
    );
    for problem in loaded.problems {
        tracing::warn!(
            problem = Message::Setting(problem).text(Lang::En),
            "a setting cannot be used"
        );
    }
    if !desktop::has_display() {
        anyhow::bail!("{}", words::no_display(lang));
    }
    if !machine.program.is_file() {
        anyhow::bail!("{}", words::no_program(&machine.program, lang));
    }
    let starts_daemon = loaded.settings.start_daemon.value;
    let app = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(
            |app, args, _folder| match parse(args.get(1..).unwrap_or_default()) {
                Ok(Invocation::Run(Some(window))) => {
                    windows::open(app, window, app.state::<Shared>().lang(), windows::Asked::ByUser);
                }
                _ => driver::open_main(app),
            },
        ))
        .plugin(tauri_plugin_autostart::init(MacosLauncher::LaunchAgent, None))
        .plugin(tauri_plugin_clipboard_manager::init())
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_opener::init())
        .plugin(window_state())
        .invoke_handler(tauri::generate_handler![
            commands::get_view,
            commands::get_status,
            commands::start_daemon,
            commands::stop_daemon,
            commands::restart_daemon,
            commands::cancel_load,
            commands::start_on_port,
            commands::open_window,
            commands::close_window,
            commands::open_place,
            commands::copy_text,
            commands::get_about,
            commands::embed,
            commands::get_settings,
            commands::save_settings,
            commands::choose_model_folder,
            model_commands::get_models,
            model_commands::pull_model,
            model_commands::cancel_pull,
            model_commands::remove_model,
            model_commands::use_model,
            model_commands::dismiss_switch,
            model_commands::dismiss_offers,
        ])
        .setup(move |app| {
            set_up(app.handle(), machine, starts_daemon, first_window)?;
            Ok(())
        })
        .build(tauri::generate_context!())?;
    Ok(app.run_return(|app, event| {
        if let RunEvent::WindowEvent { label, event, .. } = &event {
            windows::follow(app, label, event);
        }
        // Closing the last window leaves the app in the tray, if there is one to come back from.
        if let RunEvent::ExitRequested { api, code: None, .. } = event
            && app.state::<Shared>().has_tray.load(Relaxed)
        {
            api.prevent_exit();
        }
    }))
}

/// Stores where windows were and how large they were. Whether they are visible is decided by [`windows`].
fn window_state() -> TauriPlugin<tauri::Wry> {
    tauri_plugin_window_state::Builder::default()
        .with_state_flags(StateFlags::all() - StateFlags::VISIBLE)
        .build()
}

/// Starts everything that runs beside the windows.
fn set_up(
    app: &tauri::AppHandle,
    machine: Machine,
    starts_daemon: bool,
    first_window: Option<WindowName>,
) -> anyhow::Result<()> {
    let settings = machine.settings().settings;
    let history = History::open(&machine.folders.data);
    let core = Core::new(choices(&settings), history.times().to_vec());
    let (events, received) = mpsc::unbounded_channel();
    let (view, _) = watch::channel(core.view(std::time::Instant::now()));
    let for_buttons = app.clone();
    let notifier = Notifier::start(&machine.folders.data, move |pressed| {
        driver::pressed(&for_buttons, pressed)
    })?;
    let shared = Shared::new(machine.clone(), events.clone(), view, notifier, history);
    shared.read_login(app);
    let probe = shared.probe.clone();
    app.manage(shared);
    // The handles of these tasks are not kept: all three run as long as the app, and end with it.
    tauri::async_runtime::spawn(driver::run(app.clone(), core, received));
    tauri::async_runtime::spawn(watcher::watch(machine, events.clone(), probe));
    let (reading, missing) = (app.clone(), events.clone());
    tauri::async_runtime::spawn(async move {
        // The models first, so that the icon comes with its complete menu: building the menu again loses a press that is
        // just happening.
        model_commands::rescan(&reading).await;
        desktop::watch(move |what| {
            // It fails only when the core has ended, which is when the app ends.
            let _ = missing.send(Event::Missing(what));
        })
        .await;
    });
    if starts_daemon {
        // As above.
        let _ = events.send(Event::Command(UserCommand::Start));
    }
    if let Some(window) = first_window {
        windows::open(
            app,
            window,
            Lang::detect(settings.lang.value),
            windows::Asked::ByUser,
        );
    }
    Ok(())
}
