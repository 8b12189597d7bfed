//! SHA-256 of files.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

/// The SHA-256 of the file at `path`, as 64 lower-case hexadecimal digits.
pub(crate) fn sha256(path: &Path) -> Result<String> {
    let mut file = File::open(path).with_context(|| format!("open {}", path.display()))?;
    let mut hasher = Sha256::new();
    io::copy(&mut file, &mut hasher).with_context(|| format!("read {}", path.display()))?;
    Ok(hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// Names the content of every one of `files`: another text as soon as one of them has changed.
pub(crate) fn of_files(files: &[PathBuf]) -> Result<String> {
    let lines: Result<Vec<_>> = files
        .iter()
        .map(|file| Ok(format!("{} {}\n", sha256(file)?, file.display())))
        .collect();
    Ok(lines?.concat())
}

/// Errors unless the file at `path` has the SHA-256 `expected`.
pub(crate) fn verify(path: &Path, expected: &str) -> Result<()> {
    let found = sha256(path)?;
    ensure!(
        found == expected,
        "{} has sha256 {found}, expected {expected}",
        path.display()
    );
    Ok(())
}
