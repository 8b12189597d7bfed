//! A `config.json`, read so that every value is checked and whatever is not computed is refused.

use serde_json::{Map, Value};

use crate::description::Activation;

/// Why a configuration is not computed.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is not JSON.
    #[error("the configuration is not JSON")]
    NotJson(#[from] serde_json::Error),
    /// The family is not among [`known`](super::known).
    #[error("the family {family:?} is not computed here")]
    UnknownFamily {
        /// Its `model_type`; empty where the configuration names none.
        family: String,
    },
    /// The family is computed, and this variant of it is not.
    #[error("the configuration has {key} = {value}, which is not computed here")]
    Unsupported {
        /// The key of the configuration.
        key: String,
        /// Its value, as JSON.
        value: String,
    },
    /// A value is missing, of another type, or out of range.
    #[error("the configuration has {key} = {value}, where {expected} is expected")]
    Invalid {
        /// The key of the configuration.
        key: String,
        /// Its value, as JSON; "nothing" where it is missing.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
}

/// Numbers of things are at most this. The weights' shapes have to agree with them, but some sizes are used before the
/// weights are opened.
const MOST: u64 = 1 << 24;

/// Layers are at most this many.
const MOST_LAYERS: usize = 1024;

/// The values of a `config.json`.
pub(super) struct Config<'a> {
    values: &'a Map<String, Value>,
}

impl<'a> Config<'a> {
    pub(super) fn new(values: &'a Value) -> Result<Self, ConfigError> {
        match values {
            Value::Object(values) => Ok(Self { values }),
            other => Err(invalid("(the whole)", Some(other), "an object")),
        }
    }

    /// Returns a value; one that is `null` is there, and says that there is none.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.values.get(key)
    }

    /// Returns a value that is not `null`.
    pub(super) fn some(&self, key: &str) -> Option<&'a Value> {
        self.get(key).filter(|value| !value.is_null())
    }

    /// Returns a number of things, at least 1.
    pub(super) fn count(&self, key: &str, default: usize) -> Result<usize, ConfigError> {
        Ok(self.optional_count(key)?.unwrap_or(default))
    }

    /// Returns a number of things, at least 1; `None` where it is left out or `null`.
    pub(super) fn optional_count(&self, key: &str) -> Result<Option<usize>, ConfigError> {
        let Some(value) = self.some(key) else {
            return Ok(None);
        };
        match value.as_u64() {
            Some(count @ 1..=MOST) => Ok(Some(count as usize)),
            _ => Err(invalid(key, Some(value), "a number from 1 to 16777216")),
        }
    }

    /// Returns a number of things that every configuration of the family has.
    pub(super) fn needed_count(&self, key: &str) -> Result<usize, ConfigError> {
        self.optional_count(key)?
            .ok_or_else(|| invalid(key, None, "a number from 1 to 16777216"))
    }

    /// Returns a number of layers.
    pub(super) fn layers(&self, key: &str) -> Result<usize, ConfigError> {
        let count = self.needed_count(key)?;
        if count > MOST_LAYERS {
            return Err(invalid(key, self.get(key), "a number from 1 to 1024"));
        }
        Ok(count)
    }

    /// Returns a number that may be 0.
    pub(super) fn count_or_zero(&self, key: &str, default: usize) -> Result<usize, ConfigError> {
        match self.some(key) {
            Some(value) if value.as_u64() == Some(0) => Ok(0),
            _ => self.count(key, default),
        }
    }

    /// Returns a number above 0.
    pub(super) fn positive(&self, key: &str, default: f64) -> Result<f64, ConfigError> {
        match self.some(key) {
            None => Ok(default),
            Some(value) => positive(key, value),
        }
    }

    /// Returns whether something is so.
    pub(super) fn flag(&self, key: &str, default: bool) -> Result<bool, ConfigError> {
        match self.some(key) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(invalid(key, Some(other), "true or false")),
        }
    }

    /// Returns the activation of a feed-forward.
    pub(super) fn activation(&self, key: &str, default: &str) -> Result<Activation, ConfigError> {
        let name = match self.some(key) {
            None => default,
            Some(Value::String(name)) => name,
            Some(other) => return Err(invalid(key, Some(other), "a name")),
        };
        match name {
            "gelu" | "gelu_python" => Ok(Activation::Gelu),
            // The makers have several names, and orders of the same operations, for this formula.
            "gelu_new" | "gelu_pytorch_tanh" | "gelu_python_tanh" | "gelu_fast" | "gelu_accurate" => {
                Ok(Activation::GeluTanh)
            }
            "silu" | "swish" => Ok(Activation::Silu),
            "relu" => Ok(Activation::Relu),
            other => Err(unsupported(key, &Value::from(other))),
        }
    }

    /// Refuses a value other than those that are computed; one that is left out or `null` is computed.
    pub(super) fn only(&self, key: &str, computed: &[Value]) -> Result<(), ConfigError> {
        match self.some(key) {
            Some(value) if !computed.contains(value) => Err(unsupported(key, value)),
            _ => Ok(()),
        }
    }

    /// Refuses a thing that is not computed, unless it is left out, `null`, `false`, 0, or empty.
    pub(super) fn refuse(&self, key: &str) -> Result<(), ConfigError> {
        let Some(value) = self.some(key) else {
            return Ok(());
        };
        let is_nothing = match value {
            Value::Bool(flag) => !flag,
            Value::Number(number) => number.as_f64() == Some(0.0),
            Value::String(text) => text.is_empty(),
            Value::Array(values) => values.is_empty(),
            Value::Object(values) => values.is_empty(),
            Value::Null => true,
        };
        if is_nothing {
            Ok(())
        } else {
            Err(unsupported(key, value))
        }
    }

    /// Refuses what any configuration can say, in whatever family, and no family here computes.
    pub(super) fn refuse_foreign_parts(&self) -> Result<(), ConfigError> {
        const FOREIGN: [&str; 16] = [
            // Weights that are not numbers as they are.
            "quantization_config",
            "compression_config",
            // A decoder's half of a model of two.
            "is_decoder",
            "is_encoder_decoder",
            "add_cross_attention",
            "cross_attention_hidden_size",
            // Mixtures of experts.
            "num_experts",
            "num_local_experts",
            "n_routed_experts",
            "moe_num_experts",
            // Layers that are changed by what stands beside them.
            "pruned_heads",
            "adapters",
            "lora_adaptations",
            "attn_logit_softcapping",
            "logn_attention_scale",
            "logn_attention_clip1",
        ];
        FOREIGN.iter().try_for_each(|key| self.refuse(key))
    }

    /// Refuses a configuration that names code of its own for the model, unless it is code that the family is from.
    pub(super) fn only_code(&self, classes: &[&str]) -> Result<(), ConfigError> {
        let Some(code) = self.some("auto_map").and_then(|map| map.get("AutoModel")) else {
            return Ok(());
        };
        let class = code.as_str().and_then(|name| name.rsplit('.').next());
        match class {
            Some(class) if classes.contains(&class) => Ok(()),
            _ => Err(unsupported("auto_map.AutoModel", code)),
        }
    }

    /// Returns what kind of attention each of the layers has; `None` where the configuration has no such list.
    pub(super) fn layer_types(&self, layers: usize) -> Result<Option<Vec<LayerType>>, ConfigError> {
        const KEY: &str = "layer_types";
        let Some(value) = self.some(KEY) else {
            return Ok(None);
        };
        let names = value.as_array().filter(|names| names.len() == layers);
        let names = names.ok_or_else(|| invalid(KEY, Some(value), "a name for each layer"))?;
        let read = |name: &Value| match name.as_str() {
            Some("full_attention") => Ok(LayerType::Full),
            Some("sliding_attention") => Ok(LayerType::Sliding),
            _ => Err(unsupported(KEY, name)),
        };
        names.iter().map(read).collect::<Result<Vec<_>, _>>().map(Some)
    }

    /// Returns the width of a head where the heads together are as wide as a token.
    pub(super) fn head_width(&self, hidden: usize, heads: usize, key: &str) -> Result<usize, ConfigError> {
        if hidden.is_multiple_of(heads) {
            Ok(hidden / heads)
        } else {
            Err(invalid(key, self.get(key), "a divisor of a token's width"))
        }
    }

    /// Returns the error of a value that is not what it has to be.
    pub(super) fn invalid(&self, key: &str, expected: &'static str) -> ConfigError {
        invalid(key, self.get(key), expected)
    }
}

/// What a layer's tokens see.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LayerType {
    Full,
    Sliding,
}

impl LayerType {
    /// Returns the kind of each layer, by its index.
    pub(super) fn of_each(layers: usize, is_sliding: impl Fn(usize) -> bool) -> Vec<Self> {
        let of = |index| {
            if is_sliding(index) {
                Self::Sliding
            } else {
                Self::Full
            }
        };
        (0..layers).map(of).collect()
    }

    /// The name that configurations have for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Full => "full_attention",
            Self::Sliding => "sliding_attention",
        }
    }
}

/// Returns a number above 0.
pub(super) fn positive(key: &str, value: &Value) -> Result<f64, ConfigError> {
    match value.as_f64() {
        Some(number) if number > 0.0 && number.is_finite() => Ok(number),
        _ => Err(invalid(key, Some(value), "a number above 0")),
    }
}

/// Returns the error of a value that is right, and not computed.
pub(super) fn unsupported(key: &str, value: &Value) -> ConfigError {
    ConfigError::Unsupported {
        key: key.to_owned(),
        value: shown(Some(value)),
    }
}

fn invalid(key: &str, value: Option<&Value>, expected: &'static str) -> ConfigError {
    ConfigError::Invalid {
        key: key.to_owned(),
        value: shown(value),
        expected,
    }
}

/// Returns a value as JSON, its beginning where it is long.
fn shown(value: Option<&Value>) -> String {
    const MOST: usize = 120;
    let Some(value) = value else {
        return "nothing".to_owned();
    };
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
