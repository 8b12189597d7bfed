//! ModernBERT: norms before, rotations, and layers of which most see only their neighborhood. Ruri v3, gte-modernbert.

use serde_json::Value;

use super::{
    bert::attention,
    config::{Config, ConfigError, LayerType},
    model::Model,
    names::{Names, own, packed},
    rope::{self, Rope},
};
use crate::description::{Attention, Description, Embedding, FeedForward, Layer, Norm, NormKind, Norms};

const NAMES: Names = Names {
    tokens: "embeddings.tok_embeddings.weight",
    embedding_norm: "embeddings.norm",
    final_norm: "final_norm",
    layer: "layers.",
    query: packed("attn.Wqkv", 0, 3),
    key: packed("attn.Wqkv", 1, 3),
    value: packed("attn.Wqkv", 2, 3),
    output: own("attn.Wo"),
    // The first half has the activation.
    gate: packed("mlp.Wi", 0, 2),
    up: packed("mlp.Wi", 1, 2),
    down: own("mlp.Wo"),
    before_attention: "attn_norm",
    before_feed_forward: "mlp_norm",
    ..Names::NONE
};

const GLOBAL: Rope = Rope {
    layers: Some(LayerType::Full),
    theta_key: "global_rope_theta",
    theta: 160_000.0,
    is_scaled: true,
};

pub(super) fn read(config: &Config<'_>) -> Result<Model, ConfigError> {
    config.only_code(&[])?;
    config.only(
        "position_embedding_type",
        &[Value::from("absolute"), Value::from("rope")],
    )?;
    let hidden = config.count("hidden_size", 768)?;
    let heads = config.count("num_attention_heads", 12)?;
    let head_width = config.head_width(hidden, heads, "num_attention_heads")?;
    let layers = config.layers("num_hidden_layers")?;
    let has_bias = config.flag("attention_bias", false)?;
    let has_feed_forward_bias = config.flag("mlp_bias", false)?;
    let norm = Norm {
        kind: match config.flag("norm_bias", false)? {
            true => NormKind::Layer,
            false => NormKind::LayerWithoutBias,
        },
        epsilon: config.positive("norm_eps", 1e-5)? as f32,
    };
    let global = rope::read(config, GLOBAL, head_width)?;
    // Version 4: a `null` says that the near layers have the base of the others.
    let is_shared = config.get("local_rope_theta").is_some_and(Value::is_null);
    let local = Rope {
        layers: Some(LayerType::Sliding),
        theta_key: "local_rope_theta",
        theta: if is_shared { global.theta } else { 10_000.0 },
        is_scaled: true,
    };
    let local = rope::read(config, local, head_width)?;
    let reach = config.count("local_attention", 128)? / 2;
    let every = config.count("global_attn_every_n_layers", 3)?;
    let types = match config.layer_types(layers)? {
        Some(types) => types,
        None => LayerType::of_each(layers, |index| !index.is_multiple_of(every)),
    };
    let feed_forward = FeedForward {
        inner: config.count("intermediate_size", 1152)?,
        activation: config.activation("hidden_activation", "gelu")?,
        is_gated: true,
        has_up_bias: has_feed_forward_bias,
        has_down_bias: has_feed_forward_bias,
    };
    let layer = |(index, kind): (usize, &LayerType)| Layer {
        norms: Norms::Before {
            // What comes into the first layer was normed by the embeddings.
            attention: (index > 0).then_some(norm),
            feed_forward: Some(norm),
        },
        attention: Attention {
            reach: (*kind == LayerType::Sliding).then_some(reach),
            has_bias,
            has_output_bias: has_bias,
            rotary: Some(if *kind == LayerType::Sliding {
                local
            } else {
                global
            }),
            ..attention(heads, head_width)
        },
        feed_forward,
    };
    let description = Description {
        hidden,
        vocabulary: config.needed_count("vocab_size")?,
        max_tokens: None,
        embedding: Embedding {
            positions: None,
            has_token_type: false,
            scale: 1.0,
            norm: Some(norm),
        },
        layers: types.iter().enumerate().map(layer).collect(),
        final_norm: Some(norm),
    };
    Ok(Model {
        description,
        names: &[NAMES],
    })
}
