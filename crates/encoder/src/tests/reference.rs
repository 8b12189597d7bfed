//! BERT written down once more, as simply as it can be, in 64 bits.

use crate::description::{Activation, Description, Norms};
use crate::parameters::{Matrix, NormParameters, Parameters, Product};
use crate::sample::{self, Random, Table};
use crate::{Encoder, Kernel, Precision};

fn row(matrix: &Matrix<'_>, row: usize) -> Vec<f64> {
    let mut values = vec![0.0; matrix.columns()];
    matrix.read_row(row, &mut values);
    values.into_iter().map(f64::from).collect()
}

fn product(product: &Product<'_>, x: &[f64]) -> Vec<f64> {
    (0..product.weights.rows())
        .map(|output| {
            let bias = product.bias.as_ref().map_or(0.0, |bias| f64::from(bias[output]));
            bias + row(&product.weights, output)
                .iter()
                .zip(x)
                .map(|(w, x)| w * x)
                .sum::<f64>()
        })
        .collect()
}

fn norm(parameters: &NormParameters, epsilon: f32, x: &[f64]) -> Vec<f64> {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64;
    let bias = parameters.bias.clone().unwrap_or(vec![0.0; x.len()]);
    x.iter()
        .zip(parameters.weight.iter().zip(bias))
        .map(|(x, (w, b))| (x - mean) / (variance + f64::from(epsilon)).sqrt() * f64::from(*w) + f64::from(b))
        .collect()
}

fn add(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

/// The encoder's rows, where its shape is BERT's.
fn bert(description: &Description, parameters: &Parameters<'_>, text: &[u32]) -> Vec<Vec<f64>> {
    let mut rows: Vec<Vec<f64>> = text
        .iter()
        .enumerate()
        .map(|(position, token)| {
            let kind: Vec<f64> = parameters
                .token_type
                .iter()
                .flatten()
                .map(|value| f64::from(*value))
                .collect();
            let sum = add(
                &add(&row(&parameters.tokens, *token as usize), &kind),
                &row(parameters.positions.as_ref().unwrap(), position),
            );
            let epsilon = description.embedding.norm.unwrap().epsilon;
            norm(parameters.embedding_norm.as_ref().unwrap(), epsilon, &sum)
        })
        .collect();
    for (layer, parameters) in description.layers.iter().zip(&parameters.layers) {
        let Norms::After {
            attention: after_attention,
            feed_forward: after_feed_forward,
        } = layer.norms
        else {
            panic!("BERT norms after");
        };
        let width = layer.attention.head_width;
        let all = |which: &Product<'_>| rows.iter().map(|x| product(which, x)).collect::<Vec<_>>();
        let (queries, keys, values) = (
            all(&parameters.query),
            all(&parameters.key),
            all(&parameters.value),
        );
        rows = (0..rows.len())
            .map(|query| {
                let mut heads = Vec::new();
                for head in 0..layer.attention.heads {
                    let part = head * width..(head + 1) * width;
                    let scores: Vec<f64> = keys
                        .iter()
                        .map(|key| {
                            let dot: f64 = key[part.clone()]
                                .iter()
                                .zip(&queries[query][part.clone()])
                                .map(|(k, q)| k * q)
                                .sum();
                            (dot * f64::from(layer.attention.scale)).exp()
                        })
                        .collect();
                    let total: f64 = scores.iter().sum();
                    for place in part {
                        heads.push(
                            scores
                                .iter()
                                .zip(&values)
                                .map(|(score, value)| score / total * value[place])
                                .sum(),
                        );
                    }
                }
                let x = add(&rows[query], &product(&parameters.output, &heads));
                let x = norm(
                    parameters.norms.after_attention.as_ref().unwrap(),
                    after_attention.epsilon,
                    &x,
                );
                let inner: Vec<f64> = product(&parameters.up, &x)
                    .iter()
                    .map(|x| x * 0.5 * (1.0 + libm::erf(x / std::f64::consts::SQRT_2)))
                    .collect();
                let x = add(&x, &product(&parameters.down, &inner));
                norm(
                    parameters.norms.after_feed_forward.as_ref().unwrap(),
                    after_feed_forward.epsilon,
                    &x,
                )
            })
            .collect();
    }
    rows
}

#[test]
fn bert_is_what_its_formulas_say() {
    for (hidden, heads, inner) in [(32, 2, 64), (36, 3, 50)] {
        let description = sample::bert(3, hidden, heads, inner, 40);
        assert_eq!(description.layers[0].feed_forward.activation, Activation::Gelu);
        let parameters = sample::parameters(&description, 9);
        let table = Box::new(Table(parameters.tokens));
        let encoder = &mut Encoder::pack(
            &description,
            &parameters,
            table,
            Precision::F32,
            Kernel::best(),
            1,
        );
        for length in [1, 2, 17, 40] {
            let text = Random::new(length as u64).tokens(length, 40);
            let rows = encoder.run(&[&text], &|| false).unwrap().remove(0);
            let expected = bert(&description, &parameters, &text).concat();
            assert_eq!(rows.len(), expected.len());
            for (value, expected) in rows.iter().zip(expected) {
                assert!(
                    (f64::from(*value) - expected).abs() < 5e-6,
                    "{value} instead of {expected}"
                );
            }
        }
    }
}
