//! What a model is called: in commands and settings, and by people.

use std::path::Path;

use okibi_protocol::models::{ModelEntry, ModelOrigin};

/// Returns what commands and the setting `model` call a model: its name, or its folder's path. The pages' `valueOf`
/// does the same.
pub(crate) fn value(entry: &ModelEntry) -> String {
    match (&entry.folder, entry.origin) {
        (Some(folder), ModelOrigin::Folder) => folder.clone(),
        _ => entry.name.clone(),
    }
}

/// Whether a value is the path of a folder rather than a name.
pub(crate) fn is_folder(value: &str) -> bool {
    Path::new(value).is_absolute()
}

/// Returns the name that people read: of a folder, its last part.
pub(crate) fn display(value: &str) -> String {
    match Path::new(value).file_name() {
        Some(last) if is_folder(value) => last.to_string_lossy().into_owned(),
        _ => value.to_owned(),
    }
}
