//! One sealed environment: folders and a port of its own, nothing of the real user's.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
};

use okibi_client::Client;
use okibi_protocol::method::{GetStatus, NoParams, Status};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};
use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    binary::{okibi_binary, repository},
    limit::{eventually, within},
    model,
    port::{self, PortLease},
    running::{Ended, Running},
    wire::Wire,
};

/// Variables a program needs of the surroundings; everything else is left out.
const KEPT: [&str; 5] = ["PATH", "SystemRoot", "SystemDrive", "TEMP", "WINEPREFIX"];

/// A shell that starts the tests in the background has them ignore Ctrl-C, and a program that they start would inherit
/// that: where a test interrupts it, it would go on.
#[cfg(unix)]
fn obey_interrupts() {
    // SAFETY: no handler is replaced, and the default one always exists.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_DFL) };
}

/// One sealed environment. Dropping it ends every process started in it, also when the test panics.
pub struct Machine {
    root: TempDir,
    lease: PortLease,
    environment: BTreeMap<OsString, OsString>,
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

impl Machine {
    /// A machine on which nothing runs yet.
    pub fn new() -> Self {
        #[cfg(unix)]
        obey_interrupts();
        let root = tempfile::Builder::new().prefix("okibi-e2e-").tempdir().unwrap();
        let lease = PortLease::take();
        let mut environment: BTreeMap<OsString, OsString> = KEPT
            .iter()
            .filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?)))
            .collect();
        let assets = std::env::var_os("OKIBI_ASSETS").unwrap_or_else(|| repository().join("assets").into());
        let home = root.path().join("home");
        std::fs::create_dir(&home).unwrap();
        for (name, value) in [
            ("HOME", home.clone()),
            ("USERPROFILE", home),
            ("OKIBI_DATA_DIR", root.path().join("data")),
            ("OKIBI_CACHE_DIR", root.path().join("cache")),
            ("OKIBI_CONFIG", root.path().join("config.toml")),
            ("OKIBI_ASSETS", assets.into()),
            ("OKIBI_PORT", lease.port.to_string().into()),
            ("OKIBI_LANG", "en".into()),
        ] {
            environment.insert(name.into(), value.into());
        }
        Self {
            root,
            lease,
            environment,
        }
    }

    /// Sets a variable for every `okibi` from now on.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.set(name, value);
        self
    }

    /// Takes a variable away.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.unset(name);
        self
    }

    /// Sets a variable for every `okibi` from now on.
    pub fn set(&mut self, name: &str, value: impl AsRef<OsStr>) {
        self.environment.insert(name.into(), value.as_ref().into());
    }

    /// Takes a variable away from every `okibi` from now on.
    pub fn unset(&mut self, name: &str) {
        self.environment.remove(OsStr::new(name));
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.lease.port
    }

    /// A path in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Writes the settings file.
    pub fn write_config(&self, text: &str) {
        std::fs::write(self.path("config.toml"), text).unwrap();
    }

    /// The text of the settings file.
    pub fn config(&self) -> String {
        std::fs::read_to_string(self.path("config.toml")).unwrap()
    }

    /// The daemon's log file.
    pub fn log_file(&self) -> PathBuf {
        self.path(&format!("data/logs/daemon-{}.log", self.port()))
    }

    /// The command `okibi ARGS` in this environment, not started.
    pub fn command<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(okibi_binary());
        command
            .args(args)
            .env_clear()
            .envs(&self.environment)
            .current_dir(self.root.path());
        command
    }

    /// A command of another program in this environment, not started.
    pub fn command_of(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(&self.environment)
            .current_dir(self.root.path());
        command
    }

    /// Starts `okibi ARGS`.
    pub fn spawn<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Running {
        Running::spawn(self.command(args), None)
    }

    /// Runs `okibi ARGS` to its end.
    pub async fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Ended {
        self.spawn(args).ended().await
    }

    /// Runs `okibi ARGS` to its end with `input` on its standard input.
    pub async fn run_with<A: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = A>,
        input: impl Into<Vec<u8>>,
    ) -> Ended {
        Running::spawn(self.command(args), Some(input.into()))
            .ended()
            .await
    }

    /// A machine whose daemon has the tiny model and these settings.
    pub async fn tiny_with(settings: &str) -> Self {
        let machine = Self::new();
        machine.write_config(settings);
        machine.start_tiny().await;
        machine
    }

    /// Starts a daemon with the tiny model, by `okibi start`, and gives its status.
    pub async fn start_tiny(&self) -> Status {
        self.run([OsStr::new("start"), "-m".as_ref(), model::tiny().as_ref()])
            .await
            .expect(0);
        self.status().await
    }

    /// The status of the program on the port.
    pub async fn status(&self) -> Status {
        within("get_status", async {
            self.client().await.call::<GetStatus>(NoParams {}).await
        })
        .await
        .unwrap()
    }

    /// A client of the program on the port.
    pub async fn client(&self) -> Client {
        within("a connection", Client::connect(self.port()))
            .await
            .unwrap()
    }

    /// A raw connection to the program on the port.
    pub async fn wire(&self) -> Wire {
        Wire::connect(self.port()).await
    }

    /// Waits until a program listens on the port.
    pub async fn listening(&self) {
        eventually("somebody listens", || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, self.port())).ok()
        })
        .await;
    }

    /// Waits until the program on the port is ready, and returns its status.
    pub async fn ready(&self) -> Status {
        within("ready", async {
            let mut looks = tokio::time::interval(std::time::Duration::from_millis(5));
            loop {
                looks.tick().await;
                if let Ok(client) = Client::connect(self.port()).await
                    && let Ok(mut changes) = client.subscribe().await
                {
                    while let Some(status) = changes.next().await {
                        if status.ready {
                            return status;
                        }
                    }
                }
            }
        })
        .await
    }

    /// The running daemons of this environment: those with a data folder inside it.
    pub fn daemons(&self) -> Vec<u32> {
        let mut system = System::new().expect("this system lists its processes");
        let what = ProcessRefreshKind::nothing().with_cmd(UpdateKind::Always);
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
        let is_ours = |argument: &OsString| {
            let folder = argument
                .to_str()
                .and_then(|text| text.strip_prefix("--data-dir="));
            folder.is_some_and(|folder| Path::new(folder).starts_with(self.root()))
        };
        let mut found: Vec<u32> = system
            .processes()
            .values()
            // A thread is listed like a process on Linux.
            .filter(|process| process.thread_kind().is_none() && process.cmd().iter().any(is_ours))
            .map(|process| process.pid().as_u32())
            .collect();
        found.sort_unstable();
        found
    }

    /// Waits until no daemon lives and the port is free.
    pub async fn nothing_left(&self) {
        eventually("no daemon is left", || self.daemons().is_empty().then_some(())).await;
        eventually("the port is free", || port::is_free(self.port()).then_some(())).await;
    }

    /// Checks that at this moment no daemon lives and the port is free.
    #[track_caller]
    pub fn assert_nothing_left(&self) {
        assert_eq!(self.daemons(), [] as [u32; 0], "no daemon may be left");
        assert!(port::is_free(self.port()), "the port must be free");
    }

    /// The end of the daemon's log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        self.root.path()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // A daemon may be between its spawn and the moment it can be seen; what it was told is its own arguments,
        // so a second look finds it.
        for _ in 0..2 {
            for pid in self.daemons() {
                kill(pid);
            }
        }
        if std::thread::panicking() {
            eprintln!("--- log of port {}\n{}", self.port(), self.log());
        }
    }
}

/// Kills a process by its id.
pub(crate) fn kill(pid: u32) {
    let Ok(mut system) = System::new() else { return };
    let pid = Pid::from_u32(pid);
    system.refresh_processes_specifics(
        ProcessesToUpdate::Some(&[pid]),
        false,
        ProcessRefreshKind::nothing(),
    );
    if let Some(process) = system.process(pid) {
        process.kill();
    }
}
