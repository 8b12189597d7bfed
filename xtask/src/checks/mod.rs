//! Checks of the sources' structure, which take no build: no circles of files, unsafe code only where it is expected.

mod circles;
mod pages;
mod rust;
mod unsafe_code;

use anyhow::{Result, bail};

use crate::workspace::Workspace;

/// Runs all checks.
///
/// Errors: what is against a rule, each with its place.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut graphs = Vec::new();
    for root in workspace.crate_roots()? {
        graphs.push(rust::uses(&root)?);
    }
    graphs.push(pages::uses(&workspace.ui().join("src"))?);
    let mut faults = unsafe_code::faults(workspace)?;
    for graph in &graphs {
        for circle in circles::find(graph) {
            faults.push(graph.describe(&circle, workspace.root()));
        }
    }
    if !faults.is_empty() {
        bail!("\n{}", faults.join("\n"));
    }
    Ok(())
}
