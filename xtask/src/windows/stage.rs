//! Where the scenarios are played: a folder with the program and its assets, as an unpacked release has them.

use std::{
    cell::{Cell, RefCell},
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{
    run::{Ended, Run},
    runner::Runner,
};
use crate::{
    setup::windows_runtime,
    workspace::{Profile, Workspace},
};

const PROGRAM: &str = "okibi.exe";

/// The installer's name in the folder.
pub(super) const INSTALLER: &str = "Okibi-setup.exe";

/// The folder, and how programs are run in it.
///
/// It is emptied at the end and not removed: a runner that mounts it (Wine's server lives on for some seconds) has the
/// same folder in the next run.
#[derive(Debug)]
pub(super) struct Stage {
    _turn: File,
    folder: PathBuf,
    runner: Runner,
    /// The program that the scenarios are about: a file of the folder, or its whole name on Windows.
    program: String,
    reference: PathBuf,
}

impl Stage {
    /// Puts the executable `program` and the assets where a release has them.
    pub(super) fn set(workspace: &Workspace, program: &Path, runner: Runner) -> Result<Self> {
        let stage = Self::begin(workspace, runner)?;
        place(program, &stage.folder.join(PROGRAM))?;
        for part in [windows_runtime()?, "models".into()] {
            place(
                &workspace.assets().join(&part),
                &stage.folder.join("assets").join(part),
            )?;
        }
        Ok(stage)
    }

    /// Puts the installer there; the program will be the one that it installs.
    pub(super) fn with_installer(workspace: &Workspace, installer: &Path, runner: Runner) -> Result<Self> {
        let mut stage = Self::begin(workspace, runner)?;
        place(installer, &stage.folder.join(INSTALLER))?;
        let local = stage
            .scene("look")?
            .system("cmd", &["/c", "echo %LOCALAPPDATA%"])?;
        let local = local.expect(0, r":\")?.out.trim().to_owned();
        stage.program = format!(r"{local}\Okibi\{PROGRAM}");
        Ok(stage)
    }

    fn begin(workspace: &Workspace, runner: Runner) -> Result<Self> {
        let built = workspace.output_folder(None, Profile::Debug)?;
        let lock = built.join("windows-test.lock");
        let turn = File::create(&lock).with_context(|| format!("create {}", lock.display()))?;
        turn.lock().with_context(|| format!("lock {}", lock.display()))?;
        let stage = Self {
            _turn: turn,
            folder: built.join("windows-test"),
            runner,
            program: PROGRAM.into(),
            reference: workspace.embedded_reference(),
        };
        stage.empty()?;
        Ok(stage)
    }

    /// Makes the folder, or takes away what is in it.
    fn empty(&self) -> Result<()> {
        let emptied = fs::create_dir_all(&self.folder)
            .and_then(|()| fs::read_dir(&self.folder))
            .and_then(|mut entries| {
                entries.try_for_each(|entry| {
                    let path = entry?.path();
                    match path.is_dir() {
                        true => fs::remove_dir_all(path),
                        false => fs::remove_file(path),
                    }
                })
            });
        emptied.with_context(|| format!("empty {}", self.folder.display()))
    }

    /// A user with folders and a port of their own.
    pub(super) fn scene(&self, name: &str) -> Result<Scene<'_>> {
        let folder = self.folder.join(name);
        fs::create_dir(&folder).with_context(|| format!("create {}", folder.display()))?;
        // It was free a moment ago; a program that takes it in between makes the scenario fail, not pass.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let seen = format!(r"{}\{name}", self.runner.name_of(&self.folder));
        Ok(Scene {
            stage: self,
            folder,
            port,
            variables: vec![
                ("OKIBI_PORT", port.to_string()),
                ("OKIBI_DATA_DIR", format!(r"{seen}\data")),
                ("OKIBI_CACHE_DIR", format!(r"{seen}\cache")),
                ("OKIBI_CONFIG", format!(r"{seen}\config.toml")),
                ("OKIBI_LANG", "en".into()),
            ],
            daemons: RefCell::default(),
            runs: Cell::new(0),
        })
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Err(error) = self.empty() {
            eprintln!("files are left behind: {error:#}");
        }
    }
}

/// Puts a file, or a folder with all it has, at `to`: as a link where the file system allows, else as a copy.
fn place(from: &Path, to: &Path) -> Result<()> {
    let placed = if from.is_dir() {
        fs::create_dir_all(to).and_then(|()| fs::read_dir(from)).map(Some)
    } else {
        fs::hard_link(from, to)
            .or_else(|_| fs::copy(from, to).map(drop))
            .map(|()| None)
    };
    let entries = placed.with_context(|| format!("copy {} to {}", from.display(), to.display()))?;
    for entry in entries.into_iter().flatten() {
        let entry = entry.with_context(|| format!("read {}", from.display()))?;
        place(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

/// One scenario's user. The daemons that are still noted are killed when it is dropped.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    stage: &'a Stage,
    folder: PathBuf,
    port: u16,
    variables: Vec<(&'static str, String)>,
    daemons: RefCell<Vec<u64>>,
    runs: Cell<u32>,
}

impl Scene<'_> {
    /// The port of all this user's commands.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Texts of the embedded model's reference with their vectors.
    pub(super) fn reference(&self) -> Result<Vec<Value>> {
        let path = &self.stage.reference;
        let text = fs::read(path).with_context(|| format!("read {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("read {}", path.display()))
    }

    /// The program's folder, as Windows names it, where it was installed.
    pub(super) fn installed_folder(&self) -> &str {
        let program = &self.stage.program;
        program.rsplit_once('\\').map_or("", |(folder, _)| folder)
    }

    /// Starts `okibi ARGS` with further variables and with `input` to read.
    pub(super) fn start(
        &self,
        args: &[&str],
        further: &[(&'static str, String)],
        input: String,
    ) -> Result<Run> {
        self.start_program(&self.stage.program, args, further, input)
    }

    /// Runs a program of Windows, or a file of the folder, to its end.
    pub(super) fn system(&self, program: &str, args: &[&str]) -> Result<Ended> {
        self.start_program(program, args, &[], String::new())?.ended()
    }

    fn start_program(
        &self,
        program: &str,
        args: &[&str],
        further: &[(&'static str, String)],
        input: String,
    ) -> Result<Run> {
        let variables: Vec<_> = self.variables.iter().chain(further).cloned().collect();
        let command = self
            .stage
            .runner
            .command(&self.stage.folder, program, args, &variables);
        let number = self.runs.replace(self.runs.get() + 1);
        let errors = self.folder.join(format!("stderr-{number}"));
        Run::start(format!("{program} {}", args.join(" ")), command, input, errors)
    }

    /// Runs `okibi ARGS` to its end.
    pub(super) fn run(&self, args: &[&str]) -> Result<Ended> {
        self.start(args, &[], String::new())?.ended()
    }

    /// Runs `okibi start ARGS --json` until it has spawned a daemon, whose process id is given and noted.
    pub(super) fn launch(&self, args: &[&str], further: &[(&'static str, String)]) -> Result<(Run, u64)> {
        let mut run = self.start(&[&["start", "--json"], args].concat(), further, String::new())?;
        let event = run.event("spawned")?;
        let pid = event["pid"].as_u64().context("the daemon has no number")?;
        self.daemons.borrow_mut().push(pid);
        Ok((run, pid))
    }

    /// Kills the process `pid`, which is a Windows number, and forgets it.
    pub(super) fn kill(&self, pid: u64) -> Result<()> {
        let args = ["/F", "/PID", &pid.to_string()];
        let mut command = self
            .stage
            .runner
            .command(&self.stage.folder, "taskkill", args, &[]);
        // What it says goes nowhere: its exit code says it too.
        let status = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let status = status.with_context(|| format!("run {command:?}"))?;
        ensure!(status.success(), "process {pid} cannot be killed: {status}");
        self.daemons.borrow_mut().retain(|noted| *noted != pid);
        Ok(())
    }

    /// Checks that another program has stopped the daemon, whose process is gone.
    pub(super) fn was_stopped(&self) -> Result<()> {
        self.daemons.borrow_mut().clear();
        self.ensure_port_is_free()
    }

    /// Runs `okibi stop`, after which the port has to be free.
    pub(super) fn stop(&self) -> Result<()> {
        self.run(&["stop"])?
            .expect(0, &format!("port {} is free", self.port))?;
        self.was_stopped()
    }

    /// Checks that the port is free.
    pub(super) fn ensure_port_is_free(&self) -> Result<()> {
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port));
        bound
            .map(drop)
            .with_context(|| format!("port {} is not free", self.port))
    }
}

impl Drop for Scene<'_> {
    fn drop(&mut self) {
        let noted = self.daemons.take();
        for pid in noted {
            if let Err(error) = self.kill(pid) {
                eprintln!("a daemon may be left behind: {error:#}");
            }
        }
    }
}
