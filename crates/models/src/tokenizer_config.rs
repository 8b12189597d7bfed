//! What `tokenizer_config.json` says beyond `tokenizer.json`.
//!
//! Most of it is in both files. Where they differ, transformers goes by this one, and a model's vectors were made with
//! transformers.
//!
//! Source: transformers, `LlamaTokenizerFast`, `GemmaTokenizerFast` and `BertTokenizerFast`.

use serde::Serialize;
use serde_json::Value;

use crate::limits::limit;

/// Classes that bring a text into shape as BERT's does, by what this file says. Their names may end in `Fast`.
const LIKE_BERT: [&str; 9] = [
    "BertTokenizer",
    "ConvBertTokenizer",
    "DistilBertTokenizer",
    "ElectraTokenizer",
    "FunnelTokenizer",
    "LxmertTokenizer",
    "MPNetTokenizer",
    "MobileBertTokenizer",
    "SqueezeBertTokenizer",
];

/// Classes that put tokens around a text by what this file says; others do as `tokenizer.json` has it.
const LIKE_LLAMA: [&str; 3] = ["CodeLlamaTokenizer", "GemmaTokenizer", "LlamaTokenizer"];

/// What `tokenizer_config.json` says beyond `tokenizer.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenizerConfig {
    /// Whether the beginning of a text that is too long is cut off, and not its end.
    pub keeps_end: bool,
    /// The token that stands before every text, where one is asked for.
    pub begin: Option<String>,
    /// The token that stands behind every text, where one is asked for.
    pub end: Option<String>,
    /// How BERT's normalization brings a text into shape, where the file says it.
    pub bert: Option<BertNormalization>,
    pub(crate) max_tokens: Option<usize>,
}

/// How BERT's normalization brings a text into shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BertNormalization {
    /// Whether it brings it to lower case.
    pub lower_case: bool,
    /// Whether it takes accents away; where the file does not say it, it does with `lower_case`.
    pub strip_accents: Option<bool>,
    /// Whether it takes Chinese characters apart.
    pub split_chinese: bool,
}

impl TokenizerConfig {
    /// Takes the facts from the file's content.
    pub(crate) fn new(config: &Value) -> Self {
        let text = |key: &str| {
            let value = &config[key];
            let text = value.as_str().or_else(|| value["content"].as_str());
            text.map(str::to_owned)
        };
        let class = config["tokenizer_class"].as_str().unwrap_or_default();
        let class = class.strip_suffix("Fast").unwrap_or(class);
        let (is_like_bert, is_like_llama) = (LIKE_BERT.contains(&class), LIKE_LLAMA.contains(&class));
        let asked = |flag: &str, token: &str| {
            let is_asked = is_like_llama && config[flag] == true;
            is_asked.then(|| text(token)).flatten()
        };
        let lower_case = config["do_lower_case"].as_bool().filter(|_| is_like_bert);
        Self {
            keeps_end: config["truncation_side"] == "left",
            begin: asked("add_bos_token", "bos_token"),
            end: asked("add_eos_token", "eos_token"),
            // What is absent beside it has the default of the class.
            bert: lower_case.map(|lower_case| BertNormalization {
                lower_case,
                strip_accents: config["strip_accents"].as_bool(),
                split_chinese: config["tokenize_chinese_chars"].as_bool().unwrap_or(true),
            }),
            max_tokens: limit(&config["model_max_length"]),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tokens_around_a_text_are_those_that_are_asked_for() {
        let config = TokenizerConfig::new(&json!({
            "add_bos_token": false, "bos_token": "<s>", "add_eos_token": true, "eos_token": { "content": "</s>" },
            "truncation_side": "left", "model_max_length": 512, "tokenizer_class": "LlamaTokenizerFast",
        }));
        assert_eq!((config.begin, config.end.as_deref()), (None, Some("</s>")));
        assert_eq!((config.keeps_end, config.max_tokens), (true, Some(512)));
        for other in [
            json!({ "add_eos_token": true, "eos_token": null, "tokenizer_class": "LlamaTokenizer" }),
            json!({ "add_eos_token": true, "eos_token": "</s>", "tokenizer_class": "PreTrainedTokenizerFast" }),
        ] {
            assert_eq!(TokenizerConfig::new(&other), TokenizerConfig::default());
        }
    }

    #[test]
    fn only_tokenizers_like_berts_normalize_by_this_file() {
        let of = |class: &str| {
            let config = json!({ "tokenizer_class": class, "do_lower_case": true, "strip_accents": false });
            TokenizerConfig::new(&config).bert
        };
        let bert = BertNormalization {
            lower_case: true,
            strip_accents: Some(false),
            split_chinese: true,
        };
        assert_eq!(of("BertTokenizerFast"), Some(bert));
        assert_eq!(of("XLMRobertaTokenizer"), None);
    }
}
