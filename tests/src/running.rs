//! An `okibi` under way, and what came of one.

use std::process::{ExitStatus, Stdio};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader},
    process::{Child, Command},
    sync::mpsc,
    task::JoinHandle,
};

use crate::limit::within;

/// An `okibi` whose lines are read as they come. Killed when it is dropped.
pub struct Running {
    child: Child,
    pid: u32,
    what: String,
    out: Lines,
    err: Lines,
}

/// The lines of one of its streams.
struct Lines {
    coming: mpsc::UnboundedReceiver<Vec<u8>>,
    seen: Vec<u8>,
    reader: JoinHandle<()>,
}

/// What came of an `okibi`.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// All of its standard output.
    pub stdout: Vec<u8>,
    /// All of its standard error.
    pub stderr: Vec<u8>,
    what: String,
}

impl Running {
    pub(crate) fn spawn(mut command: Command, input: Option<Vec<u8>>) -> Self {
        let what = format!("{:?}", command.as_std());
        command
            .stdin(if input.is_some() {
                Stdio::piped()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{what}: {error}"));
        if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
            // A program that reads no further ends the writing, which is its right.
            tokio::spawn(async move { stdin.write_all(&input).await });
        }
        Self {
            pid: child.id().expect("it was not waited for"),
            out: Lines::of(child.stdout.take().expect("it is piped")),
            err: Lines::of(child.stderr.take().expect("it is piped")),
            child,
            what,
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits for a line of standard output that has `part`.
    pub async fn line_with(&mut self, part: &str) -> String {
        let what = format!("a line with {part:?} from {}", self.what);
        within(&what, self.out.find(part)).await.unwrap_or_else(|| {
            panic!(
                "it ended without {what}: {}",
                String::from_utf8_lossy(&self.out.seen)
            )
        })
    }

    /// Waits for a line of `--json` whose fields are those of `wanted`.
    pub async fn event(&mut self, wanted: Value) -> Value {
        loop {
            let line = self.line_with("{").await;
            let event: Value = serde_json::from_str(&line).unwrap();
            let wanted = wanted.as_object().expect("an object");
            if wanted.iter().all(|(key, value)| event[key] == *value) {
                return event;
            }
        }
    }

    /// Waits for a line of standard error that has `part`.
    pub async fn error_line_with(&mut self, part: &str) -> String {
        let what = format!("a line with {part:?} on stderr from {}", self.what);
        within(&what, self.err.find(part)).await.unwrap_or_else(|| {
            panic!(
                "it ended without {what}: {}",
                String::from_utf8_lossy(&self.err.seen)
            )
        })
    }

    /// Kills it, as the system does when memory runs out, and waits until it is gone.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Waits for its end.
    pub async fn ended(mut self) -> Ended {
        let status = within(&format!("the end of {}", self.what), self.child.wait()).await;
        Ended {
            status: status.unwrap(),
            stdout: within("the end of stdout", self.out.rest()).await,
            stderr: within("the end of stderr", self.err.rest()).await,
            what: self.what,
        }
    }
}

impl Lines {
    fn of(stream: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let (sender, coming) = mpsc::unbounded_channel();
        let reader = tokio::spawn(async move {
            let mut stream = BufReader::new(stream);
            loop {
                let mut line = Vec::new();
                match stream.read_until(b'\n', &mut line).await {
                    Ok(1..) if sender.send(line).is_ok() => {}
                    _ => return,
                }
            }
        });
        Self {
            coming,
            seen: Vec::new(),
            reader,
        }
    }

    async fn find(&mut self, part: &str) -> Option<String> {
        loop {
            let line = self.coming.recv().await?;
            self.seen.extend_from_slice(&line);
            let line = String::from_utf8_lossy(&line).into_owned();
            if line.contains(part) {
                return Some(line);
            }
        }
    }

    async fn rest(&mut self) -> Vec<u8> {
        while let Some(line) = self.coming.recv().await {
            self.seen.extend_from_slice(&line);
        }
        std::mem::take(&mut self.seen)
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Ended {
    /// Its exit code; panics where a signal ended it.
    #[track_caller]
    pub fn code(&self) -> i32 {
        match self.status.code() {
            Some(code) => code,
            None => panic!("{}: {}", self.what, self.status),
        }
    }

    /// Checks the exit code; shows everything where it is another one.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.status.code(),
            Some(code),
            "exit code of {}\n--- stdout\n{}--- stderr\n{}",
            self.what,
            self.out(),
            self.err()
        );
        self
    }

    /// Standard output as text.
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text.
    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Checks that standard error has `part`.
    #[track_caller]
    pub fn says(self, part: &str) -> Self {
        assert!(self.err().contains(part), "{part:?} is not in: {}", self.err());
        self
    }

    /// Checks that standard output has `part`.
    #[track_caller]
    pub fn shows(self, part: &str) -> Self {
        assert!(self.out().contains(part), "{part:?} is not in: {}", self.out());
        self
    }

    /// Standard output as one JSON value a line.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.out().lines().map(parse).collect()
    }
}
