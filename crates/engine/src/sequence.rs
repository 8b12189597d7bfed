//! What the model reads: the ids of a text, or of a window of one.

/// The ids of a text, or of a window of one, special tokens included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sequence {
    /// The ids.
    pub ids: Vec<u32>,
    /// How many of the first ones are the prompt, with the special tokens before it, and take no part in the pooling. 0
    /// where all tokens take part.
    pub left_out: usize,
}

impl From<Vec<u32>> for Sequence {
    fn from(ids: Vec<u32>) -> Self {
        Self { ids, left_out: 0 }
    }
}
