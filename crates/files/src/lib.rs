//! Whole files, written so that a reader never sees a part of one.
//!
//! The contents go into a temporary file in the same folder, which is then renamed over the old one. A reader gets the
//! old file or the new one. Of two writers the last wins, with its whole file. A writer that fails leaves the old file
//! as it was, and no temporary file.
//!
//! Not promised: that the new file survives a power cut (only [`write_durably`] waits for the disk, and even there the
//! folder's entry may still be the old one), that a link stays a link (it is replaced by a file; resolve it first
//! where that matters), and that the file keeps its owner or its extended attributes. On Windows the write fails while
//! another program has the old file open without sharing it.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Write},
    path::Path,
    time::Duration,
};

use tempfile::{Builder, NamedTempFile};

/// Writes the file `path`, and its folder where that does not exist.
///
/// A file that was there keeps its permissions; a new one gets those of any new file of the user.
///
/// Errors: the OS's. The old file is then as it was.
pub fn write_atomically(path: &Path, contents: &[u8]) -> io::Result<()> {
    replace(filled(path, Readers::AsBefore, contents)?, path)
}

/// [`write_atomically`], and the contents are on the disk before the name points to them: for what the user wrote.
///
/// Errors: the OS's. The old file is then as it was.
pub fn write_durably(path: &Path, contents: &[u8]) -> io::Result<()> {
    let new = filled(path, Readers::AsBefore, contents)?;
    new.as_file().sync_all()?;
    replace(new, path)
}

/// [`write_atomically`], and on Unix only the user may read the file, whatever the old one allowed. On Windows it is
/// as private as its folder.
///
/// Errors: the OS's. The old file is then as it was.
pub fn write_private(path: &Path, contents: &[u8]) -> io::Result<()> {
    replace(filled(path, Readers::UserOnly, contents)?, path)
}

/// [`write_private`] of a file that does not exist yet.
///
/// Errors: [`io::ErrorKind::AlreadyExists`] where it does, which stays as it is; otherwise the OS's.
pub fn create_private(path: &Path, contents: &[u8]) -> io::Result<()> {
    let new = filled(path, Readers::UserOnly, contents)?;
    new.persist_noclobber(path).map_err(|error| error.error)?;
    Ok(())
}

/// Makes a folder and those above it, where they are missing. On Unix a new one is the user's alone, whatever the umask.
///
/// Errors: the OS's.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// How the names of temporary files end.
const SUFFIX: &str = ".tmp";

/// How old a temporary file is that no writer needs any more: a write takes moments.
const LEFTOVER_AGE: Duration = Duration::from_secs(60);

/// Removes the temporary files that earlier writers of the same file have left, which were killed in the middle.
fn remove_leftovers(folder: &Path, prefix: &OsString) {
    let prefix = prefix.to_string_lossy();
    let is_old = |entry: &fs::DirEntry| {
        let written = entry.metadata().and_then(|metadata| metadata.modified());
        let age = written.ok().and_then(|time| time.elapsed().ok());
        age.is_some_and(|age| age > LEFTOVER_AGE)
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(&*prefix) && name.ends_with(SUFFIX) && is_old(&entry) {
            // One that cannot be removed now is tried again with the next write.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Who may read a new file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Readers {
    /// Those who could read the old one, or any new file of the user.
    AsBefore,
    /// The user alone.
    UserOnly,
}

/// A temporary file beside `path` with these contents. It is deleted when dropped.
fn filled(path: &Path, readers: Readers, contents: &[u8]) -> io::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    create_folder(folder)?;
    // Hidden, and named after the file, so that what a crash leaves behind explains itself.
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push("-");
    remove_leftovers(folder, &prefix);
    let mut builder = Builder::new();
    builder.prefix(&prefix).suffix(SUFFIX);
    let mut new = match readers {
        // On Unix `tempfile` itself makes files that only the user can read.
        Readers::UserOnly => builder.tempfile_in(folder)?,
        Readers::AsBefore => {
            let new = builder.make_in(folder, |path| File::create_new(path))?;
            if let Ok(old) = fs::metadata(path) {
                new.as_file().set_permissions(old.permissions())?;
            }
            new
        }
    };
    new.write_all(contents)?;
    Ok(new)
}

fn replace(new: NamedTempFile, path: &Path) -> io::Result<()> {
    new.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names in a folder.
    fn names(folder: &Path) -> Vec<OsString> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn a_file_is_made_with_its_folder_and_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/file.json");
        for write in [write_atomically, write_durably, write_private] {
            write(&file, b"long contents").unwrap();
            write(&file, b"short").unwrap();
            assert_eq!(fs::read(&file).unwrap(), b"short");
        }
        assert_eq!(names(file.parent().unwrap()), ["file.json"]);
    }

    #[test]
    fn a_failed_write_leaves_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let occupied = folder.path().join("occupied");
        fs::create_dir_all(occupied.join("inside")).unwrap();
        write_atomically(&occupied, b"x").unwrap_err();
        assert_eq!(names(folder.path()), ["occupied"]);
    }

    #[test]
    fn what_a_killed_writer_left_goes_with_the_next_write() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("daemon.json");
        let old = std::time::SystemTime::now() - 2 * LEFTOVER_AGE;
        for (name, is_left) in [(".daemon.json-a1b2c3.tmp", true), (".daemon.json-new.tmp", false)] {
            let left = File::create(folder.path().join(name)).unwrap();
            if is_left {
                left.set_modified(old).unwrap();
            }
        }
        for other in ["notes.tmp", ".other.json-a1b2c3.tmp"] {
            File::create(folder.path().join(other))
                .unwrap()
                .set_modified(old)
                .unwrap();
        }
        write_atomically(&file, b"x").unwrap();
        let mut left = names(folder.path());
        left.sort();
        assert_eq!(
            left,
            [
                ".daemon.json-new.tmp",
                ".other.json-a1b2c3.tmp",
                "daemon.json",
                "notes.tmp"
            ]
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_new_folder_is_the_users_alone() {
        use std::os::unix::fs::PermissionsExt;

        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("data/logs");
        create_folder(&folder).unwrap();
        create_folder(&folder).expect("one that exists is fine");
        for folder in [folder.as_path(), folder.parent().unwrap()] {
            let mode = fs::metadata(folder).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
    }

    #[test]
    fn a_file_that_exists_is_not_created_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        create_private(&file, b"first").unwrap();
        let error = create_private(&file, b"second").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&file).unwrap(), b"first");
        assert_eq!(names(folder.path()), ["token"]);
    }

    #[test]
    fn a_reader_never_sees_a_part() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        let contents = |number: u8| vec![b'0' + number; 200_000];
        write_atomically(&file, &contents(0)).unwrap();
        std::thread::scope(|scope| {
            let writer = scope
                .spawn(|| (1..10).for_each(|number| write_atomically(&file, &contents(number)).unwrap()));
            while !writer.is_finished() {
                let read = fs::read(&file).unwrap();
                assert_eq!(read, contents(read[0] - b'0'));
            }
        });
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_is_the_users_alone_and_other_files_keep_their_permissions() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let mode = |file: &Path| fs::metadata(file).unwrap().permissions().mode() & 0o777;
        let (file, plain) = (folder.path().join("file"), folder.path().join("plain"));
        fs::write(&plain, "").unwrap();
        write_atomically(&file, b"x").unwrap();
        assert_eq!(mode(&file), mode(&plain), "a new file is like any other");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        write_durably(&file, b"y").unwrap();
        assert_eq!(mode(&file), 0o640);
        write_private(&file, b"z").unwrap();
        assert_eq!(mode(&file), 0o600);
    }
}
