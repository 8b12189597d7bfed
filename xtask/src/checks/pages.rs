//! Which source file of the windows' pages imports which other.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context, Result};

use super::circles::Uses;
use crate::workspace::files_below;

/// What an import may leave off the name of a file.
const ENDINGS: [&str; 4] = ["", ".ts", ".svelte", ".svelte.ts"];

/// Returns the imports between the files below `folder`.
pub(super) fn uses(folder: &Path) -> Result<Uses> {
    let mut uses = Uses::default();
    for file in files_below(folder, &[])? {
        if !file
            .extension()
            .is_some_and(|ending| ending == "ts" || ending == "svelte")
        {
            continue;
        }
        let text = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
        for import in imports(&text) {
            let plain = without_dots(&file.with_file_name(import));
            let found = ENDINGS
                .iter()
                .map(|ending| PathBuf::from(format!("{}{ending}", plain.display())));
            if let Some(imported) = found.into_iter().find(|path| path.is_file()) {
                uses.add(&file, &imported, import);
            }
        }
    }
    Ok(uses)
}

/// The relative paths in `import … from "…"`, `export … from "…"` and `import "…"`.
fn imports(text: &str) -> impl Iterator<Item = &str> {
    let quoted = |word: &'static str| text.split(word).skip(1).filter_map(|rest| rest.split('"').next());
    quoted(" from \"")
        .chain(quoted("import \""))
        .filter(|path| path.starts_with('.'))
}

/// The path without `.` and `..`.
fn without_dots(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, part| {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
        plain
    })
}

#[cfg(test)]
mod tests {
    use super::{super::circles, *};

    #[test]
    fn imports_are_followed_with_and_without_the_ending_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let lib = folder.path().join("lib");
        fs::create_dir(&lib).unwrap();
        fs::write(
            folder.path().join("Page.svelte"),
            "import { a } from \"./lib/a\";",
        )
        .unwrap();
        fs::write(
            lib.join("a.ts"),
            "import type {\n  P,\n} from \"../Page.svelte\";\nimport x from \"svelte\";",
        )
        .unwrap();
        let uses = uses(folder.path()).unwrap();
        assert_eq!(
            uses.arrows(folder.path()),
            ["Page.svelte>lib/a.ts", "lib/a.ts>Page.svelte"]
        );
        assert_eq!(circles::find(&uses).len(), 1);
    }
}
