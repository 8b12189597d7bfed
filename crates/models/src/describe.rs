//! Reads a model folder in the layout of a sentence-transformers repository.

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
    onnx,
};

/// Token limit of a model whose files name none.
const FALLBACK_MAX_TOKENS: usize = 512;

/// A `model_max_length` above this means "no limit": transformers writes 10^30 there.
const LARGEST_LIMIT: f64 = 1e6;

/// What says something where no file does.
const TABLE: &str = "known models";

/// What says something where nothing does.
const DEFAULT: &str = "default";

/// Finds out what the model in `folder` consists of and how it is to be used.
///
/// `model_file` names its ONNX file where that is known; else the first of `model.onnx`, `onnx/model.onnx` and
/// `onnx/model*.onnx` is taken. What the files do not say comes from the table of `known` models, where the model is in
/// it.
///
/// Errors: [`ModelError::MissingFolder`], [`ModelError::MissingFile`], [`ModelError::OnlySafetensors`],
/// [`ModelError::Unreadable`], [`ModelError::Configuration`], [`ModelError::Pooling`], [`ModelError::Unsafe`].
pub fn describe(
    name: &str,
    folder: &Path,
    model_file: Option<&str>,
    known: Option<&'static KnownModel>,
) -> Result<ModelFiles, ModelError> {
    let missing = |file: &str| ModelError::MissingFile {
        folder: folder.to_owned(),
        file: file.to_owned(),
    };
    if !folder.is_dir() {
        return Err(ModelError::MissingFolder {
            folder: folder.to_owned(),
        });
    }
    let model = match model_file {
        Some(file) => Some(folder.join(file)).filter(|path| is_readable(path)),
        None => find_model(folder),
    };
    let Some(model) = model else {
        return Err(if folder.join("model.safetensors").is_file() {
            ModelError::OnlySafetensors {
                place: folder.display().to_string(),
                export: known::find(name).map(|known| known.name.to_owned()),
            }
        } else {
            missing(model_file.unwrap_or("model.onnx"))
        });
    };
    let locations = onnx::external_data(&model);
    if let Some(what) = onnx::what_is_wrong(&locations) {
        return Err(ModelError::Unsafe {
            repository: folder.display().to_string(),
            what,
        });
    }
    if let Some(absent) = onnx::first_missing(&model) {
        return Err(missing(&absent));
    }
    let tokenizer = folder.join("tokenizer.json");
    if !is_readable(&tokenizer) {
        return Err(missing("tokenizer.json"));
    }
    let config: Value = read_json(&folder.join("config.json"))?.unwrap_or_default();
    let tokenizer_config: Value = read_json(&folder.join("tokenizer_config.json"))?.unwrap_or_default();
    let special_tokens: Value = read_json(&folder.join("special_tokens_map.json"))?.unwrap_or_default();
    let modules: Value = read_json(&folder.join("modules.json"))?.unwrap_or_default();
    let mut found = Found::default();
    let pooling = found.first(
        "pooling",
        [
            (POOLING_FILE, read_pooling(folder)?),
            (TABLE, known.map(|known| known.pooling)),
        ],
        Pooling::Mean,
    );
    let prompts = read_prompts(folder)?;
    let prompts = match (&prompts, known) {
        // The file of a model without prompts says so by being empty.
        (None, Some(known)) => {
            found.note("prompts", TABLE);
            Prompts {
                query: known.query.map(str::to_owned),
                document: known.document.map(str::to_owned),
                others: BTreeMap::new(),
            }
        }
        (None, None) => Prompts::default(),
        (Some(_), _) => {
            found.note("prompts", PROMPTS_FILE);
            prompts.unwrap_or_default()
        }
    };
    let max_tokens = found.first(
        "max_tokens",
        [
            (
                "the model's configuration",
                max_tokens(folder, &config, &tokenizer_config)?,
            ),
            (TABLE, known.map(|known| known.max_tokens)),
        ],
        FALLBACK_MAX_TOKENS,
    );
    let dimension = config["hidden_size"]
        .as_u64()
        .and_then(|size| usize::try_from(size).ok());
    Ok(ModelFiles {
        name: name.to_owned(),
        model,
        tokenizer,
        pooling,
        normalize: found.first("normalize", [("modules.json", normalises(&modules))], true),
        prompts,
        max_tokens,
        pad_id: config["pad_token_id"]
            .as_u64()
            .and_then(|id| u32::try_from(id).ok())
            .unwrap_or(0),
        special_tokens: special_token_texts(&special_tokens),
        architecture: config["model_type"].as_str().map(str::to_owned),
        dimension: known.map(|known| known.dimension).or(dimension),
        found_in: found.0,
    })
}

/// Where things were read.
#[derive(Default)]
struct Found(BTreeMap<String, String>);

impl Found {
    /// The first value there is, or `default`; remembers which.
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

/// Whether a list of sentence-transformers' modules ends with vectors of unit length; `None` where there is no list.
fn normalises(modules: &Value) -> Option<bool> {
    let modules = modules.as_array()?;
    let mut types = modules.iter().filter_map(|module| module["type"].as_str());
    Some(types.any(|kind| kind.ends_with("Normalize")))
}

/// Whether there is something to read at `path`: a file, or a pipe that a tool or a test feeds.
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

/// The file's content, or `None` where it does not exist.
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
    let path = folder.join("1_Pooling").join("config.json");
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
        let untokenised = folder(&[("model.onnx", "")]);
        assert!(
            matches!(error(&untokenised), ModelError::MissingFile { file, .. } if file == "tokenizer.json")
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
