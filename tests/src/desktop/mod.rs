//! A desktop for the tray app: a display, a session bus, a panel that shows tray icons, a notification server; all of
//! this test's own.

mod chooser;
mod notifications;
mod page;
mod screen;
mod shown;

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Mutex,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::watch,
};
use zbus::{
    Connection, Message, connection,
    message::Flags,
    zvariant::{OwnedValue, Value},
};

pub use self::{chooser::Chooser, page::Page, shown::Shown};
use crate::{
    binary::tray_binary,
    limit::{LIMIT, within},
    machine::Machine,
};

/// The name under which a panel shows tray icons.
const WATCHER: &str = "org.kde.StatusNotifierWatcher";

/// Where programs say by which service file a session bus starts them.
const SERVICES: &str = "/usr/share/dbus-1/services";

/// The service that the panel keeps its settings in.
const PANEL_SETTINGS: &str = "org.xfce.Xfconf.service";

/// A notification server that draws what it is sent.
const DRAWN_NOTIFICATIONS: &str = "org.xfce.xfce4-notifyd.Notifications.service";

/// A panel as small as its one icon, in the corner at the top on the right (xfconf, channel xfce4-panel).
const SMALL_PANEL: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=2;x=0;y=0"/>
      <property name="length" type="double" value="1"/>
      <property name="size" type="uint" value="36"/>
      <property name="plugin-ids" type="array"><value type="int" value="1"/></property>
    </property>
  </property>
  <property name="plugins" type="empty"><property name="plugin-1" type="string" value="systray"/></property>
</channel>
"#;

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

    /// A whole desktop on a screen of this size, in pixels.
    pub async fn on_screen(width: u16, height: u16) -> Self {
        Self::with(Lack::Nothing, (width, height)).await
    }

    /// A desktop without one thing.
    pub async fn lacking(lack: Lack) -> Self {
        Self::with(lack, (1280, 900)).await
    }

    async fn with(lack: Lack, (width, height): (u16, u16)) -> Self {
        // The tests set the language in the file, as users do.
        let machine = Machine::new().without("OKIBI_LANG");
        for folder in ["run", "config", "share", "cachehome"] {
            fs::create_dir(machine.path(folder)).unwrap();
        }
        // The welcome is for new users, which is what its own test is about.
        fs::create_dir_all(machine.path("data")).unwrap();
        fs::write(machine.path("data/tray.json"), r#"{"has_seen_welcome":true}"#).unwrap();
        let mut xvfb = Command::new("Xvfb");
        xvfb.args([
            // Otherwise it restarts whenever its last program disconnects, and drops one that is just connecting.
            "-noreset",
            "-displayfd",
            "1",
            "-screen",
            "0",
            &format!("{width}x{height}x24"),
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
        desktop.open_bus(&[PANEL_SETTINGS]).await;
        if lack != Lack::Notifications {
            desktop.serve_notifications().await;
        }
        if lack != Lack::Panel {
            desktop.open_panel().await;
        }
        desktop
    }

    /// A desktop to take pictures of: its notifications are drawn, its panel is as small as the icon on it.
    pub async fn for_pictures() -> Self {
        let mut desktop = Self::lacking(Lack::Bus).await;
        let settings = desktop.machine.path("config/xfce4/xfconf/xfce-perchannel-xml");
        fs::create_dir_all(&settings).unwrap();
        fs::write(settings.join("xfce4-panel.xml"), SMALL_PANEL).unwrap();
        desktop.open_bus(&[PANEL_SETTINGS, DRAWN_NOTIFICATIONS]).await;
        desktop.open_panel().await;
        desktop
    }

    /// Starts a session bus that starts these services when they are called, and none else: what happens to be
    /// installed on the machine must not answer for what a desktop lacks.
    async fn open_bus(&mut self, services: &[&str]) {
        let folder = self.machine.path("services");
        fs::create_dir(&folder).unwrap();
        for name in services {
            let file = Path::new(SERVICES).join(name);
            fs::copy(&file, folder.join(name))
                .unwrap_or_else(|error| panic!("{}: {error}; the chores install it", file.display()));
        }
        let mut daemon = self.command("dbus-daemon");
        daemon
            .arg("--config-file")
            .arg(bus_settings(&self.machine.path("bus.conf"), &folder))
            .args(["--nofork", "--nopidfile", "--print-address=1"]);
        let (daemon, address) = first_line(daemon).await;
        self.processes.push(daemon);
        let connection = connection::Builder::address(address.as_str()).unwrap();
        self.bus = Some(connection.build().await.unwrap());
        self.address = Some(address);
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
            // The CPU renders here, and a sandbox is not available to root in a container.
            .env("WEBKIT_DISABLE_DMABUF_RENDERER", "1")
            .env("WEBKIT_DISABLE_COMPOSITING_MODE", "1")
            // This bus has no accessibility service, of which GTK would complain.
            .env("NO_AT_BRIDGE", "1")
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

    /// Starts the tray app as the desktop does when the user logs in, by the one file that asks for that.
    ///
    /// Panics where there is not exactly one such file.
    pub async fn log_in(&self) -> Tray {
        let folder = fs::read_dir(self.machine.path("config/autostart")).unwrap();
        let files: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
        let [file] = files.as_slice() else {
            panic!("{files:?}")
        };
        let text = fs::read_to_string(file).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("Exec="));
        // The path of a test's program needs no quotes inside of its own.
        let line = line.unwrap_or_else(|| panic!("{text}")).replace('"', "");
        let mut words = line.split_whitespace();
        let mut command = self.command(words.next().unwrap());
        let child = command.args(words).stdout(Stdio::null()).spawn().unwrap();
        let tray = Tray {
            pid: child.id().unwrap(),
            child,
        };
        self.menu(&tray).await;
        tray
    }

    /// Runs the tray app to its end and gives its exit code and what it said.
    pub async fn said_by_tray(&self, args: &[&str], display: Option<&str>) -> (i32, String) {
        let mut command = self.command(tray_binary());
        if let Some(display) = display {
            command.env("DISPLAY", display);
        }
        let output = within("the app ends", command.args(args).output()).await.unwrap();
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.code().unwrap_or(-1),
            String::from_utf8(said).unwrap(),
        )
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

    /// The lines of the menu at this moment; `None` where the app does not answer.
    pub async fn menu_now(&self, tray: &Tray) -> Option<Vec<MenuLine>> {
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

    /// Waits until the line that says `label` is on, or off.
    pub async fn checked(&self, tray: &Tray, label: &str, on: bool) {
        self.until(label, async |desktop| {
            let lines = desktop.menu_now(tray).await?;
            let line = lines.iter().find(|line| line.label == label)?;
            (line.checked == Some(on)).then_some(())
        })
        .await;
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
            // Without waiting for an answer: after "Quit" the app may end before it answers.
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

    /// The log of the tray app.
    pub fn tray_log(&self) -> String {
        fs::read_to_string(self.machine.path("data/logs/tray.log")).unwrap_or_default()
    }

    /// Looks again and again until there is something to see.
    pub async fn until<T>(&self, what: &str, look: impl AsyncFnMut(&Self) -> Option<T>) -> T {
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

/// Writes the settings of a session bus for everyone on it (dbus-daemon(1)) and gives their file.
fn bus_settings(file: &Path, services: &Path) -> PathBuf {
    let settings = format!(
        r#"<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <servicedir>{}</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#,
        services.display()
    );
    fs::write(file, settings).unwrap();
    file.to_owned()
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
