//! What models are here, what is known about each, and deleting them.

use std::{collections::HashSet, fs, path::Path};

use okibi_protocol::{
    models::{ModelDetails, ModelEntry, ModelOrigin, ModelState, Presence, RemovedModel, Variant, Words},
    units::ByteCount,
};

use crate::{
    DEFAULT_MODEL,
    cache::{find_here, folder_name, repository_folder, repository_of},
    describe::describe,
    error::ModelError,
    files::ModelFiles,
    known::{self, KnownModel, known},
    library::{Hub, Library},
    own_folders::forget_folder,
    resolve::{self, HubModel, MAIN, Source, resolve},
    usage,
};

/// What is here, then what is only known; the embedded model first, the others by when they were last used.
pub fn inventory(library: &Library) -> Vec<ModelEntry> {
    let used = usage::read(&library.usage_file);
    let mut here: Vec<ModelEntry> = Vec::new();
    if let Ok(Source::Embedded { folder }) = resolve::embedded(&library.assets) {
        here.push(of_folder(DEFAULT_MODEL, &folder, ModelOrigin::Embedded));
    }
    for folder in library.own_folders().iter().filter(|folder| folder.is_dir()) {
        here.push(of_folder(
            &resolve::folder_name(folder),
            folder,
            ModelOrigin::Folder,
        ));
    }
    here.extend(in_cache(&library.hub));
    for entry in &mut here {
        entry.last_used_ms = used.get(&entry.name).copied();
    }
    here.sort_by_key(|entry| {
        let is_embedded = entry.origin == ModelOrigin::Embedded;
        (
            !is_embedded,
            std::cmp::Reverse(entry.last_used_ms),
            entry.name.to_lowercase(),
        )
    });
    let is_here = |known: &&KnownModel| here.iter().any(|entry| entry.name == known.name);
    let absent: Vec<ModelEntry> = known()
        .iter()
        .filter(|known| !is_here(known))
        .map(|known| of_known(known, Presence::Absent))
        .collect();
    here.into_iter().chain(absent).collect()
}

/// The repositories of the cache that hold a model, whole or in part.
fn in_cache(hub: &Hub) -> Vec<ModelEntry> {
    let folders = fs::read_dir(&hub.cache).into_iter().flatten().flatten();
    let repositories = folders.filter_map(|entry| repository_of(&entry.file_name().to_string_lossy()));
    repositories
        .filter_map(|repository| of_repository(&repository, hub))
        .collect()
}

fn of_repository(repository: &str, hub: &Hub) -> Option<ModelEntry> {
    let known = known::of_repository(repository);
    let model = HubModel {
        name: known.map_or(repository, |known| known.name).to_owned(),
        repository: repository.to_owned(),
        revision: MAIN.into(),
        variant: Variant::Auto,
        known,
    };
    let folder = repository_folder(hub, repository);
    let snapshot = find_here(&model, hub)
        .ok()
        .flatten()
        .or_else(|| any_snapshot(&model, hub));
    let mut entry = match known {
        Some(known) => of_known(known, Presence::Here),
        None => plain(&model.name, ModelOrigin::Hub),
    };
    entry.repository = Some(repository.to_owned());
    match snapshot {
        Some(snapshot) => {
            if let Ok(files) = describe(&model.name, &snapshot.folder, Some(&snapshot.model_file), known) {
                fill(&mut entry, &files);
            }
            entry.folder = Some(snapshot.folder.display().to_string());
            entry.size_bytes = Some(ByteCount(folder_bytes(&folder)));
        }
        // Other tools keep models here that are none of ours; what is known, or has an ONNX file on its way, is.
        None if known.is_some() && has_blobs(&folder) => {
            entry.presence = Presence::Partial;
        }
        None => return None,
    }
    Some(entry)
}

/// A complete snapshot of any commit, for repositories that were fetched by a commit or a tag.
fn any_snapshot(model: &HubModel, hub: &Hub) -> Option<crate::cache::Snapshot> {
    let snapshots = repository_folder(hub, &model.repository).join("snapshots");
    let commits = fs::read_dir(snapshots).into_iter().flatten().flatten();
    let mut commits = commits.map(|entry| entry.file_name().to_string_lossy().into_owned());
    commits.find_map(|revision| {
        let model = HubModel {
            revision,
            ..model.clone()
        };
        find_here(&model, hub).ok().flatten()
    })
}

fn has_blobs(folder: &Path) -> bool {
    fs::read_dir(folder.join("blobs")).is_ok_and(|mut blobs| blobs.next().is_some())
}

fn of_folder(name: &str, folder: &Path, origin: ModelOrigin) -> ModelEntry {
    let mut entry = match origin {
        ModelOrigin::Embedded => embedded_entry(),
        _ => plain(name, origin),
    };
    if let Ok(files) = describe(name, folder, None, None) {
        fill(&mut entry, &files);
    }
    entry.folder = Some(folder.display().to_string());
    entry.size_bytes = Some(ByteCount(folder_bytes(folder)));
    entry
}

fn embedded_entry() -> ModelEntry {
    let of = known::find("intfloat/multilingual-e5-small").map(|known| of_known(known, Presence::Here));
    let mut entry = of.unwrap_or_else(|| plain(DEFAULT_MODEL, ModelOrigin::Embedded));
    entry.name = DEFAULT_MODEL.into();
    entry.origin = ModelOrigin::Embedded;
    entry.repository = None;
    entry.good_for = Some(Words {
        en: "Search in a hundred languages; comes with Okibi, small and quick".into(),
        ja: "約 100 言語の検索。Okibi に内蔵された、小さく高速なモデルです".into(),
    });
    entry
}

fn fill(entry: &mut ModelEntry, files: &ModelFiles) {
    entry.max_tokens = Some(files.max_tokens);
    entry.dimension = files.dimension.or(entry.dimension);
}

fn plain(name: &str, origin: ModelOrigin) -> ModelEntry {
    ModelEntry {
        name: name.to_owned(),
        origin,
        presence: Presence::Here,
        state: ModelState::Unloaded,
        current: false,
        dimension: None,
        max_tokens: None,
        size_bytes: None,
        last_used_ms: None,
        licence: None,
        languages: Vec::new(),
        good_for: None,
        repository: None,
        folder: None,
    }
}

fn of_known(known: &KnownModel, presence: Presence) -> ModelEntry {
    ModelEntry {
        presence,
        dimension: Some(known.dimension),
        max_tokens: Some(known.max_tokens),
        size_bytes: Some(ByteCount(known.bytes())),
        licence: Some(known.licence.into()),
        languages: known.languages.iter().map(|code| (*code).to_owned()).collect(),
        good_for: Some(Words {
            en: known.good_for_en.into(),
            ja: known.good_for_ja.into(),
        }),
        repository: Some(known.repository.into()),
        ..plain(known.name, ModelOrigin::Hub)
    }
}

/// Bytes on disk of the files below a folder; what is linked from several places counts once.
pub fn folder_bytes(folder: &Path) -> u64 {
    let mut bytes = 0;
    // Where links cannot be made, a snapshot's files are the blobs by a second name.
    let mut counted = HashSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(metadata) if metadata.is_file() => {
                    let is_new =
                        same_file::Handle::from_path(entry.path()).map_or(true, |file| counted.insert(file));
                    bytes += if is_new { metadata.len() } else { 0 };
                }
                // A link's own few bytes.
                _ => {}
            }
        }
    }
    bytes
}

/// All that is known about a model, and from where, without asking the hub.
///
/// Errors: as [`resolve()`] and [`describe()`].
pub fn details(name: &str, library: &Library) -> Result<ModelDetails, ModelError> {
    let source = match by_folder_name(name, library) {
        Some(source) => source,
        None => resolve(name, Variant::Auto, library)?,
    };
    let mut revision = None;
    let (mut entry, files) = match source {
        Source::Embedded { folder } => {
            let entry = of_folder(DEFAULT_MODEL, &folder, ModelOrigin::Embedded);
            (entry, Some(describe(DEFAULT_MODEL, &folder, None, None)?))
        }
        Source::Folder {
            name,
            folder,
            model_file,
        } => {
            let files = describe(&name, &folder, model_file.as_deref(), None)?;
            (of_folder(&name, &folder, ModelOrigin::Folder), Some(files))
        }
        Source::Hub(model) => {
            let entry = of_repository(&model.repository, &library.hub);
            let snapshot = find_here(&model, &library.hub)?.or_else(|| any_snapshot(&model, &library.hub));
            let files = match &snapshot {
                Some(snapshot) => Some(describe(
                    &model.name,
                    &snapshot.folder,
                    Some(&snapshot.model_file),
                    model.known,
                )?),
                None => None,
            };
            revision = snapshot.map(|snapshot| snapshot.commit);
            let absent = || match model.known {
                Some(known) => of_known(known, Presence::Absent),
                None => ModelEntry {
                    presence: Presence::Absent,
                    repository: Some(model.repository.clone()),
                    ..plain(&model.name, ModelOrigin::Hub)
                },
            };
            (entry.unwrap_or_else(absent), files)
        }
    };
    entry.last_used_ms = usage::read(&library.usage_file).get(&entry.name).copied();
    Ok(told(entry, revision, files))
}

fn told(entry: ModelEntry, revision: Option<String>, files: Option<ModelFiles>) -> ModelDetails {
    let known = known::find(&entry.name);
    let Some(files) = files else {
        let from_table = |name: &str, value: Option<&str>| Some((name.to_owned(), value?.to_owned()));
        let prompts = [
            from_table("query", known.and_then(|known| known.query)),
            from_table("document", known.and_then(|known| known.document)),
        ];
        return ModelDetails {
            entry,
            revision,
            model_file: None,
            pooling: known.map(|known| known.pooling.name().to_owned()),
            normalize: true,
            prompts: prompts.into_iter().flatten().collect(),
            found_in: std::collections::BTreeMap::new(),
        };
    };
    let mut prompts = files.prompts.others;
    let roles = [
        ("query", files.prompts.query),
        ("document", files.prompts.document),
    ];
    prompts.extend(
        roles
            .into_iter()
            .filter_map(|(name, prompt)| Some((name.to_owned(), prompt?))),
    );
    ModelDetails {
        entry,
        revision,
        model_file: Some(files.model.display().to_string()),
        pooling: Some(files.pooling.name().into()),
        normalize: files.normalize,
        prompts,
        found_in: files.found_in,
    }
}

/// One of the user's folders, by its own name.
fn by_folder_name(name: &str, library: &Library) -> Option<Source> {
    let mut folders = library.own_folders().into_iter();
    let folder = folders.find(|folder| resolve::folder_name(folder).eq_ignore_ascii_case(name))?;
    Some(Source::Folder {
        name: resolve::folder_name(&folder),
        folder,
        model_file: None,
    })
}

/// Deletes a model's repository from the cache, and nothing else of it. A folder that the user has named is forgotten:
/// its files stay.
///
/// Errors: [`ModelError::NotRemovable`] for the embedded model, a folder of the settings, and what is not here;
/// [`ModelError::CacheUnwritable`].
pub fn remove(name: &str, library: &Library) -> Result<RemovedModel, ModelError> {
    let not_removable = || ModelError::NotRemovable {
        name: name.to_owned(),
    };
    let source = match by_folder_name(name, library) {
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
    let freed = folder_bytes(&folder);
    let unwritable = |source| ModelError::CacheUnwritable {
        path: folder.clone(),
        source,
    };
    fs::remove_dir_all(&folder).map_err(unwritable)?;
    let locks = library
        .hub
        .cache
        .join(".locks")
        .join(folder_name(&model.repository));
    if let Err(error) = fs::remove_dir_all(locks) {
        tracing::debug!(%error, "there were no locks to delete");
    }
    Ok(RemovedModel {
        model: model.name,
        freed_bytes: ByteCount(freed),
        files_stay: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_two_names_is_on_the_disk_once() {
        let folder = tempfile::tempdir().unwrap();
        let (blobs, snapshot) = (folder.path().join("blobs"), folder.path().join("snapshots/abc"));
        for folder in [&blobs, &snapshot] {
            fs::create_dir_all(folder).unwrap();
        }
        fs::write(blobs.join("one"), [0; 1000]).unwrap();
        fs::hard_link(blobs.join("one"), snapshot.join("model.onnx")).unwrap();
        fs::write(snapshot.join("config.json"), [0; 10]).unwrap();
        assert_eq!(folder_bytes(folder.path()), 1010);
    }
}
