//! The bytes of a file: mapped, or in memory of our own.
//!
//! The unsafe code here is one call, which maps a file for reading. What it asks for is that nobody changes the file while
//! the map is there, which no program can promise for a file on disk. What can happen, and why it is borne:
//!
//! - The file is written over. The bytes are only ever read one by one as numbers, each of which is valid whatever its bits;
//!   no reference, length or offset is taken from them after the header was checked, and the header was copied out before.
//!   So a change makes wrong numbers, and the run that has them is refused, because the file is another than it was.
//! - The file is cut. Reading past its new end ends the process. It is looked at before each run, so this is left only for
//!   a file that is cut within one.

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use memmap2::Mmap;

/// The bytes of a file.
#[derive(Debug)]
pub(super) enum Storage {
    /// In memory of our own, and the file as it was.
    Copied(Vec<u8>, Option<Stamp>),
    /// Mapped.
    Mapped(Mapped),
}

/// A file that is mapped, and the file as it was.
#[derive(Debug)]
pub(crate) struct Mapped {
    map: Mmap,
    stamp: Stamp,
}

/// What tells a file from one that was changed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
    /// The inode, and when it was changed, which no program can set; nothing where there are no inodes.
    inode: (u64, i64, i64),
}

/// Two changes can have the same time where they are nearer than this: some file systems count in seconds.
const SETTLED: Duration = Duration::from_secs(2);

impl Mapped {
    /// Maps a file.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        let stamp = Stamp::of(&file.metadata()?);
        // SAFETY: see the module.
        let map = unsafe { Mmap::map(file) }?;
        Ok(Self { map, stamp })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Whether the file at `path` is the one that was opened.
    pub(crate) fn is_unchanged(&self, path: &Path) -> bool {
        std::fs::metadata(path).is_ok_and(|metadata| Stamp::of(&metadata) == self.stamp)
    }
}

impl Storage {
    /// Reads a file of `bytes` bytes.
    pub(super) fn read(file: File, bytes: u64) -> io::Result<Self> {
        let stamp = Stamp::of(&file.metadata()?);
        let mut copy = Vec::new();
        file.take(bytes).read_to_end(&mut copy)?;
        Ok(Self::Copied(copy, Some(stamp)))
    }

    /// Maps a file.
    pub(super) fn map(file: &File) -> io::Result<Self> {
        Mapped::of(file).map(Self::Mapped)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Copied(bytes, _) => bytes,
            Self::Mapped(mapped) => mapped.bytes(),
        }
    }

    pub(super) fn is_mapped(&self) -> bool {
        matches!(self, Self::Mapped(_))
    }

    /// Whether the file at `path` is the one that was opened.
    pub(super) fn is_unchanged(&self, path: &Path) -> bool {
        match self {
            Self::Copied(..) => true,
            Self::Mapped(mapped) => mapped.is_unchanged(path),
        }
    }

    /// Returns what tells the file from any other, and from itself after a change; `None` where that cannot be told, as
    /// just after a change.
    pub(super) fn identity(&self) -> Option<String> {
        let (Self::Copied(_, Some(stamp)) | Self::Mapped(Mapped { stamp, .. })) = self else {
            return None;
        };
        let (_, seconds, nanoseconds) = stamp.inode;
        let noted = UNIX_EPOCH.checked_add(Duration::new(
            u64::try_from(seconds).ok()?,
            u32::try_from(nanoseconds).ok()?,
        ))?;
        let last = stamp.modified?.max(noted);
        let is_settled = SystemTime::now()
            .duration_since(last)
            .is_ok_and(|age| age > SETTLED);
        is_settled.then(|| format!("{stamp:?}"))
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let inode = {
            use std::os::unix::fs::MetadataExt;
            (metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
        };
        #[cfg(not(unix))]
        let inode = (0, 0, 0);
        Self {
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
            inode,
        }
    }
}
