//! What an encoder consists of, whatever family it is of.
//!
//! A family's `config.json` becomes one of these, and one loop computes them all. A value that is not here is a part that
//! no family has; a part that a family has and this lacks is refused by its name where the configuration is read.

/// An encoder: token ids in, a vector of each token out.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// Length of a token's vector between the layers, and of the result.
    pub hidden: usize,
    /// Rows of the table of tokens.
    pub vocabulary: usize,
    /// Tokens of the longest text, where positions bound it.
    pub max_tokens: Option<usize>,
    /// What a token is before the first layer.
    pub embedding: Embedding,
    /// From the first to the last.
    pub layers: Vec<Layer>,
    /// After the last layer.
    pub final_norm: Option<Norm>,
}

/// What a token is before the first layer: the sum of its rows, scaled, and normed.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding {
    /// Learned vectors of positions, where the first token has the row `first` (0, or the one after the padding's).
    pub positions: Option<LearnedPositions>,
    /// Whether the row of token type 0 is added; no text here has another type.
    pub has_token_type: bool,
    /// Factor of the token's row (Gemma: √hidden, rounded as its makers do); 1 elsewhere.
    pub scale: f32,
    /// After the sum.
    pub norm: Option<Norm>,
}

/// A table of positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LearnedPositions {
    /// Row of the first token.
    pub first: usize,
    /// Rows of the table.
    pub count: usize,
    /// A token that has the row before `first`, wherever it stands, and is not counted: the padding of RoBERTa and MPNet,
    /// which a text can name.
    pub uncounted: Option<u32>,
}

/// A norm over a vector's values; its weights are a table entry of the same place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Norm {
    /// Which formula.
    pub kind: NormKind,
    /// Added to the variance, or to the mean of squares.
    pub epsilon: f32,
}

/// The formulas of norms. `w` and `b` are learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormKind {
    /// `(x − mean) / √(variance + ε) · w + b`.
    Layer,
    /// The same without `b`.
    LayerWithoutBias,
    /// `x / √(mean of squares + ε) · w`.
    Rms,
    /// `x / √(mean of squares + ε) · (1 + w)`, as Gemma's.
    RmsPlusOne,
}

/// One layer: attention, then feed-forward, each added to what came in.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Where the norms are.
    pub norms: Norms,
    /// How tokens look at each other.
    pub attention: Attention,
    /// What each token does alone.
    pub feed_forward: FeedForward,
}

/// Where a layer's norms are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Norms {
    /// `x = norm(x + attention(x))`, `x = norm(x + feed_forward(x))`: BERT and its relatives.
    After {
        /// After attention.
        attention: Norm,
        /// After feed-forward.
        feed_forward: Norm,
    },
    /// `x = x + attention(norm(x))`, `x = x + feed_forward(norm(x))`; `None` is a norm left out (ModernBERT's first).
    Before {
        /// Before attention.
        attention: Option<Norm>,
        /// Before feed-forward.
        feed_forward: Option<Norm>,
    },
    /// `x = x + norm(attention(norm(x)))`, and the same for feed-forward: Gemma 3.
    Around {
        /// Before attention.
        before_attention: Norm,
        /// After attention, before the sum.
        after_attention: Norm,
        /// Before feed-forward.
        before_feed_forward: Norm,
        /// After feed-forward, before the sum.
        after_feed_forward: Norm,
    },
}

/// How tokens look at each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Attention {
    /// Heads of queries.
    pub heads: usize,
    /// Heads of keys and values; each serves `heads / key_value_heads` heads of queries.
    pub key_value_heads: usize,
    /// Values of one head.
    pub head_width: usize,
    /// Factor of the scores.
    pub scale: f32,
    /// Whether a token sees only itself and those before it.
    pub is_causal: bool,
    /// A token sees those at most this far from it, on either side; all where it is `None`.
    pub reach: Option<usize>,
    /// Whether the products of queries, keys and values have a bias.
    pub has_bias: bool,
    /// Whether the product after the heads has a bias.
    pub has_output_bias: bool,
    /// Norm of each head's query and key, before the rotation.
    pub query_key_norm: Option<Norm>,
    /// Positions as a rotation of queries and keys.
    pub rotary: Option<Rotary>,
    /// Positions as a bias of the scores.
    pub relative: Option<Relative>,
}

/// Positions as a rotation of queries and keys. Pair `i` of a head turns by `position · theta^(−2i / width)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rotary {
    /// The base.
    pub theta: f64,
    /// How many of a head's values turn, from the first on.
    pub width: usize,
    /// Which values are a pair.
    pub pairs: Pairs,
    /// Positions are divided by this first (linear scaling); 1 elsewhere.
    pub divisor: f64,
}

/// Which values of a head are turned together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairs {
    /// `i` and `i + width / 2`.
    Halves,
    /// `2i` and `2i + 1`.
    Neighbours,
}

/// Positions as a bias of the scores, by how far the key is from the query, in buckets of growing size (T5, MPNet).
/// One table `buckets × heads` serves all layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relative {
    /// Buckets of both directions together.
    pub buckets: usize,
    /// From this distance on all is one bucket.
    pub max_distance: usize,
}

/// What each token does alone: `down(activation(up(x)))`, or `down(activation(gate(x)) · up(x))`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FeedForward {
    /// Values between the two products.
    pub inner: usize,
    /// Between the products.
    pub activation: Activation,
    /// Whether a gate is multiplied in.
    pub is_gated: bool,
    /// Whether the product (or products) going up have a bias.
    pub has_up_bias: bool,
    /// Whether the product going down has a bias.
    pub has_down_bias: bool,
}

/// The functions between a feed-forward's products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `x · Φ(x)`, with the error function.
    Gelu,
    /// GELU by `tanh(√(2/π) · (x + 0.044715 x³))`.
    GeluTanh,
    /// `x · sigmoid(x)`, also called swish.
    Silu,
    /// `max(x, 0)`.
    Relu,
}
