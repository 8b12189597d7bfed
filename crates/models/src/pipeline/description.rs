//! The typed description of a pipeline.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::error::{Feature, ModelError};

/// What makes vectors of a text's tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// A graph of ONNX.
    #[default]
    Graph,
    /// The makers' own weights, computed by Okibi itself.
    Encoder,
    /// A table with one vector for each token, whatever stands around it. There are no special tokens and no limit.
    Table,
}

/// How a model makes one vector of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// What makes vectors of tokens.
    pub network: Network,
    /// Whether a text is brought to lower case before it is tokenized, whatever the tokenizer does.
    pub lower_case: bool,
    /// How token vectors become one.
    pub pooling: Pooling,
    /// The file that should say how it pools and is not there, where nothing else says it either.
    pub missing: Option<String>,
    /// What is done with that vector, in this order. A last [`Step::Normalize`] is part of it.
    pub steps: Vec<Step>,
}

/// How the vectors of a text's tokens become one. Source: sentence-transformers, `Pooling`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pooling {
    /// The ways in which it is done; the results of several stand one after the other.
    pub modes: Vec<PoolingMode>,
    /// Whether the tokens of the prompt, and of what stands before it, take part.
    pub include_prompt: bool,
    /// Length of a token's vector, where the files say it.
    pub dimension: Option<usize>,
}

/// One way to make one vector of those of the tokens.
///
/// Its JSON is part of what a space's id is a hash of, so the variants' names stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum PoolingMode {
    /// The mean of all tokens.
    #[default]
    #[serde(alias = "mean")]
    Mean,
    /// The first token.
    #[serde(alias = "cls")]
    Cls,
    /// The last token.
    #[serde(alias = "last_token")]
    LastToken,
    /// The largest value of all tokens, at each place.
    Max,
    /// The sum of all tokens by the square root of their number.
    MeanSqrtLen,
    /// The mean of all tokens, each weighted by its position, counted from 1.
    WeightedMean,
}

impl PoolingMode {
    /// Returns its name.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

impl Pooling {
    /// Returns its name: that of its mode, or of several with `+` between them.
    pub fn name(&self) -> String {
        let names: Vec<&str> = self.modes.iter().map(|mode| mode.name()).collect();
        names.join("+")
    }
}

impl From<PoolingMode> for Pooling {
    fn from(mode: PoolingMode) -> Self {
        Self {
            modes: vec![mode],
            include_prompt: true,
            dimension: None,
        }
    }
}

/// What is done with a text's vector after pooling.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A layer of a network.
    Dense(Dense),
    /// Mean 0 and variance 1, then scaled and shifted by learned values.
    LayerNorm(LayerNorm),
    /// It is brought to unit length.
    Normalize,
}

/// A layer: `activation(weights · vector + bias)`. Source: sentence-transformers, `Dense`.
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    /// Its folder, relative to the model's.
    pub folder: String,
    /// Length of the vector that it takes, where its configuration is there.
    pub input: Option<usize>,
    /// Length of the vector that it gives, where its configuration is there.
    pub output: Option<usize>,
    /// Whether it has a bias.
    pub has_bias: bool,
    /// Whether what it takes is added to what it gives.
    pub has_residual: bool,
    /// What is applied to each value.
    pub activation: Activation,
    /// Its weights.
    pub weights: ModuleWeights,
}

/// A layer that evens a vector out. Source: sentence-transformers, `LayerNorm`.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerNorm {
    /// Its folder, relative to the model's.
    pub folder: String,
    /// Length of the vector, where its configuration is there.
    pub dimension: Option<usize>,
    /// Its weights.
    pub weights: ModuleWeights,
}

/// The weights of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModuleWeights {
    /// A file of safetensors.
    Here(PathBuf),
    /// Only a file of Python's pickles, which can run code.
    Pickled(PathBuf),
    /// The file that should be there.
    Missing(PathBuf),
}

/// What a [`Dense`] applies to each value. Source: PyTorch, `torch.nn`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    Identity,
    /// The hyperbolic tangent.
    Tanh,
    /// The positive part.
    Relu,
    /// The value times the normal distribution's share below it.
    Gelu,
    /// The logistic function.
    Sigmoid,
    /// The value times the logistic function of it.
    Silu,
    /// One that is not supported, by its class.
    Other(String),
}

impl Activation {
    /// Returns the activation of a class of PyTorch.
    pub(super) fn of_class(class: &str) -> Self {
        // A class of the model's own code can have the name of one of PyTorch's.
        let name = class
            .strip_prefix("torch.")
            .and_then(|rest| rest.rsplit('.').next());
        match name {
            Some("Identity") => Self::Identity,
            Some("Tanh") => Self::Tanh,
            Some("ReLU") => Self::Relu,
            Some("GELU") => Self::Gelu,
            Some("Sigmoid") => Self::Sigmoid,
            Some("SiLU") => Self::Silu,
            _ => Self::Other(class.to_owned()),
        }
    }

    /// Returns its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Identity => "Identity",
            Self::Tanh => "Tanh",
            Self::Relu => "ReLU",
            Self::Gelu => "GELU",
            Self::Sigmoid => "Sigmoid",
            Self::Silu => "SiLU",
            Self::Other(class) => class,
        }
    }
}

impl Pipeline {
    /// Returns a pipeline that only pools.
    pub(crate) fn of(mode: PoolingMode) -> Self {
        Self {
            network: Network::default(),
            lower_case: false,
            pooling: mode.into(),
            missing: None,
            steps: Vec::new(),
        }
    }

    /// Returns whether vectors are meant to be of unit length.
    pub fn normalizes(&self) -> bool {
        self.steps.last() == Some(&Step::Normalize)
    }

    /// Returns the length of a text's vector, where a layer says it.
    pub fn dimension(&self) -> Option<usize> {
        self.steps.iter().rev().find_map(|step| match step {
            Step::Dense(dense) => Some(dense.output),
            Step::LayerNorm(norm) => Some(norm.dimension),
            Step::Normalize => None,
        })?
    }

    /// Returns whether it only pools: no layer comes behind.
    pub fn only_pools(&self) -> bool {
        self.steps.iter().all(|step| *step == Step::Normalize)
    }

    /// Returns the weights of its layers, in their order.
    pub fn weights(&self) -> impl Iterator<Item = &ModuleWeights> {
        self.steps.iter().filter_map(|step| match step {
            Step::Dense(dense) => Some(&dense.weights),
            Step::LayerNorm(norm) => Some(&norm.weights),
            Step::Normalize => None,
        })
    }

    /// Checks that all that is needed to compute it is there.
    ///
    /// Not asked where the graph computes it: then only the graph's weights have to be there.
    ///
    /// Errors: [`ModelError::MissingFile`], [`ModelError::Unsupported`].
    pub(crate) fn check_computable(&self, folder: &Path) -> Result<(), ModelError> {
        let missing = |path: &Path| ModelError::MissingFile {
            folder: folder.to_owned(),
            file: path
                .strip_prefix(folder)
                .unwrap_or(path)
                .display()
                .to_string()
                .replace('\\', "/"),
        };
        if let Some(file) = &self.missing {
            return Err(missing(&folder.join(file)));
        }
        for step in &self.steps {
            let (name, is_configured) = match step {
                Step::Dense(dense) => (&dense.folder, dense.output.is_some()),
                Step::LayerNorm(norm) => (&norm.folder, norm.dimension.is_some()),
                Step::Normalize => continue,
            };
            if !is_configured {
                return Err(missing(&folder.join(name).join("config.json")));
            }
            if let Step::Dense(Dense {
                activation: Activation::Other(class),
                ..
            }) = step
            {
                return Err(ModelError::Unsupported {
                    path: folder.join(name).join("config.json"),
                    feature: Feature::Activation(class.clone()),
                });
            }
        }
        for weights in self.weights() {
            match weights {
                ModuleWeights::Here(_) => {}
                ModuleWeights::Pickled(path) => {
                    return Err(ModelError::Unsupported {
                        path: path.clone(),
                        feature: Feature::PickledWeights,
                    });
                }
                ModuleWeights::Missing(path) => return Err(missing(path)),
            }
        }
        Ok(())
    }

    /// Returns its parts in words, the first to come first.
    pub fn parts(&self) -> Vec<String> {
        let length = |length: Option<usize>| length.map_or_else(|| "?".into(), |length| length.to_string());
        let table = (self.network == Network::Table).then(|| "static embedding".to_owned());
        let lower_case = self.lower_case.then(|| "lower case".to_owned());
        let prompt = if self.pooling.include_prompt {
            ""
        } else {
            " without the prompt"
        };
        let pooling = format!("pooling: {}{prompt}", self.pooling.name());
        let steps = self.steps.iter().map(|step| match step {
            Step::Dense(dense) => format!(
                "dense: {} to {}, {}{}",
                length(dense.input),
                length(dense.output),
                dense.activation.name(),
                if dense.has_residual { ", residual" } else { "" }
            ),
            Step::LayerNorm(norm) => format!("layer norm: {}", length(norm.dimension)),
            Step::Normalize => "unit length".into(),
        });
        let before = table.into_iter().chain(lower_case);
        before.chain([pooling]).chain(steps).collect()
    }
}
