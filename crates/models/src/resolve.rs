//! From a model's name to where it comes from, without touching the network.

use std::path::{Path, PathBuf};

use okibi_protocol::{
    model_ref::ModelRef,
    models::{DEFAULT_MODEL, Variant},
};

use crate::{
    error::ModelError,
    families,
    known::{self, KnownModel},
    library::{Hub, Library},
};

/// Where a model's name leads.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// The model that comes with Okibi.
    Embedded {
        /// Its folder.
        folder: PathBuf,
    },
    /// A folder on this machine.
    Folder {
        /// The model's name for people.
        name: String,
        /// The folder.
        folder: PathBuf,
        /// The ONNX file in it, where it was named.
        model_file: Option<String>,
    },
    /// A repository on the hub, or in the cache that mirrors it.
    Hub(HubModel),
}

/// A model of the hub.
#[derive(Clone, Debug, PartialEq)]
pub struct HubModel {
    /// The model's name for people: that of the table, or `owner/name`.
    pub name: String,
    /// The repository with its weights.
    pub repository: String,
    /// A branch, a tag or a commit.
    pub revision: String,
    /// Which weights.
    pub variant: Variant,
    /// Whether an ONNX export is taken also where Okibi computes the network by itself.
    pub is_onnx: bool,
    /// What the table knows of it.
    pub known: Option<&'static KnownModel>,
}

impl HubModel {
    /// The same model from an ONNX export.
    pub fn by_onnx(mut self) -> Self {
        self.is_onnx = true;
        let export = self.known.and_then(|known| known.export.clone());
        self.repository = export.unwrap_or(self.repository);
        self
    }

    /// Whether the makers' own weights are taken where Okibi computes the network.
    pub(crate) fn takes_own(&self) -> bool {
        !self.is_onnx && families::makes(self.variant)
    }
}

/// The revision of a repository where none is named.
pub(crate) const MAIN: &str = "main";

/// The repository whose files a name leads to; `None` for the embedded model, a path, and what is not known.
pub fn repository(asked: &ModelRef) -> Option<String> {
    let is_embedded = asked.revision.is_none() && asked.name.eq_ignore_ascii_case(DEFAULT_MODEL);
    if asked.is_path || is_embedded {
        return None;
    }
    match known::find(&asked.name) {
        Some(known) => Some(known.name.clone()),
        None => asked
            .name
            .contains('/')
            .then(|| match known::of_repository(&asked.name) {
                Some(known) => known.name.clone(),
                None => asked.name.clone(),
            }),
    }
}

/// Finds out where `name` leads, without touching the network.
///
/// A name is the embedded model's, a path (of a folder, or of an ONNX file in one), one of the known models, or any
/// `owner/name` of the hub.
///
/// Errors: [`ModelError::UnknownModel`] with the nearest names, [`ModelError::EmbeddedModelNotFound`],
/// [`ModelError::UntrustedRepository`].
pub fn resolve(name: &str, variant: Variant, library: &Library) -> Result<Source, ModelError> {
    let ModelRef {
        name,
        revision,
        is_path,
        ..
    } = ModelRef::parse(name);
    if revision.is_none() && name.eq_ignore_ascii_case(DEFAULT_MODEL) {
        return embedded(&library.assets);
    }
    if is_path {
        return Ok(folder(Path::new(&name)));
    }
    let revision = revision.unwrap_or_else(|| MAIN.into());
    if let Some(known) = known::find(&name) {
        return Ok(Source::Hub(HubModel {
            name: known.name.clone(),
            repository: place(known, variant, &library.hub).to_owned(),
            revision,
            variant,
            is_onnx: false,
            known: Some(known),
        }));
    }
    if !name.contains('/') {
        let nearest = known::nearest(&name);
        return Err(ModelError::UnknownModel { name, nearest });
    }
    check_repository(&name)?;
    Ok(Source::Hub(HubModel {
        known: known::of_repository(&name),
        repository: name.clone(),
        name,
        revision,
        variant,
        is_onnx: false,
    }))
}

/// Returns the repository to take a known model from: its makers' own, or the export where only that has such weights, or
/// only that is here already.
fn place<'a>(known: &'a KnownModel, variant: Variant, hub: &Hub) -> &'a str {
    let is_here = |repository: &str| hub.folder_of(repository).join("snapshots").is_dir();
    match &known.export {
        Some(export) if !families::makes(variant) || is_here(export) && !is_here(&known.name) => export,
        _ => known.repository(),
    }
}

/// Returns the embedded model's folder: the first one in order of precedence.
pub(crate) fn embedded(assets: &[PathBuf]) -> Result<Source, ModelError> {
    let searched: Vec<PathBuf> = assets
        .iter()
        .map(|folder| folder.join("models").join(DEFAULT_MODEL))
        .collect();
    match searched.iter().find(|folder| folder.is_dir()) {
        Some(folder) => Ok(Source::Embedded {
            folder: folder.clone(),
        }),
        None => Err(ModelError::EmbeddedModelNotFound { searched }),
    }
}

/// Returns the folder at a path, or the one that an ONNX file is in: `onnx/model.onnx` belongs to the folder above.
fn folder(path: &Path) -> Source {
    let is_file = path.extension().is_some_and(|extension| extension == "onnx") && !path.is_dir();
    let (folder, model_file) = match path.parent().filter(|_| is_file) {
        None => (path, None),
        Some(parent) => {
            let has_tokenizer = |folder: &Path| folder.join("tokenizer.json").exists();
            let above = parent
                .parent()
                .filter(|above| !has_tokenizer(parent) && has_tokenizer(above));
            let folder = above.unwrap_or(parent);
            let file = path.strip_prefix(folder).unwrap_or(path);
            // Forward slashes, as a repository's names have them.
            let parts: Vec<_> = file.iter().map(|part| part.to_string_lossy()).collect();
            (folder, Some(parts.join("/")))
        }
    };
    Source::Folder {
        name: folder_name(folder),
        folder: folder.to_owned(),
        model_file,
    }
}

pub(crate) fn folder_name(path: &Path) -> String {
    path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// Checks that a text is an `owner/name` that can be a folder of the cache and a part of an address.
///
/// Errors: [`ModelError::UntrustedRepository`].
pub(crate) fn check_repository(repository: &str) -> Result<(), ModelError> {
    let is_part = |part: &str| {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        !part.is_empty() && part.len() <= 96 && part.chars().all(plain) && !part.starts_with('.')
    };
    let parts: Vec<&str> = repository.split('/').collect();
    match parts.as_slice() {
        [owner, name] if is_part(owner) && is_part(name) && !repository.contains("--") => Ok(()),
        _ => Err(ModelError::UntrustedRepository {
            repository: repository.chars().take(200).collect(),
            what: "it is not a repository's name: OWNER/NAME of letters, digits, and . _ -".into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str) -> Result<Source, ModelError> {
        resolve(name, Variant::Auto, &Library::default())
    }

    fn hub(name: &str) -> HubModel {
        match source(name) {
            Ok(Source::Hub(model)) => model,
            other => panic!("{name} leads to {other:?}"),
        }
    }

    #[test]
    fn a_known_name_leads_to_its_makers_and_to_an_export_where_that_has_to_be() {
        let model = hub("ruri-v3-310M");
        assert_eq!(model.name, "cl-nagoya/ruri-v3-310m");
        assert_eq!(model.repository, "cl-nagoya/ruri-v3-310m");
        let export = "onnx-community/ruri-v3-310m-ONNX";
        assert_eq!(model.clone().by_onnx().repository, export);
        let folder = tempfile::tempdir().unwrap();
        let library = Library {
            hub: Hub {
                cache: folder.path().to_owned(),
                ..Hub::default()
            },
            ..Library::default()
        };
        let repository = |variant| match resolve("ruri-v3-310m", variant, &library) {
            Ok(Source::Hub(model)) => model.repository,
            other => panic!("{other:?}"),
        };
        assert_eq!(repository(Variant::Q4), export, "nobody else has such weights");
        assert_eq!(repository(Variant::Auto), "cl-nagoya/ruri-v3-310m");
        std::fs::create_dir_all(library.hub.folder_of(export).join("snapshots")).unwrap();
        assert_eq!(repository(Variant::Auto), export, "it is here already");
        assert_eq!(model.revision, "main");
        assert_eq!(hub("cl-nagoya/ruri-v3-310m@v1").revision, "v1");
    }

    #[test]
    fn any_other_owner_and_name_is_a_repository() {
        let model = hub("someone/some.model_1@abc");
        assert_eq!(
            (model.repository.as_str(), model.revision.as_str()),
            ("someone/some.model_1", "abc")
        );
        assert_eq!(model.known, None);
        for hostile in [
            "a/../b", "../a", "a/b/c", "/a", "a/ b", "a/.b", "a/b--c", "a/b\\c", "a/b\0",
        ] {
            let outcome = source(hostile);
            assert!(!matches!(outcome, Ok(Source::Hub(_))), "{hostile:?}: {outcome:?}");
        }
    }

    #[test]
    fn an_unknown_plain_name_lists_the_nearest() {
        let Err(ModelError::UnknownModel { nearest, .. }) = source("ruri-v3-310") else {
            panic!("the name is unknown");
        };
        assert!(nearest[0].contains("ruri-v3-310m"), "{nearest:?}");
    }

    #[test]
    fn an_onnx_file_names_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("onnx")).unwrap();
        std::fs::write(folder.path().join("tokenizer.json"), "{}").unwrap();
        let file = folder.path().join("onnx").join("model_q4.onnx");
        std::fs::write(&file, "").unwrap();
        let Ok(Source::Folder {
            folder: found,
            model_file,
            ..
        }) = source(file.to_str().unwrap())
        else {
            panic!("it is a folder's file");
        };
        assert_eq!(
            (found.as_path(), model_file.as_deref()),
            (folder.path(), Some("onnx/model_q4.onnx"))
        );
    }
}
