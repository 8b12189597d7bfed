//! The tray icon as the OS shows it: brings what [`crate::menu`] and [`crate::icon`] say onto the panel.

use std::sync::{Mutex, PoisonError};

use tauri::{
    AppHandle, Wry,
    image::Image,
    menu::{CheckMenuItem, IsMenuItem, Menu, MenuItem, PredefinedMenuItem, Submenu},
    tray::{MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent},
};

use crate::{
    icon::{self, Face, Style},
    menu::{Line, Press},
};

/// What the tray shall show.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TrayLook {
    pub(crate) face: Face,
    pub(crate) tooltip: String,
    pub(crate) lines: Vec<Line>,
}

/// The tray icon; it may not be there, on a desktop without one.
#[derive(Default)]
pub(crate) struct Tray(Mutex<Option<Shown>>);

struct Shown {
    icon: TrayIcon<Wry>,
    look: TrayLook,
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
        look: TrayLook,
        pressed: impl Fn(&AppHandle, Press) + Send + Sync + 'static,
        clicked: impl Fn(&AppHandle) + Send + Sync + 'static,
    ) -> tauri::Result<()> {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.is_some() {
            return Ok(());
        }
        let (menu, items) = build_menu(app, &look.lines)?;
        let mut builder = TrayIconBuilder::with_id("okibi")
            .title("Okibi")
            .menu(&menu)
            .tooltip(&look.tooltip)
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
        if let Some(image) = image(look.face) {
            builder = builder.icon(image);
        }
        let icon = builder.build(app)?;
        *shown = Some(Shown { icon, look, items });
        Ok(())
    }

    /// Shows something else; only what differs is touched. Runs on the main thread only, without effect before
    /// [`Tray::place`].
    ///
    /// Errors: the desktop's.
    pub(crate) fn show(&self, app: &AppHandle, look: TrayLook) -> tauri::Result<()> {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(shown) = &mut *shown else {
            return Ok(());
        };
        if shown.look.face != look.face
            && let Some(image) = image(look.face)
        {
            shown.icon.set_icon(Some(image))?;
        }
        if shown.look.tooltip != look.tooltip {
            shown.icon.set_tooltip(Some(&look.tooltip))?;
        }
        if shown.look.lines != look.lines {
            if shape(&shown.look.lines) == shape(&look.lines) {
                let (before, after) = (flat(&shown.look.lines), flat(&look.lines));
                // The first line last: who reads there that the daemon is ready can press what goes with it.
                for ((old, new), item) in before.iter().zip(&after).zip(&shown.items).rev() {
                    if old != new {
                        change(item, new)?;
                    }
                }
            } else {
                let (menu, items) = build_menu(app, &look.lines)?;
                shown.icon.set_menu(Some(menu))?;
                shown.items = items;
            }
        }
        shown.look = look;
        Ok(())
    }
}

fn image(face: Face) -> Option<Image<'static>> {
    icon::rgba(face, Style::of_system()).map(|pixels| Image::new_owned(pixels, icon::SIZE, icon::SIZE))
}

/// The lines one after the other, those of a submenu behind it.
fn flat(lines: &[Line]) -> Vec<&Line> {
    lines
        .iter()
        .flat_map(|line| match line {
            Line::Submenu { lines, .. } => [vec![line], flat(lines)].concat(),
            _ => vec![line],
        })
        .collect()
}

/// What of the lines cannot be changed without building them anew.
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
