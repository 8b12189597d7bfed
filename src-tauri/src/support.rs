//! What helps when something is odd: the log, a report of a problem, the note of a crash, the project's pages, newer
//! versions.

use std::{fmt::Write as _, path::Path};

use okibi_config::{Key, Settings};
use okibi_messages::app;
use tauri::{AppHandle, State, async_runtime};
use tauri_plugin_clipboard_manager::ClipboardExt as _;
use tauri_plugin_dialog::DialogExt as _;
use tauri_plugin_opener::OpenerExt as _;

use crate::{
    app::Shared,
    commands::Answer,
    contract::{Link, LogView, UpdateView},
    core::Event,
    crash,
    failure::Failure,
    updates,
};

/// Bytes of a log that are looked at: its end.
const LOG_BYTES: u64 = 512 << 10;

/// Lines that the page shows at the most.
const LOG_LINES: usize = 2000;

/// Lines of each log in a report.
const REPORT_LINES: usize = 200;

/// Returns the end of the daemon's log.
#[tauri::command]
pub(crate) async fn get_log(shared: State<'_, Shared>) -> Answer<LogView> {
    let file = shared.machine.daemon_log(shared.view.borrow().port);
    let name = file.display().to_string();
    let reading = async_runtime::spawn_blocking(move || last_lines(&file, LOG_LINES));
    let lines = reading
        .await
        .map_err(|error| shared.for_page(Failure::unexpected(error)))?;
    Ok(LogView { file: name, lines })
}

/// Returns what somebody who helps needs to know.
#[tauri::command]
pub(crate) async fn get_report(shared: State<'_, Shared>) -> Answer<String> {
    Ok(report(&shared).await)
}

/// Writes it to a file that the user chooses; its path, or nothing where none was chosen.
#[tauri::command]
pub(crate) async fn save_report(
    app: AppHandle,
    shared: State<'_, Shared>,
    window: tauri::WebviewWindow,
) -> Answer<Option<String>> {
    let text = report(&shared).await;
    let (sender, chosen) = tokio::sync::oneshot::channel();
    app.dialog()
        .file()
        .set_parent(&window)
        .set_title(app::choose_report(shared.lang()))
        .set_file_name("okibi-report.txt")
        // It fails only where the command was dropped: the window that asked is gone.
        .save_file(move |file| drop(sender.send(file)));
    let Some(file) = chosen.await.ok().flatten().and_then(|file| file.into_path().ok()) else {
        return Ok(None);
    };
    std::fs::write(&file, text).map_err(|source| {
        let path = file.clone();
        shared.for_page(Failure::Write { path, source })
    })?;
    Ok(Some(file.display().to_string()))
}

/// Forgets the crash that the hint is about.
#[tauri::command]
pub(crate) async fn dismiss_crash(shared: State<'_, Shared>) -> Answer<()> {
    crash::dismiss(&shared.machine.folders.data);
    shared.send(Event::Crash(None));
    Ok(())
}

/// Asks the address of the settings whether there is a newer version.
#[tauri::command]
pub(crate) async fn check_update(shared: State<'_, Shared>) -> Answer<UpdateView> {
    let settings = shared.machine.settings().settings;
    let (address, key) = (settings.update_url.value, settings.update_key.value);
    let checking =
        async_runtime::spawn_blocking(move || updates::check(address, key, env!("CARGO_PKG_VERSION")));
    let checked = checking.await.map_err(Failure::unexpected);
    checked
        .and_then(|found| Ok(found?))
        .map_err(|failure: Failure| shared.for_page(failure))
}

/// Opens a page of the project in the user's browser; copies its address where there is no browser.
#[tauri::command]
pub(crate) async fn open_link(app: AppHandle, shared: State<'_, Shared>, link: Link) -> Answer<()> {
    let address = address(link);
    let opened = app.opener().open_url(&address, None::<&str>);
    opened.map_err(|source| {
        // There is no other way to the address; where the clipboard fails as well, the message still names it.
        let _ = app.clipboard().write_text(&address);
        shared.for_page(Failure::Open {
            path: address.into(),
            source: Box::new(source),
        })
    })
}

fn address(link: Link) -> String {
    const PROJECT: &str = env!("CARGO_PKG_REPOSITORY");
    match link {
        Link::Project => PROJECT.into(),
        Link::Changes => format!("{PROJECT}/blob/main/CHANGELOG.md"),
        Link::Issues => format!("{PROJECT}/issues"),
    }
}

/// The last lines of a log, the oldest first; none where it cannot be read.
fn last_lines(file: &Path, count: usize) -> Vec<String> {
    okibi_launcher::last_lines(file, count, LOG_BYTES)
}

/// Versions, settings, the daemon's status, the ends of both logs. No texts, since no log has any; no tokens; the user's folder is
/// written as `~`.
async fn report(shared: &Shared) -> String {
    let machine = &shared.machine;
    let port = shared.view.borrow().port;
    let mut text = format!(
        "Okibi {} on {} {}\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH
    );
    if let Some(crash) = crash::noted(&machine.folders.data) {
        let (at, version, message) = (crash.at, crash.version, crash.message);
        // Writing to a string cannot fail, here and below.
        let _ = write!(
            text,
            "\nCrash of version {version} at {at} (Unix time):\n{message}\n"
        );
    }
    let loaded = machine.settings();
    text.push_str("\nSettings that differ from the defaults:\n");
    for (name, value) in shown_settings(&loaded.settings) {
        let _ = writeln!(text, "  {name} = {value}");
    }
    for problem in loaded.problems {
        let _ = writeln!(
            text,
            "  problem: {}",
            okibi_messages::Message::Setting(problem).text(okibi_messages::Lang::En)
        );
    }
    let status = okibi_launcher::status(machine.server(port)).await;
    let status = status.map_or_else(
        |error| okibi_messages::chain(&error),
        |status| serde_json::to_string_pretty(&status).unwrap_or_default(),
    );
    let _ = write!(text, "\nStatus of port {port}:\n{status}\n");
    for file in [machine.daemon_log(port), machine.own_log_file()] {
        let _ = write!(text, "\nEnd of {}:\n", file.display());
        for line in last_lines(&file, REPORT_LINES) {
            let _ = writeln!(text, "{line}");
        }
    }
    without_home(&text, std::env::home_dir().as_deref())
}

/// The settings that somebody has set, by name; of secrets only that they are set.
fn shown_settings(settings: &Settings) -> Vec<(&'static str, String)> {
    let default = Settings::from_flags(&okibi_config::Flags::default()).settings;
    Key::ALL
        .iter()
        .filter(|key| settings.json(**key) != default.json(**key))
        .map(|key| {
            let value = settings.json(*key).to_string();
            let is_secret = key.name().ends_with("_token") && value.starts_with('"');
            (key.name(), if is_secret { "(set)".into() } else { value })
        })
        .collect()
}

fn without_home(text: &str, home: Option<&Path>) -> String {
    match home.and_then(Path::to_str).filter(|home| home.len() > 1) {
        Some(home) => text.replace(home, "~"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_log_begins_with_a_whole_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("log");
        assert!(last_lines(&file, 9).is_empty());
        std::fs::write(&file, "one\ntwo\nthree\n").unwrap();
        assert_eq!(last_lines(&file, 2), ["two", "three"]);
        let long = format!("{}\nlast\n", "x".repeat(usize::try_from(LOG_BYTES).unwrap()));
        std::fs::write(&file, long).unwrap();
        assert_eq!(last_lines(&file, 9), ["last"]);
    }

    #[test]
    fn a_report_names_no_home() {
        let text = without_home("model = /home/me/ruri", Some(Path::new("/home/me")));
        assert_eq!(text, "model = ~/ruri");
        assert_eq!(without_home("/x", Some(Path::new("/"))), "/x");
    }
}
