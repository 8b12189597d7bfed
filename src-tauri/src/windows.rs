//! The app's windows: opened on demand, destroyed when closed, so that an app without windows costs little.

use okibi_messages::{
    Lang,
    tray::{Entry, window_title},
};
use strum::VariantArray as _;
use tauri::{AppHandle, LogicalSize, Manager, WebviewUrl, WebviewWindow, WebviewWindowBuilder, WindowEvent};

use crate::{app::Shared, contract::WindowName};

impl WindowName {
    /// Returns its label, which is also its page's name.
    pub(crate) fn label(self) -> &'static str {
        self.into()
    }

    /// Returns the window with this label.
    pub(crate) fn from_label(label: &str) -> Option<Self> {
        label.parse().ok()
    }

    const fn entry(self) -> Entry {
        match self {
            Self::Progress => Entry::Progress,
            Self::Status => Entry::Status,
            Self::Try => Entry::TryIt,
            Self::Models => Entry::Models,
            Self::Connect => Entry::Connect,
            Self::Settings => Entry::Settings,
        }
    }

    /// Returns its first width and height, in logical pixels.
    const fn size(self) -> (f64, f64) {
        match self {
            Self::Progress => (460.0, 600.0),
            Self::Status => (580.0, 720.0),
            Self::Try | Self::Models | Self::Connect => (680.0, 760.0),
            Self::Settings => (580.0, 760.0),
        }
    }
}

/// Who wants a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The user: the keyboard goes to it.
    ByUser,
    /// Nobody: the keyboard stays where the user is writing.
    ByNobody,
}

impl Asked {
    fn focus(self, window: &WebviewWindow) -> tauri::Result<()> {
        match self {
            Self::ByUser => window.set_focus(),
            Self::ByNobody => Ok(()),
        }
    }
}

/// Opens a window, or brings it to the front. May be called from anywhere.
pub(crate) fn open(app: &AppHandle, name: WindowName, lang: Lang, asked: Asked) {
    let app = app.clone();
    // A task, since building a window inside of an event handler hangs on Windows. Its handle is not kept: it ends as
    // soon as the window is built, and a failure is logged.
    tauri::async_runtime::spawn(async move {
        if let Err(error) = show(&app, name, lang, asked) {
            tracing::error!(%error, window = name.label(), "a window cannot be opened");
        }
    });
}

/// Follows the end of a window, and opens it again if it was asked for while it closed.
pub(crate) fn follow(app: &AppHandle, label: &str, event: &WindowEvent) {
    let Some(name) = WindowName::from_label(label) else {
        return;
    };
    let shared = app.state::<Shared>();
    match event {
        WindowEvent::CloseRequested { .. } => shared.closing.begin(name),
        WindowEvent::Destroyed if shared.closing.end(name) => open(app, name, shared.lang(), Asked::ByUser),
        _ => {}
    }
}

fn show(app: &AppHandle, name: WindowName, lang: Lang, asked: Asked) -> tauri::Result<()> {
    if app.state::<Shared>().closing.reopen(name) {
        return Ok(());
    }
    if let Some(window) = app.get_webview_window(name.label()) {
        window.unminimize()?;
        window.show()?;
        return asked.focus(&window);
    }
    let (width, height) = name.size();
    let page = WebviewUrl::App(format!("{}.html", name.label()).into());
    // Shown only when it is complete: a window that is closed while it is being built stays known to Tauri forever.
    let window = WebviewWindowBuilder::new(app, name.label(), page)
        .title(window_title(name.entry(), lang))
        .inner_size(width, height)
        .min_inner_size(320.0, 320.0)
        .zoom_hotkeys_enabled(true)
        .focused(asked == Asked::ByUser)
        .visible(false)
        .build()?;
    fit(&window)?;
    window.show()?;
    asked.focus(&window)
}

/// Logical pixels that a window's title and borders take, at the most.
const FRAME: f64 = 48.0;

/// Makes a window no larger than the part of the screen that panels leave free: what is below it cannot be reached.
fn fit(window: &WebviewWindow) -> tauri::Result<()> {
    let Some(monitor) = window.current_monitor()?.or(window.primary_monitor()?) else {
        return Ok(());
    };
    let scale = monitor.scale_factor();
    let free = monitor.work_area().size.to_logical::<f64>(scale);
    let size = window.inner_size()?.to_logical::<f64>(scale);
    let (width, height) = (size.width.min(free.width), size.height.min(free.height - FRAME));
    if (width, height) != (size.width, size.height) {
        window.set_size(LogicalSize::new(width, height))?;
    }
    Ok(())
}

/// Titles the open windows in another language.
pub(crate) fn rename_all(app: &AppHandle, lang: Lang) {
    for &name in WindowName::VARIANTS {
        if let Some(window) = app.get_webview_window(name.label())
            && let Err(error) = window.set_title(window_title(name.entry(), lang))
        {
            tracing::warn!(%error, "a window keeps its old title");
        }
    }
}
