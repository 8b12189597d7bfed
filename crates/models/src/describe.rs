//! Reads a model folder in the layout of a sentence-transformers repository.
//!
//! Every fact is taken from the first place that has it: a file of the folder, then the table of known models, then a
//! default. Which place it was is kept beside the fact, so that `okibi models info` can say why a model behaves as it does.
//!
//! ```text
//! weights      model.safetensors or the list of its parts, where Okibi computes the network ► model.onnx or
//!              onnx/model*.onnx, and what its graph names; what the modules name
//! modules      modules.json and its folders           ► 1_Pooling ► known models ► mean
//! normalize    modules.json                           ► true
//! prompts      config_sentence_transformers.json      ► known models ► none
//! max_tokens   sentence_bert_config.json ► known models ► tokenizer_config.json ► config.json ► 512
//! output       the graph, by its modules
//! ```
//!
//! A file that is there and wrong is an error and not a reason to go on to the next place: vectors would silently be others.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;

use crate::{
    error::{Feature, ModelError},
    families,
    files::ModelFiles,
    json::read_json,
    known::{self, KnownModel},
    limits::{FALLBACK_MAX_TOKENS, UNLIMITED, first_position, positions},
    onnx,
    pipeline::{self, MODULES_FILE, ModuleWeights, Network},
    prompts::{self, PROMPTS_FILE, Prompts},
    tokenizer_config::TokenizerConfig,
};

/// The place of what only the table of known models says.
const TABLE: &str = "known models";

/// The place of what nothing says.
const DEFAULT: &str = "default";

/// Which weights of a folder are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// The makers' own where Okibi computes the network, else the first of `model.onnx`, `onnx/model.onnx` and
    /// `onnx/model*.onnx`.
    #[default]
    Best,
    /// An ONNX file, whatever else there is.
    Onnx,
    /// This file.
    File(&'a str),
}

/// As [`describe_with`], with `model_file` where its file is known and the best weights where it is not.
///
/// Errors: those of [`describe_with`].
pub fn describe(
    name: &str,
    folder: &Path,
    model_file: Option<&str>,
    known: Option<&'static KnownModel>,
) -> Result<ModelFiles, ModelError> {
    describe_with(name, folder, model_file.map_or(Wanted::Best, Wanted::File), known)
}

/// Finds out what the model in `folder` consists of and how it is to be used.
///
/// `wanted` says which weights are taken. What the files do not say comes from the table of `known` models, if the model is in it.
///
/// Errors: [`ModelError::MissingFolder`], [`ModelError::MissingFile`], [`ModelError::OnlySafetensors`],
/// [`ModelError::Unreadable`], [`ModelError::Configuration`], [`ModelError::Unsupported`],
/// [`ModelError::UntrustedRepository`].
pub fn describe_with(
    name: &str,
    folder: &Path,
    wanted: Wanted<'_>,
    known: Option<&'static KnownModel>,
) -> Result<ModelFiles, ModelError> {
    if !folder.is_dir() {
        return Err(ModelError::MissingFolder {
            folder: folder.to_owned(),
        });
    }
    let usual = known.map(|known| known.pooling);
    // Before the weights: a model without any that can be used is best refused by what it is.
    let found = pipeline::read(folder, usual)?;
    let config_file = [folder.to_owned(), folder.join(&found.transformer_folder)]
        .map(|place| place.join("config.json"))
        .into_iter()
        .find(|path| is_readable(path))
        .unwrap_or_else(|| folder.join("config.json"));
    let config: Value = read_json(&config_file)?.unwrap_or_default();
    let own = own_file(folder, &found.transformer_folder, wanted, &config);
    let mut pipeline = found.pipeline;
    let Weights {
        files: weights,
        graph,
    } = match (pipeline.network, own) {
        (Network::Table, _) => find_table(folder, &found.transformer_folder)?,
        (_, Some(file)) => {
            pipeline.network = Network::Encoder;
            find_own(folder, &file)?
        }
        (_, None) => find_weights(name, folder, wanted)?,
    };
    let tokenizer =
        find_tokenizer(folder, &found.transformer_folder).ok_or_else(|| missing(folder, "tokenizer.json"))?;
    let special_tokens = read_beside(&tokenizer, "special_tokens_map.json")?;
    let transformer = pipeline::read_transformer(folder, &found.transformer_folder)?;
    let tokenizer_config = TokenizerConfig::new(&read_beside(&tokenizer, "tokenizer_config.json")?);
    let mut sources = FieldSources::default();
    match &found.pooling_file {
        Some(file) => sources.note("pooling", file),
        None => sources.note("pooling", if known.is_some() { TABLE } else { DEFAULT }),
    }
    let normalize = [(MODULES_FILE, found.has_modules.then(|| pipeline.normalizes()))];
    let is_table = pipeline.network == Network::Table;
    let max_tokens = [
        (MODULES_FILE, is_table.then_some(UNLIMITED)),
        (transformer.file.as_str(), transformer.max_tokens),
        (TABLE, known.map(|known| known.max_tokens)),
        ("tokenizer_config.json", tokenizer_config.max_tokens),
        ("config.json", positions(&config)),
    ];
    let mut max_tokens = sources.first("max_tokens", max_tokens, FALLBACK_MAX_TOKENS);
    if let Some(positions) = positions(&config)
        && positions < max_tokens
    {
        max_tokens = positions;
        sources.note("max_tokens", "config.json");
    }
    pipeline.lower_case = transformer.lower_case;
    let of_modules = pipeline.weights().filter_map(|weights| match weights {
        ModuleWeights::Here(file) => Some(file.clone()),
        _ => None,
    });
    let number = |key: &str| config[key].as_u64();
    let mut files = ModelFiles {
        name: name.to_owned(),
        folder: folder.to_owned(),
        model: weights[0].clone(),
        external: graph.external.names().map(str::to_owned).collect(),
        weights: weights.iter().cloned().chain(of_modules).collect(),
        config_file,
        tokenizer,
        normalize: sources.first("normalize", normalize, true),
        prompts: prompts(folder, known, &mut sources)?,
        max_tokens,
        first_position: first_position(&config),
        tokenizer_config,
        pad_id: number("pad_token_id")
            .and_then(|id| id.try_into().ok())
            .unwrap_or(0),
        special_tokens: special_token_texts(&special_tokens),
        architecture: config["model_type"].as_str().map(str::to_owned),
        dimension: pipeline
            .dimension()
            .or(known.map(|known| known.dimension))
            .or_else(|| Some(usize::try_from(number("hidden_size")?).ok()? * pipeline.pooling.modes.len())),
        output: None,
        pipeline,
        found_in: BTreeMap::new(),
        config,
    };
    if let Some(graph) = graph.signature() {
        let output = files.choose_output(graph)?;
        sources.note("output", output.reason);
        files.output = Some(output);
    }
    files.found_in = sources.0;
    Ok(files)
}

/// Returns the file of the folder to open the makers' own weights by, where they are wanted and Okibi computes the network.
fn own_file(folder: &Path, transformer: &str, wanted: Wanted<'_>, config: &Value) -> Option<String> {
    match wanted {
        Wanted::Onnx => None,
        Wanted::File(file) => families::is_own(file).then(|| file.to_owned()),
        Wanted::Best if families::is_computed(config) => {
            let mut places = vec![String::new()];
            if !transformer.is_empty() {
                places.push(format!("{transformer}/"));
            }
            let files = places
                .iter()
                .flat_map(|place| families::OWN_FILES.map(|file| format!("{place}{file}")));
            let mut files = files;
            files.find(|file| is_readable(&folder.join(file)))
        }
        Wanted::Best => None,
    }
}

/// Returns the files with the makers' own weights, the one that they are opened by first.
fn find_own(folder: &Path, file: &str) -> Result<Weights, ModelError> {
    let files = families::files_of(folder, file)?;
    if let Some(absent) = files.iter().find(|file| !is_readable(&folder.join(file))) {
        return Err(missing(folder, absent));
    }
    Ok(Weights {
        files: files.iter().map(|file| folder.join(file)).collect(),
        graph: Arc::default(),
    })
}

/// Returns the file with a table of vectors.
fn find_table(folder: &Path, module: &str) -> Result<Weights, ModelError> {
    match pipeline::weights(folder, module) {
        ModuleWeights::Here(file) => Ok(Weights {
            files: vec![file],
            graph: Arc::default(),
        }),
        ModuleWeights::Pickled(path) => Err(ModelError::Unsupported {
            path,
            feature: Feature::PickledWeights,
        }),
        ModuleWeights::Missing(_) => Err(missing(folder, "model.safetensors")),
    }
}

/// What a folder has of weights.
struct Weights {
    /// The file that they are opened by, then those that it names.
    files: Vec<PathBuf>,
    graph: Arc<onnx::OnnxFile>,
}

/// Returns the model's `tokenizer.json`, beside its weights or in the Transformer's own folder.
fn find_tokenizer(folder: &Path, transformer: &str) -> Option<PathBuf> {
    let places = [folder.to_owned(), folder.join(transformer)];
    places
        .map(|place| place.join("tokenizer.json"))
        .into_iter()
        .find(|path| is_readable(path))
}

/// Returns the content of a file beside the tokenizer; nothing where there is none.
fn read_beside(tokenizer: &Path, file: &str) -> Result<Value, ModelError> {
    Ok(read_json(&tokenizer.with_file_name(file))?.unwrap_or_default())
}

/// Returns the files with the model's weights, the ONNX file first.
fn find_weights(name: &str, folder: &Path, wanted: Wanted<'_>) -> Result<Weights, ModelError> {
    let model = match wanted {
        Wanted::File(file) => Some(folder.join(file)).filter(|path| is_readable(path)),
        Wanted::Best | Wanted::Onnx => find_model(folder),
    };
    let Some(model) = model else {
        return Err(if folder.join("model.safetensors").is_file() {
            ModelError::OnlySafetensors {
                place: folder.display().to_string(),
                export: known::find(name).and_then(|known| known.export.clone()),
            }
        } else {
            let file = match wanted {
                Wanted::File(file) => file,
                Wanted::Best | Wanted::Onnx => "model.onnx",
            };
            missing(folder, file)
        });
    };
    let graph = onnx::read(&model);
    let data = &graph.external;
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
    Ok(Weights {
        files: [vec![model], beside].concat(),
        graph,
    })
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

/// Returns what is put before a text. A model without prompts has a file that is empty, and the table does not count.
fn prompts(
    folder: &Path,
    known: Option<&'static KnownModel>,
    sources: &mut FieldSources,
) -> Result<Prompts, ModelError> {
    let (place, prompts) = match (prompts::read(folder)?, known) {
        (Some(prompts), _) => (PROMPTS_FILE, prompts),
        (None, Some(known)) => (TABLE, known.prompts()),
        (None, None) => return Ok(Prompts::default()),
    };
    sources.note("prompts", place);
    Ok(prompts)
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
            (
                files.pipeline.pooling.name().as_str(),
                files.max_tokens,
                files.pad_id
            ),
            ("cls", 510, 3)
        );
        assert_eq!(files.prompts.query.as_deref(), Some("query: "));
        assert_eq!(files.prompts.document.as_deref(), Some("passage: "));
        assert_eq!(files.special_tokens.len(), 2);
        assert_eq!(files.found_in["pooling"], "1_Pooling/config.json");
        assert_eq!(files.found_in["normalize"], DEFAULT);
    }

    #[test]
    fn the_limit_is_the_first_that_is_named_and_never_beyond_the_positions() {
        let sentence_bert = ("sentence_bert_config.json", r#"{"max_seq_length":64}"#);
        let tokenizer = ("tokenizer_config.json", r#"{"model_max_length":500}"#);
        let config = (
            "config.json",
            r#"{"max_position_embeddings":514,"model_type":"camembert","pad_token_id":1}"#,
        );
        let known = known::find("paraphrase-multilingual-MiniLM-L12-v2");
        let limit = |files: &[(&str, &str)], known| {
            let bare = [("model.onnx", ""), ("tokenizer.json", "{}")];
            let files = describe("x", folder(&[&bare, files].concat()).path(), None, known).unwrap();
            (files.max_tokens, files.found_in["max_tokens"].clone())
        };
        let found = |tokens: usize, place: &str| (tokens, place.to_owned());
        assert_eq!(
            limit(&[sentence_bert, tokenizer, config], known),
            found(64, "sentence_bert_config.json")
        );
        assert_eq!(limit(&[tokenizer, config], known), found(128, TABLE));
        assert_eq!(
            limit(&[tokenizer, config], None),
            found(500, "tokenizer_config.json")
        );
        assert_eq!(limit(&[config], None), found(512, "config.json"));
        let long = ("tokenizer_config.json", r#"{"model_max_length":4096}"#);
        assert_eq!(limit(&[long, config], None), found(512, "config.json"));
        assert_eq!(limit(&[], None), found(FALLBACK_MAX_TOKENS, DEFAULT));
    }

    #[test]
    fn a_folder_with_only_the_two_files_gets_the_usual_defaults() {
        let folder = folder(&[("model.onnx", ""), ("tokenizer.json", "{}")]);
        let files = describe("x", folder.path(), None, None).unwrap();
        assert_eq!(
            (files.pipeline.pooling.name().as_str(), files.max_tokens),
            ("mean", FALLBACK_MAX_TOKENS)
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
        let nowhere = describe("x", Path::new("/no/such/folder"), None, None).unwrap_err();
        assert!(
            matches!(nowhere, ModelError::MissingFolder { folder } if folder == Path::new("/no/such/folder"))
        );
    }
}
