//! RoBERTa, XLM-RoBERTa and CamemBERT: BERT whose positions begin after the padding's row. Multilingual E5, BGE-M3,
//! paraphrase-multilingual, arctic-embed-l-v2.

use super::{
    bert,
    config::{Config, ConfigError},
    model::Model,
};
use crate::description::LearnedPositions;

pub(super) fn read(config: &Config<'_>) -> Result<Model, ConfigError> {
    let padding = config.count_or_zero("pad_token_id", 1)?;
    let count = config.count("max_position_embeddings", 512)?;
    if count <= padding + 1 {
        return Err(config.invalid("max_position_embeddings", "more rows than the padding's"));
    }
    let positions = LearnedPositions {
        first: padding + 1,
        count,
        uncounted: Some(padding as u32),
    };
    Ok(Model {
        description: bert::describe(config, positions)?,
        names: &[bert::NAMES],
    })
}
