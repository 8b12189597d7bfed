//! The layers that come after the pooling: their weights, and computing them for one vector.
//!
//! They are small beside the network, a product of one vector with one matrix each, so they are computed here and need no
//! graph of their own.

use okibi_models::{Activation, Dense, LayerNorm, ModuleWeights, Pipeline, Step};

use crate::{
    error::{Cause, LoadError},
    pooling::normalize,
    tensors::TensorFile,
};

/// Added to a variance, as PyTorch does.
const EPSILON: f64 = 1e-5;

/// Sums that a product is computed in at the same time, so that the compiler can use the CPU's wide instructions.
const LANES: usize = 16;

/// The layers of a model, in their order. What only brings a vector to unit length at the end is left out: that is for the
/// request to say.
#[derive(Debug, Default)]
pub(crate) struct Layers(Vec<Layer>);

#[derive(Debug)]
enum Layer {
    Dense {
        /// Its folder, for errors.
        name: String,
        matrix: Matrix,
        bias: Option<Vec<f32>>,
        residual: Residual,
        activation: Activation,
    },
    Norm {
        name: String,
        scale: Vec<f32>,
        shift: Vec<f32>,
    },
    Normalize,
}

/// What is added to the result of a layer.
#[derive(Debug)]
enum Residual {
    None,
    Input,
    Product(Matrix),
}

/// A matrix, row after row.
#[derive(Debug)]
struct Matrix {
    values: Vec<f32>,
    columns: usize,
}

impl Layers {
    /// Reads the weights of a pipeline's layers.
    ///
    /// Errors: [`ModelError::Unreadable`](okibi_models::ModelError::Unreadable), [`LoadError::Model`] for weights that
    /// are not those of the configuration.
    pub(crate) fn load(pipeline: &Pipeline) -> Result<Self, LoadError> {
        let last = pipeline.steps.len().saturating_sub(1);
        let steps = pipeline.steps.iter().enumerate();
        let layers = steps.filter_map(|(at, step)| match step {
            Step::Dense(dense) => Some(load_dense(dense)),
            Step::LayerNorm(norm) => Some(load_norm(norm)),
            Step::Normalize if at < last => Some(Ok(Layer::Normalize)),
            Step::Normalize => None,
        });
        Ok(Self(layers.collect::<Result<_, _>>()?))
    }

    /// Sends a pooled vector through them.
    ///
    /// Errors: a vector that is not as long as a layer wants it.
    pub(crate) fn apply(&self, mut vector: Vec<f32>) -> Result<Vec<f32>, Cause> {
        for layer in &self.0 {
            match layer {
                Layer::Dense {
                    name,
                    matrix,
                    bias,
                    residual,
                    activation,
                } => {
                    check_length(name, matrix.columns, &vector)?;
                    let mut result = matrix.times(&vector);
                    for (value, bias) in result.iter_mut().zip(bias.iter().flatten()) {
                        *value += bias;
                    }
                    result
                        .iter_mut()
                        .for_each(|value| *value = activate(activation, *value));
                    let added = match residual {
                        Residual::None => None,
                        Residual::Input => Some(vector),
                        Residual::Product(matrix) => Some(matrix.times(&vector)),
                    };
                    for (value, added) in result.iter_mut().zip(added.into_iter().flatten()) {
                        *value += added;
                    }
                    vector = result;
                }
                Layer::Norm { name, scale, shift } => {
                    check_length(name, scale.len(), &vector)?;
                    even_out(&mut vector, scale, shift);
                }
                Layer::Normalize => normalize(&mut vector),
            }
        }
        Ok(vector)
    }
}

fn check_length(name: &str, wanted: usize, vector: &[f32]) -> Result<(), Cause> {
    if vector.len() == wanted {
        return Ok(());
    }
    Err(format!(
        "{name} takes vectors of {wanted} values, and gets {}",
        vector.len()
    )
    .into())
}

impl Matrix {
    fn times(&self, vector: &[f32]) -> Vec<f32> {
        self.values
            .chunks_exact(self.columns)
            .map(|row| dot(row, vector))
            .collect()
    }
}

fn dot(one: &[f32], other: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    let (ones, others) = (one.chunks_exact(LANES), other.chunks_exact(LANES));
    let rest: f32 = ones
        .remainder()
        .iter()
        .zip(others.remainder())
        .map(|(a, b)| a * b)
        .sum();
    for (one, other) in ones.zip(others) {
        for lane in 0..LANES {
            sums[lane] += one[lane] * other[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

fn activate(activation: &Activation, value: f32) -> f32 {
    match activation {
        // Others are refused before their weights are read.
        Activation::Identity | Activation::Other(_) => value,
        Activation::Tanh => value.tanh(),
        Activation::Relu => value.max(0.0),
        Activation::Gelu => {
            let value = f64::from(value);
            (0.5 * value * (1.0 + libm::erf(value * std::f64::consts::FRAC_1_SQRT_2))) as f32
        }
        Activation::Sigmoid => sigmoid(value),
        Activation::Silu => value * sigmoid(value),
    }
}

fn sigmoid(value: f32) -> f32 {
    1.0 / (1.0 + (-value).exp())
}

/// Brings a vector to mean 0 and variance 1, then scales and shifts it.
fn even_out(vector: &mut [f32], scale: &[f32], shift: &[f32]) {
    let count = vector.len() as f64;
    let mean = vector.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
    let squares = vector.iter().map(|value| (f64::from(*value) - mean).powi(2));
    let deviation = (squares.sum::<f64>() / count + EPSILON).sqrt();
    for ((value, scale), shift) in vector.iter_mut().zip(scale).zip(shift) {
        *value = ((f64::from(*value) - mean) / deviation) as f32 * scale + shift;
    }
}

/// Opens the tensors of a module.
fn open(weights: &ModuleWeights) -> Result<TensorFile, LoadError> {
    let (ModuleWeights::Here(path) | ModuleWeights::Pickled(path) | ModuleWeights::Missing(path)) = weights;
    Ok(TensorFile::open(path)?)
}

fn load_dense(dense: &Dense) -> Result<Layer, LoadError> {
    let file = open(&dense.weights)?;
    let tensors = file.tensors()?;
    let (input, output) = (dense.input.unwrap_or(0), dense.output.unwrap_or(0));
    let matrix = |name: &str| {
        Ok::<_, LoadError>(Matrix {
            values: tensors.take(name, &[output, input])?,
            columns: input.max(1),
        })
    };
    Ok(Layer::Dense {
        name: dense.folder.clone(),
        matrix: matrix("linear.weight")?,
        bias: match dense.has_bias {
            true => Some(tensors.take("linear.bias", &[output])?),
            false => None,
        },
        residual: match (dense.has_residual, input == output) {
            (false, _) => Residual::None,
            (true, true) => Residual::Input,
            (true, false) => Residual::Product(matrix("residual.weight")?),
        },
        activation: dense.activation.clone(),
    })
}

fn load_norm(norm: &LayerNorm) -> Result<Layer, LoadError> {
    let file = open(&norm.weights)?;
    let tensors = file.tensors()?;
    let length = [norm.dimension.unwrap_or(0)];
    Ok(Layer::Norm {
        name: norm.folder.clone(),
        scale: tensors.take("norm.weight", &length)?,
        shift: tensors.take("norm.bias", &length)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dense(activation: Activation, residual: Residual) -> Layers {
        Layers(vec![Layer::Dense {
            name: "2_Dense".into(),
            matrix: Matrix {
                values: vec![1.0, 2.0, -1.0, 0.5],
                columns: 2,
            },
            bias: Some(vec![0.5, -1.0]),
            residual,
            activation,
        }])
    }

    #[test]
    fn a_layer_is_a_product_a_bias_and_an_activation() {
        let of = |activation| dense(activation, Residual::None).apply(vec![1.0, 1.0]).unwrap();
        assert_eq!(of(Activation::Identity), [3.5, -1.5]);
        assert_eq!(of(Activation::Relu), [3.5, 0.0]);
        let near = |found: Vec<f32>, expected: [f32; 2]| {
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-6, "{found} {expected}");
            }
        };
        near(of(Activation::Tanh), [0.998_177_9, -0.905_148_3]);
        near(of(Activation::Sigmoid), [0.970_687_75, 0.182_425_53]);
        near(of(Activation::Silu), [3.397_407_2, -0.273_638_3]);
        near(of(Activation::Gelu), [3.499_185_8, -0.100_210_83]);
        let kept = dense(Activation::Identity, Residual::Input)
            .apply(vec![1.0, 1.0])
            .unwrap();
        assert_eq!(kept, [4.5, -0.5]);
        let wrong = dense(Activation::Identity, Residual::None)
            .apply(vec![1.0; 3])
            .unwrap_err();
        assert_eq!(wrong.to_string(), "2_Dense takes vectors of 2 values, and gets 3");
    }

    #[test]
    fn a_product_of_any_length_is_the_sum_of_all_products() {
        for length in [1, 15, 16, 17, 31, 100] {
            let one: Vec<f32> = (0..length).map(|at| at as f32).collect();
            let sum: f32 = (0..length).map(|at| (at * at) as f32).sum();
            assert_eq!(dot(&one, &one), sum, "{length}");
        }
    }

    #[test]
    fn a_norm_gives_mean_zero_and_variance_one() {
        let mut vector = [1.0, 2.0, 3.0, 6.0];
        even_out(&mut vector, &[1.0; 4], &[0.0; 4]);
        let mean: f32 = vector.iter().sum::<f32>() / 4.0;
        let variance: f32 = vector.iter().map(|value| value * value).sum::<f32>() / 4.0;
        assert!(
            mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-5,
            "{mean} {variance}"
        );
    }
}
