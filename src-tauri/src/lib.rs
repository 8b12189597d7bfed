//! The tray app: shows the daemon, starts and stops it. The logic for that is in `okibi-launcher`.
//!
//! - [`contract`]: the types of commands and events between the app and its pages
//!
//! Inside: `core` decides, without I/O; `driver` performs its effects and shows its view. `watcher` watches the port,
//! `machine` reads settings and folders, `failure` is what can go wrong, `desktop` finds out what the desktop offers. `menu` and `icon` say what the
//! tray shows, `tray` shows it. `windows` opens them (`window` says which there are, `closing` which are
//! about to close); `commands`,
//! `model_commands`, `search` (`corpus` keeps what is searched, `texts` reads it from files) `support` and `updates` answer them, `crash` notes a panic for the next
//! start. `library` lists, downloads and deletes models, `model_name` says what they are called,
//! `offers` which are worth offering. `notifier` shows notifications, `history` keeps what outlives a run.

use std::{process::ExitCode, sync::atomic::Ordering::Relaxed, time::Duration};

use okibi_config::logfile::{self, Echo};
use okibi_messages::{Lang, Message, tray as words};
use strum::VariantNames as _;
use tauri::{Manager as _, RunEvent, plugin::TauriPlugin};
use tauri_plugin_window_state::StateFlags;
use tokio::sync::{mpsc, watch};

pub mod contract;

mod app;
mod closing;
mod commands;
mod core;
mod corpus;
mod crash;
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
mod search;
mod settings;
mod support;
mod texts;
mod tray;
mod updates;
mod watcher;
mod window;
mod windows;

use crate::{
    app::Shared,
    contract::PageName,
    core::{Choices, Core, Event, UserCommand},
    history::History,
    machine::{Machine, choices},
    notifier::Notifier,
};

/// Runs the app until the user quits.
///
/// Arguments: `--page NAME` opens a page at once; `--at-login` says that nobody is looking, as the system does when it starts the app
/// at login; `--version` and `--help` print and end.
pub fn run() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let began = match parse(&args) {
        Ok(Invocation::Version) => {
            println!("okibi-tray {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        Ok(Invocation::Help) => {
            println!("{}", usage());
            return ExitCode::SUCCESS;
        }
        Ok(Invocation::Run(began)) => began,
        Err(error) => {
            eprintln!("okibi-tray: {error}\n{}", usage());
            return ExitCode::from(2);
        }
    };
    match start(began) {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the tray app ends");
            eprintln!("okibi-tray: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Invocation {
    Run(Beginning),
    Version,
    Help,
}

/// How the app begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Beginning {
    /// A page to open at once.
    page: Option<PageName>,
    /// Whether the system starts it, and not the user.
    is_at_login: bool,
}

fn usage() -> String {
    let pages = PageName::VARIANTS.join("|");
    format!(
        "Usage: okibi-tray [--page {pages}] [--at-login]\n       okibi-tray --version | --help\n\nThe tray app of Okibi. The command line is `okibi`."
    )
}

/// An argument that this program does not have.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown argument {0:?}")]
struct UnknownArgument(String);

/// Reads the command line.
fn parse(args: &[String]) -> Result<Invocation, UnknownArgument> {
    let mut began = Beginning::default();
    let mut args = args.iter().map(String::as_str);
    while let Some(arg) = args.next() {
        match arg {
            "--version" | "-V" => return Ok(Invocation::Version),
            "--help" | "-h" => return Ok(Invocation::Help),
            "--at-login" => began.is_at_login = true,
            "--page" => {
                let name = args.next().unwrap_or_default();
                let page = name
                    .parse()
                    .map_err(|_| UnknownArgument(format!("--page {name}")))?;
                began.page = Some(page);
            }
            other => return Err(UnknownArgument(other.to_owned())),
        }
    }
    Ok(Invocation::Run(began))
}

fn start(began: Beginning) -> anyhow::Result<i32> {
    let machine = Machine::find()?;
    let loaded = machine.settings();
    let lang = Lang::detect(loaded.settings.lang.value);
    logfile::init(machine.own_log_file(), &loaded.settings.log.value, Echo::None);
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        pid = std::process::id(),
        "the tray app begins"
    );
    crash::note_panics(&machine.folders.data);
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
    let app = with_autostart(tauri::Builder::default())
        .plugin(tauri_plugin_single_instance::init(
            |app, args, _folder| match parse(args.get(1..).unwrap_or_default()) {
                Ok(Invocation::Run(Beginning { page: Some(page), .. })) => {
                    windows::open_page(app, page, windows::Asked::ByUser);
                }
                // The system, and not the user, has started another one.
                Ok(Invocation::Run(Beginning {
                    is_at_login: true, ..
                })) => {}
                _ => driver::open_main(app),
            },
        ))
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
            commands::get_page,
            commands::open_page,
            commands::close_window,
            commands::set_unsaved,
            commands::end_welcome,
            commands::open_place,
            commands::copy_text,
            commands::get_about,
            commands::get_activity,
            commands::allow_origin,
            commands::get_tokens,
            commands::rotate_tokens,
            commands::keep_hub_token,
            commands::embed,
            search::get_search,
            search::search_in,
            search::search_in_files,
            search::clear_search,
            search::search,
            support::get_log,
            support::get_report,
            support::save_report,
            support::dismiss_crash,
            support::open_link,
            support::check_update,
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
            model_commands::look_up_model,
            model_commands::unload_model,
        ])
        .setup(move |app| {
            set_up(app.handle(), machine, starts_daemon, began)?;
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

/// On Linux the file that starts the app at login is our own: see [`desktop`].
#[cfg(target_os = "linux")]
fn with_autostart(builder: tauri::Builder<tauri::Wry>) -> tauri::Builder<tauri::Wry> {
    builder
}

/// Has Tauri's plugin start the app at login.
#[cfg(not(target_os = "linux"))]
fn with_autostart(builder: tauri::Builder<tauri::Wry>) -> tauri::Builder<tauri::Wry> {
    let launcher = tauri_plugin_autostart::MacosLauncher::LaunchAgent;
    builder.plugin(tauri_plugin_autostart::init(launcher, Some(vec!["--at-login"])))
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
    began: Beginning,
) -> anyhow::Result<()> {
    let settings = choices(machine.settings());
    let history = History::open(&machine.folders.data);
    // Mistakes in the settings are news to the core, so that it tells them.
    let unread = Choices {
        problems: Vec::new(),
        ..settings.clone()
    };
    let core = Core::new(unread, history.times().to_vec());
    let (events, received) = mpsc::unbounded_channel();
    let (view, _) = watch::channel(core.view(std::time::Instant::now()));
    let for_buttons = app.clone();
    let notifier = Notifier::start(&machine.folders.data, move |pressed| {
        driver::pressed(&for_buttons, pressed)
    })?;
    let is_new_user = !history.has_seen_welcome() && !began.is_at_login;
    let shared = Shared::new(machine.clone(), events.clone(), view, notifier, history);
    shared.read_login(app);
    shared.send(Event::Settings(settings));
    if let Some(note) = crash::noted(&machine.folders.data) {
        shared.send(Event::Crash(Some(note.message)));
    }
    let probe = shared.probe.clone();
    app.manage(shared);
    // The handles of these tasks are not kept: all three run as long as the app, and end with it.
    tauri::async_runtime::spawn(driver::run(app.clone(), core, received));
    tauri::async_runtime::spawn(watcher::watch(machine.clone(), events.clone(), probe));
    tauri::async_runtime::spawn(watcher::watch_files(app.clone(), machine));
    let (reading, missing) = (app.clone(), events.clone());
    tauri::async_runtime::spawn(async move {
        // The models first, so that the icon comes with its complete menu: building the menu again loses a press that is
        // just happening.
        model_commands::rescan(&reading).await;
        let grace = if began.is_at_login {
            PANEL_GRACE
        } else {
            Duration::ZERO
        };
        desktop::watch(grace, move |what| {
            // It fails only when the core has ended, which is when the app ends.
            let _ = missing.send(Event::Missing(what));
        })
        .await;
    });
    if starts_daemon {
        // As above.
        let _ = events.send(Event::Command(if began.is_at_login {
            UserCommand::StartQuietly
        } else {
            UserCommand::Start
        }));
    }
    let first = began.page.or(is_new_user.then_some(PageName::Welcome));
    if let Some(page) = first {
        windows::open_page(app, page, windows::Asked::ByUser);
    }
    Ok(())
}

/// How long a panel that starts with the session may take before it counts as missing.
const PANEL_GRACE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> Result<Invocation, UnknownArgument> {
        parse(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn every_page_can_be_asked_for_and_nothing_else() {
        for name in PageName::VARIANTS {
            let Ok(Invocation::Run(began)) = read(&["--page", name, "--at-login"]) else {
                panic!("{name}");
            };
            assert_eq!(began.page.map(Into::into), Some(*name));
            assert!(began.is_at_login && usage().contains(name));
        }
        assert_eq!(read(&[]), Ok(Invocation::Run(Beginning::default())));
        assert_eq!(read(&["-h"]), Ok(Invocation::Help));
        assert_eq!(
            read(&["--page", "cellar"]),
            Err(UnknownArgument("--page cellar".into()))
        );
        assert_eq!(read(&["--page"]), Err(UnknownArgument("--page ".into())));
        assert_eq!(read(&["--loud"]), Err(UnknownArgument("--loud".into())));
    }
}
