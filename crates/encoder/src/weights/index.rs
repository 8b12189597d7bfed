//! The index of weights in several files: which tensor is in which.

use std::{
    collections::BTreeMap,
    path::{Component, Path},
};

use serde::Deserialize;

use super::error::{WeightsError, broken};

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Returns the shards, by the names of their files, each with the names of its tensors.
///
/// Errors: [`WeightsError::Broken`], and [`WeightsError::ShardOutside`] for a name that is more than that of a file.
pub(super) fn read(path: &Path, text: &str) -> Result<BTreeMap<String, Vec<String>>, WeightsError> {
    let index: Index = serde_json::from_str(text).map_err(|error| broken(path, error.to_string()))?;
    let mut shards: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (tensor, shard) in index.weight_map {
        shards.entry(shard).or_default().push(tensor);
    }
    for shard in shards.keys() {
        let mut components = Path::new(shard).components();
        let is_a_name = matches!(components.next(), Some(Component::Normal(name)) if name == shard.as_str());
        // A colon begins a drive or a stream of a file on Windows.
        if !is_a_name || components.next().is_some() || shard.contains(['/', '\\', ':', '\0']) {
            return Err(WeightsError::ShardOutside {
                path: path.to_owned(),
                shard: shard.clone(),
            });
        }
        if !shard.ends_with(".safetensors") {
            return Err(broken(
                path,
                format!("its shard {shard} is not a file of safetensors"),
            ));
        }
    }
    if shards.is_empty() {
        return Err(broken(path, "it names no tensors".to_owned()));
    }
    Ok(shards)
}
