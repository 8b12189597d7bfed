//! How a configuration says that positions are a rotation.
//!
//! Version 4 of transformers wrote `rope_theta` and `rope_scaling`, 5 writes `rope_parameters`, in families with two kinds
//! of layers one for each kind.

use serde_json::Value;

use super::config::{Config, ConfigError, LayerType, positive, unsupported};
use crate::description::{Pairs, Rotary};

/// What a family's own code has where the configuration is silent.
#[derive(Clone, Copy)]
pub(super) struct Rope {
    /// Whose parameters are read; `None` in families with one kind of layers.
    pub(super) layers: Option<LayerType>,
    /// The key of version 4.
    pub(super) theta_key: &'static str,
    /// The base where there is no such key.
    pub(super) theta: f64,
    /// Whether `rope_scaling` of version 4 is about these layers.
    pub(super) is_scaled: bool,
}

/// Reads the rotation of heads of `width` values.
pub(super) fn read(config: &Config<'_>, rope: Rope, width: usize) -> Result<Rotary, ConfigError> {
    if !width.is_multiple_of(2) {
        return Err(config.invalid("head_dim", "an even number"));
    }
    let mut rotary = Rotary {
        theta: config.positive(rope.theta_key, rope.theta)?,
        width,
        pairs: Pairs::Halves,
        divisor: 1.0,
    };
    config.only("partial_rotary_factor", &[Value::from(1), Value::from(1.0)])?;
    if let Some(parameters) = config.some("rope_parameters") {
        let own = rope.layers.and_then(|layers| parameters.get(layers.name()));
        apply(&mut rotary, "rope_parameters", own.unwrap_or(parameters))?;
    }
    if let Some(scaling) = config.some("rope_scaling").filter(|_| rope.is_scaled) {
        apply(&mut rotary, "rope_scaling", scaling)?;
    }
    Ok(rotary)
}

fn apply(rotary: &mut Rotary, key: &str, parameters: &Value) -> Result<(), ConfigError> {
    let Value::Object(values) = parameters else {
        return Err(unsupported(key, parameters));
    };
    let number = |name: &str| match values.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => positive(&format!("{key}.{name}"), value).map(Some),
    };
    if let Some(theta) = number("rope_theta")? {
        rotary.theta = theta;
    }
    if number("partial_rotary_factor")?.is_some_and(|factor| factor != 1.0) {
        return Err(unsupported(key, parameters));
    }
    let kind = values.get("rope_type").or_else(|| values.get("type"));
    match kind.map_or(Some("default"), Value::as_str) {
        Some("default") => {}
        Some("linear") => {
            rotary.divisor = number("factor")?.ok_or_else(|| unsupported(key, parameters))?;
        }
        // As GTE's own code has it: the base grows by the factor, and every frequency shrinks by its own share of it.
        Some("ntk") if number("mixed_b")?.is_none() => {
            let factor = number("factor")?.ok_or_else(|| unsupported(key, parameters))?;
            if factor > 1.0 {
                rotary.theta *= factor;
                rotary.divisor = libm::pow(factor, 2.0 / rotary.width as f64);
            }
        }
        _ => return Err(unsupported(key, parameters)),
    }
    Ok(())
}
