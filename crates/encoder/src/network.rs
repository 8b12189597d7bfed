//! An encoder whose learned values are packed for a kernel.

use std::io;
use std::sync::Arc;

use crate::attention::RelativeBias;
use crate::description::{Description, Layer, Norm, Norms};
use crate::lanes::{Kernel, WIDTH};
use crate::linear::{Groups, Inputs, Linear, Precision, Source};
use crate::norm::RowNorm;
use crate::packed::{PackedFile, PackedReader, PackedWriter};
use crate::parameters::{LayerParameters, Matrix, NormParameters, Parameters, Product};
use crate::rotary::Rotation;

/// An encoder, packed. Its table of tokens stays where it is.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) description: Description,
    pub(crate) kernel: Kernel,
    pub(crate) embedding_norm: Option<RowNorm>,
    /// Rows of positions, padded to whole lanes; with token type 0 added.
    pub(crate) positions: Vec<f32>,
    /// The row of token type 0, padded.
    pub(crate) token_type: Option<Vec<f32>>,
    pub(crate) relative: Option<RelativeBias>,
    /// Each rotation that a layer has, once.
    pub(crate) rotations: Vec<Rotation>,
    pub(crate) layers: Vec<PackedLayer>,
    pub(crate) final_norm: Option<RowNorm>,
}

/// A layer, packed.
#[derive(Debug)]
pub(crate) struct PackedLayer {
    pub(crate) layer: Layer,
    /// Queries, keys and values, each head padded to whole lanes.
    pub(crate) query_key_value: Linear,
    pub(crate) query_norm: Option<RowNorm>,
    pub(crate) key_norm: Option<RowNorm>,
    /// Which of the rotations, where it has one.
    pub(crate) rotation: Option<usize>,
    pub(crate) output: Linear,
    pub(crate) up: Linear,
    pub(crate) gate: Option<Linear>,
    pub(crate) down: Linear,
    pub(crate) before_attention: Option<RowNorm>,
    pub(crate) after_attention: Option<RowNorm>,
    pub(crate) before_feed_forward: Option<RowNorm>,
    pub(crate) after_feed_forward: Option<RowNorm>,
}

/// A norm that both the description and the parameters have.
fn row_norm(norm: Option<Norm>, parameters: Option<&NormParameters>) -> Option<RowNorm> {
    Some(RowNorm::new(norm?, parameters?))
}

impl Network {
    /// Packs the parameters, which have the shapes of the description; `packed` is what was written of the same network.
    pub(crate) fn pack(
        description: &Description,
        parameters: &Parameters<'_>,
        precision: Precision,
        kernel: Kernel,
        packed: Option<&Arc<PackedFile>>,
    ) -> Self {
        let mut packing = Packing {
            precision,
            kernel,
            packed: packed.map(PackedReader::new),
        };
        let mut rotations: Vec<Rotation> = Vec::new();
        let embedding_norm = row_norm(description.embedding.norm, parameters.embedding_norm.as_ref());
        let mut layers: Vec<PackedLayer> = Vec::with_capacity(description.layers.len());
        for (layer, parameters) in description.layers.iter().zip(&parameters.layers) {
            let rotation = layer.attention.rotary.map(|rotary| {
                let known = rotations.iter().position(|known| known.rotary() == rotary);
                known.unwrap_or_else(|| {
                    rotations.push(Rotation::new(rotary));
                    rotations.len() - 1
                })
            });
            let rows = match layers.last() {
                None => embedding_norm.as_ref(),
                Some(previous) => previous.norm_of_rows(),
            };
            let layer = PackedLayer::pack(
                description.hidden,
                layer,
                parameters,
                rotation,
                rows,
                &mut packing,
            );
            layers.push(layer);
        }
        let relative = description
            .layers
            .iter()
            .find_map(|layer| Some((layer.attention.relative?, layer.attention.heads)));
        Self {
            kernel,
            embedding_norm,
            positions: parameters
                .positions
                .map_or(Vec::new(), |positions| padded_rows(&positions)),
            token_type: parameters.token_type.clone().map(padded),
            relative: relative
                .zip(parameters.relative)
                .map(|((relative, heads), matrix)| RelativeBias::new(relative, values(&matrix), heads)),
            rotations,
            layers,
            final_norm: row_norm(description.final_norm, parameters.final_norm.as_ref()),
            description: description.clone(),
        }
    }

    /// Values of a token's row, with those that pad.
    pub(crate) fn row(&self) -> usize {
        self.description.hidden.next_multiple_of(WIDTH)
    }

    /// The products, in the order in which they are packed.
    fn products(&self) -> impl Iterator<Item = &Linear> {
        self.layers.iter().flat_map(|layer| {
            [&layer.query_key_value, &layer.output, &layer.up]
                .into_iter()
                .chain(&layer.gate)
                .chain([&layer.down])
        })
    }

    /// Writes the products for the next start.
    pub(crate) fn write(&self, packed: &mut PackedWriter) -> io::Result<()> {
        self.products().try_for_each(|product| product.write(packed))
    }

    /// Bytes of what is packed.
    pub(crate) fn bytes(&self) -> usize {
        self.products().map(Linear::bytes).sum::<usize>()
            + self.rotations.iter().map(Rotation::bytes).sum::<usize>()
            + size_of_val(self.positions.as_slice())
    }
}

/// What tells how large the values after a norm are.
fn source_of_norm(norm: Option<&RowNorm>) -> Source<'_> {
    norm.map_or(Source::Unknown, Source::Norm)
}

/// How products are packed.
struct Packing {
    precision: Precision,
    kernel: Kernel,
    /// What was written of them.
    packed: Option<PackedReader>,
}

impl Packing {
    /// Packs the next product, or some that share their input.
    fn product(&mut self, products: &[(&Product<'_>, Groups)], inputs: Inputs<'_>) -> Linear {
        Linear::pack(
            products,
            inputs,
            self.precision,
            self.kernel,
            self.packed.as_mut(),
        )
    }
}

impl PackedLayer {
    /// `rows` is the norm that the layer's rows have passed last, where nothing was added to them after it.
    fn pack(
        hidden: usize,
        layer: &Layer,
        parameters: &LayerParameters<'_>,
        rotation: Option<usize>,
        rows: Option<&RowNorm>,
        packing: &mut Packing,
    ) -> Self {
        let attention = &layer.attention;
        let heads = |count| Groups {
            count,
            width: attention.head_width,
        };
        let hidden = Groups::one(hidden);
        let inner = Groups::one(layer.feed_forward.inner);
        let (before_attention, after_attention, before_feed_forward, after_feed_forward) = match layer.norms {
            Norms::After {
                attention,
                feed_forward,
            } => (None, Some(attention), None, Some(feed_forward)),
            Norms::Before {
                attention,
                feed_forward,
            } => (attention, None, feed_forward, None),
            Norms::Around {
                before_attention,
                after_attention,
                before_feed_forward,
                after_feed_forward,
            } => (
                Some(before_attention),
                Some(after_attention),
                Some(before_feed_forward),
                Some(after_feed_forward),
            ),
        };
        let norms = &parameters.norms;
        let before_attention = row_norm(before_attention, norms.before_attention.as_ref());
        let after_attention = row_norm(after_attention, norms.after_attention.as_ref());
        let before_feed_forward = row_norm(before_feed_forward, norms.before_feed_forward.as_ref());
        let after_feed_forward = row_norm(after_feed_forward, norms.after_feed_forward.as_ref());

        let rows_between = match layer.norms {
            Norms::After { .. } => after_attention.as_ref(),
            Norms::Before { .. } | Norms::Around { .. } => None,
        };
        let matrices = [&parameters.query, &parameters.key, &parameters.value].map(|product| product.weights);
        let attention_inputs = Inputs {
            groups: hidden,
            source: source_of_norm(before_attention.as_ref().or(rows)),
            matrices: &matrices,
        };
        let matrices: Vec<Matrix<'_>> = [Some(&parameters.up), parameters.gate.as_ref()]
            .into_iter()
            .flatten()
            .map(|product| product.weights)
            .collect();
        let feed_forward_inputs = Inputs {
            groups: hidden,
            source: source_of_norm(before_feed_forward.as_ref().or(rows_between)),
            matrices: &matrices,
        };
        Self {
            query_key_value: packing.product(
                &[
                    (&parameters.query, heads(attention.heads)),
                    (&parameters.key, heads(attention.key_value_heads)),
                    (&parameters.value, heads(attention.key_value_heads)),
                ],
                attention_inputs,
            ),
            query_norm: row_norm(attention.query_key_norm, parameters.query_norm.as_ref()),
            key_norm: row_norm(attention.query_key_norm, parameters.key_norm.as_ref()),
            rotation,
            output: packing.product(
                &[(&parameters.output, hidden)],
                Inputs {
                    groups: heads(attention.heads),
                    source: Source::Attention(&parameters.value, attention.heads / attention.key_value_heads),
                    matrices: &[parameters.output.weights],
                },
            ),
            up: packing.product(&[(&parameters.up, inner)], feed_forward_inputs),
            gate: parameters
                .gate
                .as_ref()
                .map(|gate| packing.product(&[(gate, inner)], feed_forward_inputs)),
            down: packing.product(&[(&parameters.down, hidden)], Inputs::unknown(inner)),
            before_attention,
            after_attention,
            before_feed_forward,
            after_feed_forward,
            layer: layer.clone(),
        }
    }

    /// The norm that the rows have passed last when this layer is done, where nothing was added to them after it.
    fn norm_of_rows(&self) -> Option<&RowNorm> {
        match self.layer.norms {
            Norms::After { .. } => self.after_feed_forward.as_ref(),
            Norms::Before { .. } | Norms::Around { .. } => None,
        }
    }
}

/// All values of a matrix.
fn values(matrix: &Matrix<'_>) -> Vec<f32> {
    let mut values = vec![0.0; matrix.rows() * matrix.columns()];
    for (row, out) in values.chunks_mut(matrix.columns().max(1)).enumerate() {
        matrix.read_row(row, out);
    }
    values
}

fn padded(mut values: Vec<f32>) -> Vec<f32> {
    values.resize(values.len().next_multiple_of(WIDTH), 0.0);
    values
}

/// All values of a matrix, each row padded to whole lanes.
fn padded_rows(matrix: &Matrix<'_>) -> Vec<f32> {
    let columns = matrix.columns();
    let stride = columns.next_multiple_of(WIDTH);
    let mut rows = vec![0.0; matrix.rows() * stride];
    for (row, out) in rows.chunks_mut(stride.max(1)).enumerate() {
        matrix.read_row(row, &mut out[..columns]);
    }
    rows
}
