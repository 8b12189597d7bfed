//! Which files of a repository are fetched.

use okibi_protocol::models::Variant;

use super::{
    client::Client,
    listing::{Listed, Listing},
};
use crate::{
    error::ModelError, known, onnx::ExternalData, pipeline::TRANSFORMER_FILES, resolve::HubModel, safe,
    variant,
};

/// Files that say how a model is used, where a repository has them.
const CONFIGURATION: [&str; 6] = [
    "config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "config_sentence_transformers.json",
    "modules.json",
    "1_Pooling/config.json",
];

/// The file that every model needs.
const TOKENIZER: &str = "tokenizer.json";

const MIB: u64 = 1 << 20;

/// Longest configuration file.
pub(super) const LONGEST_CONFIGURATION: u64 = 16 * MIB;

/// Longest tokenizer: ten times that of the largest vocabularies.
const LONGEST_TOKENIZER: u64 = 256 * MIB;

/// Longest file of weights.
const LONGEST_WEIGHTS: u64 = 64 * 1024 * MIB;

/// The makers' own weights, where Okibi computes the network.
pub(super) struct OwnWeights {
    /// The file that they are opened by.
    pub(super) file: &'static str,
    /// The files that it names.
    pub(super) shards: Vec<String>,
}

/// What is fetched.
pub(super) struct Choice {
    /// The file that the weights are opened by.
    pub(super) model_file: String,
    /// All files, this one too.
    pub(super) files: Vec<RemoteFile>,
}

/// A file that is fetched.
#[derive(Clone)]
pub(super) struct RemoteFile {
    /// What the hub says of it.
    pub(super) listed: Listed,
    /// Bytes that it may have.
    pub(super) limit: u64,
}

/// Chooses the files for a model; `free` is the machine's free memory.
///
/// Errors: [`ModelError::NoVariant`], [`ModelError::NoOnnx`], [`ModelError::OnlySafetensors`], [`ModelError::UntrustedRepository`].
pub(super) fn choose(
    listing: &Listing,
    model: &HubModel,
    own: Option<OwnWeights>,
    client: &Client,
    free: Option<u64>,
) -> Result<Choice, ModelError> {
    if let Some(OwnWeights { file, shards }) = own {
        let shards: Vec<&str> = shards.iter().map(String::as_str).collect();
        return with_weights(listing, model, client, file.to_owned(), &shards);
    }
    let names: Vec<&str> = listing.files.iter().map(|file| file.name.as_str()).collect();
    let no_onnx = || ModelError::NoOnnx {
        repository: model.repository.clone(),
    };
    if variant::any(&names).is_none() {
        let has_safetensors = names.iter().any(|name| name.ends_with(".safetensors"));
        return Err(if has_safetensors {
            ModelError::OnlySafetensors {
                place: model.repository.clone(),
                export: known::find(&model.name).and_then(|known| known.export.clone()),
            }
        } else {
            no_onnx()
        });
    }
    let size = |name: &str| listing.files.iter().find(|file| file.name == name)?.size;
    let size_with_data = |name: &str| {
        let beside = variant::external_data(&names, name);
        let beside: u64 = beside.into_iter().filter_map(size).fold(0, u64::saturating_add);
        Some(size(name)?.saturating_add(beside))
    };
    let known_file = model.known.and_then(|known| known.model_file.as_deref());
    let model_file = match (model.variant, known_file.filter(|file| names.contains(file))) {
        (Variant::Auto, Some(file)) => Some(file.to_owned()),
        (Variant::Auto, None) => variant::auto(&names, size_with_data, free),
        (asked, _) => variant::of(&names, asked),
    };
    let model_file = model_file.ok_or_else(|| ModelError::NoVariant {
        repository: model.repository.clone(),
        asked: model.variant.name().to_owned(),
        available: variant::available(&names)
            .into_iter()
            .map(|variant| variant.name().to_owned())
            .collect(),
    })?;
    let data = variant::external_data(&names, &model_file);
    with_weights(listing, model, client, model_file, &data)
}

/// Chooses the files around weights: `model_file` and those `beside` it.
///
/// Errors: [`ModelError::NoOnnx`] where there is no tokenizer, [`ModelError::UntrustedRepository`].
fn with_weights(
    listing: &Listing,
    model: &HubModel,
    client: &Client,
    model_file: String,
    beside: &[&str],
) -> Result<Choice, ModelError> {
    if listing.files.iter().all(|file| file.name != TOKENIZER) {
        return Err(ModelError::NoOnnx {
            repository: model.repository.clone(),
        });
    }
    let mut names_and_limits: Vec<(&str, u64)> = Vec::new();
    let configuration = CONFIGURATION.into_iter().chain(TRANSFORMER_FILES);
    names_and_limits.extend(configuration.map(|name| (name, LONGEST_CONFIGURATION)));
    names_and_limits.push((TOKENIZER, LONGEST_TOKENIZER));
    names_and_limits.push((model_file.as_str(), LONGEST_WEIGHTS));
    names_and_limits.extend(beside.iter().map(|name| (*name, LONGEST_WEIGHTS)));
    if model_file.starts_with("onnx/") {
        let further = model.known.map_or(&[][..], |known| &known.further_files);
        names_and_limits.extend(further.iter().map(|name| (name.as_str(), LONGEST_WEIGHTS)));
    }
    let mut files: Vec<RemoteFile> = Vec::new();
    for (name, limit) in names_and_limits {
        if let Some(file) = file_of(listing, client, name, limit)?
            && files.iter().all(|other| other.listed.name != name)
        {
            files.push(file);
        }
    }
    Ok(Choice { model_file, files })
}

/// Returns the files beside an ONNX file that its graph names and that `choice` does not have yet.
///
/// Errors: [`ModelError::UntrustedRepository`].
pub(super) fn beside(
    listing: &Listing,
    choice: &Choice,
    client: &Client,
    data: &ExternalData,
) -> Result<Vec<RemoteFile>, ModelError> {
    let folder = choice
        .model_file
        .rsplit_once('/')
        .map_or("", |(folder, _)| folder);
    let mut further: Vec<RemoteFile> = Vec::new();
    for location in data.names() {
        let name = if folder.is_empty() {
            location.to_owned()
        } else {
            format!("{folder}/{location}")
        };
        let is_chosen = choice
            .files
            .iter()
            .chain(&further)
            .any(|file| file.listed.name == name);
        if !is_chosen {
            further.extend(file_of(listing, client, &name, LONGEST_WEIGHTS)?);
        }
    }
    Ok(further)
}

/// Returns the files that modules need and that `choice` does not have yet, where the list has them.
///
/// Errors: [`ModelError::UntrustedRepository`].
pub(super) fn of_modules(
    listing: &Listing,
    choice: &Choice,
    client: &Client,
    names: &[String],
) -> Result<Vec<RemoteFile>, ModelError> {
    let mut further: Vec<RemoteFile> = Vec::new();
    for name in names {
        let is_chosen = choice
            .files
            .iter()
            .chain(&further)
            .any(|file| file.listed.name == *name);
        if !is_chosen {
            let is_configuration = name.ends_with(".json");
            let limit = if is_configuration {
                LONGEST_CONFIGURATION
            } else {
                LONGEST_WEIGHTS
            };
            further.extend(file_of(listing, client, name, limit)?);
        }
    }
    Ok(further)
}

/// A file of the list, where it is there and may be fetched.
fn file_of(
    listing: &Listing,
    client: &Client,
    name: &str,
    limit: u64,
) -> Result<Option<RemoteFile>, ModelError> {
    let Some(listed) = listing.files.iter().find(|file| file.name == name) else {
        return Ok(None);
    };
    if let Some(what) = safe::what_is_wrong_here(name) {
        return Err(client.untrusted(format!("the name of its file {name:?}: {what}")));
    }
    if let Some(size) = listed.size.filter(|size| *size > limit) {
        return Err(client.untrusted(too_long(name, size, limit)));
    }
    Ok(Some(RemoteFile {
        listed: listed.clone(),
        limit,
    }))
}

/// What is wrong with a file that is too long.
pub(super) fn too_long(name: &str, size: u64, limit: u64) -> String {
    format!("{name} has {size} bytes; {limit} are allowed")
}
