//! The app's windows: opened on demand, destroyed when closed, so that an app without windows costs little.

use okibi_messages::{
    Lang,
    tray::{Entry, window_title},
};
use tauri::{AppHandle, Manager, WebviewUrl, WebviewWindowBuilder};

use crate::contract::WindowName;

/// Every window.
pub(crate) const ALL: [WindowName; 4] = [
    WindowName::Progress,
    WindowName::Status,
    WindowName::Try,
    WindowName::Settings,
];

impl WindowName {
    /// Its label, which is also its page's name.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Progress => "progress",
            Self::Status => "status",
            Self::Try => "try",
            Self::Settings => "settings",
        }
    }

    /// The window of this label.
    pub(crate) fn from_label(label: &str) -> Option<Self> {
        ALL.into_iter().find(|name| name.label() == label)
    }

    const fn entry(self) -> Entry {
        match self {
            Self::Progress => Entry::Progress,
            Self::Status => Entry::Status,
            Self::Try => Entry::TryIt,
            Self::Settings => Entry::Settings,
        }
    }

    /// Its width and height at first, in logical pixels.
    const fn size(self) -> (f64, f64) {
        match self {
            Self::Progress => (460.0, 600.0),
            Self::Status => (580.0, 720.0),
            Self::Try => (680.0, 760.0),
            Self::Settings => (580.0, 760.0),
        }
    }
}

/// Opens a window, or brings it to the front. May be called from anywhere: it goes to a task, since building a window
/// inside an event handler hangs on Windows.
pub(crate) fn open(app: &AppHandle, name: WindowName, lang: Lang) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        if let Err(error) = show(&app, name, lang) {
            tracing::error!(%error, window = name.label(), "a window cannot be opened");
        }
    });
}

fn show(app: &AppHandle, name: WindowName, lang: Lang) -> tauri::Result<()> {
    if let Some(window) = app.get_webview_window(name.label()) {
        window.unminimize()?;
        window.show()?;
        return window.set_focus();
    }
    let (width, height) = name.size();
    let page = WebviewUrl::App(format!("{}.html", name.label()).into());
    WebviewWindowBuilder::new(app, name.label(), page)
        .title(window_title(name.entry(), lang))
        .inner_size(width, height)
        .min_inner_size(320.0, 320.0)
        .build()?;
    Ok(())
}

/// Titles the open windows in another language.
pub(crate) fn rename_all(app: &AppHandle, lang: Lang) {
    for name in ALL {
        if let Some(window) = app.get_webview_window(name.label())
            && let Err(error) = window.set_title(window_title(name.entry(), lang))
        {
            tracing::warn!(%error, "a window keeps its old title");
        }
    }
}
