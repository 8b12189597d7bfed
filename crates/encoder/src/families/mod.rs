//! The families of encoders: what their configurations say, and what their files call each part.
//!
//! A family is a function from `config.json` to a [`Description`](crate::description::Description) and to tables of
//! [`Names`]. It reads what transformers 4 wrote, and what 5 writes; what a configuration leaves out has the value that the
//! family's own code gives it. Whatever a configuration says that is not computed here is refused by its name and value.
//!
//! Source: transformers 5.24, `configuration_*.py`, and the configurations of nomic-bert and of GTE's `new-impl`, which
//! come with code of their own.

mod bert;
mod config;
mod distilbert;
mod gemma3;
mod gte;
mod model;
mod modernbert;
mod mpnet;
mod names;
mod nomic;
mod qwen3;
mod roberta;
mod rope;

use self::config::Config;
pub use self::{
    config::ConfigError,
    model::Model,
    names::{Names, ProductName},
};

type Read = fn(&Config<'_>) -> Result<Model, ConfigError>;

/// Each family's `model_type`, and its function.
const FAMILIES: &[(&str, Read)] = &[
    ("bert", bert::read),
    ("camembert", roberta::read),
    ("distilbert", distilbert::read),
    ("gemma3_text", gemma3::read),
    ("gte", gte::read),
    ("modernbert", modernbert::read),
    ("mpnet", mpnet::read),
    ("new", gte::read),
    ("nomic_bert", nomic::read),
    ("qwen3", qwen3::read),
    ("roberta", roberta::read),
    ("xlm-roberta", roberta::read),
];

/// Returns the names of the families that are computed.
pub fn known() -> impl Iterator<Item = &'static str> {
    FAMILIES.iter().map(|(name, _)| *name)
}

/// Reads the text of a `config.json`.
///
/// Errors: [`ConfigError`].
pub fn read(json: &str) -> Result<Model, ConfigError> {
    let values: serde_json::Value = serde_json::from_str(json)?;
    let family = values["model_type"].as_str().unwrap_or_default().to_owned();
    let Some((_, read)) = FAMILIES.iter().find(|(name, _)| *name == family) else {
        return Err(ConfigError::UnknownFamily { family });
    };
    let config = Config::new(&values)?;
    config.refuse_foreign_parts()?;
    read(&config)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
