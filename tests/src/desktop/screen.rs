//! What is on the desktop's screen: windows, pictures of them, clicks.

use std::time::Duration;

use x11rb::{
    CURRENT_TIME,
    connection::Connection as _,
    errors::ReplyError,
    protocol::{
        xproto::{
            AtomEnum, BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT, ChangeWindowAttributesAux,
            ClientMessageEvent, ConnectionExt as _, EventMask, ImageFormat, InputFocus, MOTION_NOTIFY_EVENT,
            MapState, Window,
        },
        xtest::ConnectionExt as _,
    },
    rust_connection::RustConnection,
};

use super::Desktop;

/// How long a window must not change before its picture is taken.
const REST: Duration = Duration::from_millis(300);

/// The title of the panel's window.
const PANEL: &str = "xfce4-panel";

/// Color of the screen behind the menu.
const BEHIND: u32 = 0x0064_6c76;

/// A window at least so high is the menu: the others are smaller.
const MENU_HEIGHT: i16 = 200;

/// Time between two presses on an icon whose menu does not open.
const PRESS_AGAIN: Duration = Duration::from_secs(1);

/// Number of the mouse button for menus.
const RIGHT_BUTTON: u8 = 3;

impl Desktop {
    /// Waits until a window with this title is on the screen.
    pub async fn window(&self, title: &str) {
        let what = format!("a window {title:?}");
        self.until(&what, async |desktop| desktop.find_window(title).map(drop))
            .await;
    }

    /// The window with this title that is on the screen, on a connection to the display.
    fn find_window(&self, title: &str) -> Option<(RustConnection, Window)> {
        let (display, screen) = x11rb::connect(Some(&self.display)).unwrap();
        let name = display.intern_atom(false, b"_NET_WM_NAME").unwrap();
        let name = name.reply().unwrap().atom;
        let mut windows = vec![display.setup().roots[screen].root];
        while let Some(window) = windows.pop() {
            // A window that has closed since it was listed is not an error.
            if let Ok((found, children)) = look_at(&display, window, name) {
                if found == title.as_bytes() && is_viewable(&display, window) {
                    return Some((display, window));
                }
                windows.extend(children);
            }
        }
        None
    }

    /// The names by which a desktop knows which app the window with this title belongs to (ICCCM, WM_CLASS).
    pub fn classes(&self, title: &str) -> Vec<String> {
        let (display, window) = self.find_window(title).expect("a window has this title");
        let asked = display.get_property(false, window, AtomEnum::WM_CLASS, AtomEnum::STRING, 0, 64);
        let value = asked.unwrap().reply().unwrap().value;
        let names = value.split_inclusive(|byte| *byte == 0);
        names
            .map(|name| String::from_utf8_lossy(name).trim_end_matches('\0').to_owned())
            .collect()
    }

    /// Closes the window with this title, as its frame's button does.
    pub async fn close_window(&self, title: &str) {
        self.ask_to_close(title);
        self.no_window(title).await;
    }

    /// Gives the keyboard to the window with this title.
    pub fn give_keyboard_to(&self, title: &str) {
        let (display, window) = self.find_window(title).expect("a window has this title");
        let given = display
            .set_input_focus(InputFocus::PARENT, window, CURRENT_TIME)
            .unwrap();
        given.check().unwrap();
    }

    /// The title of the window that has the keyboard.
    pub fn keyboard(&self) -> Option<String> {
        let (display, _) = x11rb::connect(Some(&self.display)).unwrap();
        let name = display.intern_atom(false, b"_NET_WM_NAME").unwrap();
        let name = name.reply().unwrap().atom;
        let mut window = display.get_input_focus().unwrap().reply().unwrap().focus;
        // The keyboard may be with a window inside of the one that has a title.
        loop {
            let title = display
                .get_property(false, window, name, AtomEnum::ANY, 0, 1024)
                .unwrap()
                .reply()
                .ok()?;
            if !title.value.is_empty() {
                return String::from_utf8(title.value).ok();
            }
            let tree = display.query_tree(window).unwrap().reply().ok()?;
            if tree.parent == tree.root || tree.parent == 0 {
                return None;
            }
            window = tree.parent;
        }
    }

    /// Whether a window with this title is on the screen.
    pub fn has_window(&self, title: &str) -> bool {
        self.find_window(title).is_some()
    }

    /// Waits until no window with this title is on the screen.
    pub async fn no_window(&self, title: &str) {
        self.until("the window closes", async |desktop| {
            desktop.find_window(title).is_none().then_some(())
        })
        .await;
    }

    /// The size of the window with this title and its place on the screen: left, top, width, height.
    pub fn place_of(&self, title: &str) -> (i16, i16, u16, u16) {
        let (display, window) = self.find_window(title).expect("a window has this title");
        let size = display.get_geometry(window).unwrap().reply().unwrap();
        let root = display.setup().roots[0].root;
        let at = display
            .translate_coordinates(window, root, 0, 0)
            .unwrap()
            .reply()
            .unwrap();
        (at.dst_x, at.dst_y, size.width, size.height)
    }

    /// Asks the window with this title to close (ICCCM, WM_DELETE_WINDOW).
    pub fn ask_to_close(&self, title: &str) {
        let (display, window) = self.find_window(title).expect("a window has this title");
        let atom = |name: &[u8]| display.intern_atom(false, name).unwrap().reply().unwrap().atom;
        let data = [atom(b"WM_DELETE_WINDOW"), CURRENT_TIME, 0, 0, 0];
        let event = ClientMessageEvent::new(32, window, atom(b"WM_PROTOCOLS"), data);
        let sent = display
            .send_event(false, window, EventMask::NO_EVENT, event)
            .unwrap();
        sent.check().unwrap();
    }

    /// A picture, as PNG, of the window with this title, once it no longer changes.
    pub async fn picture(&self, title: &str) -> Vec<u8> {
        let (display, window) = self.find_window(title).expect("a window has this title");
        let size = display.get_geometry(window).unwrap().reply().unwrap();
        let area = Area {
            left: 0,
            top: 0,
            right: size.width.cast_signed(),
            bottom: size.height.cast_signed(),
        };
        self.picture_of(&display, window, area).await
    }

    /// Presses the right button on the tray icon, on a desktop [for pictures](Desktop::for_pictures), and gives a
    /// picture of the menu that opens, with the icon.
    pub async fn picture_of_menu(&self) -> Vec<u8> {
        let (display, panel) = self.find_window(PANEL).expect("a panel is open");
        let area = area_of(&display, panel).expect("the panel is on the screen");
        let (x, y) = (
            i16::midpoint(area.left, area.right),
            i16::midpoint(area.top, area.bottom),
        );
        let root = root(&display);
        let attributes = ChangeWindowAttributesAux::new().background_pixel(BEHIND);
        display.change_window_attributes(root, &attributes).unwrap();
        display.clear_area(false, root, 0, 0, 0, 0).unwrap();
        display
            .xtest_fake_input(MOTION_NOTIFY_EVENT, 0, 0, root, x, y, 0)
            .unwrap();
        display.flush().unwrap();
        let mut presses = tokio::time::interval(PRESS_AGAIN);
        let menu = self
            .until("the menu opens", async |_| {
                presses.tick().await;
                let areas = shown_areas(&display).into_iter().map(|(_, area)| area);
                if let Some(menu) = areas
                    .into_iter()
                    .find(|area| area.bottom - area.top > MENU_HEIGHT)
                {
                    return Some(menu);
                }
                // The panel hears nothing of the mouse in its first moments.
                for event in [BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT] {
                    display
                        .xtest_fake_input(event, RIGHT_BUTTON, 0, root, 0, 0, 0)
                        .unwrap();
                }
                display.flush().unwrap();
                None
            })
            .await;
        self.picture_of(&display, root, menu.around(area)).await
    }

    /// Waits for the window of a notification, on a desktop [for pictures](Desktop::for_pictures), and gives its
    /// picture.
    pub async fn picture_of_notification(&self) -> Vec<u8> {
        let (display, panel) = self.find_window(PANEL).expect("a panel is open");
        let (window, area) = self
            .until("a notification is shown", async |_| {
                shown_areas(&display)
                    .into_iter()
                    .find(|(window, _)| *window != panel)
            })
            .await;
        let size = Area {
            left: 0,
            top: 0,
            right: area.right - area.left,
            bottom: area.bottom - area.top,
        };
        self.picture_of(&display, window, size).await
    }

    /// A picture, as PNG, of a part of a window, once it no longer changes.
    async fn picture_of(&self, display: &RustConnection, window: Window, area: Area) -> Vec<u8> {
        let (width, height) = (
            (area.right - area.left).cast_unsigned(),
            (area.bottom - area.top).cast_unsigned(),
        );
        let mut last = Vec::new();
        let mut looks = tokio::time::interval(REST);
        let pixels = self
            .until("a window at rest", async |_| {
                looks.tick().await;
                let format = ImageFormat::Z_PIXMAP;
                let image = display.get_image(format, window, area.left, area.top, width, height, u32::MAX);
                let pixels = image.unwrap().reply().unwrap().data;
                let before = std::mem::replace(&mut last, pixels);
                (before == last).then_some(before)
            })
            .await;
        // Of each pixel: blue, green, red, nothing.
        let colors: Vec<u8> = pixels
            .chunks_exact(4)
            .flat_map(|pixel| [pixel[2], pixel[1], pixel[0]])
            .collect();
        let mut picture = Vec::new();
        let mut encoder = png::Encoder::new(&mut picture, width.into(), height.into());
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::High);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&colors).unwrap();
        writer.finish().unwrap();
        picture
    }
}

/// A rectangle; right and bottom are the first outside it.
#[derive(Clone, Copy, Debug)]
struct Area {
    left: i16,
    top: i16,
    right: i16,
    bottom: i16,
}

impl Area {
    /// The smallest one around both.
    fn around(self, other: Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }
}

fn root(display: &RustConnection) -> Window {
    display.setup().roots[0].root
}

/// The windows at the top that can be seen, and where they are.
fn shown_areas(display: &RustConnection) -> Vec<(Window, Area)> {
    let tree = display.query_tree(root(display)).unwrap().reply().unwrap();
    let windows = tree.children.into_iter();
    windows
        .filter_map(|window| Some((window, area_of(display, window)?)))
        .collect()
}

fn is_viewable(display: &RustConnection, window: Window) -> bool {
    let Ok(asked) = display.get_window_attributes(window) else {
        return false;
    };
    asked
        .reply()
        .is_ok_and(|attributes| attributes.map_state == MapState::VIEWABLE)
}

/// Where a window at the top is; `None` where it cannot be seen, or is only a dot for the system's sake.
fn area_of(display: &RustConnection, window: Window) -> Option<Area> {
    let place = display.get_geometry(window).ok()?.reply().ok()?;
    let is_seen = is_viewable(display, window) && place.width > 10 && place.height > 10;
    is_seen.then_some(Area {
        left: place.x.max(0),
        top: place.y.max(0),
        right: place.x + place.width.cast_signed(),
        bottom: place.y + place.height.cast_signed(),
    })
}

/// Name and children of a window.
fn look_at(
    display: &RustConnection,
    window: Window,
    name: u32,
) -> Result<(Vec<u8>, Vec<Window>), ReplyError> {
    let text = display.get_property(false, window, name, AtomEnum::ANY, 0, u32::MAX)?;
    let tree = display.query_tree(window)?;
    Ok((text.reply()?.value, tree.reply()?.children))
}
