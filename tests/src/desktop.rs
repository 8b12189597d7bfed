//! A desktop for the tray app: a display, a session bus, a panel that shows tray icons, a notification server; all of
//! this test's own.

use std::{
    collections::HashMap,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::watch,
};
use x11rb::{
    connection::Connection as _,
    errors::ReplyError,
    protocol::xproto::{AtomEnum, ConnectionExt as _, ImageFormat, Window},
    rust_connection::RustConnection,
};
use zbus::{
    Connection, Message, connection,
    message::Flags,
    zvariant::{OwnedValue, Value},
};

use crate::{
    binary::tray_binary,
    http,
    limit::{LIMIT, eventually, within},
    machine::Machine,
    port::PortLease,
    proc,
};

/// The name under which a panel shows tray icons.
const WATCHER: &str = "org.kde.StatusNotifierWatcher";

/// A window that has not changed for so long has come to rest.
const REST: Duration = Duration::from_millis(300);

/// What a desktop may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// Nothing.
    Nothing,
    /// A session bus, and with it all that speaks over one.
    Bus,
    /// A panel.
    Panel,
    /// A notification server.
    Notifications,
}

/// See the module. Dropping it ends everything that was started in it.
pub struct Desktop {
    /// Where `okibi` and its daemons run.
    pub machine: Machine,
    display: String,
    address: Option<String>,
    bus: Option<Connection>,
    shown: watch::Receiver<Vec<Shown>>,
    processes: Vec<Child>,
}

/// A tray app under way. Dropping it kills it.
pub struct Tray {
    child: Child,
    /// Its process id.
    pub pid: u32,
}

/// A notification that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The one it takes the place of; 0 for none.
    pub replaces: u32,
    /// Its own number.
    pub id: u32,
    /// Its first line.
    pub summary: String,
    /// Its text.
    pub body: String,
    /// Identifiers and labels of its buttons, one after the other.
    pub actions: Vec<String>,
    /// Its progress, where it has one.
    pub value: Option<i32>,
}

/// A line of the tray's menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MenuLine {
    id: i32,
    /// What it says.
    pub label: String,
    /// Whether it can be pressed.
    pub enabled: bool,
    /// Whether it is on, where it can be.
    pub checked: Option<bool>,
}

impl Desktop {
    /// A whole desktop.
    pub async fn new() -> Self {
        Self::lacking(Lack::Nothing).await
    }

    /// A desktop without one thing.
    pub async fn lacking(lack: Lack) -> Self {
        // The tests set the language in the file, as users do.
        let machine = Machine::new().without("OKIBI_LANG");
        for folder in ["run", "config", "share", "cachehome"] {
            std::fs::create_dir(machine.path(folder)).unwrap();
        }
        let mut xvfb = Command::new("Xvfb");
        xvfb.args([
            // Else it starts anew whenever the last program on it goes, and throws out one that is just coming.
            "-noreset",
            "-displayfd",
            "1",
            "-screen",
            "0",
            "1280x900x24",
            "-nolisten",
            "tcp",
        ]);
        let (xvfb, number) = first_line(xvfb).await;
        let mut desktop = Self {
            display: format!(":{number}"),
            address: None,
            bus: None,
            shown: watch::channel(Vec::new()).1,
            processes: vec![xvfb],
            machine,
        };
        if lack == Lack::Bus {
            return desktop;
        }
        let mut daemon = desktop.command("dbus-daemon");
        daemon.args(["--session", "--nofork", "--nopidfile", "--print-address=1"]);
        let (daemon, address) = first_line(daemon).await;
        desktop.processes.push(daemon);
        desktop.address = Some(address.clone());
        let connection = connection::Builder::address(address.as_str())
            .unwrap()
            .build()
            .await
            .unwrap();
        desktop.bus = Some(connection);
        if lack != Lack::Notifications {
            desktop.serve_notifications().await;
        }
        if lack != Lack::Panel {
            desktop.open_panel().await;
        }
        desktop
    }

    /// A command of a program on this desktop.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = self.machine.command_of(program);
        command
            .env("DISPLAY", &self.display)
            .env("XDG_RUNTIME_DIR", self.machine.path("run"))
            .env("XDG_CONFIG_HOME", self.machine.path("config"))
            .env("XDG_DATA_HOME", self.machine.path("share"))
            .env("XDG_CACHE_HOME", self.machine.path("cachehome"))
            .env("ORT_DISABLE_TELEMETRY", "1")
            // Rendering goes by the processor here, and a sandbox in a container cannot be had by root.
            .env("WEBKIT_DISABLE_DMABUF_RENDERER", "1")
            .env("WEBKIT_DISABLE_COMPOSITING_MODE", "1")
            .kill_on_drop(true);
        match &self.address {
            Some(address) => command.env("DBUS_SESSION_BUS_ADDRESS", address),
            None => command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus"),
        };
        command
    }

    fn bus(&self) -> &Connection {
        self.bus.as_ref().expect("this desktop has a bus")
    }

    /// Starts a notification server that shows nothing and remembers everything.
    async fn serve_notifications(&mut self) {
        let (sender, shown) = watch::channel(Vec::new());
        self.shown = shown;
        let bus = self.bus();
        let server = Notifications {
            shown: sender,
            last: Arc::default(),
        };
        bus.object_server()
            .at("/org/freedesktop/Notifications", server)
            .await
            .unwrap();
        bus.request_name("org.freedesktop.Notifications").await.unwrap();
    }

    /// Starts a panel and waits until it shows tray icons.
    pub async fn open_panel(&mut self) {
        let mut panel = self.command("xfce4-panel");
        panel
            .arg("--disable-wm-check")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.processes.push(panel.spawn().unwrap());
        self.until("the panel shows tray icons", async |desktop| {
            desktop.has_owner(WATCHER).await.then_some(())
        })
        .await;
    }

    async fn has_owner(&self, name: &str) -> bool {
        let reply = self
            .bus()
            .call_method(
                Some("org.freedesktop.DBus"),
                "/org/freedesktop/DBus",
                Some("org.freedesktop.DBus"),
                "NameHasOwner",
                &(name,),
            )
            .await
            .unwrap();
        reply.body().deserialize().unwrap()
    }

    /// Starts the tray app.
    pub fn open_tray(&self, args: &[&str]) -> Tray {
        let mut command = self.command(tray_binary());
        command.args(args).stdout(Stdio::null());
        let child = command.spawn().unwrap();
        let pid = child.id().unwrap();
        Tray { child, pid }
    }

    /// Starts the tray app with a window that a test can look into, through WebKitWebDriver.
    pub async fn page(&self, window: &str) -> Page {
        let lease = PortLease::take();
        let mut driver = self.command("WebKitWebDriver");
        driver
            .arg(format!("--port={}", lease.port))
            // The variables by which Tauri opens its web view for automation.
            .env("TAURI_AUTOMATION", "true")
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let driver = driver
            .spawn()
            .expect("WebKitWebDriver starts; `cargo xtask test` installs it");
        eventually("WebKitWebDriver listens", || {
            std::net::TcpStream::connect((std::net::Ipv4Addr::LOCALHOST, lease.port)).ok()
        })
        .await;
        let wanted = json!({ "capabilities": { "alwaysMatch": { "webkitgtk:browserOptions": {
            "binary": tray_binary(), "args": ["--window", window],
        } } } });
        let reply = http::json(lease.port, "POST", "/session", &wanted).await.json();
        let session = reply["value"]["sessionId"].as_str();
        let session = session
            .unwrap_or_else(|| panic!("no session: {reply}"))
            .to_owned();
        Page {
            driver,
            lease,
            session,
        }
    }

    /// Starts the tray app and waits until its icon is on the panel.
    pub async fn tray(&self) -> Tray {
        let tray = self.open_tray(&[]);
        self.menu(&tray).await;
        tray
    }

    /// The lines of the tray's menu, those of submenus behind their own; waits until there is an icon.
    pub async fn menu(&self, tray: &Tray) -> Vec<MenuLine> {
        self.until("a menu", async |desktop| desktop.menu_now(tray).await)
            .await
    }

    async fn menu_now(&self, tray: &Tray) -> Option<Vec<MenuLine>> {
        let reply = self
            .bus()
            .call_method(
                Some(tray.item().as_str()),
                "/MenuBar",
                Some("com.canonical.dbusmenu"),
                "GetLayout",
                &(0, -1, Vec::<String>::new()),
            )
            .await
            .ok()?;
        type Layout = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);
        let (_, root): (u32, Layout) = reply.body().deserialize().unwrap();
        let mut lines = Vec::new();
        for child in &root.2 {
            read_line(child, &mut lines);
        }
        Some(lines)
    }

    /// The tooltip of the tray icon.
    pub async fn tooltip(&self, tray: &Tray) -> String {
        let reply = self
            .bus()
            .call_method(
                Some(tray.item().as_str()),
                "/StatusNotifierItem",
                Some("org.freedesktop.DBus.Properties"),
                "Get",
                &("org.kde.StatusNotifierItem", "ToolTip"),
            )
            .await
            .unwrap();
        type ToolTip = (String, Vec<(i32, i32, Vec<u8>)>, String, String);
        let value: OwnedValue = reply.body().deserialize().unwrap();
        let (_, _, _, text) = ToolTip::try_from(value).unwrap();
        text
    }

    /// Waits until the menu's first line says `part`.
    pub async fn state(&self, tray: &Tray, part: &str) -> Vec<MenuLine> {
        let seen = Mutex::new(String::new());
        let wait = self.until_or(async |desktop| {
            let lines = desktop.menu_now(tray).await?;
            *seen.lock().unwrap() = lines[0].label.clone();
            lines[0].label.contains(part).then_some(lines)
        });
        match tokio::time::timeout(LIMIT, wait).await {
            Ok(lines) => lines,
            Err(_) => panic!("the menu never said {part:?}; it says {:?}", seen.lock().unwrap()),
        }
    }

    /// Presses the line that says `label`, which must be enabled.
    #[track_caller]
    pub fn press<'a>(&'a self, tray: &'a Tray, label: &'a str) -> impl Future<Output = ()> + 'a {
        let place = std::panic::Location::caller();
        async move {
            let lines = self.menu(tray).await;
            let line = lines.iter().find(|line| line.label == label);
            let line = line.unwrap_or_else(|| panic!("no {label:?} in {lines:#?} ({place})"));
            assert!(line.enabled, "{label:?} cannot be pressed ({place})");
            // Without waiting for an answer: "Quit" may have the app gone before it gives one.
            let pressed = Message::method_call("/MenuBar", "Event")
                .and_then(|message| message.destination(tray.item()))
                .and_then(|message| message.interface("com.canonical.dbusmenu"))
                .and_then(|message| message.with_flags(Flags::NoReplyExpected))
                .and_then(|message| message.build(&(line.id, "clicked", Value::from(0i32), 0u32)))
                .unwrap();
            self.bus().send(&pressed).await.unwrap();
        }
    }

    /// Left-clicks the icon.
    pub async fn click(&self, tray: &Tray) {
        self.bus()
            .call_method(
                Some(tray.item().as_str()),
                "/StatusNotifierItem",
                Some("org.kde.StatusNotifierItem"),
                "Activate",
                &(0, 0),
            )
            .await
            .unwrap();
    }

    /// Waits until a window has this title.
    pub async fn window(&self, title: &str) {
        let what = format!("a window {title:?}");
        self.until(&what, async |desktop| desktop.find_window(title).map(drop))
            .await;
    }

    /// The window with this title, on a connection to the display.
    fn find_window(&self, title: &str) -> Option<(RustConnection, Window)> {
        let (display, screen) = x11rb::connect(Some(&self.display)).unwrap();
        let name = display.intern_atom(false, b"_NET_WM_NAME").unwrap();
        let name = name.reply().unwrap().atom;
        let mut windows = vec![display.setup().roots[screen].root];
        while let Some(window) = windows.pop() {
            // One that has closed since its parent told of it is no error.
            if let Ok((found, children)) = look_at(&display, window, name) {
                if found == title.as_bytes() {
                    return Some((display, window));
                }
                windows.extend(children);
            }
        }
        None
    }

    /// A picture, as PNG, of the window with this title, once it has come to rest.
    pub async fn picture(&self, title: &str) -> Vec<u8> {
        let (display, window) = self.find_window(title).expect("a window has this title");
        let size = display.get_geometry(window).unwrap().reply().unwrap();
        let mut last = Vec::new();
        let mut looks = tokio::time::interval(REST);
        let pixels = self
            .until("a window at rest", async |_| {
                looks.tick().await;
                let (width, height) = (size.width, size.height);
                let image = display.get_image(ImageFormat::Z_PIXMAP, window, 0, 0, width, height, u32::MAX);
                let pixels = image.unwrap().reply().unwrap().data;
                let before = std::mem::replace(&mut last, pixels);
                (before == last).then_some(before)
            })
            .await;
        // Of each pixel: blue, green, red, nothing.
        let colours: Vec<u8> = pixels
            .chunks_exact(4)
            .flat_map(|pixel| [pixel[2], pixel[1], pixel[0]])
            .collect();
        let mut picture = Vec::new();
        let mut encoder = png::Encoder::new(&mut picture, size.width.into(), size.height.into());
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::High);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&colours).unwrap();
        writer.finish().unwrap();
        picture
    }

    /// Every notification so far.
    pub fn shown(&self) -> Vec<Shown> {
        self.shown.borrow().clone()
    }

    /// Waits for a notification whose first line contains `part`.
    pub async fn notified(&self, part: &str) -> Shown {
        let mut shown = self.shown.clone();
        let find = |all: &Vec<Shown>| all.iter().any(|shown| shown.summary.contains(part));
        let waited = tokio::time::timeout(LIMIT, shown.wait_for(find)).await;
        let Ok(Ok(all)) = waited else {
            panic!("no notification says {part:?}: {:#?}", self.shown())
        };
        let found = all.iter().rfind(|shown| shown.summary.contains(part));
        found.unwrap().clone()
    }

    /// Presses a button of a notification.
    pub async fn press_button(&self, notification: u32, action: &str) {
        self.bus()
            .emit_signal(
                None::<&str>,
                "/org/freedesktop/Notifications",
                "org.freedesktop.Notifications",
                "ActionInvoked",
                &(notification, action),
            )
            .await
            .unwrap();
    }

    /// The log of the tray app.
    pub fn tray_log(&self) -> String {
        std::fs::read_to_string(self.machine.path("data/logs/tray.log")).unwrap_or_default()
    }

    async fn until<T>(&self, what: &str, look: impl AsyncFnMut(&Self) -> Option<T>) -> T {
        within(what, self.until_or(look)).await
    }

    async fn until_or<T>(&self, mut look: impl AsyncFnMut(&Self) -> Option<T>) -> T {
        let mut looks = tokio::time::interval(Duration::from_millis(10));
        loop {
            looks.tick().await;
            if let Some(found) = look(self).await {
                return found;
            }
        }
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of the tray app\n{}", self.tray_log());
        }
    }
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

/// A window of the tray app that a test looks into (W3C WebDriver).
pub struct Page {
    driver: Child,
    lease: PortLease,
    session: String,
}

impl Page {
    /// Runs the body of a function in the page and gives what it returns.
    pub async fn script(&self, body: &str) -> serde_json::Value {
        let path = format!("/session/{}/execute/sync", self.session);
        let sent = json!({ "script": body, "args": [] });
        let mut reply = http::json(self.lease.port, "POST", &path, &sent).await.json();
        assert!(reply["value"]["error"].is_null(), "{body}: {reply}");
        reply["value"].take()
    }

    /// Waits until the body of a function returns something that counts as true, and gives it.
    pub async fn until(&self, body: &str) -> serde_json::Value {
        let wait = async {
            let mut looks = tokio::time::interval(Duration::from_millis(20));
            loop {
                looks.tick().await;
                let value = self.script(body).await;
                if !matches!(&value, serde_json::Value::Null | serde_json::Value::Bool(false)) {
                    return value;
                }
            }
        };
        match tokio::time::timeout(LIMIT, wait).await {
            Ok(value) => value,
            Err(_) => {
                let text = self.script("return document.body.innerText").await;
                panic!("never true: {body}\n{text}")
            }
        }
    }

    /// Waits for the element with this `data-testid` and gives its text.
    pub async fn text(&self, id: &str) -> String {
        let text = self
            .until(&format!(
                "return document.querySelector('[data-testid=\"{id}\"]')?.textContent"
            ))
            .await;
        text.as_str().unwrap().to_owned()
    }

    /// Waits until the page shows the daemon in this state.
    pub async fn shows(&self, state: &str) {
        self.until(&format!(
            "return document.querySelector('[data-testid=\"daemon-state\"]')?.dataset.state === '{state}'"
        ))
        .await;
    }

    /// Waits for the element with this `data-testid` to be enabled, and clicks it.
    pub async fn click(&self, id: &str) {
        self.until(&format!(
            "const found = document.querySelector('[data-testid=\"{id}\"]:not(:disabled)'); found?.click(); return !!found"
        ))
        .await;
    }

    /// Puts a value into the field of this name, as typing or choosing would.
    pub async fn fill(&self, name: &str, value: &str) {
        self.until(&format!(
            "const field = document.querySelector('[name=\"{name}\"]'); if (!field) return false;
             field.value = {value:?};
             field.dispatchEvent(new Event('input', {{ bubbles: true }}));
             field.dispatchEvent(new Event('change', {{ bubbles: true }}));
             return true"
        ))
        .await;
    }

    /// Ends the app and waits until it has gone: one that comes before would only hand over to it.
    pub async fn close(self) {
        let apps = proc::children(self.driver.id().expect("the driver runs until it is dropped"));
        let path = format!("/session/{}", self.session);
        let head = format!("DELETE {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n");
        http::send(self.lease.port, &head).await;
        eventually("the app has ended", || {
            let has_ended = |app: &u32| matches!(proc::state(*app), None | Some('Z'));
            apps.iter().all(has_ended).then_some(())
        })
        .await;
    }
}

impl Tray {
    /// Its icon's name on the bus, as the tray-icon library gives it.
    fn item(&self) -> String {
        format!("org.kde.StatusNotifierItem-{}-1", self.pid)
    }

    /// Waits until it has ended by itself.
    pub async fn ended(mut self) -> std::process::ExitStatus {
        within("the tray app ends", self.child.wait()).await.unwrap()
    }

    /// Kills it.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// Starts a program and gives the first line that it prints.
async fn first_line(mut command: Command) -> (Child, String) {
    let name = format!("{:?}", command.as_std().get_program());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("{name}: {error}; `cargo xtask test` installs it"));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = within(&name, lines.next_line()).await.unwrap();
    (child, line.unwrap_or_else(|| panic!("{name} ended")))
}

/// Reads a line of a menu and those below it: `(i a{sv} av)` of com.canonical.dbusmenu.
fn read_line(value: &Value<'_>, lines: &mut Vec<MenuLine>) {
    let Value::Structure(structure) = value else {
        panic!("a menu line is a structure: {value:?}")
    };
    let [Value::I32(id), Value::Dict(properties), Value::Array(children)] = structure.fields() else {
        panic!("{structure:?}")
    };
    let property = |name: &str| {
        let (_, value) = properties.iter().find(|(key, _)| **key == Value::from(name))?;
        match value {
            Value::Value(value) => value.try_clone().ok(),
            value => value.try_clone().ok(),
        }
    };
    let label = match property("label") {
        Some(Value::Str(label)) => label.to_string(),
        _ => String::new(),
    };
    if !label.is_empty() {
        lines.push(MenuLine {
            id: *id,
            label,
            enabled: property("enabled") != Some(Value::Bool(false)),
            checked: match property("toggle-state") {
                Some(Value::I32(state)) => Some(state == 1),
                _ => None,
            },
        });
    }
    for child in children.iter() {
        match child {
            Value::Value(child) => read_line(child, lines),
            child => read_line(child, lines),
        }
    }
}

/// A notification server (Desktop Notifications specification 1.2).
struct Notifications {
    shown: watch::Sender<Vec<Shown>>,
    last: Arc<Mutex<u32>>,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Notifications {
    #[expect(clippy::too_many_arguments, reason = "the specification's")]
    fn notify(
        &self,
        _app_name: &str,
        replaces: u32,
        _icon: &str,
        summary: &str,
        body: &str,
        actions: Vec<String>,
        hints: HashMap<String, OwnedValue>,
        _timeout: i32,
    ) -> u32 {
        let mut last = self.last.lock().unwrap();
        let id = if replaces == 0 {
            *last += 1;
            *last
        } else {
            replaces
        };
        let shown = Shown {
            replaces,
            id,
            summary: summary.into(),
            body: body.into(),
            actions,
            value: hints.get("value").and_then(|value| i32::try_from(value).ok()),
        };
        self.shown.send_modify(|all| all.push(shown));
        id
    }

    fn get_capabilities(&self) -> Vec<String> {
        vec!["body".into(), "actions".into()]
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        ("test".into(), "okibi".into(), "1".into(), "1.2".into())
    }

    fn close_notification(&self, _id: u32) {}
}
