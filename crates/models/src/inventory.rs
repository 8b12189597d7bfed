//! What models are here, and which others are known.

use std::{collections::HashSet, fs, path::Path};

use okibi_protocol::{
    models::{DEFAULT_MODEL, ModelEntry, ModelOrigin, ModelState, Presence, Variant, Words},
    units::ByteCount,
};

use crate::{
    cache::{find_here, repository_folder, repository_of},
    describe::describe,
    files::ModelFiles,
    known::{self, KnownModel, known},
    library::{Hub, Library},
    precisions::Precisions,
    resolve::{self, HubModel, MAIN, Source},
    usage,
};

/// Lists what is here, then what is only known; the embedded model first, the others by when they were last used.
pub fn inventory(library: &Library) -> Vec<ModelEntry> {
    inventory_of(library, &|_, _| true)
}

/// As [`inventory`], of the models that `is_meant` accepts by name and hub repository.
///
/// Only their files are read. So a name that means no model costs a look at the names of folders, however many models
/// there are.
pub fn inventory_of(library: &Library, is_meant: &dyn Fn(&str, Option<&str>) -> bool) -> Vec<ModelEntry> {
    let used = usage::read(&library.usage_file);
    let mut here: Vec<ModelEntry> = Vec::new();
    if is_meant(DEFAULT_MODEL, None)
        && let Ok(Source::Embedded { folder }) = resolve::embedded(&library.assets)
    {
        here.push(of_folder(DEFAULT_MODEL, &folder, ModelOrigin::Embedded));
    }
    for folder in library.own_folders() {
        let name = resolve::folder_name(&folder);
        if is_meant(&name, None) && folder.is_dir() {
            here.push(of_folder(&name, &folder, ModelOrigin::Folder));
        }
    }
    here.extend(in_cache(&library.hub, is_meant));
    let precisions = Precisions::read(&library.precisions_file);
    for entry in &mut here {
        entry.precision = entry
            .folder
            .as_ref()
            .and_then(|folder| precisions.of_folder(Path::new(folder)));
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
    let is_here = |known: &KnownModel| here.iter().any(|entry| entry.name == known.name);
    let absent: Vec<ModelEntry> = known()
        .iter()
        .filter(|known| is_meant(&known.name, Some(known.repository())) && !is_here(known))
        .map(|known| of_known(known, Presence::Absent))
        .collect();
    here.into_iter().chain(absent).collect()
}

/// Lists the repositories of the cache that hold a model, whole or in part.
fn in_cache(hub: &Hub, is_meant: &dyn Fn(&str, Option<&str>) -> bool) -> Vec<ModelEntry> {
    let folders = fs::read_dir(&hub.cache).into_iter().flatten().flatten();
    let repositories = folders.filter_map(|entry| repository_of(&entry.file_name().to_string_lossy()));
    repositories
        .filter(|repository| is_meant(name_of(repository), Some(repository)))
        .filter_map(|repository| of_repository(&repository, hub))
        .collect()
}

/// Returns a repository's model name: that of the table, or its own.
fn name_of(repository: &str) -> &str {
    known::of_repository(repository).map_or(repository, |known| &known.name)
}

pub(crate) fn of_repository(repository: &str, hub: &Hub) -> Option<ModelEntry> {
    let known = known::of_repository(repository);
    let model = HubModel {
        name: name_of(repository).to_owned(),
        repository: repository.to_owned(),
        revision: MAIN.into(),
        variant: Variant::Auto,
        is_onnx: false,
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
        // Other tools keep models here too that Okibi cannot use. One that is known here, it can.
        None if known.is_some() && has_blobs(&folder) => {
            entry.presence = Presence::Partial;
        }
        None => return None,
    }
    Some(entry)
}

/// A complete snapshot of any commit, for repositories that were fetched by a commit or a tag.
pub(crate) fn any_snapshot(model: &HubModel, hub: &Hub) -> Option<crate::cache::Snapshot> {
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

pub(crate) fn of_folder(name: &str, folder: &Path, origin: ModelOrigin) -> ModelEntry {
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

pub(crate) fn plain(name: &str, origin: ModelOrigin) -> ModelEntry {
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
        license: None,
        languages: Vec::new(),
        good_for: None,
        repository: None,
        folder: None,
        precision: None,
    }
}

pub(crate) fn of_known(known: &KnownModel, presence: Presence) -> ModelEntry {
    ModelEntry {
        presence,
        dimension: Some(known.dimension),
        max_tokens: Some(known.max_tokens),
        size_bytes: Some(ByteCount(known.bytes())),
        license: Some(known.license.clone()),
        languages: known.languages.clone(),
        good_for: Some(Words {
            en: known.good_for_en.clone(),
            ja: known.good_for_ja.clone(),
        }),
        repository: Some(known.repository().to_owned()),
        ..plain(&known.name, ModelOrigin::Hub)
    }
}

/// Returns the bytes on disk of the files below a folder; what is linked from several places counts once.
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

    #[test]
    fn only_the_models_that_a_name_means_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let models = ["one", "two"].map(|name| folder.path().join(name));
        for model in &models {
            fs::create_dir(model).unwrap();
            fs::write(model.join("model.onnx"), "").unwrap();
            fs::write(model.join("tokenizer.json"), "{}").unwrap();
        }
        let library = Library {
            folders: models.to_vec(),
            ..Library::default()
        };
        let is_read = || {
            models
                .each_ref()
                .map(|model| crate::onnx::is_remembered(&model.join("model.onnx")))
        };
        assert_eq!(
            inventory_of(&library, &|name, _| name == "text-embedding-3-small"),
            []
        );
        assert_eq!(is_read(), [false, false], "an unknown name reads no model");
        let meant = inventory_of(&library, &|name, _| name == "two");
        assert_eq!(
            meant.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(),
            ["two"]
        );
        assert_eq!(is_read(), [false, true]);
        assert!(inventory(&library).len() > 2);
        assert_eq!(is_read(), [true, true]);
    }
}
