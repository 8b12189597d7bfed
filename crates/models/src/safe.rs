//! What a repository may name: nothing that leads out of the folder it gets.

/// Longest name of a file, in bytes.
const LONGEST_NAME: usize = 512;

/// Why a file's name leads elsewhere than into its repository's folder; `None` where it does not.
///
/// Git knows no such names, so a hub that sends one means harm.
pub(crate) fn what_is_wrong(name: &str) -> Option<&'static str> {
    let mut parts = name.split('/');
    if name.starts_with('/') {
        Some("it is absolute")
    } else if parts.any(|part| part == ".." || part == ".") {
        Some("it leads upwards")
    } else if name.split('/').any(str::is_empty) {
        Some("a part of it is empty")
    } else if name.contains('\\') {
        Some("it has a backslash")
    } else if name.chars().any(char::is_control) {
        Some("it has a control character")
    } else if name.len() > LONGEST_NAME {
        Some("it is too long")
    } else {
        None
    }
}

/// As [`what_is_wrong`], for a file that is to be written: some systems read more into a name than git does.
pub(crate) fn what_is_wrong_here(name: &str) -> Option<&'static str> {
    what_is_wrong(name).or_else(|| {
        if name.contains(':') {
            Some("it has a colon")
        } else if name.split('/').any(|part| part.ends_with(['.', ' '])) {
            Some("a part of it ends with a dot or a space")
        } else {
            None
        }
    })
}

/// Whether a text can be the name of one file.
pub(crate) fn is_blob_name(name: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    (1..=128).contains(&name.len()) && name.chars().all(is_plain) && !name.starts_with('.')
}

/// Whether a revision can be a file below `refs`.
pub(crate) fn is_revision(revision: &str) -> bool {
    what_is_wrong_here(revision).is_none() && revision.len() <= 200
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        for name in [
            "a",
            "onnx/model.onnx",
            "1_Pooling/config.json",
            ".gitattributes",
            "モデル/重み.onnx",
        ] {
            assert_eq!(what_is_wrong_here(name), None, "{name:?}");
        }
        let hostile = [
            "",
            "/a",
            "../a",
            "a/../../b",
            "a/./b",
            "a//b",
            "a/",
            "a\\b",
            "a:b",
            "C:/a",
            "a\0",
            "a\n",
            "a.",
        ];
        for name in hostile {
            assert!(what_is_wrong_here(name).is_some(), "{name:?}");
        }
    }

    #[test]
    fn a_blob_is_one_file() {
        assert!(is_blob_name("b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"));
        for name in ["", ".", "..", ".a", "a/b", "a\\b", "a b", "W/\"a\""] {
            assert!(!is_blob_name(name), "{name:?}");
        }
    }
}
