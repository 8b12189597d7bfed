//! `okibi logs`: the end of the daemon's log, and what is added to it.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use okibi_config::rotation::{MAX_FILES, numbered};
use okibi_messages::{Message, printable};

use crate::{
    failure::{Exit, Failure},
    front::Front,
};

/// Time between two reads of a followed log: no event says that another process has written to a file, on every system.
const POLL: Duration = Duration::from_millis(200);

/// Prints the last `count` lines; with `follow`, what comes after them until Ctrl-C.
pub(crate) async fn run(front: &Front, count: usize, follow: bool) -> Result<Exit, Failure> {
    let path = log_path(front);
    let mut log = Followed::open(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::new("no_log", Message::NoLog { path: path.clone() }),
        _ => Failure::io(path.display().to_string(), &error),
    })?;
    let current = log
        .read_new()
        .map_err(|error| Failure::io(path.display().to_string(), &error))?;
    let mut stdout = io::stdout();
    stdout.write_all(&shown(&last_lines(&path, current, count)))?;
    stdout.flush()?;
    if !follow {
        return Ok(Exit::Done);
    }
    let mut ticks = tokio::time::interval(POLL);
    loop {
        tokio::select! {
            // Where Ctrl-C cannot be heard, it ends the process by itself.
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Done),
            _ = ticks.tick() => {}
        }
        let new = log
            .read_new()
            .map_err(|error| Failure::io(path.display().to_string(), &error))?;
        stdout.write_all(&shown(&new))?;
        stdout.flush()?;
    }
}

/// Lines of a log as a terminal may get them: they quote what clients and models are called.
fn shown(lines: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(lines);
    let mut shown = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let words = line.trim_end_matches(['\n', '\r']);
        shown.push_str(&printable(words));
        if line.ends_with('\n') {
            shown.push('\n');
        }
    }
    shown.into_bytes()
}

/// The log of the daemon that the discovery file names, dead or alive, or of the one on the port set.
fn log_path(front: &Front) -> PathBuf {
    let port = front.machine.discovered_port(&front.settings);
    front
        .machine
        .daemon_log(port.unwrap_or(front.settings.port.value))
}

/// The last `count` lines of `current`, the content of the newest file, and of the files before it.
fn last_lines(path: &Path, current: Vec<u8>, count: usize) -> Vec<u8> {
    let mut content = current;
    for number in 1..MAX_FILES {
        if lines(&content) >= count {
            break;
        }
        // An older file may not be there, or be gone by now.
        let Ok(mut older) = fs::read(numbered(path, number)) else {
            break;
        };
        older.extend(content);
        content = older;
    }
    let skipped = lines(&content).saturating_sub(count);
    let start: usize = content
        .split_inclusive(|byte| *byte == b'\n')
        .take(skipped)
        .map(<[u8]>::len)
        .sum();
    content.split_off(start)
}

fn lines(content: &[u8]) -> usize {
    content.split_inclusive(|byte| *byte == b'\n').count()
}

/// A log file that is read as it grows, and from its start again after it was rotated.
struct Followed {
    path: PathBuf,
    file: File,
    read: u64,
}

impl Followed {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: File::open(path)?,
            read: 0,
        })
    }

    /// What was added since the last time.
    fn read_new(&mut self) -> io::Result<Vec<u8>> {
        let mut new = Vec::new();
        self.read += self.file.read_to_end(&mut new)? as u64;
        // A shorter file at the path is another one: what was read has been moved away. Between a rotation's
        // two steps there is none.
        let now = fs::metadata(&self.path).map_or(self.read, |metadata| metadata.len());
        if now < self.read
            && let Ok(file) = File::open(&self.path)
        {
            self.file = file;
            self.read = self.file.read_to_end(&mut new)? as u64;
        }
        Ok(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_reach_into_older_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        fs::write(numbered(&path, 1), "one\ntwo\n").unwrap();
        let last = |count| String::from_utf8(last_lines(&path, b"three\nfour\n".to_vec(), count)).unwrap();
        assert_eq!(last(1), "four\n");
        assert_eq!(last(3), "two\nthree\nfour\n");
        assert_eq!(last(100), "one\ntwo\nthree\nfour\n");
        assert_eq!(last(0), "");
    }

    #[test]
    fn lines_stay_lines_and_a_terminal_obeys_nothing_in_them() {
        let log = "one\r\ntwo \x1b]0;owned\x07\n日本語 without an end".as_bytes();
        let expected = "one\ntwo \\u{1b}]0;owned\\u{7}\n日本語 without an end";
        assert_eq!(String::from_utf8(shown(log)).unwrap(), expected);
    }

    #[test]
    fn following_goes_on_over_a_rotation_without_a_gap() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        fs::write(&path, "one\n").unwrap();
        let mut log = Followed::open(&path).unwrap();
        assert_eq!(log.read_new().unwrap(), b"one\n");
        assert_eq!(log.read_new().unwrap(), b"");
        fs::write(&path, "one\ntwo\n").unwrap();
        fs::rename(&path, numbered(&path, 1)).unwrap();
        assert_eq!(
            log.read_new().unwrap(),
            b"two\n",
            "the file is between two places"
        );
        fs::write(&path, "3\n").unwrap();
        assert_eq!(log.read_new().unwrap(), b"3\n");
    }
}
