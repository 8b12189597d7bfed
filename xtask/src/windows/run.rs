//! An `okibi.exe` under way, and what came of one.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// Nothing is waited for longer than this; far more than anything takes.
pub(super) const LIMIT: Duration = Duration::from_secs(90);

/// An `okibi.exe` whose lines are read as they come. Killed when it is dropped.
pub(super) struct Run {
    what: String,
    child: Child,
    coming: Receiver<String>,
    seen: String,
    /// Standard error goes to a file: Wine's own processes, which stay, hold on to a pipe.
    errors: PathBuf,
}

/// What came of a run.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) what: String,
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

impl Run {
    /// Starts `command` with `input` to read and its standard error in the file `errors`.
    pub(super) fn start(what: String, mut command: Command, input: String, errors: PathBuf) -> Result<Self> {
        let file = File::create(&errors).with_context(|| format!("create {}", errors.display()))?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file);
        let mut child = command.spawn().with_context(|| format!("run {command:?}"))?;
        let (mut stdin, stdout) = (child.stdin.take(), child.stdout.take());
        // Both threads end with the program: their pipe is closed then.
        thread::spawn(move || {
            // A program that reads no further ends the writing, which is its right.
            stdin.as_mut().map(|stdin| stdin.write_all(input.as_bytes()))
        });
        let (sender, coming) = mpsc::channel();
        thread::spawn(move || {
            let Some(mut stdout) = stdout.map(BufReader::new) else {
                return;
            };
            let mut line = Vec::new();
            while stdout.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
                line.clear();
            }
        });
        Ok(Self {
            what,
            child,
            coming,
            seen: String::new(),
            errors,
        })
    }

    /// Waits for the event `name` among the lines of `--json`.
    pub(super) fn event(&mut self, name: &str) -> Result<Value> {
        let deadline = Instant::now() + LIMIT;
        loop {
            let Some(line) = self.line(deadline)? else {
                bail!(
                    "{} ended without the event {name}:\n{}{}",
                    self.what,
                    self.seen,
                    self.errors()
                );
            };
            let event: Value = serde_json::from_str(&line).with_context(|| format!("no JSON: {line}"))?;
            if event["event"] == name {
                return Ok(event);
            }
        }
    }

    /// The next line of its standard output; `None` at the end.
    fn line(&mut self, deadline: Instant) -> Result<Option<String>> {
        match self
            .coming
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            Ok(line) => {
                self.seen.push_str(&line);
                Ok(Some(line))
            }
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => {
                bail!(
                    "{}: silent for {LIMIT:?} after\n{}{}",
                    self.what,
                    self.seen,
                    self.errors()
                )
            }
        }
    }

    /// Waits for its end: that of its standard output, which it keeps open until then.
    pub(super) fn ended(mut self) -> Result<Ended> {
        let deadline = Instant::now() + LIMIT;
        while self.line(deadline)?.is_some() {}
        let status = self
            .child
            .wait()
            .with_context(|| format!("wait for {}", self.what))?;
        Ok(Ended {
            what: self.what.clone(),
            code: status.code(),
            out: std::mem::take(&mut self.seen),
            err: self.errors(),
        })
    }

    /// Kills it in the midst of what it does.
    pub(super) fn kill(mut self) -> Result<Ended> {
        self.child.kill().with_context(|| format!("kill {}", self.what))?;
        self.ended()
    }

    fn errors(&self) -> String {
        let bytes = fs::read(&self.errors).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // One that has ended was waited for already, and refuses the kill.
        if self.child.kill().is_ok() {
            let _ = self.child.wait();
        }
    }
}

impl Ended {
    /// Checks the exit code, and that standard output or standard error has `part`.
    pub(super) fn expect(self, code: i32, part: &str) -> Result<Self> {
        ensure!(
            self.code == Some(code),
            "{}: exit code {:?} instead of {code}\n{}{}",
            self.what,
            self.code,
            self.out,
            self.err
        );
        ensure!(
            self.out.contains(part) || self.err.contains(part),
            "{}: {part:?} is not in\n{}{}",
            self.what,
            self.out,
            self.err
        );
        Ok(self)
    }
}
