//! Where ONNX Runtime and the embedded model are, in an installed package and in the source tree.

use std::path::{Path, PathBuf};

/// Folder that the packages and the source tree keep them in.
const FOLDER: &str = "assets";

/// Folders to look in for ONNX Runtime and the embedded model, the first first.
///
/// `asked` is the setting, which stands alone where it is given. Without it: beside the program (a bundle, a zip),
/// `share/okibi` beside its `bin` (a Linux package), `Resources` of a macOS bundle, and `assets` in any folder
/// above the program (the source tree, whose programs are in `target/…`).
pub(crate) fn folders(asked: Option<&Path>, program: &Path) -> Vec<PathBuf> {
    if let Some(folder) = asked {
        return vec![folder.to_owned()];
    }
    let Some(home) = program.parent() else {
        return Vec::new();
    };
    let installed = [
        home.join(FOLDER),
        home.join("../share/okibi"),
        home.join("../lib/okibi"),
        home.join("../Resources/assets"),
    ];
    let above = home.ancestors().skip(1).map(|folder| folder.join(FOLDER));
    installed
        .into_iter()
        .chain(above)
        .filter(|folder| folder.is_dir())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_in_the_source_tree_and_an_installed_one_find_their_folders() {
        let root = tempfile::tempdir().unwrap();
        let make = |path: &str| {
            let folder = root.path().join(path);
            std::fs::create_dir_all(&folder).unwrap();
            folder
        };
        let target = make("source/target/release");
        let assets = make("source/assets");
        assert_eq!(folders(None, &target.join("okibi")), [assets]);
        let bin = make("usr/bin");
        make("usr/share/okibi");
        let found = folders(None, &bin.join("okibi"));
        assert_eq!(found, [bin.join("../share/okibi")]);
        assert_eq!(
            folders(Some(Path::new("/else")), &bin.join("okibi")),
            [Path::new("/else")]
        );
    }
}
