//! What is computed: a query, texts of one length, and a mixed corpus.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use tokenizers::Tokenizer;

use crate::corpus;

/// The name of the query.
pub(crate) const QUERY: &str = "query";

/// The name of the mixed corpus.
pub(crate) const MIXED: &str = "mixed";

/// Tokens of the query.
const QUERY_TOKENS: usize = 10;

/// Tokens of a text, where all have the same.
pub(crate) const LENGTHS: [usize; 4] = [10, 26, 128, 512];

/// Texts that the mixed corpus is taken from.
const MIXED_TEXTS: usize = 48;

/// Tokens of a text that every model here takes.
const MOST_TOKENS: usize = 512;

/// Words that a text of a certain length is made of; the short ones fill its end.
const WORDS: [&str; 24] = [
    "ember", "朝", "hot", "灰", "the", "火", "night", "熾火", "wood", "残る", "slow", "理由", "red", "東京",
    "air", "天気", "of", "の", "a", "を", "e", "o", "i", ".",
];

/// Texts, and the same as token ids.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Work {
    pub(crate) name: String,
    pub(crate) texts: Vec<String>,
    pub(crate) ids: Vec<Vec<u32>>,
}

impl Work {
    /// A text to begin with, of tokens that every model has.
    pub(crate) fn first() -> Self {
        Self {
            name: "first".to_owned(),
            texts: vec!["a".to_owned()],
            ids: vec![vec![0, 1, 2]],
        }
    }

    /// Tokens of all its texts.
    pub(crate) fn tokens(&self) -> usize {
        self.ids.iter().map(Vec::len).sum()
    }
}

/// All of it, in the model's tokens: about `tokens` in texts of one length, or one text, and half as many again in the mixed
/// corpus.
pub(crate) fn works(tokenizer: &Tokenizer, tokens: usize) -> Result<Vec<Work>> {
    let mut works = vec![of_length(tokenizer, QUERY, QUERY_TOKENS, 1)?];
    for length in LENGTHS {
        let count = (tokens / length).max(1);
        works.push(of_length(tokenizer, &length.to_string(), length, count)?);
    }
    works.push(mixed(tokenizer, tokens + tokens / 2)?);
    Ok(works)
}

/// Texts of the corpus, as many as fit: a tokenizer with few words needs more tokens for each.
fn mixed(tokenizer: &Tokenizer, most: usize) -> Result<Work> {
    let corpus = of_texts(tokenizer, MIXED, corpus::texts(MIXED_TEXTS)?)?;
    let mut mixed = Work {
        name: corpus.name.clone(),
        texts: Vec::new(),
        ids: Vec::new(),
    };
    for (text, ids) in corpus.texts.into_iter().zip(corpus.ids) {
        if ids.len() <= MOST_TOKENS && mixed.tokens() + ids.len() <= most {
            mixed.texts.push(text);
            mixed.ids.push(ids);
        }
    }
    Ok(mixed)
}

fn of_length(tokenizer: &Tokenizer, name: &str, length: usize, count: usize) -> Result<Work> {
    let texts = (0..count).map(|seed| text_of(tokenizer, length, seed));
    let work = of_texts(tokenizer, name, texts.collect::<Result<_>>()?)?;
    ensure!(
        work.ids.iter().all(|ids| ids.len() == length),
        "a text of {length} tokens"
    );
    Ok(work)
}

fn of_texts(tokenizer: &Tokenizer, name: &str, texts: Vec<String>) -> Result<Work> {
    let ids = texts.iter().map(|text| ids_of(tokenizer, text));
    Ok(Work {
        name: name.to_owned(),
        ids: ids.collect::<Result<_>>()?,
        texts,
    })
}

fn ids_of(tokenizer: &Tokenizer, text: &str) -> Result<Vec<u32>> {
    let encoded = tokenizer.encode(text, true).map_err(anyhow::Error::msg)?;
    Ok(encoded.get_ids().to_vec())
}

/// A text of so many tokens: words are added as long as they fit, behind a space or, where that is a token too many, without.
fn text_of(tokenizer: &Tokenizer, length: usize, seed: usize) -> Result<String> {
    let mut text = String::new();
    let mut tokens = ids_of(tokenizer, &text)?.len();
    let mut refused = 0;
    for next in seed.. {
        if tokens == length || refused == WORDS.len() {
            break;
        }
        refused += 1;
        let space = if text.is_empty() { "" } else { " " };
        for between in [space, ""] {
            let longer = format!("{text}{between}{}", WORDS[next % WORDS.len()]);
            let count = ids_of(tokenizer, &longer)?.len();
            if count <= length && count > tokens {
                (text, tokens, refused) = (longer, count, 0);
                break;
            }
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shaped;

    #[test]
    fn texts_have_the_lengths_that_are_asked_for() {
        let tokenizer = Tokenizer::from_file(shaped::tiny().join("tokenizer.json")).unwrap();
        let works = works(&tokenizer, 512).unwrap();
        let names: Vec<&str> = works.iter().map(|work| work.name.as_str()).collect();
        assert_eq!(names, [QUERY, "10", "26", "128", "512", MIXED]);
        assert_eq!(works[0].tokens(), 10);
        for work in &works {
            assert_eq!(work.texts.len(), work.ids.len());
            assert!(work.ids.iter().all(|ids| ids.len() <= MOST_TOKENS));
        }
        assert_eq!((works[2].ids.len(), works[2].ids[0].len()), (19, 26));
        assert_ne!(works[2].texts[0], works[2].texts[1], "texts differ");
        let mixed = &works[5];
        assert!(mixed.tokens() <= 768 && mixed.ids.len() > 1, "{}", mixed.tokens());
    }
}
