//! A Unigram model that opens fast and stays small, for the tokenizers library.
//!
//! The library keeps its vocabulary as a tree of hash maps, one per byte: with the 250,000 pieces of multilingual
//! models that takes some 200 MB and most of a launch's time. Here the pieces lie in one sorted array. Both give
//! the same tokens: the best segmentation by the sum of its pieces' scores (Kudo 2018, "Subword Regularization",
//! section 3.2), found by dynamic programming over the text's bytes.

mod file;

use std::{borrow::Cow, collections::HashMap, fmt, path::Path, path::PathBuf};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use tokenizers::{
    Model, ModelWrapper, Result, Token,
    models::{TrainerWrapper, unigram::UnigramTrainer},
};

/// What an unknown character costs, below the lowest score of a piece. Source: SentencePiece, `unigram_model.cc`.
const UNKNOWN_PENALTY: f64 = 10.0;

/// No piece.
const NONE: u32 = u32::MAX;

/// How many pairs of bytes there are.
const PAIRS: usize = 1 << 16;

/// A tokenizer's model: Unigram in the form of this module, the others as the library has them.
pub(crate) enum AnyModel {
    /// Read by this module.
    Unigram(Unigram),
    /// Read by the library.
    Library(ModelWrapper),
}

impl<'de> Deserialize<'de> for AnyModel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Head {
            #[serde(rename = "type")]
            kind: Option<String>,
        }
        let raw: &RawValue = Deserialize::deserialize(deserializer)?;
        let head: Head = serde_json::from_str(raw.get()).map_err(D::Error::custom)?;
        match head.kind.as_deref() {
            Some("Unigram") => serde_json::from_str(raw.get())
                .map(Self::Unigram)
                .map_err(D::Error::custom),
            _ => serde_json::from_str(raw.get())
                .map(Self::Library)
                .map_err(D::Error::custom),
        }
    }
}

impl Model for AnyModel {
    type Trainer = TrainerWrapper;

    fn tokenize(&self, text: &str) -> Result<Vec<Token>> {
        match self {
            Self::Unigram(model) => model.tokenize(text),
            Self::Library(model) => model.tokenize(text),
        }
    }

    fn token_to_id(&self, token: &str) -> Option<u32> {
        match self {
            Self::Unigram(model) => model.id_of(token.as_bytes()),
            Self::Library(model) => model.token_to_id(token),
        }
    }

    fn id_to_token(&self, id: u32) -> Option<String> {
        match self {
            Self::Unigram(model) => model.pieces.text(id).map(str::to_owned),
            Self::Library(model) => model.id_to_token(id),
        }
    }

    fn get_vocab(&self) -> HashMap<String, u32> {
        match self {
            Self::Unigram(model) => (0..model.pieces.len())
                .filter_map(|id| Some((model.pieces.text(id)?.to_owned(), id)))
                .collect(),
            Self::Library(model) => model.get_vocab(),
        }
    }

    fn get_vocab_size(&self) -> usize {
        match self {
            Self::Unigram(model) => model.pieces.len() as usize,
            Self::Library(model) => model.get_vocab_size(),
        }
    }

    fn save(&self, folder: &Path, prefix: Option<&str>) -> Result<Vec<PathBuf>> {
        match self {
            Self::Unigram(_) => Err("a model that was read for use only cannot be saved".into()),
            Self::Library(model) => model.save(folder, prefix),
        }
    }

    fn get_trainer(&self) -> TrainerWrapper {
        match self {
            Self::Unigram(_) => UnigramTrainer::default().into(),
            Self::Library(model) => model.get_trainer(),
        }
    }
}

/// The vocabulary in the order of its ids: texts in one buffer, scores beside them.
#[derive(Default)]
struct Pieces {
    texts: String,
    /// Where each text begins, and the end of the last.
    bounds: Vec<u32>,
    scores: Vec<f64>,
}

impl Pieces {
    fn len(&self) -> u32 {
        self.scores.len() as u32
    }

    fn text(&self, id: u32) -> Option<&str> {
        let at = id as usize;
        let (from, to) = (*self.bounds.get(at)?, *self.bounds.get(at + 1)?);
        self.texts.get(from as usize..to as usize)
    }

    fn lowest_score(&self) -> f64 {
        self.scores.iter().copied().fold(f64::INFINITY, f64::min)
    }

    fn bytes(&self, id: u32) -> &[u8] {
        let at = id as usize;
        &self.texts.as_bytes()[self.bounds[at] as usize..self.bounds[at + 1] as usize]
    }
}

impl<'de> Deserialize<'de> for Pieces {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        /// `["piece", score]`.
        #[derive(Deserialize)]
        struct Piece<'a>(#[serde(borrow)] Cow<'a, str>, f64);

        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Pieces;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of pieces with their scores")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<Pieces, A::Error> {
                let mut pieces = Pieces {
                    bounds: vec![0],
                    ..Pieces::default()
                };
                while let Some(Piece(text, score)) = list.next_element()? {
                    pieces.texts.push_str(&text);
                    let end = u32::try_from(pieces.texts.len())
                        .map_err(|_| A::Error::custom("the vocabulary is larger than 4 GiB"))?;
                    pieces.bounds.push(end);
                    pieces.scores.push(score);
                }
                Ok(pieces)
            }
        }
        deserializer.deserialize_seq(List)
    }
}

/// A Unigram model. Source of the format: `tokenizer.json`, `model` of type `Unigram`.
pub(crate) struct Unigram {
    pieces: Pieces,
    unknown: Option<u32>,
    byte_fallback: bool,
    lowest_score: f64,
    /// Ids, sorted by the bytes of their pieces; of equal pieces the highest id only.
    sorted: Vec<u32>,
    /// The piece of each single byte, or [`NONE`].
    singles: Box<[u32; 256]>,
    /// For each two first bytes the range in `sorted` of the pieces that begin with them.
    ranges: Vec<(u32, u32)>,
}

impl<'de> Deserialize<'de> for Unigram {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Parts {
            unk_id: Option<u32>,
            #[serde(default)]
            byte_fallback: bool,
            vocab: Pieces,
        }
        let Parts {
            unk_id,
            byte_fallback,
            vocab,
        } = Parts::deserialize(deserializer)?;
        if unk_id.is_some_and(|id| id >= vocab.len()) {
            return Err(D::Error::custom("unk_id is not in the vocabulary"));
        }
        Ok(Self::new(vocab, unk_id, byte_fallback))
    }
}

impl Unigram {
    fn new(pieces: Pieces, unknown: Option<u32>, byte_fallback: bool) -> Self {
        let mut sorted: Vec<u32> = (0..pieces.len()).collect();
        // The first eight bytes decide nearly always, and comparing them touches no text.
        let key = |id: u32| {
            let mut head = [0; 8];
            let bytes = pieces.bytes(id);
            let length = bytes.len().min(8);
            head[..length].copy_from_slice(&bytes[..length]);
            u64::from_be_bytes(head)
        };
        let heads: Vec<u64> = sorted.iter().map(|id| key(*id)).collect();
        sorted.sort_unstable_by(|a, b| {
            let (left, right) = (heads[*a as usize], heads[*b as usize]);
            left.cmp(&right)
                .then_with(|| pieces.bytes(*a).cmp(pieces.bytes(*b)))
                .then_with(|| b.cmp(a))
        });
        drop(heads);
        sorted.dedup_by(|later, kept| pieces.bytes(*later) == pieces.bytes(*kept));

        let mut singles = Box::new([NONE; 256]);
        let mut ranges = vec![(0, 0); PAIRS];
        for (at, id) in (0_u32..).zip(&sorted) {
            match *pieces.bytes(*id) {
                [] => {}
                [only] => singles[usize::from(only)] = *id,
                [first, second, ..] => {
                    let range: &mut (u32, u32) = &mut ranges[usize::from(first) << 8 | usize::from(second)];
                    if range.1 == 0 {
                        range.0 = at;
                    }
                    range.1 = at + 1;
                }
            }
        }
        Self {
            lowest_score: pieces.lowest_score(),
            pieces,
            unknown,
            byte_fallback,
            sorted,
            singles,
            ranges,
        }
    }

    /// Calls `found` with length and id of every piece that `text` begins with, the shortest first.
    fn each_prefix(&self, text: &[u8], mut found: impl FnMut(usize, u32)) {
        let Some(&first) = text.first() else { return };
        let single = self.singles[usize::from(first)];
        if single != NONE {
            found(1, single);
        }
        let Some(&second) = text.get(1) else { return };
        let (from, to) = self.ranges[usize::from(first) << 8 | usize::from(second)];
        let mut candidates = &self.sorted[from as usize..to as usize];
        let mut depth = 2;
        // All candidates share the first `depth` bytes with the text; one that is no longer sorts first.
        while let Some(&shortest) = candidates.first() {
            if self.pieces.bytes(shortest).len() == depth {
                found(depth, shortest);
                candidates = &candidates[1..];
            }
            let Some(&next) = text.get(depth) else { return };
            let begin = candidates.partition_point(|id| self.pieces.bytes(*id)[depth] < next);
            let end = candidates.partition_point(|id| self.pieces.bytes(*id)[depth] <= next);
            candidates = &candidates[begin..end];
            depth += 1;
        }
    }

    fn id_of(&self, piece: &[u8]) -> Option<u32> {
        let at = self
            .sorted
            .binary_search_by(|id| self.pieces.bytes(*id).cmp(piece))
            .ok()?;
        Some(self.sorted[at])
    }

    fn tokenize(&self, text: &str) -> Result<Vec<Token>> {
        let mut tokens = Vec::new();
        for (from, to, id) in self.segment(text)? {
            let value = text[from..to].to_owned();
            let is_unknown = Some(id) == self.unknown;
            match is_unknown
                .then(|| self.byte_pieces(&text.as_bytes()[from..to]))
                .flatten()
            {
                Some(ids) => tokens.extend(ids.into_iter().map(|id| {
                    Token::new(
                        id,
                        self.pieces.text(id).unwrap_or_default().to_owned(),
                        (from, to),
                    )
                })),
                None => tokens.push(Token::new(id, value, (from, to))),
            }
        }
        Ok(tokens)
    }

    /// The best segmentation: begin, end and id of each token; neighboring unknown characters are one token.
    fn segment(&self, text: &str) -> Result<Vec<(usize, usize, u32)>> {
        /// The best way to reach a place in the text.
        #[derive(Clone, Copy)]
        struct Best {
            score: f64,
            from: usize,
            id: u32,
        }
        let unknown_score = self.lowest_score - UNKNOWN_PENALTY;
        let mut best: Vec<Option<Best>> = vec![None; text.len() + 1];
        for (from, character) in text.char_indices() {
            let so_far = best[from].map_or(0.0, |best| best.score);
            let mut reach = |to: usize, score: f64, id: u32| {
                let score = so_far + score;
                if best[to].is_none_or(|known| score > known.score) {
                    best[to] = Some(Best { score, from, id });
                }
            };
            let mut is_known = false;
            self.each_prefix(&text.as_bytes()[from..], |length, id| {
                is_known |= length == character.len_utf8();
                reach(from + length, self.pieces.scores[id as usize], id);
            });
            if !is_known {
                let unknown = self
                    .unknown
                    .ok_or("a character is not in the vocabulary, which has no unknown piece")?;
                reach(from + character.len_utf8(), unknown_score, unknown);
            }
        }
        let mut tokens: Vec<(usize, usize, u32)> = Vec::new();
        let mut end = text.len();
        while end > 0 {
            let Best { from, id, .. } =
                best[end].ok_or("a piece of the vocabulary ends within a character")?;
            match tokens.last_mut() {
                Some((begin, _, later)) if *later == id && Some(id) == self.unknown => *begin = from,
                _ => tokens.push((from, end, id)),
            }
            end = from;
        }
        tokens.reverse();
        Ok(tokens)
    }

    /// The pieces `<0x00>` to `<0xFF>` for an unknown text, where the model has them and uses them.
    fn byte_pieces(&self, text: &[u8]) -> Option<Vec<u32>> {
        if !self.byte_fallback || self.id_of(text).is_some() {
            return None;
        }
        text.iter()
            .map(|byte| self.id_of(format!("<0x{byte:02X}>").as_bytes()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use tokenizers::models::unigram::Unigram as Reference;

    use super::*;

    fn both(vocab: &[(&str, f64)], unknown: usize, byte_fallback: bool) -> (AnyModel, Reference) {
        let list: Vec<(String, f64)> = vocab
            .iter()
            .map(|(text, score)| ((*text).to_owned(), *score))
            .collect();
        let json = serde_json::json!({
            "type": "Unigram", "unk_id": unknown, "byte_fallback": byte_fallback, "vocab": list,
        })
        .to_string();
        let ours: AnyModel = serde_json::from_str(&json).unwrap();
        assert!(matches!(ours, AnyModel::Unigram(_)));
        (ours, Reference::from(list, Some(unknown), byte_fallback).unwrap())
    }

    const VOCAB: [(&str, f64); 14] = [
        ("<unk>", 0.0),
        ("a", -2.0),
        ("b", -2.5),
        ("ab", -3.0),
        ("abc", -8.0),
        ("c", -2.0),
        ("猫", -4.0),
        ("猫が", -5.0),
        ("が", -3.0),
        ("▁", -1.0),
        ("▁猫", -4.5),
        ("<0xE3>", -20.0),
        ("<0x81>", -20.0),
        ("<0x82>", -20.0),
    ];

    #[test]
    fn tokens_are_those_of_the_library() {
        let texts = [
            "",
            "a",
            "abc",
            "ababcab",
            "▁猫が",
            "猫ががab",
            "犬",
            "a犬鳥b",
            "あい",
            "犬犬あ猫",
            "<unk>",
            "a<unk>犬",
        ];
        for byte_fallback in [false, true] {
            let (ours, reference) = both(&VOCAB, 0, byte_fallback);
            for text in texts {
                let expected = reference.tokenize(text).unwrap();
                assert_eq!(
                    ours.tokenize(text).unwrap(),
                    expected,
                    "{text:?}, byte fallback {byte_fallback}"
                );
            }
        }
    }

    #[test]
    fn ids_and_pieces_are_found_both_ways() {
        let (ours, reference) = both(&VOCAB, 0, false);
        for (id, (piece, _)) in (0..).zip(VOCAB) {
            assert_eq!(ours.token_to_id(piece), Some(id));
            assert_eq!(ours.id_to_token(id).as_deref(), Some(piece));
        }
        assert_eq!(ours.token_to_id("zzz"), None);
        assert_eq!(ours.id_to_token(99), None);
        assert_eq!(ours.get_vocab(), reference.get_vocab());
    }

    #[test]
    fn of_equal_pieces_the_last_counts() {
        let (ours, reference) = both(&[("<unk>", 0.0), ("x", -1.0), ("x", -2.0)], 0, false);
        assert_eq!(ours.tokenize("x").unwrap(), reference.tokenize("x").unwrap());
    }

    #[test]
    fn a_broken_model_is_an_error() {
        let read = |json: &str| {
            serde_json::from_str::<AnyModel>(json)
                .err()
                .map(|error| error.to_string())
        };
        assert!(
            read(r#"{"type":"Unigram","unk_id":5,"vocab":[["a",0.0]]}"#)
                .unwrap()
                .contains("unk_id")
        );
        assert!(read(r#"{"type":"Unigram","vocab":[["a"]]}"#).is_some());
        assert!(read(r#"{"type":"Nonsense"}"#).is_some());
    }
}
