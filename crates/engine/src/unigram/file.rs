//! The vocabulary as bytes, so that it opens without parsing and sorting.
//!
//! Little-endian: the numbers of pieces and of sorted ids (u64 each), the unknown piece's id and whether bytes stand for what is
//! unknown (u32 each); then the pieces' bounds, scores and sorted ids, the pieces of single bytes, the ranges, and all texts.

use super::{NONE, PAIRS, Pieces, Unigram};

impl Unigram {
    /// Appends the model's bytes.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let Self {
            pieces,
            unknown,
            byte_fallback,
            lowest_score: _,
            sorted,
            singles,
            ranges,
        } = self;
        for count in [pieces.scores.len(), sorted.len()] {
            out.extend((count as u64).to_le_bytes());
        }
        let mut numbers =
            |numbers: &mut dyn Iterator<Item = u32>| out.extend(numbers.flat_map(u32::to_le_bytes));
        numbers(&mut [unknown.unwrap_or(NONE), u32::from(*byte_fallback)].into_iter());
        numbers(&mut pieces.bounds.iter().copied());
        numbers(&mut sorted.iter().copied());
        numbers(&mut singles.iter().copied());
        numbers(&mut ranges.iter().flat_map(|(from, to)| [*from, *to]));
        out.extend(pieces.scores.iter().flat_map(|score| score.to_le_bytes()));
        out.extend(pieces.texts.as_bytes());
    }

    /// Reads a model that was written; `None` for bytes that are none.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = Rest(bytes);
        let (pieces, sorted) = (rest.count()?, rest.count()?);
        let [unknown, byte_fallback] = rest.numbers(2)?.try_into().ok()?;
        let bounds = rest.numbers(pieces.checked_add(1)?)?;
        let sorted = rest.numbers(sorted)?;
        let singles: Box<[u32; 256]> = rest.numbers(256)?.into_boxed_slice().try_into().ok()?;
        let ends = rest.numbers(2 * PAIRS)?;
        let ranges: Vec<(u32, u32)> = ends.as_chunks().0.iter().map(|[from, to]| (*from, *to)).collect();
        let (scores, texts) = rest.0.split_at_checked(pieces.checked_mul(size_of::<f64>())?)?;
        let scores: Vec<f64> = scores
            .as_chunks()
            .0
            .iter()
            .map(|score| f64::from_le_bytes(*score))
            .collect();
        let texts = String::from_utf8(texts.to_vec()).ok()?;

        let count = pieces as u32;
        let is_piece = |id: &u32| *id < count;
        let fits = bounds.is_sorted()
            && bounds.last().copied() == u32::try_from(texts.len()).ok()
            && sorted.iter().all(is_piece)
            && singles.iter().all(|id| *id == NONE || is_piece(id))
            && (unknown == NONE || is_piece(&unknown))
            && ranges
                .iter()
                .all(|(from, to)| from <= to && *to as usize <= sorted.len());
        let pieces = Pieces {
            texts,
            bounds,
            scores,
        };
        fits.then(|| Self {
            lowest_score: pieces.lowest_score(),
            pieces,
            unknown: (unknown != NONE).then_some(unknown),
            byte_fallback: byte_fallback != 0,
            sorted,
            singles,
            ranges,
        })
    }
}

/// What has not been read yet.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn count(&mut self) -> Option<usize> {
        let (count, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        usize::try_from(u64::from_le_bytes(*count)).ok()
    }

    fn numbers(&mut self, count: usize) -> Option<Vec<u32>> {
        let (numbers, rest) = self.0.split_at_checked(count.checked_mul(size_of::<u32>())?)?;
        self.0 = rest;
        Some(
            numbers
                .as_chunks()
                .0
                .iter()
                .map(|number| u32::from_le_bytes(*number))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Unigram {
        let json = r#"{"unk_id":0,"byte_fallback":true,"vocab":[["<unk>",0.0],["▁",-1.5],["熾火",-3.25],["a",-2.0],["a",-2.5],["ab",-4.0]]}"#;
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_model_that_was_written_gives_the_same_tokens() {
        let model = model();
        let mut bytes = Vec::new();
        model.write(&mut bytes);
        let read = Unigram::read(&bytes).unwrap();
        for text in ["", "▁熾火aab", "犬ab", "ababa熾"] {
            assert_eq!(
                read.tokenize(text).unwrap(),
                model.tokenize(text).unwrap(),
                "{text}"
            );
        }
        assert_eq!(read.id_of("a".as_bytes()), model.id_of("a".as_bytes()));
    }

    #[test]
    fn bytes_that_are_cut_or_lie_are_no_model() {
        let mut whole = Vec::new();
        model().write(&mut whole);
        for length in (0..whole.len()).step_by(997).chain([whole.len() - 1]) {
            assert!(
                Unigram::read(&whole[..length]).is_none(),
                "{length} of {} bytes",
                whole.len()
            );
        }
        // Each number of the head, an id, a bound and a range that point beyond what is there.
        for at in [
            0,
            8,
            16,
            24 + 8,
            24 + 7 * 4,
            24 + (7 + 5) * 4 + 4 * usize::from(b'a'),
        ] {
            let mut lying = whole.clone();
            lying[at..at + 4].copy_from_slice(&0x00ff_fff0_u32.to_le_bytes());
            assert!(Unigram::read(&lying).is_none(), "byte {at}");
        }
    }
}
