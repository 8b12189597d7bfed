//! What a finished asset folder is known by: its recipe, and each file's size, time and SHA-256.
//!
//! A check compares sizes and times, which takes no reading. Only a file that differs in them is hashed, so a
//! touched file is accepted and a damaged one is not.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result};

use super::checksum::sha256;

/// The stamp's file name inside the folder it speaks of.
pub(crate) const FILE_NAME: &str = ".stamp";
/// The first line; another one is another format, so the folder counts as out of date.
const FORMAT: &str = "okibi asset stamp 1";

/// What a check found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Everything is as it was made.
    Whole,
    /// The folder is unfinished, or was made by another recipe.
    OutOfDate,
    /// The file at this path, relative to the folder, is missing or has another content.
    Damaged(PathBuf),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct FileMark {
    /// Bytes.
    size: u64,
    /// Nanoseconds since the Unix epoch.
    modified: u128,
    sha256: String,
    /// Relative to the folder, with `/` on every system.
    path: String,
}

impl FileMark {
    fn is_like(&self, size: u64, modified: u128) -> bool {
        self.size == size && self.modified == modified
    }
}

/// Writes the stamp of the files now in `folder`.
pub(crate) fn write(folder: &Path, recipe: &str) -> Result<()> {
    let mut marks = Vec::new();
    for path in files(folder)? {
        let file = folder.join(&path);
        let (size, modified) = size_and_time(&file)?;
        marks.push(FileMark {
            size,
            modified,
            sha256: sha256(&file)?,
            path,
        });
    }
    store(folder, recipe, &marks)
}

/// Compares `folder` with its stamp. A file that was only touched gets its new time into the stamp.
pub(crate) fn check(folder: &Path, recipe: &str) -> Result<Verdict> {
    let Ok(text) = fs::read_to_string(folder.join(FILE_NAME)) else {
        return Ok(Verdict::OutOfDate);
    };
    let Some(mut marks) = parse(&text, recipe) else {
        return Ok(Verdict::OutOfDate);
    };
    let mut touched = false;
    for mark in &mut marks {
        let file = folder.join(&mark.path);
        let Ok((size, modified)) = size_and_time(&file) else {
            return Ok(Verdict::Damaged(mark.path.clone().into()));
        };
        if mark.is_like(size, modified) {
            continue;
        }
        if mark.size != size || mark.sha256 != sha256(&file)? {
            return Ok(Verdict::Damaged(mark.path.clone().into()));
        }
        mark.modified = modified;
        touched = true;
    }
    if touched {
        store(folder, recipe, &marks)?;
    }
    Ok(Verdict::Whole)
}

fn store(folder: &Path, recipe: &str, marks: &[FileMark]) -> Result<()> {
    let mut text = format!("{FORMAT}\n{recipe}\n");
    for FileMark {
        size,
        modified,
        sha256,
        path,
    } in marks
    {
        text += &format!("{size} {modified} {sha256} {path}\n");
    }
    let path = folder.join(FILE_NAME);
    fs::write(&path, text).with_context(|| format!("write {}", path.display()))
}

/// The marks of a stamp's text; none if it is of another format or recipe.
fn parse(text: &str, recipe: &str) -> Option<Vec<FileMark>> {
    let lines = text
        .strip_prefix(FORMAT)?
        .strip_prefix('\n')?
        .strip_prefix(recipe)?
        .strip_prefix('\n')?;
    let mark = |line: &str| {
        let [size, modified, sha256, path] = line.splitn(4, ' ').collect::<Vec<_>>().try_into().ok()?;
        let (size, modified) = (size.parse().ok()?, modified.parse().ok()?);
        Some(FileMark {
            size,
            modified,
            sha256: sha256.to_owned(),
            path: path.to_owned(),
        })
    };
    lines.lines().map(mark).collect()
}

fn size_and_time(file: &Path) -> Result<(u64, u128)> {
    let metadata = fs::metadata(file).with_context(|| format!("look at {}", file.display()))?;
    let modified = metadata
        .modified()?
        .duration_since(UNIX_EPOCH)
        .context("file from before 1970")?;
    Ok((metadata.len(), modified.as_nanos()))
}

/// Every file under `folder` but the stamp, relative to it and in order.
fn files(folder: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(parent) = folders.pop() {
        let path = folder.join(&parent);
        for entry in fs::read_dir(&path).with_context(|| format!("list {}", path.display()))? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name
                .to_str()
                .with_context(|| format!("file name {name:?} is not UTF-8"))?;
            let name = format!("{parent}{name}");
            if entry.file_type()?.is_dir() {
                folders.push(name + "/");
            } else if name != FILE_NAME {
                found.push(name);
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    /// A folder of the test's own, removed with it.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("okibi-stamp-{name}-{}", std::process::id()));
            fs::create_dir_all(folder.join("inner")).unwrap();
            fs::write(folder.join("model"), "ember").unwrap();
            fs::write(folder.join("inner/a name with spaces"), "ash").unwrap();
            write(&folder, "recipe one").unwrap();
            Self(folder)
        }

        fn check(&self) -> Verdict {
            check(&self.0, "recipe one").unwrap()
        }

        fn touch(&self) {
            let file = fs::File::options()
                .write(true)
                .open(self.0.join("model"))
                .unwrap();
            file.set_modified(SystemTime::now() + Duration::from_secs(10))
                .unwrap();
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn finished_folder_is_whole() {
        assert_eq!(Scratch::new("whole").check(), Verdict::Whole);
    }

    #[test]
    fn other_recipe_or_missing_stamp_is_out_of_date() {
        let scratch = Scratch::new("recipe");
        assert_eq!(check(&scratch.0, "recipe two").unwrap(), Verdict::OutOfDate);
        assert_eq!(
            check(&scratch.0, "recipe").unwrap(),
            Verdict::OutOfDate,
            "a recipe that is a prefix"
        );
        fs::remove_file(scratch.0.join(FILE_NAME)).unwrap();
        assert_eq!(scratch.check(), Verdict::OutOfDate);
    }

    #[test]
    fn touched_file_is_hashed_once_and_accepted() {
        let scratch = Scratch::new("touched");
        let before = fs::read(scratch.0.join(FILE_NAME)).unwrap();
        scratch.touch();
        assert_eq!(scratch.check(), Verdict::Whole);
        assert_ne!(
            fs::read(scratch.0.join(FILE_NAME)).unwrap(),
            before,
            "the stamp has the new time"
        );
    }

    #[test]
    fn changed_and_missing_files_are_damage() {
        let scratch = Scratch::new("damaged");
        fs::write(scratch.0.join("model"), "embar").unwrap();
        scratch.touch();
        assert_eq!(
            scratch.check(),
            Verdict::Damaged("model".into()),
            "same size, other content"
        );
        fs::remove_file(scratch.0.join("inner/a name with spaces")).unwrap();
        assert_eq!(
            scratch.check(),
            Verdict::Damaged("inner/a name with spaces".into())
        );
    }
}
