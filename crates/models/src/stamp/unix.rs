//! The inode, and the time at which it was last changed, which no program can set.

use std::{fs::Metadata, os::unix::fs::MetadataExt};

/// Returns the time of the inode's last change in nanoseconds since 1970.
pub(super) fn noted(metadata: &Metadata) -> u128 {
    let seconds = u128::try_from(metadata.ctime()).unwrap_or(0);
    let nanoseconds = u128::try_from(metadata.ctime_nsec()).unwrap_or(0);
    seconds * 1_000_000_000 + nanoseconds
}

/// Returns the inode's number.
pub(super) fn identity(metadata: &Metadata) -> u64 {
    metadata.ino()
}
