//! GTE 1.5 and arctic-embed-m-v2 (`new` with code of its own, `gte` in transformers): BERT with rotations and a gate.

use serde_json::Value;

use super::{
    bert::attention,
    config::{Config, ConfigError, LayerType},
    model::Model,
    names::{Names, own, packed},
    rope::{self, Rope},
};
use crate::description::{Attention, Description, Embedding, FeedForward, Layer, Norm, NormKind, Norms};

/// Those of its own code, which packs what goes in together.
const PACKED: Names = Names {
    tokens: "embeddings.word_embeddings.weight",
    token_types: "embeddings.token_type_embeddings.weight",
    embedding_norm: "embeddings.LayerNorm",
    layer: "encoder.layer.",
    query: packed("attention.qkv_proj", 0, 3),
    key: packed("attention.qkv_proj", 1, 3),
    value: packed("attention.qkv_proj", 2, 3),
    output: own("attention.o_proj"),
    up: packed("mlp.up_gate_proj", 0, 2),
    gate: packed("mlp.up_gate_proj", 1, 2),
    down: own("mlp.down_proj"),
    after_attention: "attn_ln",
    after_feed_forward: "mlp_ln",
    ..Names::NONE
};

/// Those of its own code where `pack_qkv` is not set.
const UNPACKED: Names = Names {
    query: own("attention.q_proj"),
    key: own("attention.k_proj"),
    value: own("attention.v_proj"),
    ..PACKED
};

/// Those of transformers.
pub(super) const NATIVE: Names = Names {
    layer: "layers.",
    query: own("self_attn.q_proj"),
    key: own("self_attn.k_proj"),
    value: own("self_attn.v_proj"),
    output: own("self_attn.o_proj"),
    up: own("mlp.up_proj"),
    gate: own("mlp.gate_proj"),
    after_attention: "post_attention_layernorm",
    after_feed_forward: "post_mlp_layernorm",
    ..PACKED
};

pub(super) fn read(config: &Config<'_>) -> Result<Model, ConfigError> {
    config.only_code(&["NewModel", "GteModel"])?;
    config.only("position_embedding_type", &[Value::from("rope")])?;
    config.only("layer_norm_type", &[Value::from("layer_norm")])?;
    let hidden = config.needed_count("hidden_size")?;
    let heads = config.needed_count("num_attention_heads")?;
    let head_width = config.head_width(hidden, heads, "num_attention_heads")?;
    config.only("head_dim", &[Value::from(head_width)])?;
    // Its own code and transformers have different bases for a configuration that names none.
    let is_native = config.get("rope_theta").is_none() && config.get("pack_qkv").is_none();
    let rope = Rope {
        layers: None::<LayerType>,
        theta_key: "rope_theta",
        theta: if is_native { 160_000.0 } else { 10_000.0 },
        is_scaled: true,
    };
    let norm = Norm {
        kind: NormKind::Layer,
        epsilon: config.positive("layer_norm_eps", 1e-12)? as f32,
    };
    let layer = Layer {
        norms: Norms::After {
            attention: norm,
            feed_forward: norm,
        },
        attention: Attention {
            rotary: Some(rope::read(config, rope, head_width)?),
            ..attention(heads, head_width)
        },
        feed_forward: FeedForward {
            inner: config.needed_count("intermediate_size")?,
            activation: config.activation("hidden_act", "gelu")?,
            is_gated: true,
            has_up_bias: false,
            has_down_bias: true,
        },
    };
    let description = Description {
        hidden,
        vocabulary: config.needed_count("vocab_size")?,
        max_tokens: None,
        embedding: Embedding {
            positions: None,
            has_token_type: config.count_or_zero("type_vocab_size", 1)? > 0,
            scale: 1.0,
            norm: Some(norm),
        },
        layers: vec![layer; config.layers("num_hidden_layers")?],
        final_norm: None,
    };
    Ok(Model {
        description,
        names: &[PACKED, UNPACKED, NATIVE],
    })
}
