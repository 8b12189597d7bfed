//! What the app's parts share: the machine, the way to the core, and what the core last showed.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use okibi_config::{Key, edit::NewValue};
use okibi_messages::{Lang, Message};
use tauri::AppHandle;
use tauri_plugin_autostart::ManagerExt as _;
use tokio::sync::{Notify, mpsc, watch};

use crate::{
    contract::{ModelChoice, View},
    core::{Ask, Event},
    history::History,
    library::{self, Shelf},
    machine::{Machine, choices},
    menu,
    models::ModelEvent,
    notifier::Notifier,
    settings,
    tray::Tray,
    windows::Closing,
};

/// Managed by Tauri; commands and handlers get it from there.
pub(crate) struct Shared {
    pub(crate) machine: Machine,
    pub(crate) events: mpsc::UnboundedSender<Event>,
    pub(crate) view: watch::Sender<View>,
    /// Asks the watcher for a look at the port.
    pub(crate) look: Arc<Notify>,
    pub(crate) notifier: Notifier,
    pub(crate) closing: Closing,
    pub(crate) tray: Tray,
    pub(crate) shelf: Shelf,
    /// Whether something can bring the windows back once they are closed.
    pub(crate) has_tray: AtomicBool,
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
            look: Arc::default(),
            notifier,
            closing: Closing::default(),
            tray: Tray::default(),
            shelf: Shelf::default(),
            has_tray: AtomicBool::new(true),
            starts_at_login: AtomicBool::new(false),
            history: Mutex::new(history),
        }
    }

    /// Tells the core something.
    pub(crate) fn tell(&self, event: Event) {
        // The core ends only with the app.
        let _ = self.events.send(event);
    }

    /// Tells the core what the user wants.
    pub(crate) fn ask(&self, ask: Ask) {
        self.tell(Event::Ask(ask));
    }

    /// Lets the core know the settings of now.
    pub(crate) fn settings_changed(&self) {
        self.tell(Event::Settings(choices(&self.machine.settings().settings)));
        self.look.notify_one();
    }

    /// The language in use.
    pub(crate) fn lang(&self) -> Lang {
        Lang::detect(self.machine.settings().settings.lang.value)
    }

    pub(crate) fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The models to choose from, as they were last read.
    pub(crate) fn models(&self) -> Vec<ModelChoice> {
        let chosen = self.machine.settings().settings.model.value;
        menu::models(&self.shelf.entries(), &chosen)
    }

    /// Where this machine's models are.
    pub(crate) fn library(&self) -> okibi_models::Library {
        let settings = self.machine.settings().settings;
        self.machine.library(&settings)
    }

    /// Remembers a folder with a model. The error is a sentence: there is no model, or it cannot be saved.
    pub(crate) fn add_folder(&self, folder: &str) -> Result<(), String> {
        library::remember(folder, &self.library(), self.lang())?;
        self.tell(Event::Models(ModelEvent::Changed));
        Ok(())
    }

    /// Forgets a folder with a model; its files stay. The error is a sentence.
    pub(crate) fn forget_folder(&self, folder: &str) -> Result<(), String> {
        library::forget(folder, &self.library(), self.lang())?;
        let mut folders = self.machine.settings().settings.model_folders.value;
        if folders.iter().any(|known| known == folder) {
            folders.retain(|known| known != folder);
            self.save(&[(Key::ModelFolders, NewValue::List(folders))])?;
        }
        Ok(())
    }

    /// Changes settings in the file. The error is a sentence.
    pub(crate) fn save(&self, values: &[(Key, NewValue)]) -> Result<(), String> {
        settings::write(&self.machine, values, self.lang())?;
        self.settings_changed();
        Ok(())
    }

    /// Whether the app starts when the user logs in, as it was last known.
    pub(crate) fn starts_at_login(&self) -> bool {
        self.starts_at_login.load(Relaxed)
    }

    /// Asks the OS whether the app starts when the user logs in.
    pub(crate) fn read_login(&self, app: &AppHandle) {
        match app.autolaunch().is_enabled() {
            Ok(enabled) => self.starts_at_login.store(enabled, Relaxed),
            Err(error) => tracing::warn!(%error, "the OS does not say whether the app starts at login"),
        }
    }

    /// Has the app start, or not, when the user logs in. The error is a sentence.
    pub(crate) fn set_login(&self, app: &AppHandle, enabled: bool) -> Result<(), String> {
        let login = app.autolaunch();
        let done = if enabled { login.enable() } else { login.disable() };
        self.read_login(app);
        self.settings_changed();
        done.map_err(|error| {
            Message::Unexpected {
                cause: error.to_string(),
            }
            .text(self.lang())
        })
    }
}
