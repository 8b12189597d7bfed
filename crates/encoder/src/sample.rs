//! Random encoders of any description, for tests and measurements. Their memory is never given back.

use super::TokenTable;
use super::description::{Activation, Embedding, LearnedPositions};
use super::description::{Attention, Description, FeedForward, Layer, Norm, NormKind, Norms};
use super::parameters::{Kind, LayerNorms, LayerParameters, Matrix, NormParameters, Parameters, Product};

/// A simple generator of random numbers.
pub(crate) struct Random(u64);

impl Random {
    /// The same seed gives the same numbers.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2).wrapping_add(1))
    }

    /// 31 random bits.
    pub(crate) fn bits(&mut self) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }

    /// A number from `first` to below `end`.
    pub(crate) fn within(&mut self, first: usize, end: usize) -> usize {
        first + self.bits() as usize % (end - first)
    }

    /// A number from −1 to 1.
    pub(crate) fn float(&mut self) -> f32 {
        self.bits() as f32 / (1u32 << 30) as f32 - 1.0
    }

    /// So many numbers, from −`scale` to `scale`.
    pub(crate) fn floats(&mut self, count: usize, scale: f32) -> Vec<f32> {
        (0..count).map(|_| self.float() * scale).collect()
    }

    /// Tokens of a text.
    pub(crate) fn tokens(&mut self, count: usize, vocabulary: usize) -> Vec<u32> {
        (0..count).map(|_| self.within(0, vocabulary) as u32).collect()
    }
}

/// A matrix of these values.
pub(crate) fn matrix_of(rows: usize, columns: usize, values: &[f32]) -> Matrix<'static> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Matrix::new(rows, columns, Kind::F32, bytes.leak()).expect("as many values as the matrix has")
}

fn matrix(random: &mut Random, rows: usize, columns: usize) -> Matrix<'static> {
    let scale = (3.0 / columns as f32).sqrt();
    matrix_of(rows, columns, &random.floats(rows * columns, scale))
}

fn product(random: &mut Random, outputs: usize, inputs: usize, has_bias: bool) -> Product<'static> {
    Product {
        weights: matrix(random, outputs, inputs),
        bias: has_bias.then(|| random.floats(outputs, 0.1)),
    }
}

fn norm(random: &mut Random, norm: Norm, width: usize) -> NormParameters {
    let around = if norm.kind == NormKind::RmsPlusOne {
        0.0
    } else {
        1.0
    };
    NormParameters {
        weight: random
            .floats(width, 0.2)
            .iter()
            .map(|value| around + value)
            .collect(),
        bias: (norm.kind == NormKind::Layer).then(|| random.floats(width, 0.1)),
    }
}

/// Random parameters of a description.
pub(crate) fn parameters(description: &Description, seed: u64) -> Parameters<'static> {
    let random = &mut Random::new(seed);
    let hidden = description.hidden;
    let embedding = &description.embedding;
    let relative = description
        .layers
        .iter()
        .find_map(|layer| Some((layer.attention.relative?, layer.attention.heads)));
    Parameters {
        tokens: matrix(random, description.vocabulary, hidden),
        positions: embedding
            .positions
            .map(|positions| matrix(random, positions.count, hidden)),
        token_type: embedding.has_token_type.then(|| random.floats(hidden, 0.1)),
        embedding_norm: embedding.norm.map(|kind| norm(random, kind, hidden)),
        relative: relative.map(|(relative, heads)| matrix(random, relative.buckets, heads)),
        layers: description
            .layers
            .iter()
            .map(|layer| layer_parameters(random, layer, hidden))
            .collect(),
        final_norm: description.final_norm.map(|kind| norm(random, kind, hidden)),
    }
}

fn layer_parameters(random: &mut Random, layer: &Layer, hidden: usize) -> LayerParameters<'static> {
    let attention = &layer.attention;
    let feed_forward = layer.feed_forward;
    let (width, inner) = (attention.head_width, feed_forward.inner);
    let heads = attention.heads * width;
    let key_value_heads = attention.key_value_heads * width;
    let norms = match layer.norms {
        Norms::After {
            attention,
            feed_forward,
        } => [None, Some(attention), None, Some(feed_forward)],
        Norms::Before {
            attention,
            feed_forward,
        } => [attention, None, feed_forward, None],
        Norms::Around {
            before_attention,
            after_attention,
            before_feed_forward,
            after_feed_forward,
        } => [
            before_attention,
            after_attention,
            before_feed_forward,
            after_feed_forward,
        ]
        .map(Some),
    };
    let [
        before_attention,
        after_attention,
        before_feed_forward,
        after_feed_forward,
    ] = norms.map(|kind| kind.map(|kind| norm(random, kind, hidden)));
    LayerParameters {
        query: product(random, heads, hidden, attention.has_bias),
        key: product(random, key_value_heads, hidden, attention.has_bias),
        value: product(random, key_value_heads, hidden, attention.has_bias),
        output: product(random, hidden, heads, attention.has_output_bias),
        query_norm: attention.query_key_norm.map(|kind| norm(random, kind, width)),
        key_norm: attention.query_key_norm.map(|kind| norm(random, kind, width)),
        up: product(random, inner, hidden, feed_forward.has_up_bias),
        gate: feed_forward
            .is_gated
            .then(|| product(random, inner, hidden, feed_forward.has_up_bias)),
        down: product(random, hidden, inner, feed_forward.has_down_bias),
        norms: LayerNorms {
            before_attention,
            after_attention,
            before_feed_forward,
            after_feed_forward,
        },
    }
}

/// A table of tokens.
pub(crate) struct Table(pub(crate) Matrix<'static>);

impl TokenTable for Table {
    fn tokens(&self) -> Matrix<'_> {
        self.0
    }
}

/// The shape of BERT and its relatives.
pub(crate) fn bert(
    layers: usize,
    hidden: usize,
    heads: usize,
    inner: usize,
    vocabulary: usize,
) -> Description {
    let norm = Norm {
        kind: NormKind::Layer,
        epsilon: 1e-12,
    };
    Description {
        hidden,
        vocabulary,
        max_tokens: Some(512),
        embedding: Embedding {
            positions: Some(LearnedPositions {
                first: 0,
                count: 512,
                uncounted: None,
            }),
            has_token_type: true,
            scale: 1.0,
            norm: Some(norm),
        },
        layers: vec![
            Layer {
                norms: Norms::After {
                    attention: norm,
                    feed_forward: norm,
                },
                attention: Attention {
                    heads,
                    key_value_heads: heads,
                    head_width: hidden / heads,
                    scale: 1.0 / ((hidden / heads) as f32).sqrt(),
                    is_causal: false,
                    reach: None,
                    has_bias: true,
                    has_output_bias: true,
                    query_key_norm: None,
                    rotary: None,
                    relative: None,
                },
                feed_forward: FeedForward {
                    inner,
                    activation: Activation::Gelu,
                    is_gated: false,
                    has_up_bias: true,
                    has_down_bias: true,
                },
            };
            layers
        ],
        final_norm: None,
    }
}
