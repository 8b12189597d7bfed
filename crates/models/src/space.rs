//! Room on disk.

use std::{io, path::Path};

use crate::error::ModelError;

/// Returns the bytes that this user can still write at `path`, or at the nearest folder above it that exists; `None` where the
/// system does not say.
pub fn free_bytes(path: &Path) -> Option<u64> {
    let existing = path.ancestors().find(|folder| folder.exists())?;
    platform::free_bytes(existing)
}

/// Returns the error of a path in the cache that cannot be written; where the disk is full, one that says so. `missing` bytes
/// were still to come.
pub(crate) fn unwritable(path: &Path, missing: u64, source: io::Error) -> ModelError {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ModelError::NoSpace {
            path: path.to_owned(),
            needed: missing,
            free: free_bytes(path).unwrap_or(0),
        },
        _ => ModelError::CacheUnwritable {
            path: path.to_owned(),
            source,
        },
    }
}

#[cfg(unix)]
mod platform {
    use std::{ffi::CString, mem::MaybeUninit, os::unix::ffi::OsStrExt, path::Path};

    pub(super) fn free_bytes(folder: &Path) -> Option<u64> {
        let path = CString::new(folder.as_os_str().as_bytes()).ok()?;
        let mut stat = MaybeUninit::<libc::statvfs>::uninit();
        // SAFETY: the path ends with a NUL, and the system fills what the pointer leads to when it gives 0.
        let stat = unsafe {
            if libc::statvfs(path.as_ptr(), stat.as_mut_ptr()) != 0 {
                return None;
            }
            stat.assume_init()
        };
        #[allow(clippy::unnecessary_cast, reason = "the fields' types differ between systems")]
        Some((stat.f_bavail as u64).saturating_mul(stat.f_frsize as u64))
    }
}

#[cfg(windows)]
mod platform {
    use std::{os::windows::ffi::OsStrExt, path::Path, ptr};

    use windows_sys::Win32::Storage::FileSystem::GetDiskFreeSpaceExW;

    pub(super) fn free_bytes(folder: &Path) -> Option<u64> {
        let path: Vec<u16> = folder.as_os_str().encode_wide().chain([0]).collect();
        let mut free = 0;
        // SAFETY: the path ends with a NUL, `free` outlives the call, and the other two pointers may be null.
        let done = unsafe { GetDiskFreeSpaceExW(path.as_ptr(), &mut free, ptr::null_mut(), ptr::null_mut()) };
        (done != 0).then_some(free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_yet_to_be_made_has_the_room_of_the_one_above() {
        let folder = tempfile::tempdir().unwrap();
        let free = free_bytes(&folder.path().join("a").join("b"));
        assert!(free.is_some_and(|free| free > 0), "{free:?}");
    }
}
