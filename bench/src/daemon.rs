//! The real program in an environment of its own.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::corpus;

/// The program `okibi` with folders and a port of its own; its daemon is stopped when this is dropped.
pub(crate) struct Okibi {
    program: PathBuf,
    folder: tempfile::TempDir,
    environment: Vec<(&'static str, String)>,
    pub(crate) port: u16,
}

impl Okibi {
    pub(crate) fn new() -> Result<Self> {
        let program = std::env::var_os("OKIBI_BIN")
            .map(PathBuf::from)
            .context("OKIBI_BIN names no program; run this as `cargo xtask bench`")?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        Ok(Self {
            program,
            folder: tempfile::tempdir()?,
            environment: Vec::new(),
            port,
        })
    }

    /// The same with a variable in the environment of its commands.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    /// Runs a command to its end and returns the time it took.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Duration> {
        let began = Instant::now();
        let output = self.command(arguments).output()?;
        let took = began.elapsed();
        if !output.status.success() {
            bail!("okibi {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(took)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env("OKIBI_DATA_DIR", self.folder.path().join("data"))
            .env("OKIBI_CACHE_DIR", self.folder.path().join("cache"))
            .env("OKIBI_CONFIG", self.folder.path().join("config.toml"))
            .env("OKIBI_PORT", self.port.to_string())
            .env("OKIBI_ASSETS", assets())
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The handover gaps in the daemon's log, one per launch.
    pub(crate) fn gaps(&self) -> Result<Vec<Duration>> {
        let log = self
            .folder
            .path()
            .join("data/logs")
            .join(format!("daemon-{}.log", self.port));
        let text = std::fs::read_to_string(log)?;
        Ok(text
            .lines()
            .filter_map(|line| {
                line.split("gap_ms=")
                    .nth(1)?
                    .split_whitespace()
                    .next()?
                    .parse::<f64>()
                    .ok()
            })
            .map(|millis| Duration::from_secs_f64(millis / 1e3))
            .collect())
    }

    /// Files that a launch reads: dropped from the page cache for a cold start.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut files = vec![self.program.clone()];
        let mut folders = vec![assets()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path)
                } else {
                    files.push(path)
                }
            }
        }
        files
    }
}

impl Drop for Okibi {
    fn drop(&mut self) {
        if let Err(error) = self.run(&["stop"]) {
            eprintln!("the daemon could not be stopped: {error}");
        }
    }
}

/// The assets folder.
pub(crate) fn assets() -> PathBuf {
    std::env::var_os("OKIBI_ASSETS").map_or_else(|| corpus::root().join("assets"), PathBuf::from)
}
