//! What a package has beside the programs.

use std::path::{Path, PathBuf};

use crate::workspace::Workspace;

/// What may be done with the programs, and whose work is in them.
const NOTICES: [&str; 3] = ["LICENSE-MIT", "LICENSE-APACHE", "THIRD-PARTY.md"];

/// Returns files and folders, each with its place in the package: these `parts` of the assets below `home`, where the
/// programs look for them (see `okibi`'s module `assets`), and the notices.
pub(crate) fn beside_programs(
    workspace: &Workspace,
    parts: &[PathBuf],
    home: &str,
    notices: &str,
) -> Vec<(PathBuf, PathBuf)> {
    let assets = parts
        .iter()
        .map(|part| (workspace.assets().join(part), Path::new(home).join(part)));
    let notices = NOTICES.map(|name| (workspace.root().join(name), Path::new(notices).join(name)));
    assets.chain(notices).collect()
}
