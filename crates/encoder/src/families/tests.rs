use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// A configuration that is computed, of each family.
fn computed() -> Vec<Value> {
    let bert = json!({
        "hidden_size": 32, "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 8, "vocab_size": 9,
        "head_dim": 16, "num_key_value_heads": 1, "dim": 32, "n_heads": 2, "n_layers": 2, "hidden_dim": 8,
    });
    known()
        .map(|family| {
            let mut config = bert.clone();
            config["model_type"] = json!(family);
            config
        })
        .collect()
}

fn with(config: &Value, key: &str, value: Value) -> Value {
    let mut config = config.clone();
    config[key] = value;
    config
}

fn error(config: &Value) -> String {
    read(&config.to_string()).unwrap_err().to_string()
}

#[test]
fn every_family_reads_a_configuration_that_says_only_sizes() {
    for config in computed() {
        let model = read(&config.to_string()).unwrap_or_else(|error| panic!("{config}: {error}"));
        assert_eq!(
            (model.description.hidden, model.description.layers.len()),
            (32, 2),
            "{config}"
        );
    }
}

#[test]
fn an_unknown_family_is_refused_by_its_name() {
    for (config, family) in [
        (json!({"model_type": "t5"}), "t5"),
        (json!({}), ""),
        (json!([1]), ""),
    ] {
        match read(&config.to_string()) {
            Err(ConfigError::UnknownFamily { family: found }) => assert_eq!(found, family),
            other => panic!("{config}: {other:?}"),
        }
    }
    assert!(matches!(read("{"), Err(ConfigError::NotJson(_))));
}

#[test]
fn what_is_not_computed_is_refused_in_every_family() {
    for config in computed() {
        for (key, value) in [
            ("quantization_config", json!({"bits": 4})),
            ("is_decoder", json!(true)),
            ("add_cross_attention", json!(true)),
            ("num_experts", json!(8)),
            ("attn_logit_softcapping", json!(50.0)),
            ("pruned_heads", json!({"0": [1]})),
            (
                "auto_map",
                json!({"AutoModel": "somebody/model--modeling.TheirModel"}),
            ),
        ] {
            let error = error(&with(&config, key, value));
            assert!(error.contains(key), "{config}: {error}");
        }
    }
}

#[test]
fn a_variant_of_a_family_is_refused_by_its_key_and_value() {
    let cases = [
        ("bert", "hidden_act", json!("gelu_10"), "hidden_act = \"gelu_10\""),
        (
            "bert",
            "position_embedding_type",
            json!("relative_key"),
            "relative_key",
        ),
        ("roberta", "position_embedding_type", json!("alibi"), "alibi"),
        ("bert", "embedding_size", json!(16), "embedding_size = 16"),
        ("distilbert", "activation", json!("tanh"), "activation = \"tanh\""),
        (
            "mpnet",
            "relative_attention_num_buckets",
            json!(64),
            "buckets = 64",
        ),
        (
            "modernbert",
            "layer_types",
            json!(["full_attention", "chunked_attention"]),
            "chunked_attention",
        ),
        (
            "modernbert",
            "rope_scaling",
            json!({"rope_type": "yarn", "factor": 4.0}),
            "yarn",
        ),
        (
            "qwen3",
            "rope_parameters",
            json!({"rope_type": "dynamic", "factor": 2.0}),
            "dynamic",
        ),
        (
            "qwen3",
            "partial_rotary_factor",
            json!(0.5),
            "partial_rotary_factor = 0.5",
        ),
        (
            "gemma3_text",
            "rope_scaling",
            json!({"rope_type": "llama3"}),
            "llama3",
        ),
        ("new", "logn_attention_scale", json!(true), "logn_attention_scale"),
        ("new", "layer_norm_type", json!("rms_norm"), "rms_norm"),
        (
            "new",
            "rope_scaling",
            json!({"type": "ntk", "factor": 2, "mixed_b": 0.5}),
            "mixed_b",
        ),
    ];
    for (family, key, value, expected) in cases {
        let all = computed();
        let config = all.iter().find(|config| config["model_type"] == family).unwrap();
        let error = error(&with(config, key, value));
        assert!(error.contains(expected), "{family}: {error}");
    }
}

#[test]
fn a_variant_of_nomics_own_configuration_is_refused() {
    let config = json!({
        "model_type": "nomic_bert", "n_embd": 32, "n_head": 2, "n_layer": 1, "n_inner": 8, "vocab_size": 9,
        "activation_function": "swiglu",
    });
    read(&config.to_string()).unwrap();
    for (key, value) in [
        ("prenorm", json!(true)),
        ("parallel_block", json!(true)),
        ("use_rms_norm", json!(true)),
        ("causal", json!(true)),
        ("rotary_scaling_factor", json!(2)),
        ("activation_function", json!("glu")),
        ("num_experts", json!(8)),
        ("rotary_emb_fraction", json!(0.1)),
    ] {
        let error = error(&with(&config, key, value));
        assert!(error.contains(key), "{error}");
    }
}

#[test]
fn code_of_the_family_itself_is_the_familys() {
    for (family, class) in [
        ("new", "NewModel"),
        ("gte", "GteModel"),
        ("nomic_bert", "NomicBertModel"),
    ] {
        let all = computed();
        let config = all.iter().find(|config| config["model_type"] == family).unwrap();
        let code = json!({"AutoModel": format!("somebody/implementation--modeling.{class}")});
        read(&with(config, "auto_map", code).to_string()).unwrap();
    }
}

#[test]
fn both_versions_of_transformers_say_the_same() {
    let size = json!({
        "model_type": "modernbert", "hidden_size": 32, "num_attention_heads": 2, "num_hidden_layers": 4, "vocab_size": 9,
    });
    let mut four = with(&size, "global_attn_every_n_layers", json!(2));
    four["global_rope_theta"] = json!(80_000.0);
    four["local_rope_theta"] = json!(500);
    let mut five = with(
        &size,
        "layer_types",
        json!([
            "full_attention",
            "sliding_attention",
            "full_attention",
            "sliding_attention"
        ]),
    );
    five["rope_parameters"] = json!({
        "full_attention": {"rope_type": "default", "rope_theta": 80_000.0},
        "sliding_attention": {"rope_theta": 500.0},
    });
    let described = |config: &Value| read(&config.to_string()).unwrap().description;
    assert_eq!(described(&four), described(&five));
    let shared = described(&with(&four, "local_rope_theta", Value::Null));
    assert_eq!(shared.layers[1].attention.rotary.unwrap().theta, 80_000.0);
}

#[test]
fn numbers_that_cannot_be_are_refused() {
    for config in computed() {
        let layers = if config["model_type"] == "distilbert" {
            "n_layers"
        } else {
            "num_hidden_layers"
        };
        for value in [
            json!(0),
            json!(-1),
            json!(1.5),
            json!("12"),
            json!(1u64 << 60),
            json!(100_000),
        ] {
            let error = error(&with(&config, layers, value));
            assert!(error.contains(layers), "{error}");
        }
    }
}

proptest! {
    #[test]
    fn whatever_a_configuration_says_nothing_panics(
        family in 0usize..12,
        key in 0usize..40,
        value in prop_oneof![
            Just(Value::Null), any::<bool>().prop_map(Value::from), any::<i64>().prop_map(Value::from),
            (0u64..70).prop_map(Value::from), any::<f64>().prop_map(Value::from), "[a-z_]{0,12}".prop_map(Value::from),
            Just(json!([])), Just(json!({})), Just(json!({"rope_type": "linear", "factor": 1e-300})),
        ],
    ) {
        const KEYS: [&str; 40] = [
            "hidden_size", "num_attention_heads", "num_hidden_layers", "intermediate_size", "vocab_size", "head_dim",
            "num_key_value_heads", "dim", "n_heads", "n_layers", "hidden_dim", "max_position_embeddings",
            "pad_token_id", "type_vocab_size", "layer_norm_eps", "rms_norm_eps", "norm_eps", "hidden_act",
            "hidden_activation", "activation", "layer_types", "rope_parameters", "rope_scaling", "rope_theta",
            "local_rope_theta", "global_rope_theta", "rope_local_base_freq", "sliding_window", "use_sliding_window",
            "max_window_layers", "local_attention", "global_attn_every_n_layers", "sliding_window_pattern",
            "use_bidirectional_attention", "query_pre_attn_scalar", "is_causal", "attention_bias", "n_embd",
            "partial_rotary_factor", "auto_map",
        ];
        let config = with(&computed()[family], KEYS[key], value);
        // Most are errors; those that are read have parts that fit each other.
        if let Ok(model) = read(&config.to_string()) {
            for layer in &model.description.layers {
                prop_assert_eq!(layer.attention.heads % layer.attention.key_value_heads, 0);
            }
        }
    }
}
