//! The networks that Okibi computes by itself, straight from their makers' weights.
//!
//! What is decided here goes by the kind of network alone, before any weights are here; a configuration with a part that is
//! not supported is refused by its name when the weights are opened.

use std::path::Path;

use okibi_protocol::models::Variant;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    error::ModelError,
    json::{invalid, read_json},
    safe,
};

/// Their kinds, as `model_type` of `config.json` names them. A test of the engine compares them with what it computes.
pub const COMPUTED: [&str; 12] = [
    "bert",
    "camembert",
    "distilbert",
    "gemma3_text",
    "gte",
    "modernbert",
    "mpnet",
    "new",
    "nomic_bert",
    "qwen3",
    "roberta",
    "xlm-roberta",
];

/// All weights in one file.
const ONE_FILE: &str = "model.safetensors";

/// The list of the files that the weights are spread over.
pub(crate) const INDEX: &str = "model.safetensors.index.json";

/// The files to open the makers' own weights by, the first that is there.
pub(crate) const OWN_FILES: [&str; 2] = [ONE_FILE, INDEX];

/// Whether Okibi computes the network of this `config.json` by itself.
pub(crate) fn is_computed(config: &Value) -> bool {
    config["model_type"]
        .as_str()
        .is_some_and(|kind| COMPUTED.contains(&kind))
}

/// Whether weights of a variant can be made of the makers' own. The others are there only where somebody exported them.
pub(crate) fn makes(variant: Variant) -> bool {
    match variant {
        Variant::Auto | Variant::Fp32 | Variant::Bf16 | Variant::Int8 => true,
        Variant::Fp16 | Variant::Q4 => false,
    }
}

/// Returns the file of a repository to open the makers' own weights by: the weights, or the list of their files.
pub(crate) fn own_weights(names: &[&str]) -> Option<&'static str> {
    OWN_FILES.into_iter().find(|file| names.contains(file))
}

/// Whether a file is one to open the makers' own weights by.
pub(crate) fn is_own(file: &str) -> bool {
    OWN_FILES
        .iter()
        .any(|own| file == *own || file.ends_with(&format!("/{own}")))
}

/// The list of the files that weights are spread over.
#[derive(Deserialize)]
struct Index {
    weight_map: std::collections::BTreeMap<String, String>,
}

impl Index {
    /// Returns the files, each once. The text is what is wrong with the name of one.
    fn files(self) -> Result<Vec<String>, String> {
        let mut files: Vec<String> = self.weight_map.into_values().collect();
        files.sort();
        files.dedup();
        match files
            .iter()
            .find(|file| file.contains('/') || safe::what_is_wrong(file).is_some())
        {
            Some(file) => Err(format!(
                "it names the file {:?}",
                file.chars().take(200).collect::<String>()
            )),
            None => Ok(files),
        }
    }
}

/// Returns the files that the weights opened by `file` are in, where that is the list of them: itself, then the others.
///
/// Errors: [`ModelError::Configuration`] for a list that is none, [`ModelError::Unreadable`].
pub(crate) fn files_of(folder: &Path, file: &str) -> Result<Vec<String>, ModelError> {
    if !file.ends_with(INDEX) {
        return Ok(vec![file.to_owned()]);
    }
    let path = folder.join(file);
    let index: Index = read_json(&path)?.ok_or_else(|| ModelError::MissingFile {
        folder: folder.to_owned(),
        file: file.to_owned(),
    })?;
    let shards = index.files().map_err(|what| invalid(&path, what))?;
    let beside = |shard: String| file.replace(INDEX, &shard);
    Ok(std::iter::once(file.to_owned())
        .chain(shards.into_iter().map(beside))
        .collect())
}

/// Returns the files that the bytes of such a list name; the text is what is wrong with them.
pub(crate) fn files_in_index(bytes: &[u8]) -> Result<Vec<String>, String> {
    let index: Index = serde_json::from_slice(bytes).map_err(|error| format!("{INDEX}: {error}"))?;
    index.files().map_err(|what| format!("{INDEX}: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_the_weights_names_each_file_once_and_none_elsewhere() {
        let list = br#"{"weight_map":{"a":"model-2.safetensors","b":"model-1.safetensors","c":"model-2.safetensors"}}"#;
        assert_eq!(
            files_in_index(list).unwrap(),
            ["model-1.safetensors", "model-2.safetensors"]
        );
        for hostile in ["../x", "/etc/passwd", "sub/x.safetensors", "a\\\\b"] {
            let list = format!(r#"{{"weight_map":{{"a":"{hostile}"}}}}"#);
            assert!(files_in_index(list.as_bytes()).is_err(), "{hostile}");
        }
        assert!(files_in_index(b"[]").is_err());
    }
}
