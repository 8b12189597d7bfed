//! The hub's cache on this machine, in the layout that all its tools share.
//!
//! ```text
//! models--OWNER--NAME/
//!   refs/main                 the commit that the branch was at
//!   blobs/HASH                each file's bytes once; HASH.incomplete while it comes
//!   snapshots/COMMIT/FILE     links to the blobs
//! .locks/models--OWNER--NAME  locks of those that write there
//! ```
//!
//! Source: huggingface_hub, "Understand caching".

use std::{
    fs,
    path::{Path, PathBuf},
};

use okibi_protocol::models::Variant;
use serde_json::Value;

use crate::{
    describe::describe,
    error::ModelError,
    families,
    json::read_json,
    library::Hub,
    resolve::{HubModel, check_repository},
    variant,
};

/// The complete files of one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The folder with them.
    pub folder: PathBuf,
    /// The file that its weights are opened by, with forward slashes.
    pub model_file: String,
    /// The commit that they are of.
    pub commit: String,
    /// Bytes of all of them.
    pub bytes: u64,
    /// Bytes of them that were fetched just now.
    pub fetched_bytes: u64,
}

/// The folder of a repository in the cache.
pub(crate) fn repository_folder(hub: &Hub, repository: &str) -> PathBuf {
    hub.folder_of(repository)
}

/// The repository that a folder of the cache is of.
pub(crate) fn repository_of(folder_name: &str) -> Option<String> {
    let (owner, name) = folder_name.strip_prefix("models--")?.split_once("--")?;
    let repository = format!("{owner}/{name}");
    check_repository(&repository).is_ok().then_some(repository)
}

/// The commit that a revision was at when it was last fetched; a commit is its own.
pub(crate) fn commit_of(folder: &Path, revision: &str) -> Option<String> {
    if is_commit(revision) {
        return Some(revision.to_owned());
    }
    if revision
        .split('/')
        .any(|part| part.is_empty() || part == "." || part == "..")
    {
        return None;
    }
    let commit = fs::read_to_string(folder.join("refs").join(revision)).ok()?;
    let commit = commit.trim();
    is_commit(commit).then(|| commit.to_owned())
}

/// Whether a text is a whole commit hash.
pub(crate) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A complete snapshot of the model that is here already; `None` where something is missing.
///
/// Errors: [`ModelError::UntrustedRepository`] for a name that is not a repository's.
pub fn find_here(model: &HubModel, hub: &Hub) -> Result<Option<Snapshot>, ModelError> {
    check_repository(&model.repository)?;
    let folder = repository_folder(hub, &model.repository);
    let Some(commit) = commit_of(&folder, &model.revision) else {
        return Ok(None);
    };
    let snapshot = folder.join("snapshots").join(&commit);
    Ok(complete(&snapshot, model).map(|(model_file, bytes)| Snapshot {
        folder: snapshot,
        model_file,
        commit,
        bytes,
        fetched_bytes: 0,
    }))
}

/// The file to open the weights of a snapshot by that has all that its model needs, and the bytes of its files.
fn complete(snapshot: &Path, model: &HubModel) -> Option<(String, u64)> {
    let files = files_in(snapshot);
    let has = |name: &str| files.iter().any(|(known, _)| known == name);
    if !has("tokenizer.json") {
        return None;
    }
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    let own = || {
        let config: Value = read_json(&snapshot.join("config.json")).ok().flatten()?;
        families::own_weights(&names).filter(|_| families::is_computed(&config))
    };
    // Where no variant is asked for, any that is here will do: never download just because another one is preferred.
    let of_onnx = || match (
        model.variant,
        model.known.and_then(|known| known.model_file.as_deref()),
    ) {
        (Variant::Auto, Some(file)) if has(file) => Some(file.to_owned()),
        (Variant::Auto, _) => variant::any(&names),
        (asked, _) => variant::of(&names, asked),
    };
    let own = own().filter(|_| model.takes_own());
    let choice = own.map(str::to_owned).or_else(of_onnx)?;
    // Our own interrupted downloads leave this mark, where the model's files may all be here and its configuration not.
    let is_interrupted = snapshot.join(".incomplete").exists();
    if is_interrupted {
        return None;
    }
    // Other tools leave no such mark, but the ONNX file and the list of modules say which files are missing.
    let is_short = matches!(
        describe(&model.name, snapshot, Some(&choice), model.known),
        Err(ModelError::MissingFile { .. })
    );
    (!is_short).then(|| (choice, files.iter().map(|(_, bytes)| bytes).sum()))
}

/// The files below a folder, with forward slashes in their names, and their sizes.
pub(crate) fn files_in(folder: &Path) -> Vec<(String, u64)> {
    let mut files = Vec::new();
    let mut folders = vec![(folder.to_owned(), String::new(), 0)];
    while let Some((folder, prefix, depth)) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            // Follows links: a snapshot is made of them.
            let Ok(metadata) = fs::metadata(entry.path()) else {
                continue;
            };
            if metadata.is_file() {
                files.push((name, metadata.len()));
            } else if metadata.is_dir() && depth < 4 {
                folders.push((entry.path(), format!("{name}/"), depth + 1));
            }
        }
    }
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_repositories_are_each_others() {
        assert_eq!(crate::library::folder_name("a/b"), "models--a--b");
        assert_eq!(repository_of("models--a--b.c"), Some("a/b.c".into()));
        for other in ["datasets--a--b", "models--a", "a--b", "models--..--b"] {
            assert_eq!(repository_of(other), None, "{other}");
        }
    }

    #[test]
    fn a_ref_leads_to_its_commit_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let commit = "0123456789abcdef0123456789abcdef01234567";
        fs::create_dir_all(folder.path().join("refs")).unwrap();
        fs::write(folder.path().join("refs/main"), commit).unwrap();
        fs::write(folder.path().join("secret"), commit).unwrap();
        assert_eq!(commit_of(folder.path(), "main").as_deref(), Some(commit));
        assert_eq!(commit_of(folder.path(), commit).as_deref(), Some(commit));
        assert_eq!(commit_of(folder.path(), "../secret"), None);
        assert_eq!(commit_of(folder.path(), "other"), None);
    }
}
