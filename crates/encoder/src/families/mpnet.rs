//! MPNet: BERT without token types, with a bias by distance that all layers share. all-mpnet-base-v2.

use serde_json::Value;

use super::{
    bert,
    config::{Config, ConfigError},
    model::Model,
    names::{Names, own},
};
use crate::description::{LearnedPositions, Relative};

const NAMES: Names = Names {
    tokens: "embeddings.word_embeddings.weight",
    positions: "embeddings.position_embeddings.weight",
    embedding_norm: "embeddings.LayerNorm",
    relative: "encoder.relative_attention_bias.weight",
    layer: "encoder.layer.",
    query: own("attention.attn.q"),
    key: own("attention.attn.k"),
    value: own("attention.attn.v"),
    output: own("attention.attn.o"),
    up: own("intermediate.dense"),
    down: own("output.dense"),
    after_attention: "attention.LayerNorm",
    after_feed_forward: "output.LayerNorm",
    ..Names::NONE
};

/// The family's own code has these numbers in it, whatever the configuration says.
const RELATIVE: Relative = Relative {
    buckets: 32,
    max_distance: 128,
};
const PADDING: usize = 1;

pub(super) fn read(config: &Config<'_>) -> Result<Model, ConfigError> {
    config.only("relative_attention_num_buckets", &[Value::from(RELATIVE.buckets)])?;
    let count = config.count("max_position_embeddings", 512)?;
    if count <= PADDING + 1 {
        return Err(config.invalid("max_position_embeddings", "more rows than the padding's"));
    }
    let positions = LearnedPositions {
        first: PADDING + 1,
        count,
        uncounted: Some(PADDING as u32),
    };
    let mut description = bert::describe(config, positions)?;
    description.embedding.has_token_type = false;
    for layer in &mut description.layers {
        layer.attention.relative = Some(RELATIVE);
    }
    Ok(Model {
        description,
        names: &[NAMES],
    })
}
