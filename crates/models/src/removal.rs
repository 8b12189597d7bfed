//! Deleting a model's files.

use std::fs;

use okibi_protocol::{
    models::{RemovedModel, Variant},
    units::ByteCount,
};

use crate::{
    cache::repository_folder,
    error::ModelError,
    inventory::folder_bytes,
    library::Library,
    lock::RepositoryLocks,
    own_folders::forget_folder,
    resolve::{Source, resolve},
};

/// Deletes a model's repository from the cache, and nothing else of it. A folder that the user has named is forgotten:
/// its files stay.
///
/// Errors: [`ModelError::NotRemovable`] for the embedded model, a folder of the settings, and what is not here;
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
