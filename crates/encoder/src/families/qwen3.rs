//! Qwen3: a language model whose last token is the text's vector; norms before, norms of queries and keys, a gate. A token
//! sees only those before it, unless the configuration says otherwise.

use super::{
    bert::scale,
    config::{Config, ConfigError, LayerType},
    model::Model,
    names::{Names, own},
    rope::{self, Rope},
};
use crate::description::{Attention, Description, Embedding, FeedForward, Layer, Norm, NormKind, Norms};

pub(super) const NAMES: Names = Names {
    tokens: "embed_tokens.weight",
    final_norm: "norm",
    layer: "layers.",
    query: own("self_attn.q_proj"),
    key: own("self_attn.k_proj"),
    value: own("self_attn.v_proj"),
    output: own("self_attn.o_proj"),
    query_norm: "self_attn.q_norm",
    key_norm: "self_attn.k_norm",
    gate: own("mlp.gate_proj"),
    up: own("mlp.up_proj"),
    down: own("mlp.down_proj"),
    before_attention: "input_layernorm",
    before_feed_forward: "post_attention_layernorm",
    ..Names::NONE
};

pub(super) fn read(config: &Config<'_>) -> Result<Model, ConfigError> {
    config.only_code(&[])?;
    let heads = config.needed_count("num_attention_heads")?;
    let key_value_heads = match config.get("num_key_value_heads") {
        Some(value) if value.is_null() => heads,
        _ => config.count("num_key_value_heads", 32)?,
    };
    if !heads.is_multiple_of(key_value_heads) {
        return Err(config.invalid("num_key_value_heads", "a divisor of num_attention_heads"));
    }
    let head_width = config.count("head_dim", 128)?;
    let layers = config.layers("num_hidden_layers")?;
    let has_window = config.flag("use_sliding_window", false)?;
    let window = match config.get("sliding_window") {
        Some(value) if value.is_null() => None,
        _ => Some(config.count("sliding_window", 4096)?).filter(|_| has_window),
    };
    let types = match config.layer_types(layers)? {
        Some(types) => types,
        None => {
            let first = config.count_or_zero("max_window_layers", 28)?;
            let is_near = |index: usize| window.is_some() && index >= first;
            LayerType::of_each(layers, is_near)
        }
    };
    if types.contains(&LayerType::Sliding) && window.is_none() {
        return Err(config.invalid("sliding_window", "a window for the layers that have one"));
    }
    let is_causal = config.flag("is_causal", true)?;
    let norm = Norm {
        kind: NormKind::Rms,
        epsilon: config.positive("rms_norm_eps", 1e-6)? as f32,
    };
    let rope = Rope {
        layers: None,
        theta_key: "rope_theta",
        theta: 10_000.0,
        is_scaled: true,
    };
    let rotary = rope::read(config, rope, head_width)?;
    let has_bias = config.flag("attention_bias", false)?;
    let feed_forward = FeedForward {
        inner: config.needed_count("intermediate_size")?,
        activation: config.activation("hidden_act", "silu")?,
        is_gated: true,
        has_up_bias: false,
        has_down_bias: false,
    };
    let layer = |kind: &LayerType| Layer {
        norms: Norms::Before {
            attention: Some(norm),
            feed_forward: Some(norm),
        },
        attention: Attention {
            heads,
            key_value_heads,
            head_width,
            scale: scale(head_width as f64),
            is_causal,
            // A causal window counts the token itself; one to both sides is a distance.
            reach: window
                .filter(|_| *kind == LayerType::Sliding)
                .map(|window| if is_causal { window - 1 } else { window }),
            has_bias,
            has_output_bias: has_bias,
            query_key_norm: Some(norm),
            rotary: Some(rotary),
            relative: None,
        },
        feed_forward,
    };
    let description = Description {
        hidden: config.needed_count("hidden_size")?,
        vocabulary: config.needed_count("vocab_size")?,
        max_tokens: None,
        embedding: Embedding {
            positions: None,
            has_token_type: false,
            scale: 1.0,
            norm: None,
        },
        layers: types.iter().map(layer).collect(),
        final_norm: Some(norm),
    };
    Ok(Model {
        description,
        names: &[NAMES],
    })
}
