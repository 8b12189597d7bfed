//! Token ids in a request, and what they stand for.

use std::sync::LazyLock;

use okibi_engine::Text;
use serde::Deserialize;
use tiktoken_rs::CoreBPE;
use utoipa::ToSchema;

use crate::{blocking::run_blocking, failure::Failure, http::input::Input};

/// Which tokenizer the token ids of a request belong to. OpenAI's own clients and LangChain send those of `cl100k_base`, whatever the model's
/// name: they are turned back into text, and never read as if they were the model's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::http) enum TokenIds {
    /// OpenAI's `cl100k_base`.
    #[default]
    Cl100k,
    /// The loaded model's tokenizer, as `/tokenize` gives them.
    Model,
}

/// The texts of a request, and which tokenizer's ids they were made of.
pub(super) async fn texts(
    input: Input,
    token_ids: TokenIds,
) -> Result<(Vec<Text>, Option<&'static str>), Failure> {
    let texts = input.into_texts();
    if !texts.iter().any(|text| matches!(text, Text::Ids(_))) {
        return Ok((texts, None));
    }
    if token_ids == TokenIds::Model {
        return Ok((texts, Some("model")));
    }
    // The vocabulary takes a good part of a second to build when it is first needed, and there may be many ids.
    let decode = move || {
        let each = texts.into_iter().enumerate();
        each.map(|(at, text)| match text {
            Text::Plain(_) => Ok(text),
            Text::Ids(ids) => decode(at, ids),
        })
        .collect()
    };
    Ok((run_blocking(decode).await?, Some("cl100k")))
}

/// OpenAI's vocabulary.
struct Cl100k {
    library: CoreBPE,
    special: Vec<u32>,
}

impl Cl100k {
    /// Ids below this one are pieces of text; the special ones lie above it.
    const PIECES: u32 = 100_256;

    fn build() -> Result<Self, String> {
        let library = tiktoken_rs::cl100k_base().map_err(|error| error.to_string())?;
        let special = library.special_tokens();
        let special = special
            .iter()
            .flat_map(|token| library.encode_with_special_tokens(token));
        Ok(Self {
            special: special.collect(),
            library,
        })
    }

    /// The text of ids. Clients that cut a list of ids cut characters too: what is left of one is U+FFFD, as tiktoken
    /// decodes it. `None` for an id that is not in the vocabulary.
    fn decode(&self, ids: Vec<u32>) -> Option<String> {
        // The library panics at an id that it does not know.
        if ids
            .iter()
            .any(|id| *id >= Self::PIECES && !self.special.contains(id))
        {
            return None;
        }
        let bytes: Vec<u8> = self.library._decode_native_and_split(ids).flatten().collect();
        Some(lossy(bytes))
    }
}

/// Built when it is first needed.
static CL100K: LazyLock<Result<Cl100k, String>> = LazyLock::new(Cl100k::build);

/// The text that ids of `cl100k_base` stand for.
fn decode(at: usize, ids: Vec<u32>) -> Result<Text, Failure> {
    let unreadable = |reason: &str| {
        let message = format!(
            "text {at}: these token ids are not valid in cl100k_base ({reason}); send texts (in LangChain, \
             check_embedding_ctx_length=False), or `\"token_ids\": \"model\"` for ids of the loaded model's tokenizer"
        );
        Failure::invalid("input", message)
    };
    let vocabulary = CL100K.as_ref().map_err(|error| unreadable(error))?;
    let text = vocabulary.decode(ids);
    Ok(Text::Plain(text.ok_or_else(|| {
        unreadable("one of them is not in its vocabulary")
    })?))
}

/// `bytes` as text, with U+FFFD for what is none; without a copy where all is.
fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ids_of_openai_become_their_text_and_never_ours() {
        let ids = CL100K
            .as_ref()
            .unwrap()
            .library
            .encode_ordinary("熾火は残る embers");
        let (texts, ids_of) = texts(Input::Ids(ids), TokenIds::Cl100k).await.unwrap();
        assert_eq!(
            (texts, ids_of),
            (vec![Text::from("熾火は残る embers")], Some("cl100k"))
        );
        let unknown = decode(0, vec![4_000_000]).unwrap_err().http();
        assert!(
            unknown.message.contains("check_embedding_ctx_length"),
            "{}",
            unknown.message
        );
    }

    #[tokio::test]
    async fn ids_that_cut_a_character_become_its_remains() {
        // The first is 熾, the second lacks its last byte.
        let ids = vec![
            Text::Ids(vec![163, 228, 122]),
            Text::Ids(vec![163, 228]),
            "熾".into(),
        ];
        let (texts, _) = texts(Input::Many(ids), TokenIds::Cl100k).await.unwrap();
        let whole = CL100K
            .as_ref()
            .unwrap()
            .library
            .decode(vec![163, 228, 122])
            .unwrap();
        assert_eq!(whole.chars().count(), 1, "{whole}");
        assert_eq!(
            texts,
            [Text::from(whole.as_str()), "\u{fffd}".into(), "熾".into()]
        );
    }

    #[test]
    fn every_id_of_the_vocabulary_is_known_and_no_other() {
        let vocabulary = CL100K.as_ref().unwrap();
        let text = |id| vocabulary.decode(vec![id]);
        assert!((0..Cl100k::PIECES).all(|id| text(id).is_some()));
        assert_eq!(text(100_257).as_deref(), Some("<|endoftext|>"));
        assert_eq!(vocabulary.special.len(), 5, "{:?}", vocabulary.special);
        assert_eq!((text(Cl100k::PIECES), text(u32::MAX)), (None, None));
    }
}
