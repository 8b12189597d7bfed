//! The user's own model folders: those of the settings, and those that were named by their path.
//!
//! The second kind is kept in a file of the data folder, which only the user can write: a running daemon reads it
//! again each time. So it takes up a folder that the user has just named, and never one that a client on its port names.

use std::path::{Component, Path, PathBuf};

use okibi_protocol::model_ref::ModelRef;

use crate::{
    describe::describe,
    error::ModelError,
    library::Library,
    resolve::{self, Source},
    store,
};

impl Library {
    /// Adds the folder of a model that is named by its path, or by the path of a file in it. Other names change nothing.
    #[must_use]
    pub fn with_model(mut self, model: &str) -> Self {
        let asked = ModelRef::parse(model);
        if asked.is_path {
            let path = PathBuf::from(asked.name);
            let folder = match path.is_file() {
                true => path.parent().map(Path::to_owned),
                false => Some(path),
            };
            self.folders
                .extend(folder.filter(|folder| !self.folders.contains(folder)));
        }
        self
    }

    /// Returns the user's own model folders, those of the settings first.
    pub fn own_folders(&self) -> Vec<PathBuf> {
        let mut folders = self.folders.clone();
        for folder in remembered(self) {
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
        folders
    }

    /// Returns the user's folder of this name, which is its last part; case is ignored.
    pub fn own_folder(&self, name: &str) -> Option<Source> {
        let mut folders = self.own_folders().into_iter();
        let folder = folders.find(|folder| resolve::folder_name(folder).eq_ignore_ascii_case(name))?;
        Some(Source::Folder {
            name: resolve::folder_name(&folder),
            folder,
            model_file: None,
        })
    }

    /// Returns whether a path is one of the user's own model folders, or leads into one.
    pub fn is_own(&self, path: &Path) -> bool {
        let is_plain = path.components().all(|part| part != Component::ParentDir);
        is_plain && self.own_folders().iter().any(|folder| path.starts_with(folder))
    }
}

/// Remembers a folder that the user has named. Rejects folders that do not contain a model, so the list stays usable.
///
/// Errors: as [`describe()`], and [`ModelError::CacheUnwritable`].
pub fn remember_folder(folder: &Path, model_file: Option<&str>, library: &Library) -> Result<(), ModelError> {
    describe(&resolve::folder_name(folder), folder, model_file, None)?;
    remember(folder, library)
}

fn remember(folder: &Path, library: &Library) -> Result<(), ModelError> {
    if library.own_folders().iter().any(|known| known == folder) {
        return Ok(());
    }
    let mut folders = remembered(library);
    folders.push(folder.to_owned());
    write(&folders, library)
}

/// Forgets a remembered folder; its files stay. Returns whether it was remembered.
///
/// Errors: [`ModelError::CacheUnwritable`].
pub fn forget_folder(folder: &Path, library: &Library) -> Result<bool, ModelError> {
    let mut folders = remembered(library);
    let before = folders.len();
    folders.retain(|known| known != folder);
    if folders.len() == before {
        return Ok(false);
    }
    write(&folders, library)?;
    Ok(true)
}

fn write(folders: &[PathBuf], library: &Library) -> Result<(), ModelError> {
    store::write(&library.folders_file, &folders).map_err(|source| ModelError::CacheUnwritable {
        path: library.folders_file.clone(),
        source,
    })
}

fn remembered(library: &Library) -> Vec<PathBuf> {
    store::read(&library.folders_file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_the_users_own_until_it_is_forgotten() {
        let data = tempfile::tempdir().unwrap();
        let library = Library {
            folders: vec!["/of/settings".into()],
            folders_file: data.path().join("deep/folders.json"),
            ..Library::default()
        };
        let named = Path::new("/named");
        assert!(!library.is_own(named));
        remember(named, &library).unwrap();
        remember(named, &library).unwrap();
        remember(Path::new("/of/settings"), &library).unwrap();
        assert_eq!(library.own_folders(), [Path::new("/of/settings"), named]);
        assert!(library.is_own(named) && library.is_own(Path::new("/named/onnx/model.onnx")));
        assert!(!library.is_own(Path::new("/named/../etc")) && !library.is_own(Path::new("/named2")));
        assert!(forget_folder(named, &library).unwrap() && !forget_folder(named, &library).unwrap());
        assert!(!library.is_own(named));
    }

    #[test]
    fn a_folder_without_a_model_is_not_remembered() {
        let data = tempfile::tempdir().unwrap();
        let library = Library {
            folders_file: data.path().join("folders.json"),
            ..Library::default()
        };
        let outcome = remember_folder(data.path(), None, &library);
        assert!(
            matches!(outcome, Err(ModelError::MissingFile { .. })),
            "{outcome:?}"
        );
        assert!(!library.is_own(data.path()));
    }
}
