//! The app's windows: opened on demand, destroyed when closed, so that an app without windows costs little.
//!
//! The main window has all pages and a navigation between them. The window of a start is small, has nothing but the progress of
//! the load, and closes by itself.

use std::sync::atomic::Ordering::Relaxed;

use tauri::{
    AppHandle, Emitter as _, LogicalSize, Manager, WebviewUrl, WebviewWindow, WebviewWindowBuilder,
    WindowEvent, webview::PageLoadEvent,
};

use crate::{
    app::Shared,
    contract::{CLOSE_ASKED, PAGE_ASKED, PageName},
    window::Window,
};

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

/// Opens the main window, or brings it to the front, with this page. May be called from anywhere.
pub(crate) fn open_page(app: &AppHandle, page: PageName, asked: Asked) {
    // A window that is being built asks for the page itself.
    *app.state::<Shared>().page.lock() = page;
    if let Err(error) = app.emit_to(Window::Main.label(), PAGE_ASKED, page) {
        tracing::warn!(%error, "the window does not hear which page is asked for");
    }
    open(app, Window::Main, asked);
}

/// Opens the window of a start, unless the main window shows the progress anyway.
pub(crate) fn open_start(app: &AppHandle) {
    let shows_it = app.get_webview_window(Window::Main.label()).is_some()
        && *app.state::<Shared>().page.lock() == PageName::Progress;
    if !shows_it {
        open(app, Window::Progress, Asked::ByNobody);
    }
}

fn open(app: &AppHandle, window: Window, asked: Asked) {
    let app = app.clone();
    // A task, since building a window inside of an event handler hangs on Windows. Its handle is not kept: it ends as
    // soon as the window is built, and a failure is logged.
    tauri::async_runtime::spawn(async move {
        if let Err(error) = show(&app, window, asked) {
            tracing::error!(%error, window = window.label(), "a window cannot be opened");
        }
    });
}

/// Follows the end of a window: asks about unsaved edits before it, and opens it again if it was asked for while it closed.
pub(crate) fn follow(app: &AppHandle, label: &str, event: &WindowEvent) {
    let Ok(window) = label.parse::<Window>() else {
        return;
    };
    let shared = app.state::<Shared>();
    match event {
        WindowEvent::CloseRequested { api, .. } => {
            if window == Window::Main && shared.is_unsaved.load(Relaxed) {
                api.prevent_close();
                ask_to_close(app);
            } else {
                shared.closing.begin(window);
            }
        }
        WindowEvent::Destroyed => {
            if window == Window::Main {
                // Whatever was typed is gone with a window that ended in another way.
                shared.is_unsaved.store(false, Relaxed);
            }
            if shared.closing.end(window) {
                open(app, window, Asked::ByUser);
            }
        }
        _ => {}
    }
}

/// Has the main window ask what becomes of unsaved edits.
pub(crate) fn ask_to_close(app: &AppHandle) {
    if let Err(error) = app.emit_to(Window::Main.label(), CLOSE_ASKED, ()) {
        tracing::warn!(%error, "the window does not ask about unsaved edits");
    }
    open(app, Window::Main, Asked::ByUser);
}

fn show(app: &AppHandle, window: Window, asked: Asked) -> tauri::Result<()> {
    if app.state::<Shared>().closing.reopen(window) {
        return Ok(());
    }
    if let Some(window) = app.get_webview_window(window.label()) {
        window.unminimize()?;
        window.show()?;
        return asked.focus(&window);
    }
    let (width, height) = window.size();
    let built = WebviewWindowBuilder::new(app, window.label(), WebviewUrl::App(window.file().into()))
        .title("Okibi")
        .inner_size(width, height)
        .min_inner_size(320.0, 320.0)
        .zoom_hotkeys_enabled(true)
        .focused(asked == Asked::ByUser)
        .visible(false)
        // The page knows what it is called, in the language in use.
        .on_document_title_changed(|window, title| {
            if let Err(error) = window.set_title(&title) {
                tracing::warn!(%error, "a window keeps its old title");
            }
        })
        // Not before there is something to see; and a window that is closed while it is being built stays known to Tauri forever.
        .on_page_load(move |window, load| {
            if load.event() == PageLoadEvent::Finished
                && let Err(error) = reveal(&window, asked)
            {
                tracing::warn!(%error, "a window cannot be shown");
            }
        })
        .build()?;
    reload_after_crash(&built)
}

fn reveal(window: &WebviewWindow, asked: Asked) -> tauri::Result<()> {
    if window.is_visible()? {
        return Ok(());
    }
    fit(window)?;
    window.show()?;
    asked.focus(window)
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

/// Loads the page again when the process that draws it dies, as it does where memory is short: the window would freeze.
#[cfg(target_os = "linux")]
fn reload_after_crash(window: &WebviewWindow) -> tauri::Result<()> {
    use webkit2gtk::WebViewExt as _;

    window.with_webview(|view| {
        view.inner().connect_web_process_terminated(|view, reason| {
            tracing::warn!(
                ?reason,
                "a window's web process has ended; its page is loaded again"
            );
            view.reload();
        });
    })
}

/// The other systems' web views load the page again by themselves, or say that they cannot.
#[cfg(not(target_os = "linux"))]
fn reload_after_crash(_: &WebviewWindow) -> tauri::Result<()> {
    Ok(())
}
