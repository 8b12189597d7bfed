//! Deleting a model's files.

use std::fs;

use okibi_protocol::{
    models::{RemovedModel, Variant},
    units::ByteCount,
};

use crate::{
    cache::repository_folder,
    error::ModelError,
    inventory::{folder_bytes, of_repository},
    library::Library,
    lock::RepositoryLocks,
    own_folders::forget_folder,
    resolve::{Source, resolve},
};

/// Deletes a model's repository from the cache, and nothing else of it. A folder that the user has named is forgotten:
/// its files stay.
///
/// Errors: [`ModelError::NotRemovable`] for the embedded model, a folder of the settings, and what is not here;
/// [`ModelError::NotOurs`] for what other tools keep in the shared cache;
/// [`ModelError::InUse`] where a download writes there, ours or another tool's; [`ModelError::CacheUnwritable`].
pub fn remove(name: &str, library: &Library) -> Result<RemovedModel, ModelError> {
    let not_removable = || ModelError::NotRemovable {
        name: name.to_owned(),
    };
    let source = match library.own_folder(name) {
        Some(source) => source,
        None => resolve(name, Variant::Auto, library)?,
    };
    let model = match source {
        Source::Hub(model) => model,
        Source::Folder { name, folder, .. } => {
            if !forget_folder(&folder, library)? {
                return Err(not_removable());
            }
            return Ok(RemovedModel {
                model: name,
                freed_bytes: ByteCount(0),
                files_stay: true,
            });
        }
        Source::Embedded { .. } => return Err(not_removable()),
    };
    let folder = repository_folder(&library.hub, &model.repository);
    if !folder.is_dir() {
        return Err(not_removable());
    }
    // The cache is shared: what Okibi cannot use is another tool's.
    if of_repository(&model.repository, &library.hub).is_none() {
        return Err(ModelError::NotOurs {
            repository: model.repository,
            folder,
        });
    }
    // Held until the files are gone, so that no download begins meanwhile and finds half of them.
    let Some(_locks) = RepositoryLocks::of(&library.hub, &model.repository).all()? else {
        return Err(ModelError::InUse { name: model.name });
    };
    let freed = folder_bytes(&folder);
    fs::remove_dir_all(&folder).map_err(|source| ModelError::CacheUnwritable { path: folder, source })?;
    Ok(RemovedModel {
        model: model.name,
        freed_bytes: ByteCount(freed),
        files_stay: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::Hub;

    #[test]
    fn what_another_tool_keeps_in_the_shared_cache_is_named_and_stays() {
        let cache = tempfile::tempdir().unwrap();
        let library = Library {
            hub: Hub {
                cache: cache.path().to_owned(),
                ..Hub::default()
            },
            ..Library::default()
        };
        let folder = cache.path().join("models--someone--a-language-model");
        let weights = folder.join("snapshots/abc/model.safetensors");
        fs::create_dir_all(weights.parent().unwrap()).unwrap();
        fs::create_dir_all(folder.join("refs")).unwrap();
        fs::write(folder.join("refs/main"), "abc").unwrap();
        fs::write(&weights, "gigabytes").unwrap();
        let refused = remove("someone/a-language-model", &library).unwrap_err();
        assert!(
            matches!(&refused, ModelError::NotOurs { repository, folder: named }
                if repository == "someone/a-language-model" && *named == folder),
            "{refused:?}"
        );
        assert!(weights.exists());
    }
}
