//! Remembers when each model was last loaded.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{library::Library, store};

/// Times by name, in milliseconds since 1970.
pub(crate) fn read(file: &Path) -> BTreeMap<String, u64> {
    store::read(file)
}

/// Remembers that a model was loaded just now.
pub fn mark_used(name: &str, library: &Library) {
    let file = &library.usage_file;
    if file.as_os_str().is_empty() {
        return;
    }
    let mut times = read(file);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    times.insert(name.to_owned(), now);
    if let Err(error) = store::write(file, &times) {
        tracing::debug!(%error, file = %file.display(), "the time of use is not kept");
    }
}
