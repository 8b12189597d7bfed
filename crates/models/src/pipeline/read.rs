//! Reads `modules.json` and the folders that it names.
//!
//! Class paths are written in several ways (`sentence_transformers.models.Dense`,
//! `sentence_transformers.base.modules.dense.Dense`), and so are configurations. A class of another package is the
//! model's own code: it can do anything, so it is refused even where its last name is known.
//!
//! Source: sentence-transformers 6.2, `base/model.py` and the modules' `load`.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::description::{
    Activation, Dense, LayerNorm, ModuleWeights, Network, Pipeline, Pooling, PoolingMode, Step,
};
use crate::{
    error::{Feature, ModelError},
    json::{invalid, read_json},
    limits::limit,
    safe,
};

/// The file that lists a model's modules.
pub(crate) const MODULES_FILE: &str = "modules.json";

/// The folder of the pooling where no list of modules names one.
const POOLING_FOLDER: &str = "1_Pooling";

/// The names of the Transformer's configuration; the older ones are of the kind of network.
pub(crate) const TRANSFORMER_FILES: [&str; 7] = [
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
];

/// An entry of `modules.json`.
#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    path: String,
    #[serde(rename = "type")]
    class: String,
}

impl Entry {
    /// Returns the class's last name, where it is one of sentence-transformers.
    fn name(&self) -> Option<&str> {
        let rest = self.class.strip_prefix("sentence_transformers.")?;
        rest.rsplit('.').next()
    }
}

/// What the configuration of the Transformer says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Transformer {
    /// The file that says it.
    pub(crate) file: String,
    pub(crate) max_tokens: Option<usize>,
    pub(crate) lower_case: bool,
}

/// What a folder says about its pipeline.
pub(crate) struct Found {
    pub(crate) pipeline: Pipeline,
    /// Whether the folder says how it pools, and the file that does.
    pub(crate) pooling_file: Option<String>,
    /// Whether the folder has a list of modules.
    pub(crate) has_modules: bool,
    /// The first module's folder, relative to the model's; empty where they are one.
    pub(crate) transformer_folder: String,
}

/// Reads the pipeline of the model in `folder`; `usual` is its pooling where the folder does not say and something else
/// does.
///
/// Errors: [`ModelError::Configuration`], [`ModelError::Unsupported`], [`ModelError::UntrustedRepository`],
/// [`ModelError::Unreadable`].
pub(crate) fn read(folder: &Path, usual: Option<PoolingMode>) -> Result<Found, ModelError> {
    let path = folder.join(MODULES_FILE);
    let mut found = Found {
        pipeline: Pipeline::of(usual.unwrap_or_default()),
        pooling_file: None,
        has_modules: false,
        transformer_folder: String::new(),
    };
    let Some(modules) = read_json::<Vec<Entry>>(&path)? else {
        if let Some(pooling) = read_pooling(folder, POOLING_FOLDER)? {
            found.pipeline.pooling = pooling;
            found.pooling_file = Some(format!("{POOLING_FOLDER}/config.json"));
        }
        return Ok(found);
    };
    found.has_modules = true;
    let unsupported = |feature| ModelError::Unsupported {
        path: path.clone(),
        feature,
    };
    let mut has_pooled = false;
    for (at, entry) in modules.iter().enumerate() {
        if !entry.path.is_empty()
            && let Some(what) = safe::what_is_wrong(&entry.path)
        {
            return Err(ModelError::UntrustedRepository {
                repository: folder.display().to_string(),
                what: format!("{MODULES_FILE} names the folder {:?}: {what}", entry.path),
            });
        }
        match entry.name() {
            Some("Transformer") if at == 0 => found.transformer_folder.clone_from(&entry.path),
            Some("StaticEmbedding") if at == 0 => {
                found.transformer_folder.clone_from(&entry.path);
                found.pipeline.network = Network::Table;
                found.pipeline.pooling = PoolingMode::Mean.into();
                found.pooling_file = Some(MODULES_FILE.to_owned());
                has_pooled = true;
            }
            Some("Pooling") if at > 0 && !has_pooled => {
                has_pooled = true;
                let file = in_folder(&entry.path, "config.json");
                match read_pooling(folder, &entry.path)? {
                    Some(pooling) => {
                        found.pipeline.pooling = pooling;
                        found.pooling_file = Some(file);
                    }
                    None => found.pipeline.missing = usual.is_none().then_some(file),
                }
            }
            Some("Dense") if has_pooled => found
                .pipeline
                .steps
                .push(Step::Dense(read_dense(folder, &entry.path)?)),
            Some("LayerNorm") if has_pooled => {
                found
                    .pipeline
                    .steps
                    .push(Step::LayerNorm(read_layer_norm(folder, &entry.path)?));
            }
            Some("Normalize") => {
                let config = configuration(folder, &entry.path)?.unwrap_or_default();
                only_of_texts(folder, &entry.path, &config)?;
                if !has_pooled && at + 1 < modules.len() {
                    return Err(unsupported(Feature::ModuleOrder));
                }
                found.pipeline.steps.push(Step::Normalize);
            }
            // It does something in training only.
            Some("Dropout") => {}
            Some("Transformer" | "StaticEmbedding" | "Pooling" | "Dense" | "LayerNorm") => {
                return Err(unsupported(Feature::ModuleOrder));
            }
            Some(name) => return Err(unsupported(Feature::Module(name.to_owned()))),
            None => return Err(unsupported(Feature::Module(entry.class.clone()))),
        }
    }
    Ok(found)
}

/// Returns the files that the modules in the bytes of a `modules.json` need, besides those of the Transformer, relative to
/// the model's folder. A file that is no list of modules gives none: reading it says what is wrong.
pub(crate) fn files_of_modules(modules: &[u8]) -> Vec<String> {
    let modules: Vec<Entry> = serde_json::from_slice(modules).unwrap_or_default();
    let of_entry = |entry: &Entry| -> Vec<String> {
        let files: &[&str] = match entry.name() {
            Some("Dense" | "LayerNorm") => &["config.json", "model.safetensors"],
            Some("Pooling" | "Normalize") => &["config.json"],
            Some("Transformer") if !entry.path.is_empty() => &TRANSFORMER_FILES,
            _ => &[],
        };
        files.iter().map(|file| in_folder(&entry.path, file)).collect()
    };
    modules.iter().flat_map(of_entry).collect()
}

/// Reads the Transformer's configuration from the first folder that has one: its own, and the model's.
///
/// Errors: [`ModelError::Configuration`], [`ModelError::Unsupported`].
pub(crate) fn read_transformer(folder: &Path, own: &str) -> Result<Transformer, ModelError> {
    let folders = if own.is_empty() { vec![""] } else { vec![own, ""] };
    for folder_name in folders {
        for file in TRANSFORMER_FILES {
            let name = in_folder(folder_name, file);
            let path = folder.join(&name);
            if let Some(config) = read_json::<Map<String, Value>>(&path)? {
                return transformer(&path, name, &config);
            }
        }
    }
    Ok(Transformer::default())
}

fn transformer(path: &Path, file: String, config: &Map<String, Value>) -> Result<Transformer, ModelError> {
    let unsupported = |feature| ModelError::Unsupported {
        path: path.to_owned(),
        feature,
    };
    match config.get("transformer_task").and_then(Value::as_str) {
        None | Some("feature-extraction") => {}
        Some(task) => return Err(unsupported(Feature::Task(task.to_owned()))),
    }
    let output = &config
        .get("modality_config")
        .map(|modalities| &modalities["text"]["method_output_name"]);
    match output {
        None | Some(Value::Null) => {}
        Some(Value::String(name)) if name == "last_hidden_state" => {}
        Some(other) => return Err(unsupported(Feature::HiddenState(other.to_string()))),
    }
    let lower_case = match config.get("do_lower_case") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(lower_case)) => *lower_case,
        Some(other) => {
            return Err(invalid(
                path,
                format!("do_lower_case is {other}, not true or false"),
            ));
        }
    };
    Ok(Transformer {
        file,
        max_tokens: config.get("max_seq_length").and_then(limit),
        lower_case,
    })
}

fn in_folder(folder: &str, file: &str) -> String {
    match folder {
        "" => file.to_owned(),
        folder => format!("{folder}/{file}"),
    }
}

fn configuration(folder: &Path, module: &str) -> Result<Option<Map<String, Value>>, ModelError> {
    // The model's own `config.json` is the Transformer's.
    if module.is_empty() {
        return Ok(None);
    }
    read_json(&folder.join(module).join("config.json"))
}

/// Names of the modes, by the boolean of older configurations. Their order is that of the result.
const BOOLEANS: [(&str, PoolingMode); 6] = [
    ("pooling_mode_cls_token", PoolingMode::Cls),
    ("pooling_mode_max_tokens", PoolingMode::Max),
    ("pooling_mode_mean_tokens", PoolingMode::Mean),
    ("pooling_mode_mean_sqrt_len_tokens", PoolingMode::MeanSqrtLen),
    ("pooling_mode_weightedmean_tokens", PoolingMode::WeightedMean),
    ("pooling_mode_lasttoken", PoolingMode::LastToken),
];

fn mode_of(name: &str) -> Option<PoolingMode> {
    match name {
        "cls" => Some(PoolingMode::Cls),
        "max" => Some(PoolingMode::Max),
        "mean" => Some(PoolingMode::Mean),
        "mean_sqrt_len_tokens" => Some(PoolingMode::MeanSqrtLen),
        "weightedmean" => Some(PoolingMode::WeightedMean),
        "lasttoken" => Some(PoolingMode::LastToken),
        _ => None,
    }
}

/// Reads how a module pools; `None` where its configuration is missing.
///
/// A configuration without any mode means the mean, which is the default of its class.
fn read_pooling(folder: &Path, module: &str) -> Result<Option<Pooling>, ModelError> {
    let Some(config) = configuration(folder, module)? else {
        return Ok(None);
    };
    let path = folder.join(module).join("config.json");
    let unknown = |mode: String| ModelError::Unsupported {
        path: path.clone(),
        feature: Feature::PoolingMode(mode),
    };
    let modes = match config.get("pooling_mode") {
        Some(Value::String(name)) => vec![mode_of(name).ok_or_else(|| unknown(name.clone()))?],
        Some(Value::Array(names)) if !names.is_empty() => names
            .iter()
            .map(|name| {
                let mode = name.as_str().and_then(mode_of);
                mode.ok_or_else(|| unknown(name.as_str().map_or_else(|| name.to_string(), str::to_owned)))
            })
            .collect::<Result<_, _>>()?,
        None | Some(Value::Null) => {
            let is_on = |key: &str| config.get(key).and_then(Value::as_bool) == Some(true);
            let is_known = |key: &str| BOOLEANS.iter().any(|(known, _)| *known == key);
            let strange = config
                .keys()
                .find(|key| key.starts_with("pooling_mode_") && is_on(key) && !is_known(key));
            if let Some(strange) = strange {
                return Err(unknown(strange.clone()));
            }
            let on: Vec<PoolingMode> = BOOLEANS
                .iter()
                .filter(|(key, _)| is_on(key))
                .map(|(_, mode)| *mode)
                .collect();
            if on.is_empty() {
                vec![PoolingMode::Mean]
            } else {
                on
            }
        }
        Some(other) => return Err(unknown(other.to_string())),
    };
    Ok(Some(Pooling {
        modes,
        include_prompt: match config.get("include_prompt") {
            None | Some(Value::Null) => true,
            Some(Value::Bool(include)) => *include,
            Some(other) => {
                return Err(invalid(
                    &path,
                    format!("include_prompt is {other}, not true or false"),
                ));
            }
        },
        dimension: length(&config, "embedding_dimension")
            .or_else(|| length(&config, "word_embedding_dimension")),
    }))
}

fn length(config: &Map<String, Value>, key: &str) -> Option<usize> {
    let length = config.get(key)?.as_u64()?;
    usize::try_from(length).ok().filter(|length| *length > 0)
}

fn read_dense(folder: &Path, module: &str) -> Result<Dense, ModelError> {
    let config = configuration(folder, module)?.unwrap_or_default();
    only_of_texts(folder, module, &config)?;
    let flag = |key: &str, default| config.get(key).and_then(Value::as_bool).unwrap_or(default);
    Ok(Dense {
        folder: module.to_owned(),
        input: length(&config, "in_features"),
        output: length(&config, "out_features"),
        has_bias: flag("bias", true),
        has_residual: flag("use_residual", false),
        activation: match config.get("activation_function") {
            None => Activation::Tanh,
            Some(Value::Null) => Activation::Identity,
            Some(Value::String(class)) => Activation::of_class(class),
            Some(other) => Activation::Other(other.to_string()),
        },
        weights: weights(folder, module),
    })
}

fn read_layer_norm(folder: &Path, module: &str) -> Result<LayerNorm, ModelError> {
    let config = configuration(folder, module)?.unwrap_or_default();
    Ok(LayerNorm {
        folder: module.to_owned(),
        dimension: length(&config, "dimension"),
        weights: weights(folder, module),
    })
}

/// Checks that a module works on vectors of texts, as all of them once did.
fn only_of_texts(folder: &Path, module: &str, config: &Map<String, Value>) -> Result<(), ModelError> {
    for key in ["module_input_name", "module_output_name"] {
        match config.get(key) {
            None | Some(Value::Null) => {}
            Some(Value::String(name)) if name == "sentence_embedding" => {}
            Some(other) => {
                return Err(ModelError::Unsupported {
                    path: folder.join(module).join("config.json"),
                    feature: Feature::ModuleOf(
                        other.as_str().map_or_else(|| other.to_string(), str::to_owned),
                    ),
                });
            }
        }
    }
    Ok(())
}

/// Returns where the weights of the module in a folder are.
pub(crate) fn weights(folder: &Path, module: &str) -> ModuleWeights {
    let folder = folder.join(module);
    let (file, pickled) = (folder.join("model.safetensors"), folder.join("pytorch_model.bin"));
    if file.is_file() {
        ModuleWeights::Here(file)
    } else if pickled.is_file() {
        ModuleWeights::Pickled(pickled)
    } else {
        ModuleWeights::Missing(file)
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

    fn modules(classes: &[(&str, &str)]) -> String {
        let entries = classes.iter().enumerate().map(|(at, (class, path))| {
            serde_json::json!({ "idx": at, "name": at.to_string(), "path": path, "type": class })
        });
        Value::Array(entries.collect()).to_string()
    }

    fn pipeline(folder: &tempfile::TempDir) -> Result<Pipeline, ModelError> {
        Ok(read(folder.path(), None)?.pipeline)
    }

    fn pooling(config: &str) -> Result<Pooling, ModelError> {
        let folder = folder(&[("1_Pooling/config.json", config)]);
        Ok(pipeline(&folder)?.pooling)
    }

    #[test]
    fn old_and_new_class_paths_name_the_same_modules() {
        for [transformer, pooling, dense, norm, normalize] in [
            [
                "sentence_transformers.models.Transformer",
                "sentence_transformers.models.Pooling",
                "sentence_transformers.models.Dense",
                "sentence_transformers.models.LayerNorm",
                "sentence_transformers.models.Normalize",
            ],
            [
                "sentence_transformers.base.modules.transformer.Transformer",
                "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
                "sentence_transformers.base.modules.dense.Dense",
                "sentence_transformers.sentence_transformer.modules.layer_norm.LayerNorm",
                "sentence_transformers.base.modules.normalize.Normalize",
            ],
        ] {
            let list = modules(&[
                (transformer, "0_Transformer"),
                (pooling, "1_Pooling"),
                (dense, "2_Dense"),
                ("sentence_transformers.models.Dropout", "3_Dropout"),
                (norm, "4_LayerNorm"),
                (normalize, "5_Normalize"),
            ]);
            let dense = r#"{"in_features":8,"out_features":4,"bias":false,"activation_function":"torch.nn.modules.activation.GELU"}"#;
            let folder = folder(&[
                ("modules.json", &list),
                (
                    "0_Transformer/sentence_roberta_config.json",
                    r#"{"max_seq_length":77,"do_lower_case":true}"#,
                ),
                (
                    "1_Pooling/config.json",
                    r#"{"embedding_dimension":8,"pooling_mode":["max","cls"]}"#,
                ),
                ("2_Dense/config.json", dense),
                ("2_Dense/model.safetensors", ""),
                ("4_LayerNorm/config.json", r#"{"dimension":4}"#),
                ("4_LayerNorm/model.safetensors", ""),
            ]);
            let found = read(folder.path(), None).unwrap();
            assert_eq!(
                found.pipeline.parts(),
                [
                    "pooling: max+cls",
                    "dense: 8 to 4, GELU",
                    "layer norm: 4",
                    "unit length"
                ]
            );
            assert!(found.pipeline.normalizes() && !found.pipeline.only_pools());
            assert_eq!(found.pipeline.dimension(), Some(4));
            found.pipeline.check_computable(folder.path()).unwrap();
            let transformer = read_transformer(folder.path(), &found.transformer_folder).unwrap();
            assert_eq!((transformer.max_tokens, transformer.lower_case), (Some(77), true));
            assert_eq!(transformer.file, "0_Transformer/sentence_roberta_config.json");
            let needed = files_of_modules(list.as_bytes());
            for file in [
                "1_Pooling/config.json",
                "2_Dense/model.safetensors",
                "4_LayerNorm/model.safetensors",
            ] {
                assert!(needed.iter().any(|needed| needed == file), "{file}");
            }
        }
    }

    #[test]
    fn poolings_are_read_in_the_order_of_their_results() {
        let modes = |config: &str| pooling(config).unwrap().name();
        assert_eq!(modes("{}"), "mean");
        assert_eq!(
            modes(r#"{"pooling_mode":"weightedmean","pooling_mode_cls_token":true}"#),
            "weighted_mean"
        );
        assert_eq!(
            modes(r#"{"pooling_mode":["lasttoken","mean"]}"#),
            "last_token+mean"
        );
        assert_eq!(
            modes(
                r#"{"pooling_mode_lasttoken":true,"pooling_mode_weightedmean_tokens":true,
                    "pooling_mode_mean_sqrt_len_tokens":true,"pooling_mode_mean_tokens":true,
                    "pooling_mode_max_tokens":true,"pooling_mode_cls_token":true}"#
            ),
            "cls+max+mean+mean_sqrt_len+weighted_mean+last_token"
        );
        assert!(!pooling(r#"{"include_prompt":false}"#).unwrap().include_prompt);
        for strange in [
            r#"{"pooling_mode":"median"}"#,
            r#"{"pooling_mode":["mean","median"]}"#,
            r#"{"pooling_mode":7}"#,
            r#"{"pooling_mode":[]}"#,
            r#"{"pooling_mode_median_tokens":true,"pooling_mode_mean_tokens":true}"#,
        ] {
            let error = pooling(strange).unwrap_err();
            assert!(
                matches!(
                    error,
                    ModelError::Unsupported {
                        feature: Feature::PoolingMode(_),
                        ..
                    }
                ),
                "{strange}"
            );
        }
        assert!(matches!(
            pooling(r#"{"include_prompt":"no"}"#),
            Err(ModelError::Configuration { .. })
        ));
    }

    #[test]
    fn what_is_not_supported_is_refused_by_its_name() {
        let first = ("sentence_transformers.models.Transformer", "");
        let second = ("sentence_transformers.models.Pooling", "1_Pooling");
        let of = |list: &[(&str, &str)]| pipeline(&folder(&[("modules.json", &modules(list))])).unwrap_err();
        for name in [
            "Router",
            "Asym",
            "WordWeights",
            "CNN",
            "LSTM",
            "WeightedLayerPooling",
            "CLIPModel",
            "BoW",
        ] {
            let class = format!("sentence_transformers.models.{name}");
            for list in [vec![first, second, (&class, "2_X")], vec![(&class, "")]] {
                assert!(
                    matches!(of(&list), ModelError::Unsupported { feature: Feature::Module(module), .. } if module == name),
                    "{name}"
                );
            }
        }
        let own = "custom_st.Transformer";
        assert!(
            matches!(of(&[(own, ""), second]), ModelError::Unsupported { feature: Feature::Module(module), .. } if module == own)
        );
        for list in [
            vec![first, ("sentence_transformers.models.Dense", "1_Dense"), second],
            vec![first, second, second],
            vec![first, ("sentence_transformers.models.Normalize", ""), second],
            vec![first, first],
            vec![second, first],
        ] {
            let error = of(&list);
            assert!(
                matches!(
                    error,
                    ModelError::Unsupported {
                        feature: Feature::ModuleOrder,
                        ..
                    }
                ),
                "{list:?}"
            );
        }
        for outside in ["../x", "/etc", "a/../../b"] {
            assert!(matches!(
                of(&[first, ("sentence_transformers.models.Pooling", outside)]),
                ModelError::UntrustedRepository { .. }
            ));
        }
        let not_a_list = folder(&[("modules.json", "{}")]);
        assert!(matches!(
            pipeline(&not_a_list),
            Err(ModelError::Configuration { .. })
        ));
    }

    #[test]
    fn a_layer_that_cannot_be_computed_is_refused_only_where_it_has_to_be() {
        let list = modules(&[
            ("sentence_transformers.models.Transformer", ""),
            ("sentence_transformers.models.Pooling", "1_Pooling"),
            ("sentence_transformers.models.Dense", "2_Dense"),
        ]);
        let check = |files: &[(&str, &str)]| {
            let folder = folder(&[&[("modules.json", list.as_str())], files].concat());
            pipeline(&folder).unwrap().check_computable(folder.path())
        };
        let config = |activation: &str| {
            format!(
                r#"{{"in_features":8,"out_features":4,"bias":true,"activation_function":"{activation}"}}"#
            )
        };
        let tanh = config("torch.nn.modules.activation.Tanh");
        let missing = |outcome: Result<(), ModelError>| match outcome {
            Err(ModelError::MissingFile { file, .. }) => file,
            other => panic!("{other:?}"),
        };
        let pooling = ("1_Pooling/config.json", "{}");
        assert_eq!(missing(check(&[])), "1_Pooling/config.json");
        let known = folder(&[("modules.json", &list)]);
        assert_eq!(
            read(known.path(), Some(PoolingMode::Cls))
                .unwrap()
                .pipeline
                .missing,
            None
        );
        let check = |files: &[(&str, &str)]| check(&[&[pooling], files].concat());
        assert_eq!(missing(check(&[])), "2_Dense/config.json");
        assert_eq!(
            missing(check(&[("2_Dense/config.json", &tanh)])),
            "2_Dense/model.safetensors"
        );
        let pickled = check(&[("2_Dense/config.json", &tanh), ("2_Dense/pytorch_model.bin", "")]);
        assert!(matches!(
            pickled,
            Err(ModelError::Unsupported {
                feature: Feature::PickledWeights,
                ..
            })
        ));
        for strange in ["torch.nn.modules.activation.Softmax", "my_code.Tanh"] {
            let files = [
                ("2_Dense/config.json", config(strange)),
                ("2_Dense/model.safetensors", String::new()),
            ];
            let files: Vec<(&str, &str)> = files
                .iter()
                .map(|(name, content)| (*name, content.as_str()))
                .collect();
            assert!(
                matches!(check(&files), Err(ModelError::Unsupported { feature: Feature::Activation(class), .. }) if class == strange)
            );
        }
        let of_tokens = r#"{"in_features":8,"out_features":4,"module_input_name":"token_embeddings"}"#;
        let folder = folder(&[("modules.json", &list), ("2_Dense/config.json", of_tokens)]);
        assert!(matches!(
            pipeline(&folder),
            Err(ModelError::Unsupported { feature: Feature::ModuleOf(name), .. }) if name == "token_embeddings"
        ));
    }

    #[test]
    fn a_transformer_of_another_task_is_refused() {
        let config =
            |content: &str| read_transformer(folder(&[("sentence_bert_config.json", content)]).path(), "");
        let usual = r#"{"transformer_task":"feature-extraction","max_seq_length":null,
            "modality_config":{"text":{"method":"forward","method_output_name":"last_hidden_state"}}}"#;
        assert_eq!(config(usual).unwrap().max_tokens, None);
        assert!(matches!(
            config(r#"{"transformer_task":"fill-mask"}"#),
            Err(ModelError::Unsupported { feature: Feature::Task(task), .. }) if task == "fill-mask"
        ));
        assert!(matches!(
            config(
                r#"{"modality_config":{"text":{"method":"forward","method_output_name":"pooler_output"}}}"#
            ),
            Err(ModelError::Unsupported {
                feature: Feature::HiddenState(_),
                ..
            })
        ));
        assert!(matches!(
            config(r#"{"do_lower_case":"yes"}"#),
            Err(ModelError::Configuration { .. })
        ));
    }
}
