//! DistilBERT: BERT without token types, with names of its own. multi-qa-distilbert, distiluse.

use super::{
    bert::attention,
    config::{Config, ConfigError},
    model::Model,
    names::{Names, own},
};
use crate::description::{
    Description, Embedding, FeedForward, Layer, LearnedPositions, Norm, NormKind, Norms,
};

const NAMES: Names = Names {
    tokens: "embeddings.word_embeddings.weight",
    positions: "embeddings.position_embeddings.weight",
    embedding_norm: "embeddings.LayerNorm",
    layer: "transformer.layer.",
    query: own("attention.q_lin"),
    key: own("attention.k_lin"),
    value: own("attention.v_lin"),
    output: own("attention.out_lin"),
    up: own("ffn.lin1"),
    down: own("ffn.lin2"),
    after_attention: "sa_layer_norm",
    after_feed_forward: "output_layer_norm",
    ..Names::NONE
};

/// The family's own code has this number in it.
const EPSILON: f32 = 1e-12;

pub(super) fn read(config: &Config<'_>) -> Result<Model, ConfigError> {
    config.only_code(&[])?;
    let (hidden, heads) = (config.count("dim", 768)?, config.count("n_heads", 12)?);
    let positions = config.count("max_position_embeddings", 512)?;
    let norm = Norm {
        kind: NormKind::Layer,
        epsilon: EPSILON,
    };
    let layer = Layer {
        norms: Norms::After {
            attention: norm,
            feed_forward: norm,
        },
        attention: attention(heads, config.head_width(hidden, heads, "n_heads")?),
        feed_forward: FeedForward {
            inner: config.count("hidden_dim", 4 * 768)?,
            activation: config.activation("activation", "gelu")?,
            is_gated: false,
            has_up_bias: true,
            has_down_bias: true,
        },
    };
    let description = Description {
        hidden,
        vocabulary: config.needed_count("vocab_size")?,
        max_tokens: Some(positions),
        embedding: Embedding {
            positions: Some(LearnedPositions {
                first: 0,
                count: positions,
                uncounted: None,
            }),
            has_token_type: false,
            scale: 1.0,
            norm: Some(norm),
        },
        layers: vec![layer; config.layers("n_layers")?],
        final_norm: None,
    };
    Ok(Model {
        description,
        names: &[NAMES],
    })
}
