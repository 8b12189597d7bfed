//! nomic-bert: BERT with rotations, and mostly a gate and no biases. nomic-embed-text 1 and 1.5, CodeRankEmbed.
//!
//! Its own code has names of GPT-2's family in the configuration, transformers those of BERT's.

use serde_json::Value;

use super::{
    bert::attention,
    config::{Config, ConfigError, LayerType, unsupported},
    gte,
    model::Model,
    names::{Names, own, packed},
    rope::{self, Rope},
};
use crate::description::{
    Activation, Attention, Description, Embedding, FeedForward, Layer, Norm, NormKind, Norms, Pairs, Rotary,
};

const GATED: Names = Names {
    tokens: "embeddings.word_embeddings.weight",
    token_types: "embeddings.token_type_embeddings.weight",
    embedding_norm: "emb_ln",
    layer: "encoder.layers.",
    query: packed("attn.Wqkv", 0, 3),
    key: packed("attn.Wqkv", 1, 3),
    value: packed("attn.Wqkv", 2, 3),
    output: own("attn.out_proj"),
    up: own("mlp.fc11"),
    gate: own("mlp.fc12"),
    down: own("mlp.fc2"),
    after_attention: "norm1",
    after_feed_forward: "norm2",
    ..Names::NONE
};

const PLAIN: Names = Names {
    up: own("mlp.fc1"),
    ..GATED
};

pub(super) fn read(config: &Config<'_>) -> Result<Model, ConfigError> {
    config.only_code(&["NomicBertModel"])?;
    if config.get("n_embd").is_some() {
        read_own(config)
    } else {
        read_native(config)
    }
}

fn read_own(config: &Config<'_>) -> Result<Model, ConfigError> {
    for key in [
        "prenorm",
        "parallel_block",
        "use_rms_norm",
        "causal",
        "rotary_scaling_factor",
        "rotary_emb_scale_base",
        "norm_mlp",
        "rotary_head_dim",
        "num_shared_experts",
        "mup",
    ] {
        config.refuse(key)?;
    }
    let (hidden, heads) = (config.needed_count("n_embd")?, config.needed_count("n_head")?);
    config.only("num_heads_kv", &[Value::from(heads)])?;
    let head_width = config.head_width(hidden, heads, "n_head")?;
    let (activation, is_gated) = match config.some("activation_function").and_then(Value::as_str) {
        Some("swiglu") => (Activation::Silu, true),
        Some("geglu") => (Activation::Gelu, true),
        Some("gelu") => (Activation::Gelu, false),
        _ => {
            let value = config.get("activation_function").unwrap_or(&Value::Null);
            return Err(unsupported("activation_function", value));
        }
    };
    let fraction = config.positive("rotary_emb_fraction", 1.0)?;
    let width = (head_width as f64 * fraction) as usize;
    if fraction > 1.0 || width == 0 || !width.is_multiple_of(2) {
        return Err(config.invalid("rotary_emb_fraction", "an even number of a head's values"));
    }
    let has_bias = config.flag("qkv_proj_bias", true)?;
    let attention = Attention {
        has_bias,
        has_output_bias: has_bias,
        rotary: Some(Rotary {
            theta: config.positive("rotary_emb_base", 10_000.0)?,
            width,
            pairs: match config.flag("rotary_emb_interleaved", false)? {
                true => Pairs::Neighbours,
                false => Pairs::Halves,
            },
            divisor: 1.0,
        }),
        ..attention(heads, head_width)
    };
    let feed_forward = FeedForward {
        inner: config.count("n_inner", 4 * hidden)?,
        activation,
        is_gated,
        has_up_bias: config.flag("mlp_fc1_bias", true)?,
        has_down_bias: config.flag("mlp_fc2_bias", true)?,
    };
    let epsilon = config.positive("layer_norm_epsilon", 1e-5)?;
    Ok(Model {
        description: describe(config, hidden, "n_layer", epsilon, attention, feed_forward)?,
        names: if is_gated { &[GATED] } else { &[PLAIN] },
    })
}

fn read_native(config: &Config<'_>) -> Result<Model, ConfigError> {
    let hidden = config.count("hidden_size", 768)?;
    let heads = config.count("num_attention_heads", 12)?;
    let head_width = match config.optional_count("head_dim")? {
        Some(width) => width,
        None => config.head_width(hidden, heads, "num_attention_heads")?,
    };
    let rope = Rope {
        layers: None::<LayerType>,
        theta_key: "rope_theta",
        theta: 1000.0,
        is_scaled: true,
    };
    let attention = Attention {
        has_bias: false,
        has_output_bias: false,
        rotary: Some(rope::read(config, rope, head_width)?),
        ..attention(heads, head_width)
    };
    let feed_forward = FeedForward {
        inner: config.count("intermediate_size", 3072)?,
        activation: config.activation("hidden_act", "silu")?,
        is_gated: true,
        has_up_bias: false,
        has_down_bias: false,
    };
    let epsilon = config.positive("layer_norm_eps", 1e-12)?;
    Ok(Model {
        description: describe(
            config,
            hidden,
            "num_hidden_layers",
            epsilon,
            attention,
            feed_forward,
        )?,
        names: &[gte::NATIVE, GATED],
    })
}

fn describe(
    config: &Config<'_>,
    hidden: usize,
    layers: &str,
    epsilon: f64,
    attention: Attention,
    feed_forward: FeedForward,
) -> Result<Description, ConfigError> {
    let norm = Norm {
        kind: NormKind::Layer,
        epsilon: epsilon as f32,
    };
    let layer = Layer {
        norms: Norms::After {
            attention: norm,
            feed_forward: norm,
        },
        attention,
        feed_forward,
    };
    Ok(Description {
        hidden,
        vocabulary: config.needed_count("vocab_size")?,
        max_tokens: None,
        embedding: Embedding {
            positions: None,
            has_token_type: config.count_or_zero("type_vocab_size", 2)? > 0,
            scale: 1.0,
            norm: Some(norm),
        },
        layers: vec![layer; config.layers(layers)?],
        final_norm: None,
    })
}
