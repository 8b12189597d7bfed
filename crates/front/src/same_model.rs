//! Whether two spellings of a model's name lead to the same model.

use std::path::{Path, PathBuf};

use okibi_models::{HubModel, Library, Source, describe, resolve};
use okibi_protocol::{model_ref::ModelRef, models::Variant};

/// Whether `asked` means the model that was loaded as `running`: each a name, `NAME@REVISION` or a path, perhaps with a
/// role behind it. A name without a revision means any revision.
pub fn is_same_model(asked: &str, running: &str, library: &Library) -> bool {
    match (source(asked, library), source(running, library)) {
        (Some(Source::Embedded { .. }), Some(Source::Embedded { .. })) => true,
        (
            Some(Source::Folder {
                folder, model_file, ..
            }),
            Some(Source::Folder {
                folder: other,
                model_file: other_file,
                ..
            }),
        ) => onnx_file(&folder, model_file.as_deref()) == onnx_file(&other, other_file.as_deref()),
        (Some(Source::Hub(one)), Some(Source::Hub(other))) => {
            let names_revision = ModelRef::parse(asked).revision.is_some();
            identity(&one).eq_ignore_ascii_case(identity(&other))
                && (!names_revision || one.revision == other.revision)
        }
        // One of them is a name that leads nowhere by now.
        (None, _) | (_, None) => {
            let (asked, running) = (ModelRef::parse(asked), ModelRef::parse(running));
            asked.is_path == running.is_path && asked.name.eq_ignore_ascii_case(&running.name)
        }
        _ => false,
    }
}

/// What a model of the hub is told from others by: a known one is the same from its makers and from an export.
fn identity(model: &HubModel) -> &str {
    model.known.map_or(&model.repository, |known| &known.name)
}

/// Where a spelling leads. A folder of the user's goes by its name too.
fn source(spelling: &str, library: &Library) -> Option<Source> {
    let name = ModelRef::parse(spelling).name;
    library
        .own_folder(&name)
        .or_else(|| resolve(spelling, Variant::Auto, library).ok())
}

/// The ONNX file in a folder: the one that is named, else the one that a load takes.
fn onnx_file(folder: &Path, named: Option<&str>) -> PathBuf {
    let file = match named {
        Some(file) => folder.join(file),
        // A folder that cannot be read is compared as it is.
        None => describe("", folder, None, None).map_or_else(|_| folder.to_owned(), |files| files.model),
    };
    file.canonicalize().unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A folder with the files that make it a model's.
    fn model(folder: &Path) -> String {
        fs::create_dir_all(folder.join("onnx")).unwrap();
        for file in ["onnx/model.onnx", "onnx/model_q4.onnx"] {
            fs::write(folder.join(file), "").unwrap();
        }
        fs::write(folder.join("tokenizer.json"), "{}").unwrap();
        folder.display().to_string()
    }

    #[test]
    fn every_spelling_of_a_name_is_the_same_model() {
        let library = Library::default();
        let is_same = |asked, running| is_same_model(asked, running, &library);
        let running = "cl-nagoya/ruri-v3-30m";
        for asked in [
            "cl-nagoya/ruri-v3-30m",
            "ruri-v3-30m",
            "RURI-v3-30M",
            "onnx-community/ruri-v3-30m-ONNX",
            "ruri-v3-30m@main",
            "cl-nagoya/ruri-v3-30m:query",
            "ruri-v3-30m@main:document",
            "ruri-v3-30m:latest",
        ] {
            assert!(is_same(asked, running), "{asked}");
            assert!(is_same(running, asked), "{asked}, the other way round");
        }
        for asked in [
            "ruri-v3-70m",
            "someone/ruri-v3-30m",
            "./ruri-v3-30m",
            "ruri-v3-30m@v1",
        ] {
            assert!(!is_same(asked, running), "{asked}");
        }
        assert!(is_same("a/b", "a/b@v1"), "a name means any revision");
        assert!(is_same("a/b@v1", "a/b@v1") && !is_same("a/b@v2", "a/b@v1"));
        assert!(is_same("Unknown-Model", "unknown-model") && !is_same("/m/x", "x"));
    }

    #[test]
    fn a_folder_is_known_by_every_path_to_it_and_not_by_its_last_part() {
        let root = tempfile::tempdir().unwrap();
        let (one, other) = (root.path().join("one/m"), root.path().join("other/m"));
        let (path, twin) = (model(&one), model(&other));
        let library = Library::default();
        let is_same = |asked: &str| is_same_model(asked, &path, &library);
        for asked in [
            path.clone(),
            format!("{path}/"),
            format!("{path}/onnx/model.onnx"),
            format!("{path}:query"),
            root.path().join("other/../one/m").display().to_string(),
        ] {
            assert!(is_same(&asked), "{asked}");
        }
        for asked in [twin.as_str(), &format!("{path}/onnx/model_q4.onnx"), "m"] {
            assert!(!is_same(asked), "{asked}");
        }
        let named = Library {
            folders: vec![one],
            ..Library::default()
        };
        assert!(
            is_same_model("M", &path, &named),
            "a folder of the user's has a name"
        );
    }
}
