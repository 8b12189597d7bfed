//! The app's windows: opened on demand, destroyed when closed, so that an app without windows costs little.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use okibi_messages::{
    Lang,
    tray::{Entry, window_title},
};
use tauri::{AppHandle, Manager, WebviewUrl, WebviewWindowBuilder, WindowEvent};

use crate::{app::Shared, contract::WindowName};

/// Every window.
pub(crate) const ALL: [WindowName; 5] = [
    WindowName::Progress,
    WindowName::Status,
    WindowName::Try,
    WindowName::Models,
    WindowName::Settings,
];

impl WindowName {
    /// Its label, which is also its page's name.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Progress => "progress",
            Self::Status => "status",
            Self::Try => "try",
            Self::Models => "models",
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
            Self::Models => Entry::Models,
            Self::Settings => Entry::Settings,
        }
    }

    /// Its width and height at first, in logical pixels.
    const fn size(self) -> (f64, f64) {
        match self {
            Self::Progress => (460.0, 600.0),
            Self::Status => (580.0, 720.0),
            Self::Try | Self::Models => (680.0, 760.0),
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

/// Windows that are about to go, and whether they are wanted again: one that is asked for meanwhile can be neither shown
/// nor built anew until it has gone.
#[derive(Default)]
pub(crate) struct Closing(Mutex<HashMap<&'static str, bool>>);

impl Closing {
    fn lock(&self) -> MutexGuard<'_, HashMap<&'static str, bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A window begins to close.
    fn begin(&self, name: WindowName) {
        self.lock().insert(name.label(), false);
    }

    /// Notes that a window is wanted; true where it is about to go, and will come again.
    fn want(&self, name: WindowName) -> bool {
        let mut closing = self.lock();
        let wanted = closing.get_mut(name.label());
        wanted.map(|wanted| *wanted = true).is_some()
    }

    /// A window has gone; true where it is wanted again.
    fn end(&self, name: WindowName) -> bool {
        self.lock().remove(name.label()).unwrap_or(false)
    }
}

/// Follows a window's end, and opens it anew where it was asked for meanwhile.
pub(crate) fn follow(app: &AppHandle, label: &str, event: &WindowEvent) {
    let Some(name) = WindowName::from_label(label) else {
        return;
    };
    let shared = app.state::<Shared>();
    match event {
        WindowEvent::CloseRequested { .. } => shared.closing.begin(name),
        WindowEvent::Destroyed if shared.closing.end(name) => open(app, name, shared.lang()),
        _ => {}
    }
}

fn show(app: &AppHandle, name: WindowName, lang: Lang) -> tauri::Result<()> {
    if app.state::<Shared>().closing.want(name) {
        return Ok(());
    }
    if let Some(window) = app.get_webview_window(name.label()) {
        window.unminimize()?;
        window.show()?;
        return window.set_focus();
    }
    let (width, height) = name.size();
    let page = WebviewUrl::App(format!("{}.html", name.label()).into());
    // Shown only when it is whole: one that is closed while it is built stays known to Tauri for ever.
    let window = WebviewWindowBuilder::new(app, name.label(), page)
        .title(window_title(name.entry(), lang))
        .inner_size(width, height)
        .min_inner_size(320.0, 320.0)
        .visible(false)
        .build()?;
    window.show()?;
    window.set_focus()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_asked_for_while_it_closes_comes_again() {
        let closing = Closing::default();
        assert!(!closing.want(WindowName::Status), "it is not about to go");
        closing.begin(WindowName::Status);
        assert!(!closing.want(WindowName::Settings));
        assert!(closing.want(WindowName::Status));
        assert!(closing.end(WindowName::Status));
        closing.begin(WindowName::Status);
        assert!(!closing.end(WindowName::Status), "nobody asked this time");
    }
}
