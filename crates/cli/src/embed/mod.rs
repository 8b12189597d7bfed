//! Embedding texts from arguments or standard input, in order, in windows.
//!
//! - [`source`]: where texts come from
//! - [`pipeline`]: windows of texts to the daemon and back, in order
//! - [`sink`]: where vectors go: JSON lines, a JSON array, a NumPy file

pub(crate) mod pipeline;
pub(crate) mod sink;
pub(crate) mod source;

use okibi_messages::embed::BadLine;

/// A text to embed, or why it cannot be one.
pub(crate) type Line = Result<String, BadLine>;

/// What came of one text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    /// Which text, counted from 0.
    pub(crate) index: u64,
    /// Its vector, or why there is none.
    pub(crate) outcome: Result<Embedded, BadLine>,
}

/// A text's vector.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Embedded {
    pub(crate) vector: Vec<f32>,
    /// Tokens that were read.
    pub(crate) tokens: usize,
    /// Tokens the text has, where it was cut.
    pub(crate) cut_from: Option<usize>,
}
