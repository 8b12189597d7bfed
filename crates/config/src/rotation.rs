//! A log file that is bounded in size: when it is full it becomes `name.1`, the one before that `name.2`, and so on.
//!
//! Written without a buffer, so that the last lines before a crash are in the file. It never panics: where the
//! disk is full or the folder gone, lines are lost and the program lives. (The crate file-rotate, tried first,
//! panics when its folder cannot be made.)

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// A file's size past which it is rotated.
pub const MAX_BYTES: u64 = 2 << 20;
/// Files kept, the current one included.
pub const MAX_FILES: usize = 5;

/// The file.
#[derive(Debug)]
pub struct RotatingFile {
    path: PathBuf,
    max_bytes: u64,
    file: Option<File>,
    written: u64,
}

impl RotatingFile {
    /// Opens the file to append to it; makes its folder.
    ///
    /// Errors: the OS's, when folder or file cannot be written.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::open_bounded(path, MAX_BYTES)
    }

    fn open_bounded(path: &Path, max_bytes: u64) -> io::Result<Self> {
        let mut this = Self {
            path: path.to_owned(),
            max_bytes,
            file: None,
            written: 0,
        };
        this.reopen()?;
        Ok(this)
    }

    fn reopen(&mut self) -> io::Result<&mut File> {
        if let Some(folder) = self.path.parent() {
            okibi_files::create_folder(folder)?;
        }
        let file = open_private(&self.path)?;
        self.written = file.metadata()?.len();
        Ok(self.file.insert(file))
    }

    /// Whether the path leads to another file than the one that is written to, or to none: somebody has deleted it or
    /// moved it away.
    fn is_gone(&self) -> bool {
        let Some(file) = &self.file else { return false };
        match (fs::metadata(&self.path), file.metadata()) {
            (Err(error), _) => error.kind() == io::ErrorKind::NotFound,
            (Ok(there), Ok(ours)) => !is_same_file(&there, &ours),
            (Ok(_), Err(_)) => false,
        }
    }

    /// Moves every file one number up. A file that cannot be moved (on Windows, one that is being read) is tried again
    /// the next time.
    fn rotate(&mut self) -> io::Result<()> {
        for number in (0..MAX_FILES - 1).rev() {
            match fs::rename(numbered(&self.path, number), numbered(&self.path, number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Opens a log to append to it. On Unix only the user may read it, whatever the umask, and whatever was allowed before.
fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, PRIVATE);
    let file = options.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mut permissions = file.metadata()?.permissions();
        if permissions.mode() & 0o777 != PRIVATE {
            permissions.set_mode(PRIVATE);
            // A log that belongs to somebody else stays as it is, and can be written all the same.
            let _ = file.set_permissions(permissions);
        }
    }
    Ok(file)
}

/// Read and written by the user alone.
#[cfg(unix)]
const PRIVATE: u32 = 0o600;

#[cfg(unix)]
fn is_same_file(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Elsewhere a file keeps its name while it is open.
#[cfg(not(unix))]
fn is_same_file(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    true
}

/// The path of the `number`th file before the current one, which is number 0.
pub fn numbered(path: &Path, number: usize) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let mut name = OsString::from(path);
    name.push(format!(".{number}"));
    name.into()
}

impl Write for RotatingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_gone() {
            self.file = None;
            self.reopen()?;
        }
        if self.written > 0 && self.written + bytes.len() as u64 > self.max_bytes {
            self.file = None;
            if self.rotate().is_err() {
                // The bound matters more than the old lines: empty the current file.
                open_private(&self.path)?.set_len(0)?;
            }
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => self.reopen()?,
        };
        file.write_all(bytes)?;
        self.written += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), File::flush)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_files_of_so_many_bytes_are_kept_and_no_line_is_split() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs").join("a.log");
        let mut log = RotatingFile::open_bounded(&path, 20).unwrap();
        for line in 0..30 {
            log.write_all(format!("line {line:03}\n").as_bytes()).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "line 028\nline 029\n");
        assert_eq!(
            fs::read_to_string(numbered(&path, 1)).unwrap(),
            "line 026\nline 027\n"
        );
        assert_eq!(
            fs::read_dir(folder.path().join("logs")).unwrap().count(),
            MAX_FILES
        );
    }

    #[test]
    fn it_goes_on_after_a_restart_and_after_its_folder_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs").join("a.log");
        RotatingFile::open_bounded(&path, 20)
            .unwrap()
            .write_all(b"one\n")
            .unwrap();
        let mut log = RotatingFile::open_bounded(&path, 20).unwrap();
        log.write_all(b"two\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
        #[cfg(unix)]
        {
            fs::remove_dir_all(path.parent().unwrap()).unwrap();
            log.write_all(&[b'x'; 30]).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().len(), 30);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_log_that_is_deleted_or_moved_away_is_begun_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let mut log = RotatingFile::open(&path).unwrap();
        log.write_all(b"one\n").unwrap();
        fs::remove_file(&path).unwrap();
        log.write_all(b"two\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
        fs::rename(&path, folder.path().join("kept.log")).unwrap();
        fs::write(&path, "somebody's\n").unwrap();
        log.write_all(b"three\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "somebody's\nthree\n");
        assert_eq!(
            fs::read_to_string(folder.path().join("kept.log")).unwrap(),
            "two\n"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_log_is_the_users_alone() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/a.log");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        RotatingFile::open(&path).unwrap();
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        // One that was made before is made private too.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let mut log = RotatingFile::open_bounded(&path, 4).unwrap();
        log.write_all(b"one\n").unwrap();
        log.write_all(b"two\n").unwrap();
        assert_eq!((mode(&path), mode(&numbered(&path, 1))), (0o600, 0o600));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("logs"), "a file").unwrap();
        assert!(RotatingFile::open(&folder.path().join("logs").join("a.log")).is_err());
    }
}
