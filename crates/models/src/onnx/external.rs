//! The files beside an ONNX file.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use crate::safe;

/// The files beside an ONNX file that hold weights of it, as its graph names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ExternalData(BTreeSet<String>);

impl ExternalData {
    /// Makes it of the names in a graph.
    pub(super) fn new(names: BTreeSet<String>) -> Self {
        Self(names)
    }

    /// Returns the files, where they belong for the ONNX file `model`.
    pub(crate) fn beside(&self, model: &Path) -> impl Iterator<Item = PathBuf> {
        let folder = model.parent().unwrap_or(model);
        self.0.iter().map(move |location| folder.join(location))
    }

    /// Returns the names, relative to the ONNX file's folder.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Returns the first file that does not lie beside the ONNX file `model`.
    pub(crate) fn first_missing(&self, model: &Path) -> Option<&str> {
        let mut each = self.names().zip(self.beside(model));
        let missing = each.find(|(location, path)| is_elsewhere(location).is_some() || !path.is_file());
        missing.map(|(location, _)| location)
    }

    /// Returns why a file would lie elsewhere than beside the ONNX file; `None` where all of them lie there.
    pub(crate) fn what_is_wrong(&self) -> Option<String> {
        self.names().find_map(|location| {
            let wrong = is_elsewhere(location)?;
            let shown: String = location.chars().take(200).collect();
            Some(format!("the ONNX file takes weights from {shown:?}: {wrong}"))
        })
    }
}

fn is_elsewhere(location: &str) -> Option<&'static str> {
    safe::what_is_wrong(location).or_else(|| location.contains(':').then_some("it has a colon"))
}
