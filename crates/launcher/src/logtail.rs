//! The end of a daemon's log, from where one launch begins.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

/// Lines shown at the most.
const LINES: usize = 20;

/// Bytes read at the most.
const BYTES: u64 = 16 * 1024;

/// Remembers how long a log was before a launch.
#[derive(Clone, Debug)]
pub(crate) struct LogMark {
    path: PathBuf,
    length: u64,
}

/// The last lines of the log at `path`, oldest first; empty where it cannot be read.
pub fn log_tail(path: &Path) -> Vec<String> {
    last_lines(path, LINES, BYTES)
}

/// The last `count` lines within the last `bytes` of a file, oldest first; empty where it cannot be read.
pub fn last_lines(path: &Path, count: usize, bytes: u64) -> Vec<String> {
    read_end(path, 0, count, bytes).unwrap_or_default()
}

impl LogMark {
    /// Marks the current end of the log; a log that is not there yet is empty.
    pub(crate) fn now(path: PathBuf) -> Self {
        let length = std::fs::metadata(&path).map_or(0, |file| file.len());
        Self { path, length }
    }

    /// The last lines since the mark; empty where the log cannot be read.
    pub(crate) fn tail(&self) -> Vec<String> {
        read_end(&self.path, self.length, LINES, BYTES).unwrap_or_default()
    }
}

/// The last `count` lines after `mark`, within the last `limit` bytes.
fn read_end(path: &Path, mark: u64, count: usize, limit: u64) -> std::io::Result<Vec<String>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    // A shorter file than before is a new one, after a rotation: all of it is since the mark.
    let begin = if length < mark { 0 } else { mark };
    let from = begin.max(length.saturating_sub(limit));
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    // The first one may begin before what was read.
    let lines: Vec<&str> = text.lines().skip(usize::from(from > begin)).collect();
    Ok(lines[lines.len().saturating_sub(count)..]
        .iter()
        .map(|line| (*line).to_owned())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tail_has_the_lines_since_the_mark_and_survives_a_new_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        assert_eq!(LogMark::now(path.clone()).tail(), Vec::<String>::new());
        std::fs::write(&path, "old line, rather long\n").unwrap();
        let mark = LogMark::now(path.clone());
        std::fs::write(&path, "old line, rather long\nnew\nnewer\n").unwrap();
        assert_eq!(mark.tail(), ["new", "newer"]);
        std::fs::write(&path, "rotated\n").unwrap();
        assert_eq!(mark.tail(), ["rotated"]);
        let many: String = (0..5000).map(|line| format!("line {line}\n")).collect();
        std::fs::write(&path, many).unwrap();
        let tail = LogMark { path, length: 0 }.tail();
        assert_eq!(
            (tail.len(), tail.last().map(String::as_str)),
            (LINES, Some("line 4999"))
        );
    }
}
