//! Small files of JSON that are remembered from one run to the next.

use std::{fs, io, path::Path};

use serde::{Serialize, de::DeserializeOwned};

/// Reads a value. A file that does not exist or cannot be read gives an empty one: everything here can be learned again.
pub fn read<T: DeserializeOwned + Default>(file: &Path) -> T {
    let bytes = fs::read(file).ok();
    bytes
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}

/// Writes a value. Several processes may do so at once: each writes a whole file, and the last one stays.
pub fn write(file: &Path, value: &impl Serialize) -> io::Result<()> {
    okibi_files::write_atomically(file, &serde_json::to_vec(value)?)
}
