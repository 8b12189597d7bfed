//! The small files that stand around a sentence-transformers model in a hub repository.
//!
//! The engine reads the embedded model as it reads any local folder, so pooling, prompts and limits are told
//! here in that layout, with the values of `intfloat/multilingual-e5-small`'s model card.

use serde_json::{Value, json};

use super::tokenizer::{BEGIN, END, MASK, PADDING, UNKNOWN};
use super::weights::Shape;

/// Tokens of the longest input, special ones included.
const MAX_TOKENS: usize = 512;

/// Relative path and content of each file.
pub(crate) fn hub_files(shape: &Shape) -> [(&'static str, Value); 8] {
    [
        ("config.json", config(shape)),
        ("tokenizer_config.json", tokenizer_config()),
        ("special_tokens_map.json", special_tokens_map()),
        (
            "sentence_bert_config.json",
            json!({ "max_seq_length": MAX_TOKENS, "do_lower_case": false }),
        ),
        ("config_sentence_transformers.json", prompts()),
        ("modules.json", modules()),
        ("1_Pooling/config.json", pooling(shape)),
        ("precision.json", precision()),
    ]
}

fn config(shape: &Shape) -> Value {
    json!({
        "_name_or_path": "intfloat/multilingual-e5-small",
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": shape.hidden,
        "intermediate_size": shape.feed_forward,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": shape.positions,
        "num_attention_heads": shape.heads,
        "num_hidden_layers": shape.layers,
        "pad_token_id": PADDING.1,
        "position_embedding_type": "absolute",
        "tokenizer_class": "XLMRobertaTokenizer",
        "type_vocab_size": 2,
        "vocab_size": shape.vocabulary,
    })
}

fn tokenizer_config() -> Value {
    json!({
        "tokenizer_class": "XLMRobertaTokenizer",
        "model_max_length": MAX_TOKENS,
        "bos_token": BEGIN.0,
        "cls_token": BEGIN.0,
        "eos_token": END.0,
        "sep_token": END.0,
        "pad_token": PADDING.0,
        "unk_token": UNKNOWN.0,
        "mask_token": MASK,
    })
}

fn special_tokens_map() -> Value {
    json!({
        "bos_token": BEGIN.0,
        "cls_token": BEGIN.0,
        "eos_token": END.0,
        "sep_token": END.0,
        "pad_token": PADDING.0,
        "unk_token": UNKNOWN.0,
        "mask_token": MASK,
    })
}

/// "passage" is the model card's word, "document" the one that tools use today.
fn prompts() -> Value {
    json!({
        "prompts": { "query": "query: ", "document": "passage: ", "passage": "passage: " },
        "default_prompt_name": null,
        "similarity_fn_name": "cosine",
    })
}

fn modules() -> Value {
    let module = |index: usize, path: &str, kind: &str| {
        let kind = format!("sentence_transformers.models.{kind}");
        json!({ "idx": index, "name": index.to_string(), "path": path, "type": kind })
    };
    json!([
        module(0, "", "Transformer"),
        module(1, "1_Pooling", "Pooling"),
        module(2, "2_Normalize", "Normalize"),
    ])
}

fn pooling(shape: &Shape) -> Value {
    json!({
        "word_embedding_dimension": shape.hidden,
        "pooling_mode_cls_token": false,
        "pooling_mode_mean_tokens": true,
        "pooling_mode_max_tokens": false,
        "pooling_mode_mean_sqrt_len_tokens": false,
    })
}

/// What Okibi found out about this model when it compared 8-bit integers with 32-bit floats on its thirty sentences, so that
/// not every machine has to; a test of the engine finds it out again.
pub(crate) fn precision() -> Value {
    json!({
        "int8": true,
        "worst_cosine": 0.998_778_623_516_56,
        "mean_cosine": 0.999_133_825_638_607_6,
        "neighbors": 0.97,
    })
}
