//! What the parts of the app share: the machine, the channel to the core, and the core's last view.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use okibi_client::Client;
use okibi_config::{
    Key,
    edit::{self, NewValue},
};
use okibi_messages::Lang;
use parking_lot::{Mutex, MutexGuard};
use tauri::AppHandle;
#[cfg(not(target_os = "linux"))]
use tauri_plugin_autostart::ManagerExt as _;
use tokio::sync::{Notify, mpsc, watch};

#[cfg(target_os = "linux")]
use crate::desktop::autostart;
use crate::{
    closing::Closing,
    contract::{CommandError, ModelChoice, PageName, View},
    core::{Event, ModelEvent, UserCommand},
    corpus::Search,
    failure::Failure,
    history::History,
    library::{self, ModelStore},
    machine::{Machine, choices},
    menu,
    notifier::Notifier,
    tray::Tray,
};

/// Managed by Tauri; commands and handlers get it from there.
pub(crate) struct Shared {
    pub(crate) machine: Machine,
    pub(crate) events: mpsc::UnboundedSender<Event>,
    pub(crate) view: watch::Sender<View>,
    /// Requests a probe of the port from the watcher.
    pub(crate) probe: Arc<Notify>,
    pub(crate) notifier: Notifier,
    pub(crate) closing: Closing,
    pub(crate) tray: Tray,
    pub(crate) model_store: ModelStore,
    pub(crate) search: Search,
    /// Whether a tray icon can bring the windows back once they are closed.
    pub(crate) has_tray: AtomicBool,
    /// The page that the main window was last asked to show.
    pub(crate) page: Mutex<PageName>,
    /// Whether something is typed in the main window and not saved.
    pub(crate) is_unsaved: AtomicBool,
    starts_at_login: AtomicBool,
    history: Mutex<History>,
}

impl Shared {
    pub(crate) fn new(
        machine: Machine,
        events: mpsc::UnboundedSender<Event>,
        view: watch::Sender<View>,
        notifier: Notifier,
        history: History,
    ) -> Self {
        Self {
            machine,
            events,
            view,
            probe: Arc::default(),
            notifier,
            closing: Closing::default(),
            tray: Tray::default(),
            model_store: ModelStore::default(),
            search: Search::default(),
            has_tray: AtomicBool::new(true),
            page: Mutex::new(PageName::Status),
            is_unsaved: AtomicBool::new(false),
            starts_at_login: AtomicBool::new(false),
            history: Mutex::new(history),
        }
    }

    /// Sends an event to the core.
    pub(crate) fn send(&self, event: Event) {
        // It fails only when the core has ended, which is when the app ends.
        let _ = self.events.send(event);
    }

    /// Sends what the user asked for to the core.
    pub(crate) fn command(&self, command: UserCommand) {
        self.send(Event::Command(command));
    }

    /// Sends the current settings to the core.
    pub(crate) fn settings_changed(&self) {
        self.send(Event::Settings(choices(self.machine.settings())));
        self.probe.notify_one();
    }

    /// Returns the language in use.
    pub(crate) fn lang(&self) -> Lang {
        Lang::detect(self.machine.settings().settings.lang.value)
    }

    /// Connects to the daemon that is shown.
    pub(crate) async fn connect(&self) -> Result<Client, Failure> {
        let port = self.view.borrow().port;
        let (client, _) = okibi_launcher::connect(self.machine.server(port)).await?;
        Ok(client)
    }

    /// Returns a failure as a page gets it.
    pub(crate) fn for_page(&self, failure: impl Into<Failure>) -> CommandError {
        failure.into().for_page(self.lang())
    }

    pub(crate) fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock()
    }

    /// Returns the models to choose from, as they were last listed; `chosen` is always among them.
    pub(crate) fn models(&self, chosen: &str) -> Vec<ModelChoice> {
        menu::models(&self.model_store.entries(), chosen)
    }

    /// Returns where this machine's models are.
    pub(crate) fn library(&self) -> okibi_models::Library {
        let settings = self.machine.settings().settings;
        self.machine.library(&settings)
    }

    /// Adds a folder with a model to the list.
    ///
    /// Errors: there is no model in it, or the list cannot be saved.
    pub(crate) fn add_folder(&self, folder: &str) -> Result<(), Failure> {
        library::remember(folder, &self.library())?;
        self.send(Event::Models(ModelEvent::Changed));
        Ok(())
    }

    /// Takes a folder with a model from the list; its files stay.
    pub(crate) fn forget_folder(&self, folder: &str) -> Result<(), Failure> {
        library::forget(folder, &self.library())?;
        let mut folders = self.machine.settings().settings.model_folders.value;
        if folders.iter().any(|known| known == folder) {
            folders.retain(|known| known != folder);
            self.save(&[(Key::ModelFolders, NewValue::List(folders))])?;
        }
        Ok(())
    }

    /// Changes settings in the file.
    pub(crate) fn save(&self, values: &[(Key, NewValue)]) -> Result<(), Failure> {
        let file = &self.machine.folders.config_file;
        edit::save(file, values).map_err(|source| Failure::Settings {
            file: file.display().to_string(),
            source,
        })?;
        self.settings_changed();
        Ok(())
    }

    /// Whether the app starts when the user logs in, as it was last known.
    pub(crate) fn starts_at_login(&self) -> bool {
        self.starts_at_login.load(Relaxed)
    }

    /// Asks the OS whether the app starts when the user logs in.
    pub(crate) fn read_login(&self, app: &AppHandle) {
        match is_started_at_login(app) {
            Ok(enabled) => self.starts_at_login.store(enabled, Relaxed),
            Err(error) => tracing::warn!(%error, "the OS does not say whether the app starts at login"),
        }
    }

    /// Sets whether the app starts when the user logs in.
    pub(crate) fn set_login(&self, app: &AppHandle, enabled: bool) -> Result<(), Failure> {
        let done = start_at_login(app, enabled);
        self.read_login(app);
        self.settings_changed();
        done.map_err(Failure::unexpected)
    }
}

/// Whether the system starts the app when the user logs in.
#[cfg(target_os = "linux")]
fn is_started_at_login(_: &AppHandle) -> std::io::Result<bool> {
    autostart::is_enabled()
}

/// Whether the system starts the app when the user logs in.
#[cfg(not(target_os = "linux"))]
fn is_started_at_login(app: &AppHandle) -> Result<bool, tauri_plugin_autostart::Error> {
    app.autolaunch().is_enabled()
}

/// Has the system start the app when the user logs in, or no longer.
#[cfg(target_os = "linux")]
fn start_at_login(_: &AppHandle, enabled: bool) -> std::io::Result<()> {
    if enabled {
        autostart::enable()
    } else {
        autostart::disable()
    }
}

/// Has the system start the app when the user logs in, or no longer.
#[cfg(not(target_os = "linux"))]
fn start_at_login(app: &AppHandle, enabled: bool) -> Result<(), tauri_plugin_autostart::Error> {
    let login = app.autolaunch();
    if enabled { login.enable() } else { login.disable() }
}
