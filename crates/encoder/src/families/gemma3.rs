//! Gemma 3's text model: norms around, norms of queries and keys, a gate, and layers of which most see only their
//! neighborhood. EmbeddingGemma, where tokens see to both sides.

use super::{
    bert::scale,
    config::{Config, ConfigError, LayerType},
    model::Model,
    names::Names,
    qwen3,
    rope::{self, Rope},
};
use crate::description::{Attention, Description, Embedding, FeedForward, Layer, Norm, NormKind, Norms};

const NAMES: Names = Names {
    after_attention: "post_attention_layernorm",
    before_feed_forward: "pre_feedforward_layernorm",
    after_feed_forward: "post_feedforward_layernorm",
    ..qwen3::NAMES
};

const GLOBAL: Rope = Rope {
    layers: Some(LayerType::Full),
    theta_key: "rope_theta",
    theta: 1_000_000.0,
    is_scaled: true,
};

const LOCAL: Rope = Rope {
    layers: Some(LayerType::Sliding),
    theta_key: "rope_local_base_freq",
    theta: 10_000.0,
    is_scaled: false,
};

pub(super) fn read(config: &Config<'_>) -> Result<Model, ConfigError> {
    config.only_code(&[])?;
    let hidden = config.needed_count("hidden_size")?;
    let heads = config.needed_count("num_attention_heads")?;
    let key_value_heads = config.count("num_key_value_heads", 4)?;
    if !heads.is_multiple_of(key_value_heads) {
        return Err(config.invalid("num_key_value_heads", "a divisor of num_attention_heads"));
    }
    let head_width = config.count("head_dim", 256)?;
    let layers = config.layers("num_hidden_layers")?;
    let types = match config.layer_types(layers)? {
        Some(types) => types,
        None => {
            let every = config.count(
                "sliding_window_pattern",
                config.count("_sliding_window_pattern", 6)?,
            )?;
            LayerType::of_each(layers, |index| !(index + 1).is_multiple_of(every))
        }
    };
    let is_causal = !config.flag("use_bidirectional_attention", false)?;
    let window = config.count("sliding_window", 4096)?;
    // A causal window counts the token itself; one to both sides is as wide as both together.
    let reach = if is_causal { window - 1 } else { window / 2 };
    let (global, local) = (
        rope::read(config, GLOBAL, head_width)?,
        rope::read(config, LOCAL, head_width)?,
    );
    let norm = Norm {
        kind: NormKind::RmsPlusOne,
        epsilon: config.positive("rms_norm_eps", 1e-6)? as f32,
    };
    let has_bias = config.flag("attention_bias", false)?;
    let scale = scale(config.positive("query_pre_attn_scalar", 256.0)?);
    let feed_forward = FeedForward {
        inner: config.needed_count("intermediate_size")?,
        activation: config.activation("hidden_activation", "gelu_pytorch_tanh")?,
        is_gated: true,
        has_up_bias: false,
        has_down_bias: false,
    };
    let layer = |kind: &LayerType| Layer {
        norms: Norms::Around {
            before_attention: norm,
            after_attention: norm,
            before_feed_forward: norm,
            after_feed_forward: norm,
        },
        attention: Attention {
            heads,
            key_value_heads,
            head_width,
            scale,
            is_causal,
            reach: (*kind == LayerType::Sliding).then_some(reach),
            has_bias,
            has_output_bias: has_bias,
            query_key_norm: Some(norm),
            rotary: Some(if *kind == LayerType::Sliding {
                local
            } else {
                global
            }),
            relative: None,
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
            // The makers round it to the type they compute in, which is 32 bits here.
            scale: (hidden as f64).sqrt() as f32,
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
