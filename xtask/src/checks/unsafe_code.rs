//! Unsafe code, only in the files that are listed here.

use std::{collections::BTreeSet, fs, str::FromStr};

use anyhow::{Context, Result, anyhow};
use proc_macro2::{TokenStream, TokenTree};

use crate::workspace::Workspace;

/// The files with unsafe code: where the system offers no safe way, or a test plays against it.
const EXPECTED: [&str; 20] = [
    "bench/src/launch.rs",
    "crates/cli/src/command/daemon.rs",
    "crates/cli/src/exit.rs",
    "crates/encoder/examples/speed.rs",
    "crates/encoder/src/lanes/avx2.rs",
    "crates/encoder/src/lanes/avx512.rs",
    "crates/encoder/src/lanes/neon.rs",
    "crates/encoder/src/packed.rs",
    "crates/encoder/src/threads.rs",
    "crates/encoder/src/weights/storage.rs",
    "crates/engine/src/memory.rs",
    "crates/launcher/src/detach/unix.rs",
    "crates/launcher/src/detach/windows.rs",
    "crates/models/src/space.rs",
    "tests/src/machine.rs",
    "tests/src/model.rs",
    "tests/src/proc.rs",
    "tests/src/pty.rs",
    "tests/tests/crowd.rs",
    "tests/tests/detach.rs",
];

/// Returns the files that have unsafe code and are not listed, and the listed ones that have none.
pub(super) fn faults(workspace: &Workspace) -> Result<Vec<String>> {
    let mut found = BTreeSet::new();
    for file in workspace.rust_sources()? {
        let text = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
        let tokens = TokenStream::from_str(&text).map_err(|error| anyhow!("{}: {error}", file.display()))?;
        if has_unsafe(tokens) {
            found.insert(workspace.name_of(&file));
        }
    }
    let expected = BTreeSet::from(EXPECTED.map(str::to_owned));
    let new = found.difference(&expected);
    let gone = expected.difference(&found);
    Ok(new
        .map(|file| format!("{file} has unsafe code and is not listed in {}", file!()))
        .chain(gone.map(|file| format!("{file} is listed in {} and has no unsafe code", file!())))
        .collect())
}

/// Whether the word stands anywhere in the code, which comments and texts are not part of.
fn has_unsafe(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(word) => word == "unsafe",
        TokenTree::Group(group) => has_unsafe(group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_counts_in_code_only() {
        let has = |code: &str| has_unsafe(TokenStream::from_str(code).unwrap());
        assert!(has("fn f() { g!({ unsafe { h() } }) }"));
        assert!(!has("//! unsafe\nfn unsafe_() { let _ = \"unsafe\"; } // unsafe"));
    }
}
