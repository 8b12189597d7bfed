//! A crash of the app, noted for its next start: a panic is in the log, which nobody reads who does not know of it.

use std::{
    fs, panic,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

/// What is kept of a crash.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct CrashNote {
    /// When it was, in seconds of Unix time.
    pub(crate) at: u64,
    /// The version that crashed.
    pub(crate) version: String,
    /// Where in the source it was, and what the panic said.
    pub(crate) message: String,
}

fn file(data: &Path) -> PathBuf {
    data.join("crash.json")
}

/// Has every panic of this process noted in the data folder, before what else is done about it.
pub(crate) fn note_panics(data: &Path) {
    let file = file(data);
    let next = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let note = CrashNote {
            at: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
            version: env!("CARGO_PKG_VERSION").into(),
            message: info.to_string(),
        };
        // Nothing more can be done in a panic than to go on with it.
        if let Ok(bytes) = serde_json::to_vec(&note) {
            let _ = okibi_files::write_atomically(&file, &bytes);
        }
        next(info);
    }));
}

/// Returns the crash that was noted and not dismissed.
pub(crate) fn noted(data: &Path) -> Option<CrashNote> {
    serde_json::from_slice(&fs::read(file(data)).ok()?).ok()
}

/// Forgets it.
pub(crate) fn dismiss(data: &Path) {
    match fs::remove_file(file(data)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(%error, "the note of a crash cannot be removed");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_noted_until_it_is_dismissed() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(noted(folder.path()), None);
        let before = panic::take_hook();
        panic::set_hook(Box::new(|_| {}));
        note_panics(folder.path());
        let ended = std::thread::spawn(|| panic!("the kettle is dry")).join();
        panic::set_hook(before);
        assert!(ended.is_err());
        let note = noted(folder.path()).unwrap();
        assert!(note.message.contains("the kettle is dry"), "{note:?}");
        assert!(note.message.contains("crash.rs"), "{note:?}");
        dismiss(folder.path());
        assert_eq!(noted(folder.path()), None);
    }
}
