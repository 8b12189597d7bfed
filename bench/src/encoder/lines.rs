//! A peer in a process of its own that answers lines of JSON: a library, kept open.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Seek, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::works::Work;

/// What such a process is asked, a line each. It answers each with a line, and says one when it is ready.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Question {
    /// To keep a work, as the next one, and to find the batches in which it is fastest.
    Prepare(Work),
    /// To do a work so many times.
    Run { work: usize, times: usize },
}

/// Its answer.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// How long each time took.
    #[serde(default)]
    pub(crate) seconds: Vec<f64>,
}

/// Something that computes vectors of texts.
pub(crate) trait Peer {
    /// The process that does it.
    fn pid(&self) -> u32;

    /// Takes the next work.
    fn prepare(&mut self, work: &Work) -> Result<()>;

    /// Does a work, counted from 0, so many times; returns how long each took.
    fn run(&mut self, work: usize, times: usize) -> Result<Vec<Duration>>;
}

/// A handle of the process. Dropping it ends the process.
pub(crate) struct Lines {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    complaints: File,
}

impl Lines {
    /// Starts the process; returns once it is ready.
    pub(crate) fn open(command: &mut Command) -> Result<Self> {
        let complaints = tempfile::tempfile()?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(complaints.try_clone()?)
            .spawn()
            .with_context(|| format!("run {command:?}"))?;
        let questions = child.stdin.take().context("a pipe to the process")?;
        let answers = child.stdout.take().context("a pipe from the process")?;
        let mut lines = Self {
            child,
            questions,
            answers: BufReader::new(answers),
            complaints,
        };
        lines.read()?;
        Ok(lines)
    }

    fn ask(&mut self, question: &Question) -> Result<Answer> {
        let text = serde_json::to_string(question)?;
        if writeln!(self.questions, "{text}")
            .and_then(|()| self.questions.flush())
            .is_err()
        {
            bail!("{}", self.last_complaint());
        }
        self.read()
    }

    /// The next line that is an answer: a library may write others.
    fn read(&mut self) -> Result<Answer> {
        let mut line = String::new();
        while self.answers.read_line(&mut line)? > 0 {
            if let Ok(answer) = serde_json::from_str(&line) {
                return Ok(answer);
            }
            line.clear();
        }
        bail!("{}", self.last_complaint())
    }

    fn last_complaint(&mut self) -> String {
        let mut text = String::new();
        let read = self
            .complaints
            .rewind()
            .and_then(|()| self.complaints.read_to_string(&mut text));
        match text.trim().lines().last() {
            Some(line) if read.is_ok() => line.to_owned(),
            _ => "the process has ended".to_owned(),
        }
    }
}

impl Peer for Lines {
    fn pid(&self) -> u32 {
        self.child.id()
    }

    fn prepare(&mut self, work: &Work) -> Result<()> {
        self.ask(&Question::Prepare(work.clone())).map(drop)
    }

    fn run(&mut self, work: usize, times: usize) -> Result<Vec<Duration>> {
        let answer = self.ask(&Question::Run { work, times })?;
        Ok(answer.seconds.into_iter().map(Duration::from_secs_f64).collect())
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
