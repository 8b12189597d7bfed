//! Channels that are far larger than all others, in 8-bit integers.

use crate::description::{Description, Norm, NormKind, Norms};
use crate::parameters::{Matrix, Parameters, Product};
use crate::proof::{Agreement, prove};
use crate::sample::{self, Random, Table, matrix_of};
use crate::{Encoder, Kernel, Precision};

const CHANNELS: [usize; 4] = [3, 17, 40, 61];
const FACTOR: f32 = 64.0;
const VOCABULARY: usize = 50;

/// Layers whose products alone take what the norms give.
fn description() -> Description {
    let mut description = sample::bert(3, 64, 4, 128, VOCABULARY);
    let norm = Norm {
        kind: NormKind::Layer,
        epsilon: 1e-6,
    };
    for (layer, is_gated) in description.layers.iter_mut().zip([false, true, false]) {
        layer.norms = Norms::Before {
            attention: Some(norm),
            feed_forward: Some(norm),
        };
        layer.feed_forward.is_gated = is_gated;
    }
    description.final_norm = Some(norm);
    description
}

/// Enlarges some channels of each norm before a product, and as many of the first layer's values.
fn enlarge(parameters: &mut Parameters<'_>) {
    let value = &mut parameters.layers[0].value;
    value.weights = scaled(value.weights, |row, _| of_channel(row, FACTOR));
    for (place, bias) in value.bias.iter_mut().flatten().enumerate() {
        *bias *= of_channel(place, FACTOR);
    }
    for layer in &mut parameters.layers {
        let norms = [
            &mut layer.norms.before_attention,
            &mut layer.norms.before_feed_forward,
        ];
        for norm in norms.into_iter().flatten() {
            for channel in CHANNELS {
                norm.weight[channel] *= FACTOR;
                if let Some(bias) = &mut norm.bias {
                    bias[channel] *= FACTOR;
                }
            }
        }
    }
}

/// Makes the weights of these channels smaller by as much.
fn take_back(parameters: &mut Parameters<'_>) {
    let smaller = |product: &mut Product<'_>| {
        product.weights = scaled(product.weights, |_, column| of_channel(column, 1.0 / FACTOR));
    };
    smaller(&mut parameters.layers[0].output);
    for layer in &mut parameters.layers {
        let products = [&mut layer.query, &mut layer.key, &mut layer.value, &mut layer.up];
        products.into_iter().chain(&mut layer.gate).for_each(smaller);
    }
}

fn of_channel(place: usize, factor: f32) -> f32 {
    if CHANNELS.contains(&place) { factor } else { 1.0 }
}

/// A matrix whose numbers are multiplied by a factor of their row and column.
fn scaled(matrix: Matrix<'_>, factor: impl Fn(usize, usize) -> f32) -> Matrix<'static> {
    let mut values = vec![0.0; matrix.rows() * matrix.columns()];
    for (row, values) in values.chunks_mut(matrix.columns()).enumerate() {
        matrix.read_row(row, values);
        for (column, value) in values.iter_mut().enumerate() {
            *value *= factor(row, column);
        }
    }
    matrix_of(matrix.rows(), matrix.columns(), &values)
}

fn encoder(parameters: &Parameters<'static>, precision: Precision, kernel: Kernel) -> Encoder {
    let table = Box::new(Table(parameters.tokens));
    Encoder::pack(&description(), parameters, table, precision, kernel, 2)
}

fn texts() -> Vec<Vec<u32>> {
    let random = &mut Random::new(9);
    (0..30)
        .map(|length| random.tokens(3 + length, VOCABULARY))
        .collect()
}

fn bits(encoder: &mut Encoder, texts: &[&[u32]]) -> Vec<Vec<u32>> {
    let rows = encoder.run(texts, &|| false).unwrap();
    rows.iter()
        .map(|rows| rows.iter().map(|value| value.to_bits()).collect())
        .collect()
}

fn agreement(parameters: &Parameters<'static>) -> Agreement {
    let texts = texts();
    let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
    let [mut exact, mut other] =
        [Precision::F32, Precision::Int8].map(|precision| encoder(parameters, precision, Kernel::best()));
    prove(&mut exact, &mut other, &texts, &|| false).unwrap()
}

#[test]
fn outliers_that_the_weights_take_back_change_no_bit() {
    let texts = texts();
    let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
    let usual = sample::parameters(&description(), 8);
    let mut enlarged = usual.clone();
    enlarge(&mut enlarged);
    take_back(&mut enlarged);
    let expected = bits(&mut encoder(&usual, Precision::Int8, Kernel::plain()), &texts);
    for kernel in Kernel::available() {
        let encoder = &mut encoder(&enlarged, Precision::Int8, kernel);
        assert!(bits(encoder, &texts) == expected, "{kernel}");
        for (text, expected) in texts.iter().zip(&expected) {
            assert!(bits(encoder, &[text])[0] == *expected, "{kernel}, alone");
        }
    }
}

#[test]
fn outliers_that_reach_the_results_leave_integers_near_floats() {
    let mut parameters = sample::parameters(&description(), 8);
    let usual = agreement(&parameters);
    enlarge(&mut parameters);
    let enlarged = agreement(&parameters);
    assert!(enlarged.is_good(), "{enlarged:?}, and {usual:?} without outliers");
}
