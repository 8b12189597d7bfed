//! Files that are made from models' own and kept in folders of the cache, each as long as what it was made from is there.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use okibi_models::store;

/// File of each folder that says what its files were made from.
const INDEX: &str = "made-from.json";

/// Returns where the file `name` of the cache's folder `kind`, made from `source`, is kept; `None` where nothing can be. Those
/// whose sources are gone are removed.
pub(crate) fn place(cache_folder: &Path, kind: &str, name: &str, source: &Path) -> Option<PathBuf> {
    if cache_folder == Path::new("") {
        return None;
    }
    let folder = cache_folder.join(kind);
    if let Err(error) = fs::create_dir_all(&folder) {
        tracing::debug!(%error, folder = %folder.display(), "nothing is kept");
        return None;
    }
    let index = folder.join(INDEX);
    let before: BTreeMap<String, PathBuf> = store::read(&index);
    let mut now = before.clone();
    now.insert(name.to_owned(), source.to_owned());
    now.retain(|name, source| source.exists() || !remove(&folder, name));
    if now != before
        && let Err(error) = store::write(&index, &now)
    {
        tracing::debug!(%error, folder = %folder.display(), "what the files were made from is not kept");
    }
    Some(folder.join(name))
}

/// Removes a file of the folder, and nothing outside of it. Returns whether it is gone.
fn remove(folder: &Path, name: &str) -> bool {
    if Path::new(name).file_name() != Some(name.as_ref()) {
        return true;
    }
    match fs::remove_file(folder.join(name)) {
        Ok(()) => true,
        // On Windows, another daemon may have it open.
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_once_what_it_was_made_from_is_gone() {
        let cache = tempfile::tempdir().unwrap();
        let sources = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| {
            let source = sources.path().join(name);
            fs::write(&source, name).unwrap();
            let place = place(cache.path(), "made", name, &source).unwrap();
            fs::write(&place, name).unwrap();
            (source, place)
        });
        fs::remove_file(&one.0).unwrap();
        place(cache.path(), "made", "other", &other.0).unwrap();
        assert!(!one.1.exists() && other.1.exists());
        let index = fs::read_to_string(cache.path().join("made").join(INDEX)).unwrap();
        assert!(!index.contains("one") && index.contains("other"), "{index}");
    }

    #[test]
    fn an_index_that_names_files_elsewhere_removes_none() {
        let cache = tempfile::tempdir().unwrap();
        let outside = cache.path().join("outside");
        fs::write(&outside, "").unwrap();
        fs::create_dir(cache.path().join("made")).unwrap();
        let index = serde_json::json!({ "../outside": "/gone", (outside.display().to_string()): "/gone" });
        fs::write(cache.path().join("made").join(INDEX), index.to_string()).unwrap();
        place(cache.path(), "made", "name", cache.path()).unwrap();
        assert!(outside.exists());
    }
}
