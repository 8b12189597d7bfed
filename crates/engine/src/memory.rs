//! Gives memory that loading used, and freed, back to the OS.

/// Returns freed memory to the OS, where the allocator keeps it: glibc's does, and parsing a tokenizer frees much.
pub fn return_unused() {
    platform::return_unused();
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod platform {
    pub(super) fn return_unused() {
        // SAFETY: malloc_trim takes no pointers and is safe to call from any thread.
        unsafe {
            libc::malloc_trim(0);
        }
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod platform {
    pub(super) fn return_unused() {}
}
