//! Whether a file is still the one that was read.
//!
//! Size and time of the last change are not enough: copying tools and archives restore the time, so a file of the same
//! size with other contents would pass for the old one. The platform's part adds what a program cannot set.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::{
    fs::Metadata,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

#[cfg(unix)]
use self::unix::{identity, noted};
#[cfg(windows)]
use self::windows::{identity, noted};

/// Two changes of a file can have the same time where they are nearer than this: some file systems count in seconds.
const SETTLED: Duration = Duration::from_secs(2);

/// What a file's metadata says about its contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStamp {
    bytes: u64,
    /// When its contents were last changed, in nanoseconds since 1970; a program can set it.
    modified: u128,
    /// When the platform noted the last change, in nanoseconds since 1970; 0 where it notes none.
    noted: u128,
    /// What tells the file from another one in its place.
    identity: u64,
}

impl FileStamp {
    /// Returns the stamp of a file; `None` where the system does not say when it was changed.
    pub fn of(metadata: &Metadata) -> Option<Self> {
        let since = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(Self {
            bytes: metadata.len(),
            modified: since.as_nanos(),
            noted: noted(metadata),
            identity: identity(metadata),
        })
    }

    /// Returns whether a change at `now` would give another stamp: the last one is long enough ago.
    pub fn is_settled(&self, now: SystemTime) -> bool {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        // The time that a program can set says little where there is another.
        let last = if self.noted > 0 { self.noted } else { self.modified };
        now > last + SETTLED.as_nanos()
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    fn stamp(path: &Path) -> FileStamp {
        FileStamp::of(&fs::metadata(path).unwrap()).unwrap()
    }

    #[test]
    fn a_file_that_was_just_written_is_not_settled() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        fs::write(&file, "one").unwrap();
        let (stamp, now) = (stamp(&file), SystemTime::now());
        for moment in [now, now - Duration::from_secs(60)] {
            assert!(
                !stamp.is_settled(moment),
                "also where the change came after the moment"
            );
        }
        assert!(stamp.is_settled(now + Duration::from_secs(60)));
    }

    #[cfg(unix)]
    #[test]
    fn another_file_of_the_same_size_and_time_has_another_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let (file, other) = (folder.path().join("a"), folder.path().join("b"));
        let then = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        for (path, content) in [(&file, "one"), (&other, "two")] {
            fs::write(path, content).unwrap();
            fs::File::options()
                .write(true)
                .open(path)
                .unwrap()
                .set_modified(then)
                .unwrap();
        }
        let before = stamp(&file);
        assert_eq!(stamp(&file), before);
        fs::rename(&other, &file).unwrap();
        assert_ne!(stamp(&file), before);
    }
}
