//! The time at which a file was made: a file that takes another's place has its own.

use std::{fs::Metadata, os::windows::fs::MetadataExt};

/// Windows notes no time that a program cannot set.
pub(super) fn noted(_: &Metadata) -> u128 {
    0
}

/// Returns the time at which the file was made, in the system's units.
pub(super) fn identity(metadata: &Metadata) -> u64 {
    metadata.creation_time()
}
