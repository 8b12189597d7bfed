//! The log of a daemon: where it is, who writes it, and how a panic gets into it.

use std::{
    any::Any,
    fmt::Write as _,
    io::{self, Write},
    panic::PanicHookInfo,
    path::PathBuf,
    sync::Arc,
};

use parking_lot::Mutex;
use tracing_subscriber::{
    EnvFilter, Layer as _,
    fmt::{
        MakeWriter,
        format::Writer,
        layer,
        time::{FormatTime, SystemTime},
    },
    layer::SubscriberExt as _,
};

use crate::{folders::Folders, rotation::RotatingFile, settings::table::Settings};

/// The log file of the daemon on `port`.
pub fn daemon_log_path(folders: &Folders, port: u16) -> PathBuf {
    folders.logs().join(format!("daemon-{port}.log"))
}

/// Where the log goes besides its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Echo {
    /// Nowhere: a detached daemon has no terminal.
    None,
    /// To stderr: a daemon in the foreground.
    Stderr,
}

/// A part of the log that does not work as requested. The program goes on.
#[derive(Debug, thiserror::Error)]
pub enum LogWarning {
    /// The setting `log` is not a filter.
    #[error("the log filter {filter:?} cannot be parsed")]
    BadFilter {
        /// The filter.
        filter: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// The log file cannot be written.
    #[error("the log file {path} cannot be written")]
    NoFile {
        /// The file.
        path: PathBuf,
        /// What the OS said.
        source: io::Error,
    },
}

/// The outcome of [`init`].
#[derive(Debug, Default)]
pub struct LogStart {
    /// The log file, unless it cannot be written.
    pub file: Option<PathBuf>,
    /// What does not work as requested.
    pub warnings: Vec<LogWarning>,
}

/// Opens the log at `path` for the whole process, lines of `filter` with UTC times, and sends panics there too.
///
/// Never fails: what does not work is a warning, which is also written to the rest of the log. Only the first call in a
/// process has an effect on where lines go.
pub fn init(path: PathBuf, filter: &str, echo: Echo) -> LogStart {
    let mut start = LogStart::default();
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|source| {
        start.warnings.push(LogWarning::BadFilter {
            filter: filter.to_owned(),
            source,
        });
        EnvFilter::new(Settings::default().log.value)
    });
    let file = match RotatingFile::open(&path) {
        Ok(file) => {
            start.file = Some(path);
            Some(file)
        }
        Err(source) => {
            start.warnings.push(LogWarning::NoFile { path, source });
            None
        }
    };
    let log = Log {
        file: file.map(|file| Arc::new(Mutex::new(file))),
        echo,
    };
    let lines = layer()
        .with_ansi(false)
        .with_writer(log.clone())
        .with_filter(filter);
    if tracing::subscriber::set_global_default(tracing_subscriber::registry().with(lines)).is_ok() {
        std::panic::set_hook(Box::new(move |panic| log.clone().write_panic(panic)));
    }
    for warning in &start.warnings {
        tracing::warn!(
            error = warning as &dyn std::error::Error,
            "the log does not work as requested"
        );
    }
    start
}

/// Where lines go; each is written at once.
#[derive(Clone)]
struct Log {
    file: Option<Arc<Mutex<RotatingFile>>>,
    echo: Echo,
}

impl Log {
    /// Writes a panic past tracing, which may be what panicked.
    fn write_panic(&mut self, panic: &PanicHookInfo<'_>) {
        let thread = std::thread::current();
        let mut line = String::new();
        // Writing to a String does not fail.
        let _ = SystemTime.format_time(&mut Writer::new(&mut line));
        let _ = write!(
            line,
            " ERROR panic: thread {:?} panicked",
            thread.name().unwrap_or("?")
        );
        if let Some(location) = panic.location() {
            let _ = write!(line, " at {location}");
        }
        let _ = writeln!(line, ": {}", panic_message(panic.payload()));
        // If the log cannot be written, there is no other place to say so.
        let _ = self.write_all(line.as_bytes());
        let _ = self.flush();
    }
}

/// The message a panic was raised with.
pub fn panic_message(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.echo == Echo::Stderr {
            // A closed stderr does not keep the line from its file.
            let _ = io::stderr().write_all(bytes);
        }
        if let Some(file) = &self.file {
            file.lock().write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        match &self.file {
            Some(file) => file.lock().flush(),
            None => Ok(()),
        }
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_warnings_and_panics_reach_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs").join("daemon-1.log");
        let start = init(path.clone(), "[[", Echo::None);
        assert_eq!(start.file.as_ref(), Some(&path));
        assert!(matches!(start.warnings[..], [LogWarning::BadFilter { .. }]));
        tracing::info!(port = 1, "listening");
        let panicked = std::thread::Builder::new()
            .name("model".into())
            .spawn(|| panic!("too {}", "hot"))
            .unwrap()
            .join();
        assert!(panicked.is_err());
        // Other tests of this process may log into the same file; only our own lines are looked for.
        let log = std::fs::read_to_string(&path).unwrap();
        assert!(log.contains("the log filter \"[[\" cannot be parsed"), "{log}");
        assert!(log.contains("listening port=1"), "{log}");
        assert!(log.contains("ERROR panic: thread \"model\" panicked at"), "{log}");
        assert!(log.trim_end().ends_with(": too hot"), "{log}");
        let time = log.split(' ').next().unwrap();
        assert!(
            time.ends_with('Z') && time.contains('T'),
            "RFC 3339 in UTC: {time}"
        );
    }

    #[test]
    fn a_panics_message_is_text_of_either_kind() {
        assert_eq!(panic_message(&"a"), "a");
        assert_eq!(panic_message(&String::from("b")), "b");
        assert_eq!(panic_message(&3), "no message");
    }
}
