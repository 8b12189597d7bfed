//! Where ONNX Runtime and the embedded model are, in an installed package and in the source tree.

use std::path::{Path, PathBuf};

/// Folder that the packages and the source tree keep them in.
const FOLDER: &str = "assets";

/// Returns the folders to look in for ONNX Runtime and the embedded model, in order, whether they exist or not.
///
/// `asked` is the setting; if it is given, it is the only one. Otherwise: `assets` beside the program (a bundle, a zip),
/// `share/okibi` or `lib/okibi` beside its `bin` (a Linux package), `Resources` of a macOS bundle, and, for a program
/// that cargo built, `assets` beside the `target` folder. No other folder above the program is searched: a library is
/// loaded from there, and others may be able to write to it.
pub fn folders(asked: Option<&Path>, program: &Path) -> Vec<PathBuf> {
    if let Some(folder) = asked {
        return vec![folder.to_owned()];
    }
    let Some(home) = program.parent() else {
        return Vec::new();
    };
    let built = home
        .ancestors()
        .find(|folder| folder.file_name().is_some_and(|name| name == "target"))
        .and_then(Path::parent)
        .map(|source| source.join(FOLDER));
    let beside = home.parent().unwrap_or(home);
    [
        home.join(FOLDER),
        beside.join("share/okibi"),
        beside.join("lib/okibi"),
        beside.join("Resources").join(FOLDER),
    ]
    .into_iter()
    .chain(built)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_in_the_source_tree_and_an_installed_one_find_their_folders() {
        let built = folders(None, Path::new("/home/me/okibi/target/release/okibi"));
        assert_eq!(
            built.last().map(PathBuf::as_path),
            Some(Path::new("/home/me/okibi/assets"))
        );
        let installed = folders(None, Path::new("/usr/bin/okibi"));
        assert!(installed.contains(&PathBuf::from("/usr/share/okibi")));
        assert!(!installed.contains(&PathBuf::from("/assets")), "{installed:?}");
    }

    #[test]
    fn a_folder_that_is_set_is_the_only_one() {
        assert_eq!(
            folders(Some(Path::new("/else")), Path::new("/usr/bin/okibi")),
            [Path::new("/else")]
        );
    }
}
