//! Whether bytes are those that the hub has: its names of files are hashes of them.

use std::fmt::Write as _;

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// A hash in the making.
#[derive(Clone)]
pub(super) enum Digest {
    /// Of a large file: its SHA-256.
    Large(Sha256),
    /// Of a small file: the SHA-1 that git has of it.
    Small(Sha1),
    /// The hub's name of the file is not a hash.
    Unknown,
}

impl Digest {
    /// The kind of hash that `name` is, over nothing yet. Git's covers the file's length too.
    pub(super) fn of_name(name: &str, length: Option<u64>) -> Self {
        let is_hex = name.bytes().all(|byte| byte.is_ascii_hexdigit());
        match (name.len(), length) {
            (64, _) if is_hex => Self::Large(Sha256::new()),
            (40, Some(length)) if is_hex => Self::Small(Sha1::new_with_prefix(format!("blob {length}\0"))),
            _ => Self::Unknown,
        }
    }

    /// Adds bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Large(hash) => hash.update(bytes),
            Self::Small(hash) => hash.update(bytes),
            Self::Unknown => {}
        }
    }

    /// Whether the bytes are those that `name` is the hash of.
    pub(super) fn is(self, name: &str) -> bool {
        match self {
            Self::Large(hash) => hex(&hash.finalize()).eq_ignore_ascii_case(name),
            Self::Small(hash) => hex(&hash.finalize()).eq_ignore_ascii_case(name),
            Self::Unknown => true,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_hash_are_known() {
        // `printf hello | sha256sum` and `printf hello | git hash-object --stdin`.
        for name in [
            "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
            "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0",
        ] {
            let digest = |parts: [&str; 2]| {
                let mut digest = Digest::of_name(name, Some(5));
                parts.iter().for_each(|part| digest.update(part.as_bytes()));
                digest.is(name)
            };
            assert!(digest(["hel", "lo"]), "{name}");
            assert!(!digest(["hel", "l0"]), "{name}");
        }
        assert!(Digest::of_name("etag", None).is("etag"));
    }
}
