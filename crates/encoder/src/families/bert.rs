//! BERT: all-MiniLM, BGE, E5, GTE before 1.5, mxbai, arctic-embed.

use serde_json::Value;

use super::{
    config::{Config, ConfigError},
    model::Model,
    names::{Names, own},
};
use crate::description::{
    Attention, Description, Embedding, FeedForward, Layer, LearnedPositions, Norm, NormKind, Norms,
};

pub(super) const NAMES: Names = Names {
    tokens: "embeddings.word_embeddings.weight",
    positions: "embeddings.position_embeddings.weight",
    token_types: "embeddings.token_type_embeddings.weight",
    embedding_norm: "embeddings.LayerNorm",
    layer: "encoder.layer.",
    query: own("attention.self.query"),
    key: own("attention.self.key"),
    value: own("attention.self.value"),
    output: own("attention.output.dense"),
    up: own("intermediate.dense"),
    down: own("output.dense"),
    after_attention: "attention.output.LayerNorm",
    after_feed_forward: "output.LayerNorm",
    ..Names::NONE
};

pub(super) fn read(config: &Config<'_>) -> Result<Model, ConfigError> {
    let count = config.count("max_position_embeddings", 512)?;
    let positions = LearnedPositions {
        first: 0,
        count,
        uncounted: None,
    };
    Ok(Model {
        description: describe(config, positions)?,
        names: &[NAMES],
    })
}

/// Describes BERT, and those that differ from it in where their positions begin.
pub(super) fn describe(config: &Config<'_>, positions: LearnedPositions) -> Result<Description, ConfigError> {
    config.only_code(&[])?;
    config.only("position_embedding_type", &[Value::from("absolute")])?;
    let (hidden, heads) = (
        config.needed_count("hidden_size")?,
        config.needed_count("num_attention_heads")?,
    );
    config.only("embedding_size", &[Value::from(hidden)])?;
    config.count("type_vocab_size", 2)?;
    let norm = Norm {
        kind: NormKind::Layer,
        epsilon: config.positive("layer_norm_eps", 1e-12)? as f32,
    };
    let layer = Layer {
        norms: Norms::After {
            attention: norm,
            feed_forward: norm,
        },
        attention: attention(heads, config.head_width(hidden, heads, "num_attention_heads")?),
        feed_forward: FeedForward {
            inner: config.needed_count("intermediate_size")?,
            activation: config.activation("hidden_act", "gelu")?,
            is_gated: false,
            has_up_bias: true,
            has_down_bias: true,
        },
    };
    Ok(Description {
        hidden,
        vocabulary: config.needed_count("vocab_size")?,
        max_tokens: Some(positions.count - positions.first),
        embedding: Embedding {
            positions: Some(positions),
            has_token_type: true,
            scale: 1.0,
            norm: Some(norm),
        },
        layers: vec![layer; config.layers("num_hidden_layers")?],
        final_norm: None,
    })
}

/// BERT's attention: every token sees every other, and every product has a bias.
pub(super) fn attention(heads: usize, head_width: usize) -> Attention {
    Attention {
        heads,
        key_value_heads: heads,
        head_width,
        scale: scale(head_width as f64),
        is_causal: false,
        reach: None,
        has_bias: true,
        has_output_bias: true,
        query_key_norm: None,
        rotary: None,
        relative: None,
    }
}

/// The factor of scores, `1 / √width`.
pub(super) fn scale(width: f64) -> f32 {
    (1.0 / width.sqrt()) as f32
}
