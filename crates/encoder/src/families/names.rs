//! What a family's files call the parts of an encoder.

/// What a product is called: `NAME.weight`, and `NAME.bias` where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProductName {
    /// A tensor of its own.
    Own(&'static str),
    /// One of several equal parts of a tensor, by their order in its rows.
    Packed {
        /// The whole.
        name: &'static str,
        /// Which part it is, from 0.
        part: usize,
        /// How many there are.
        of: usize,
    },
}

/// What the parts are called; a part that a family does not have has no name. Those of a layer stand under
/// [`layer`](Names::layer), all others under the file's prefix.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// The table of tokens, whole.
    pub tokens: &'static str,
    /// The table of positions, whole.
    pub positions: &'static str,
    /// The table of token types, whole.
    pub token_types: &'static str,
    /// The norm after the embeddings.
    pub embedding_norm: &'static str,
    /// The table of the bias by distance, whole.
    pub relative: &'static str,
    /// The norm after the last layer.
    pub final_norm: &'static str,
    /// What stands before a layer's number; a point stands after it.
    pub layer: &'static str,
    /// Of queries.
    pub query: ProductName,
    /// Of keys.
    pub key: ProductName,
    /// Of values.
    pub value: ProductName,
    /// After the heads.
    pub output: ProductName,
    /// The norm of each head's query.
    pub query_norm: &'static str,
    /// The norm of each head's key.
    pub key_norm: &'static str,
    /// Going up, without the activation where there is a gate.
    pub up: ProductName,
    /// Going up, with the activation.
    pub gate: ProductName,
    /// Going down.
    pub down: ProductName,
    /// The norm before attention.
    pub before_attention: &'static str,
    /// The norm after attention.
    pub after_attention: &'static str,
    /// The norm before feed-forward.
    pub before_feed_forward: &'static str,
    /// The norm after feed-forward.
    pub after_feed_forward: &'static str,
}

impl Names {
    /// A table without names, to be filled.
    pub(super) const NONE: Self = Self {
        tokens: "",
        positions: "",
        token_types: "",
        embedding_norm: "",
        relative: "",
        final_norm: "",
        layer: "",
        query: ProductName::Own(""),
        key: ProductName::Own(""),
        value: ProductName::Own(""),
        output: ProductName::Own(""),
        query_norm: "",
        key_norm: "",
        up: ProductName::Own(""),
        gate: ProductName::Own(""),
        down: ProductName::Own(""),
        before_attention: "",
        after_attention: "",
        before_feed_forward: "",
        after_feed_forward: "",
    };
}

/// A product with a tensor of its own.
pub(super) const fn own(name: &'static str) -> ProductName {
    ProductName::Own(name)
}

/// A product that is a part of a tensor.
pub(super) const fn packed(name: &'static str, part: usize, of: usize) -> ProductName {
    ProductName::Packed { name, part, of }
}
