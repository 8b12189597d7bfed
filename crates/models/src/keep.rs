//! Small files that are remembered from one run to the next.

use std::{fs, io, path::Path};

use serde::{Serialize, de::DeserializeOwned};

/// Reads a value. What is not there or cannot be read is begun anew: nothing depends on it.
pub(crate) fn read<T: DeserializeOwned + Default>(file: &Path) -> T {
    let bytes = fs::read(file).ok();
    bytes
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}

/// Writes a value as JSON. Several processes may do so at once: each writes a whole file.
pub(crate) fn write(file: &Path, value: &impl Serialize) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let aside = file.with_extension(format!("{}.tmp", std::process::id()));
    fs::write(&aside, serde_json::to_vec(value)?)?;
    fs::rename(&aside, file)
}
