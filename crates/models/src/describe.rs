//! Reads a model folder in the layout of a sentence-transformers repository.
//!
//! Every fact is taken from the first place that has it: a file of the folder, then the table of known models, then a
//! default. Which place it was is kept beside the fact, so that `okibi models info` can say why a model behaves as it does.
//!
//! ```text
//! weights      model.onnx or onnx/model*.onnx, and what its graph names beside it
//! pooling      1_Pooling/config.json                  ► known models ► mean
//! normalize    modules.json                           ► true
//! prompts      config_sentence_transformers.json      ► known models ► none
//! max_tokens   sentence_bert_config.json, tokenizer_config.json, config.json
//!                                                     ► known models ► 512
//! ```
//!
//! A file that is there and wrong is an error and not a reason to go on to the next place: vectors would silently be others.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    error::ModelError,
    files::{ModelFiles, Pooling, Prompts},
    known::{self, KnownModel},
    onnx::ExternalData,
};

/// Token limit of a model whose files name none.
const FALLBACK_MAX_TOKENS: usize = 512;

/// A `model_max_length` above this means "no limit": transformers writes 10^30 there.
const LARGEST_LIMIT: f64 = 1e6;

/// The place of what only the table of known models says.
const TABLE: &str = "known models";

/// The place of what nothing says.
const DEFAULT: &str = "default";

/// Finds out what the model in `folder` consists of and how it is to be used.
///
/// `model_file` names its ONNX file where that is known; else the first of `model.onnx`, `onnx/model.onnx` and
/// `onnx/model*.onnx` is taken. What the files do not say comes from the table of `known` models, if the model is in it.
///
/// Errors: [`ModelError::MissingFolder`], [`ModelError::MissingFile`], [`ModelError::OnlySafetensors`],
/// [`ModelError::Unreadable`], [`ModelError::Configuration`], [`ModelError::Pooling`],
/// [`ModelError::UntrustedRepository`].
pub fn describe(
    name: &str,
    folder: &Path,
    model_file: Option<&str>,
    known: Option<&'static KnownModel>,
) -> Result<ModelFiles, ModelError> {
    if !folder.is_dir() {
        return Err(ModelError::MissingFolder {
            folder: folder.to_owned(),
        });
    }
    let weights = find_weights(name, folder, model_file)?;
    let tokenizer = folder.join("tokenizer.json");
    if !is_readable(&tokenizer) {
        return Err(missing(folder, "tokenizer.json"));
    }
    let read = |file: &str| Ok(read_json::<Value>(&folder.join(file))?.unwrap_or_default());
    let config: Value = read("config.json")?;
    let mut sources = FieldSources::default();
    let pooling = [
        (POOLING_FILE, read_pooling(folder)?),
        (TABLE, known.map(|known| known.pooling)),
    ];
    let max_tokens = [
        (
            "the model's configuration",
            max_tokens(folder, &config, &read("tokenizer_config.json")?)?,
        ),
        (TABLE, known.map(|known| known.max_tokens)),
    ];
    let number = |key: &str| config[key].as_u64();
    Ok(ModelFiles {
        name: name.to_owned(),
        model: weights[0].clone(),
        weights,
        tokenizer,
        pooling: sources.first("pooling", pooling, Pooling::Mean),
        normalize: sources.first(
            "normalize",
            [("modules.json", normalizes(&read("modules.json")?))],
            true,
        ),
        prompts: prompts(folder, known, &mut sources)?,
        max_tokens: sources.first("max_tokens", max_tokens, FALLBACK_MAX_TOKENS),
        pad_id: number("pad_token_id")
            .and_then(|id| id.try_into().ok())
            .unwrap_or(0),
        special_tokens: special_token_texts(&read("special_tokens_map.json")?),
        architecture: config["model_type"].as_str().map(str::to_owned),
        dimension: known
            .map(|known| known.dimension)
            .or_else(|| number("hidden_size")?.try_into().ok()),
        found_in: sources.0,
    })
}

/// Returns the files with the model's weights, the ONNX file first.
fn find_weights(name: &str, folder: &Path, model_file: Option<&str>) -> Result<Vec<PathBuf>, ModelError> {
    let model = match model_file {
        Some(file) => Some(folder.join(file)).filter(|path| is_readable(path)),
        None => find_model(folder),
    };
    let Some(model) = model else {
        return Err(if folder.join("model.safetensors").is_file() {
            ModelError::OnlySafetensors {
                place: folder.display().to_string(),
                export: known::find(name).map(|known| known.name.clone()),
            }
        } else {
            missing(folder, model_file.unwrap_or("model.onnx"))
        });
    };
    let data = ExternalData::of(&model);
    // ONNX Runtime would open whatever the graph names, so this comes before anything else does.
    if let Some(what) = data.what_is_wrong() {
        return Err(ModelError::UntrustedRepository {
            repository: folder.display().to_string(),
            what,
        });
    }
    if let Some(absent) = data.first_missing(&model) {
        return Err(missing(folder, absent));
    }
    let beside: Vec<PathBuf> = data.beside(&model).collect();
    Ok([vec![model], beside].concat())
}

fn missing(folder: &Path, file: &str) -> ModelError {
    ModelError::MissingFile {
        folder: folder.to_owned(),
        file: file.to_owned(),
    }
}

/// The place that each field was read from, by its name on the wire.
#[derive(Default)]
struct FieldSources(BTreeMap<String, String>);

impl FieldSources {
    /// Returns the value of the first place that has one, or `default`, and notes which.
    fn first<T, const N: usize>(&mut self, field: &str, places: [(&str, Option<T>); N], default: T) -> T {
        for (place, value) in places {
            if let Some(value) = value {
                self.note(field, place);
                return value;
            }
        }
        self.note(field, DEFAULT);
        default
    }

    fn note(&mut self, field: &str, place: &str) {
        self.0.insert(field.to_owned(), place.to_owned());
    }
}

/// Returns whether a list of sentence-transformers' modules ends with vectors of unit length; `None` where there is no list.
fn normalizes(modules: &Value) -> Option<bool> {
    let modules = modules.as_array()?;
    let mut types = modules.iter().filter_map(|module| module["type"].as_str());
    Some(types.any(|kind| kind.ends_with("Normalize")))
}

/// Returns whether there is something to read at `path`: a file, or a pipe that a tool or a test feeds.
fn is_readable(path: &Path) -> bool {
    path.exists() && !path.is_dir()
}

fn find_model(folder: &Path) -> Option<PathBuf> {
    let preferred = ["model.onnx", "onnx/model.onnx"].map(|file| folder.join(file));
    preferred.into_iter().find(|path| is_readable(path)).or_else(|| {
        let mut others: Vec<PathBuf> = [folder.to_owned(), folder.join("onnx")]
            .iter()
            .filter_map(|folder| std::fs::read_dir(folder).ok())
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with("model") && name.ends_with(".onnx")
            })
            .collect();
        others.sort();
        others.into_iter().next()
    })
}

/// Returns the file's content, or `None` where it does not exist.
fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, ModelError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(ModelError::Unreadable {
                path: path.to_owned(),
                source,
            });
        }
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| ModelError::Configuration {
            path: path.to_owned(),
            reason: error.to_string(),
        })
}

/// The file that says how a model pools.
const POOLING_FILE: &str = "1_Pooling/config.json";

/// The file that says which prompts a model has.
const PROMPTS_FILE: &str = "config_sentence_transformers.json";

/// Source: sentence-transformers, `models/Pooling.py`: one boolean per mode.
fn read_pooling(folder: &Path) -> Result<Option<Pooling>, ModelError> {
    let path = folder.join(POOLING_FILE);
    let Some(config) = read_json::<serde_json::Map<String, Value>>(&path)? else {
        return Ok(None);
    };
    let modes: Vec<&str> = config
        .iter()
        .filter(|(key, value)| key.starts_with("pooling_mode") && value.as_bool() == Some(true))
        .map(|(key, _)| key.as_str())
        .chain(config.get("pooling_mode").and_then(Value::as_str))
        .collect();
    match modes.as_slice() {
        [] => Ok(None),
        ["pooling_mode_mean_tokens" | "mean"] => Ok(Some(Pooling::Mean)),
        ["pooling_mode_cls_token" | "cls"] => Ok(Some(Pooling::Cls)),
        ["pooling_mode_lasttoken" | "lasttoken"] => Ok(Some(Pooling::LastToken)),
        other => Err(ModelError::Pooling {
            path,
            mode: other.join(" + "),
        }),
    }
}

/// Returns what is put before a text. A model without prompts has a file that is empty, and the table does not count.
fn prompts(
    folder: &Path,
    known: Option<&'static KnownModel>,
    sources: &mut FieldSources,
) -> Result<Prompts, ModelError> {
    let (place, prompts) = match (read_prompts(folder)?, known) {
        (Some(prompts), _) => (PROMPTS_FILE, prompts),
        (None, Some(known)) => (TABLE, known.prompts()),
        (None, None) => return Ok(Prompts::default()),
    };
    sources.note("prompts", place);
    Ok(prompts)
}

fn read_prompts(folder: &Path) -> Result<Option<Prompts>, ModelError> {
    let config: Option<Value> = read_json(&folder.join(PROMPTS_FILE))?;
    let Some(prompts) = config.as_ref().and_then(|config| config["prompts"].as_object()) else {
        return Ok(None);
    };
    let prompt = |names: &[&str]| {
        let mut found = names.iter().filter_map(|name| prompts.get(*name)?.as_str());
        found.find(|prompt| !prompt.is_empty()).map(str::to_owned)
    };
    let others = prompts
        .iter()
        .filter(|(name, _)| !["query", "document", "passage"].contains(&name.as_str()));
    Ok(Some(Prompts {
        query: prompt(&["query"]),
        document: prompt(&["document", "passage"]),
        others: others
            .filter_map(|(name, prompt)| Some((name.clone(), prompt.as_str()?.to_owned())))
            .filter(|(_, prompt)| !prompt.is_empty())
            .collect(),
    }))
}

/// `max_seq_length` where sentence-transformers gives one, else the tokenizer's limit, else the position table's size.
fn max_tokens(folder: &Path, config: &Value, tokenizer_config: &Value) -> Result<Option<usize>, ModelError> {
    let sentence_bert: Value = read_json(&folder.join("sentence_bert_config.json"))?.unwrap_or_default();
    let limit = |value: &Value| {
        value
            .as_f64()
            .filter(|limit| (1.0..LARGEST_LIMIT).contains(limit))
    };
    let positions = limit(&config["max_position_embeddings"]).map(|positions| {
        // RoBERTa counts its positions from pad_token_id + 1, so two of the table's rows are never used.
        let is_roberta = config["model_type"]
            .as_str()
            .is_some_and(|kind| kind.contains("roberta"));
        if is_roberta { positions - 2.0 } else { positions }
    });
    let named = limit(&sentence_bert["max_seq_length"]).or(limit(&tokenizer_config["model_max_length"]));
    Ok(match (named, positions) {
        (Some(named), Some(positions)) => Some(named.min(positions) as usize),
        (Some(only), None) | (None, Some(only)) => Some(only as usize),
        (None, None) => None,
    })
}

fn special_token_texts(map: &Value) -> Vec<String> {
    let text = |value: &Value| {
        value
            .as_str()
            .or_else(|| value["content"].as_str())
            .map(str::to_owned)
    };
    match map {
        Value::Object(entries) => entries.values().filter_map(text).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        folder
    }

    #[test]
    fn everything_is_read_from_the_files_where_they_say_it() {
        let folder = folder(&[
            ("onnx/model_quantized.onnx", ""),
            ("tokenizer.json", "{}"),
            (
                "config.json",
                r#"{"pad_token_id":3,"max_position_embeddings":514,"model_type":"xlm-roberta"}"#,
            ),
            (
                "tokenizer_config.json",
                r#"{"model_max_length":1000000000000000019884624838656}"#,
            ),
            (
                "1_Pooling/config.json",
                r#"{"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":false}"#,
            ),
            (
                "config_sentence_transformers.json",
                r#"{"prompts":{"query":"query: ","passage":"passage: "}}"#,
            ),
            (
                "special_tokens_map.json",
                r#"{"pad_token":"<pad>","mask_token":{"content":"<mask>"}}"#,
            ),
        ]);
        let files = describe("x", folder.path(), None, known::find("multilingual-e5-small")).unwrap();
        assert!(files.model.ends_with("onnx/model_quantized.onnx"));
        assert_eq!(
            (files.pooling, files.max_tokens, files.pad_id),
            (Pooling::Cls, 512, 3)
        );
        assert_eq!(files.prompts.query.as_deref(), Some("query: "));
        assert_eq!(files.prompts.document.as_deref(), Some("passage: "));
        assert_eq!(files.special_tokens.len(), 2);
        assert_eq!(files.found_in["pooling"], POOLING_FILE);
        assert_eq!(files.found_in["normalize"], DEFAULT);
    }

    #[test]
    fn a_folder_with_only_the_two_files_gets_the_usual_defaults() {
        let folder = folder(&[("model.onnx", ""), ("tokenizer.json", "{}")]);
        let files = describe("x", folder.path(), None, None).unwrap();
        assert_eq!(
            (files.pooling, files.max_tokens),
            (Pooling::Mean, FALLBACK_MAX_TOKENS)
        );
        assert_eq!(files.prompts, Prompts::default());
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let bare = folder(&[]);
        let error = |folder: &tempfile::TempDir| describe("x", folder.path(), None, None).unwrap_err();
        assert!(matches!(error(&bare), ModelError::MissingFile { file, .. } if file == "model.onnx"));
        let untokenized = folder(&[("model.onnx", "")]);
        assert!(
            matches!(error(&untokenized), ModelError::MissingFile { file, .. } if file == "tokenizer.json")
        );
        assert!(matches!(
            error(&folder(&[("model.safetensors", "")])),
            ModelError::OnlySafetensors { .. }
        ));
        let broken = folder(&[("model.onnx", ""), ("tokenizer.json", "{}"), ("config.json", "{")]);
        assert!(matches!(error(&broken), ModelError::Configuration { .. }));
        let odd = folder(&[
            ("model.onnx", ""),
            ("tokenizer.json", "{}"),
            ("1_Pooling/config.json", r#"{"pooling_mode_max_tokens":true}"#),
        ]);
        assert!(matches!(error(&odd), ModelError::Pooling { mode, .. } if mode == "pooling_mode_max_tokens"));
        let nowhere = describe("x", Path::new("/no/such/folder"), None, None).unwrap_err();
        assert!(
            matches!(nowhere, ModelError::MissingFolder { folder } if folder == Path::new("/no/such/folder"))
        );
    }
}
