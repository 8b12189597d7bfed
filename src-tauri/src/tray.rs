//! The tray icon as the OS shows it: brings what [`crate::menu`] and [`crate::icon`] say onto the panel.

use parking_lot::Mutex;
use tauri::{
    AppHandle, Wry,
    image::Image,
    menu::{CheckMenuItem, IsMenuItem, Menu, MenuItem, PredefinedMenuItem, Submenu},
    tray::{MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent},
};

use crate::{
    icon::{self, IconState, Style},
    menu::{Line, Press},
};

/// What the tray shows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TrayContent {
    pub(crate) icon: IconState,
    pub(crate) tooltip: String,
    pub(crate) lines: Vec<Line>,
}

/// The tray icon; it may not be there, on a desktop without one.
#[derive(Default)]
pub(crate) struct Tray(Mutex<Option<Shown>>);

struct Shown {
    icon: TrayIcon<Wry>,
    content: TrayContent,
    items: Vec<Handle>,
}

/// A line on the panel; those of a submenu follow it.
enum Handle {
    Plain(MenuItem<Wry>),
    Check(CheckMenuItem<Wry>),
    Submenu(Submenu<Wry>),
    Separator,
}

impl Tray {
    /// Puts the icon onto the panel if it is not there yet. Runs on the main thread only.
    ///
    /// Errors: the desktop shows no tray icons.
    pub(crate) fn place(
        &self,
        app: &AppHandle,
        content: TrayContent,
        pressed: impl Fn(&AppHandle, Press) + Send + Sync + 'static,
        clicked: impl Fn(&AppHandle) + Send + Sync + 'static,
    ) -> tauri::Result<()> {
        let mut shown = self.0.lock();
        if shown.is_some() {
            return Ok(());
        }
        let (menu, items) = build_menu(app, &content.lines)?;
        let mut builder = TrayIconBuilder::with_id("okibi")
            .title("Okibi")
            .menu(&menu)
            .tooltip(&content.tooltip)
            .icon_as_template(Style::of_system() == Style::Template)
            .show_menu_on_left_click(cfg!(target_os = "macos"))
            .on_menu_event(move |app, event| {
                if let Some(press) = Press::from_id(event.id().as_ref()) {
                    pressed(app, press);
                }
            })
            .on_tray_icon_event(move |tray, event| {
                if let TrayIconEvent::Click {
                    button: MouseButton::Left,
                    button_state: MouseButtonState::Up,
                    ..
                } = event
                {
                    clicked(tray.app_handle());
                }
            });
        if let Some(image) = image(content.icon) {
            builder = builder.icon(image);
        }
        let icon = builder.build(app)?;
        *shown = Some(Shown { icon, content, items });
        Ok(())
    }

    /// Whether the line of this press has a check mark.
    pub(crate) fn is_marked(&self, press: &Press) -> bool {
        let shown = self.0.lock();
        let lines = shown.as_ref().map(|shown| flat(&shown.content.lines));
        let id = press.id();
        lines
            .unwrap_or_default()
            .into_iter()
            .any(|line| matches!(line, Line::Check { id: known, checked: true, .. } if *known == id))
    }

    /// Sets every check mark to what was last shown, whatever the toolkit has made of it since. Runs on the main thread only.
    ///
    /// Errors: the desktop's.
    pub(crate) fn settle(&self) -> tauri::Result<()> {
        let shown = self.0.lock();
        let Some(shown) = &*shown else {
            return Ok(());
        };
        for (line, item) in flat(&shown.content.lines).into_iter().zip(&shown.items) {
            if let (Line::Check { checked, .. }, Handle::Check(item)) = (line, item) {
                item.set_checked(*checked)?;
            }
        }
        Ok(())
    }

    /// Changes what differs from what is shown. Runs on the main thread only; does nothing before [`Tray::place`].
    ///
    /// Errors: the desktop's.
    pub(crate) fn show(&self, app: &AppHandle, content: TrayContent) -> tauri::Result<()> {
        let mut shown = self.0.lock();
        let Some(shown) = &mut *shown else {
            return Ok(());
        };
        if shown.content.icon != content.icon
            && let Some(image) = image(content.icon)
        {
            shown.icon.set_icon(Some(image))?;
        }
        if shown.content.tooltip != content.tooltip {
            shown.icon.set_tooltip(Some(&content.tooltip))?;
        }
        if shown.content.lines != content.lines {
            if shape(&shown.content.lines) == shape(&content.lines) {
                let (before, after) = (flat(&shown.content.lines), flat(&content.lines));
                // The first line last: once it says that the daemon is ready, the entries for that can be pressed already.
                for ((old, new), item) in before.iter().zip(&after).zip(&shown.items).rev() {
                    if old != new {
                        change(item, new)?;
                    }
                }
            } else {
                let (menu, items) = build_menu(app, &content.lines)?;
                shown.icon.set_menu(Some(menu))?;
                shown.items = items;
            }
        }
        shown.content = content;
        Ok(())
    }
}

fn image(state: IconState) -> Option<Image<'static>> {
    icon::rgba(state, Style::of_system()).map(|pixels| Image::new_owned(pixels, icon::SIZE, icon::SIZE))
}

/// Returns the lines one after the other, those of a submenu behind it.
fn flat(lines: &[Line]) -> Vec<&Line> {
    lines
        .iter()
        .flat_map(|line| match line {
            Line::Submenu { lines, .. } => [vec![line], flat(lines)].concat(),
            _ => vec![line],
        })
        .collect()
}

/// Returns what cannot be changed about lines without building the menu again.
fn shape(lines: &[Line]) -> Vec<(u8, &str)> {
    flat(lines)
        .into_iter()
        .map(|line| match line {
            Line::Item { id, .. } => (0, id.as_str()),
            Line::Check { id, .. } => (1, id.as_str()),
            Line::Submenu { lines, .. } => (2, if lines.is_empty() { "" } else { "lines" }),
            Line::Separator => (3, ""),
        })
        .collect()
}

fn change(item: &Handle, line: &Line) -> tauri::Result<()> {
    match (item, line) {
        (Handle::Plain(item), Line::Item { text, enabled, .. }) => {
            item.set_text(text)?;
            item.set_enabled(*enabled)
        }
        (Handle::Check(item), Line::Check { text, checked, .. }) => {
            item.set_text(text)?;
            item.set_checked(*checked)
        }
        (Handle::Submenu(item), Line::Submenu { text, .. }) => item.set_text(text),
        _ => Ok(()),
    }
}

fn build_menu(app: &AppHandle, lines: &[Line]) -> tauri::Result<(Menu<Wry>, Vec<Handle>)> {
    let menu = Menu::new(app)?;
    let mut items = Vec::new();
    for line in lines {
        add(app, line, &mut items, &|item| menu.append(item))?;
    }
    Ok((menu, items))
}

fn add(
    app: &AppHandle,
    line: &Line,
    items: &mut Vec<Handle>,
    append: &dyn Fn(&dyn IsMenuItem<Wry>) -> tauri::Result<()>,
) -> tauri::Result<()> {
    match line {
        Line::Item { id, text, enabled } => {
            let item = MenuItem::with_id(app, id, text, *enabled, None::<&str>)?;
            append(&item)?;
            items.push(Handle::Plain(item));
        }
        Line::Check { id, text, checked } => {
            let item = CheckMenuItem::with_id(app, id, text, true, *checked, None::<&str>)?;
            append(&item)?;
            items.push(Handle::Check(item));
        }
        Line::Separator => {
            append(&PredefinedMenuItem::separator(app)?)?;
            items.push(Handle::Separator);
        }
        Line::Submenu { text, lines } => {
            let submenu = Submenu::new(app, text, true)?;
            items.push(Handle::Submenu(submenu.clone()));
            for line in lines {
                add(app, line, items, &|item| submenu.append(item))?;
            }
            append(&submenu)?;
        }
    }
    Ok(())
}
