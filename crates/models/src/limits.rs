//! How many tokens of a text a model reads.
//!
//! The first place that says it counts: sentence-transformers' configuration, the table of known models, the
//! tokenizer's configuration, the table of positions. A tokenizer often says what its family reads and not what the
//! model was trained on, so the table of known models comes before it. No place goes beyond the positions that there
//! are: a model fails at a token without one.

use serde_json::Value;

/// Token limit of a model whose files name none.
pub(crate) const FALLBACK_MAX_TOKENS: usize = 512;

/// Token limit of a model that has none: longer than any text that is let in.
pub(crate) const UNLIMITED: usize = 1 << 24;

/// A `model_max_length` above this means "no limit": transformers writes 10^30 there.
const LARGEST_LIMIT: f64 = 1e6;

/// Networks whose positions count from the padding's id + 1, so that the first rows of the table are never used.
///
/// Source: transformers, the models with `create_position_ids_from_input_ids`.
const RESERVING: [&str; 15] = [
    "camembert",
    "data2vec-text",
    "ibert",
    "layoutlmv3",
    "lilt",
    "longformer",
    "luke",
    "markuplm",
    "mluke",
    "mpnet",
    "roberta",
    "roberta-prelayernorm",
    "xlm-roberta",
    "xlm-roberta-xl",
    "xmod",
];

/// Positions that such a network reserves at the least: its padding's id is 1, whatever its configuration says.
const RESERVED: usize = 2;

/// Reads a limit; `None` for none, also where a number stands for none.
pub(crate) fn limit(value: &Value) -> Option<usize> {
    let limit = value
        .as_f64()
        .filter(|limit| (1.0..LARGEST_LIMIT).contains(limit))?;
    Some(limit as usize)
}

/// Returns the position of a text's first token, from a model's `config.json`: how many a network reserves.
pub(crate) fn first_position(config: &Value) -> usize {
    let kind = config["model_type"].as_str().unwrap_or_default();
    if !RESERVING.contains(&kind) {
        return 0;
    }
    let padding = config["pad_token_id"]
        .as_u64()
        .and_then(|id| usize::try_from(id).ok());
    padding.map_or(RESERVED, |padding| padding.saturating_add(1).max(RESERVED))
}

/// Returns how many tokens have a position, from a model's `config.json`.
pub(crate) fn positions(config: &Value) -> Option<usize> {
    let positions = limit(&config["max_position_embeddings"])?;
    Some(match first_position(config) {
        0 => positions,
        reserved => positions.saturating_sub(reserved).max(1),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn families_that_reserve_positions_have_fewer() {
        let of = |kind: &str| positions(&json!({ "max_position_embeddings": 514, "model_type": kind }));
        for kind in [
            "roberta",
            "xlm-roberta",
            "camembert",
            "mpnet",
            "longformer",
            "xmod",
        ] {
            assert_eq!(of(kind), Some(512), "{kind}");
        }
        for kind in ["bert", "distilbert", "modernbert", ""] {
            assert_eq!(of(kind), Some(514), "{kind}");
        }
        let far = json!({ "max_position_embeddings": 130, "model_type": "roberta", "pad_token_id": 3 });
        assert_eq!(positions(&far), Some(126));
        assert_eq!(positions(&json!({ "max_position_embeddings": -1 })), None);
    }

    #[test]
    fn a_huge_number_is_no_limit() {
        assert_eq!(limit(&json!(1000000000000000019884624838656.0)), None);
        assert_eq!(limit(&json!(512)), Some(512));
        assert_eq!(limit(&json!(null)), None);
    }
}
