//! `tokenizer.json`: XLM-RoBERTa's SentencePiece tokenizer in the format of the `tokenizers` library.

use anyhow::{Context, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::weights::Piece;

/// SentencePiece's mark of a space.
const SPACE: &str = "\u{2581}";

/// The special pieces and their ids, which the graph's training fixed.
pub(crate) const BEGIN: (&str, usize) = ("<s>", 0);
pub(crate) const PADDING: (&str, usize) = ("<pad>", 1);
pub(crate) const END: (&str, usize) = ("</s>", 2);
pub(crate) const UNKNOWN: (&str, usize) = ("<unk>", 3);
pub(crate) const MASK: &str = "<mask>";

/// The file's text. `charsmap` is SentencePiece's compiled normalization table.
///
/// Errors: special pieces that are not where the model expects them, a table that is none.
pub(crate) fn tokenizer_json(pieces: &[Piece], charsmap: &[u8]) -> Result<String> {
    check_charsmap(charsmap)?;
    let mask = pieces.len().saturating_sub(1);
    let specials = [BEGIN, PADDING, END, UNKNOWN, (MASK, mask)];
    for (name, id) in specials {
        let found = pieces.get(id).map(|piece| piece.text.as_str());
        ensure!(found == Some(name), "piece {id} is {found:?}, expected {name}");
    }

    let vocabulary = vocabulary(pieces)?;
    let json = json!({
        "version": "1.0",
        "truncation": null,
        "padding": {
            "strategy": "BatchLongest",
            "direction": "Right",
            "pad_to_multiple_of": null,
            "pad_id": PADDING.1,
            "pad_type_id": 0,
            "pad_token": PADDING.0,
        },
        "added_tokens": specials.map(|(name, id)| json!({
            "id": id,
            "content": name,
            "single_word": false,
            // The mask takes the space before it, as in the original.
            "lstrip": name == MASK,
            "rstrip": false,
            "normalized": false,
            "special": true,
        })),
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                { "type": "Precompiled", "precompiled_charsmap": STANDARD.encode(charsmap) },
                { "type": "Replace", "pattern": { "Regex": " {2,}" }, "content": " " },
            ],
        },
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [{ "type": "WhitespaceSplit" }, metaspace()],
        },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [special(BEGIN), sequence("A"), special(END)],
            "pair": [special(BEGIN), sequence("A"), special(END), special(END), sequence("B"), special(END)],
            "special_tokens": { BEGIN.0: template_token(BEGIN), END.0: template_token(END) },
        },
        "decoder": metaspace(),
        "model": { "type": "Unigram", "unk_id": UNKNOWN.1, "byte_fallback": false, "vocab": VOCABULARY_MARK },
    });
    let mark = serde_json::to_string(VOCABULARY_MARK)?;
    let text = json.to_string();
    let (before, after) = text.split_once(&mark).context("tokenizer without a vocabulary")?;
    Ok([before, &vocabulary, after].concat())
}

/// Stands for the vocabulary until its text is put in.
const VOCABULARY_MARK: &str = "vocabulary goes here";

/// The vocabulary as JSON text: a list of [piece, score].
///
/// Written piece by piece because a score must keep the short digits of an f32 (a JSON value holds f64, with
/// twice as many): they say the same and parse faster.
fn vocabulary(pieces: &[Piece]) -> Result<String> {
    let mut text = String::from("[");
    for (id, piece) in pieces.iter().enumerate() {
        let comma = if id == 0 { "" } else { "," };
        text += comma;
        text += "[";
        text += &serde_json::to_string(&piece.text)?;
        text += ",";
        text += &serde_json::to_string(&piece.score)?;
        text += "]";
    }
    text += "]";
    Ok(text)
}

fn metaspace() -> Value {
    json!({ "type": "Metaspace", "replacement": SPACE, "prepend_scheme": "always", "split": true })
}

fn special((name, _): (&str, usize)) -> Value {
    json!({ "SpecialToken": { "id": name, "type_id": 0 } })
}

fn sequence(name: &str) -> Value {
    json!({ "Sequence": { "id": name, "type_id": 0 } })
}

fn template_token((name, id): (&str, usize)) -> Value {
    json!({ "id": name, "ids": [id], "tokens": [name] })
}

/// Checks that `charsmap` has the shape of a table: a u32 with the trie's bytes, the trie (u32 units), then
/// the replacement texts, each ended by a zero byte.
fn check_charsmap(charsmap: &[u8]) -> Result<()> {
    let (size, rest) = charsmap
        .split_first_chunk()
        .context("normalization table is empty")?;
    let size = u32::from_le_bytes(*size) as usize;
    let texts = rest
        .get(size..)
        .with_context(|| format!("normalization table ends inside its trie of {size} bytes"))?;
    ensure!(
        size.is_multiple_of(size_of::<u32>()),
        "normalization trie of {size} bytes is not made of u32"
    );
    ensure!(
        texts.last() == Some(&0),
        "normalization table's last text has no end"
    );
    ensure!(
        str::from_utf8(texts).is_ok(),
        "normalization table's texts are not UTF-8"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A trie of one unit and one text.
    const CHARSMAP: &[u8] = b"\x04\0\0\0\0\0\0\0 \0";

    fn pieces() -> Vec<Piece> {
        let texts = ["<s>", "<pad>", "</s>", "<unk>", "▁a", "\"", "<mask>"];
        texts
            .map(|text| Piece {
                text: text.to_owned(),
                score: -3.4635427,
            })
            .to_vec()
    }

    #[test]
    fn vocabulary_keeps_order_and_short_scores() {
        let text = tokenizer_json(&pieces(), CHARSMAP).unwrap();
        assert!(
            text.contains(r#"["▁a",-3.4635427],["\"",-3.4635427],["<mask>""#),
            "{text}"
        );

        let json: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["model"]["vocab"].as_array().unwrap().len(), 7);
        assert_eq!(json["added_tokens"][4]["id"], 6);
        assert_eq!(
            json["normalizer"]["normalizers"][0]["precompiled_charsmap"],
            STANDARD.encode(CHARSMAP)
        );
    }

    #[test]
    fn special_piece_in_another_place_is_refused() {
        let mut pieces = pieces();
        pieces.swap(0, 1);
        let error = tokenizer_json(&pieces, CHARSMAP).unwrap_err().to_string();
        assert_eq!(error, "piece 0 is Some(\"<pad>\"), expected <s>");
    }

    #[test]
    fn damaged_normalization_tables_are_refused() {
        let cases: [(&[u8], &str); 4] = [
            (b"\x04\0", "empty"),
            (b"\x08\0\0\0\0\0\0\0", "ends inside"),
            (b"\x02\0\0\0\0\0 \0", "not made of u32"),
            (b"\x04\0\0\0\0\0\0\0 ", "no end"),
        ];
        for (charsmap, reason) in cases {
            let error = check_charsmap(charsmap).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
