//! Each kernel against plain loops, at odd sizes and with extreme values.

use proptest::prelude::*;

use crate::activation::Activate;
use crate::description::{Activation, Norm, NormKind};
use crate::lanes::{Kernel, Lanes, WIDTH, Work};
use crate::linear::{Finish, Groups, Input, Inputs, IntegerMemory, Linear, Precision};
use crate::norm::{NormRows, RowNorm};
use crate::parameters::{NormParameters, Product};
use crate::sample::{Random, matrix_of};

/// The bits of a float; which NaN it is does not count.
fn bits(value: f32) -> u32 {
    if value.is_nan() {
        f32::NAN.to_bits()
    } else {
        value.to_bits()
    }
}

fn all_bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| bits(*value)).collect()
}

/// Any float: of any bits, or one of those at which arithmetic changes its ways.
fn any_float() -> impl Strategy<Value = f32> {
    let special = [
        0.0,
        -0.0,
        f32::MIN_POSITIVE,
        -1e-45,
        f32::MAX,
        f32::MIN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
        0.5,
        1.5,
        2.5,
        -87.0,
        -87.000_01,
        88.0,
    ];
    prop_oneof![
        4 => -10.0f32..10.0,
        2 => any::<u32>().prop_map(f32::from_bits),
        2 => prop::sample::select(special.to_vec()),
    ]
}

fn sixteen() -> impl Strategy<Value = [f32; WIDTH]> {
    prop::array::uniform16(any_float())
}

/// Everything that lanes offer, of three times sixteen numbers.
struct Everything([[f32; WIDTH]; 3]);

impl Work for Everything {
    type Output = Vec<u32>;

    #[inline(always)]
    fn run<L: Lanes>(self, l: L) -> Vec<u32> {
        let [a, b, c] = [l.load(&self.0[0]), l.load(&self.0[1]), l.load(&self.0[2])];
        // What is rounded is below 2³¹.
        let bounded = l.max(l.splat(-1e9), l.min(l.splat(1e9), a));
        let bounded = l.select_less(bounded, l.splat(f32::INFINITY), bounded, l.splat(0.0));
        let integers = l.round(bounded);
        let results = [
            l.add(a, b),
            l.sub(a, b),
            l.mul(a, b),
            l.div(a, b),
            l.mul_add(a, b, c),
            l.neg_mul_add(a, b, c),
            l.max(a, b),
            l.min(a, b),
            l.abs(a),
            l.select_less(a, b, b, c),
            l.to_f32(integers),
            l.splat(l.sum(a)),
            l.splat(l.largest(a)),
        ];
        let mut out = Vec::new();
        let mut values = [0.0; WIDTH];
        for result in results {
            l.store(result, &mut values);
            out.extend(all_bits(&values));
        }
        let mut values = [0; WIDTH];
        let most = l.max_magnitude(integers, b);
        // NaN's bits without the sign may differ; they are above all others on every processor.
        let is_nan = self.0[1].iter().any(|value| value.is_nan());
        out.push(if is_nan { 0 } else { l.largest_i32(most) as u32 });
        l.store_i32(l.sub_i32(integers, l.splat_i32(i32::MAX)), &mut values);
        out.extend(values.map(|value| value as u32));
        out
    }
}

proptest! {
    #[test]
    fn each_operation_gives_the_bits_of_plain_rust(a in sixteen(), b in sixteen(), c in sixteen()) {
        let expected = Kernel::plain().run(Everything([a, b, c]));
        for kernel in Kernel::available() {
            prop_assert_eq!(&kernel.run(Everything([a, b, c])), &expected, "{}", kernel);
        }
    }

    #[test]
    fn activations_give_the_bits_of_plain_rust(values in prop::collection::vec(any_float(), 48)) {
        for activation in [Activation::Gelu, Activation::GeluTanh, Activation::Silu, Activation::Relu] {
            let compute = |kernel: Kernel| {
                let mut rows = values.clone();
                kernel.run(Activate { activation, rows: &mut rows, stride: 48, first: 0, columns: 48 });
                all_bits(&rows)
            };
            for kernel in Kernel::available() {
                prop_assert_eq!(compute(kernel), compute(Kernel::plain()), "{} {:?}", kernel, activation);
            }
        }
    }

    #[test]
    fn norms_give_the_bits_of_plain_rust(width in 1usize..70, seed: u64, special in any_float()) {
        let random = &mut Random::new(seed);
        let parameters = NormParameters { weight: random.floats(width, 2.0), bias: None };
        let mut rows = random.floats(width.next_multiple_of(WIDTH), 3.0);
        rows[width..].fill(0.0);
        rows[random.within(0, width)] = special;
        for kind in [NormKind::Layer, NormKind::LayerWithoutBias, NormKind::Rms, NormKind::RmsPlusOne] {
            let norm = RowNorm::new(Norm { kind, epsilon: 1e-6 }, &parameters);
            let compute = |kernel: Kernel| {
                let mut rows = rows.clone();
                let stride = rows.len();
                kernel.run(NormRows { norm: &norm, rows: &mut rows, stride, first: 0, parts: 1 });
                all_bits(&rows)
            };
            for kernel in Kernel::available() {
                prop_assert_eq!(compute(kernel), compute(Kernel::plain()), "{} {:?}", kernel, kind);
            }
        }
    }

    #[test]
    fn products_are_their_definition(
        inputs in prop_oneof![1usize..70, 760usize..800],
        outputs in 1usize..70,
        rows in prop_oneof![1usize..15, 47usize..56],
        seed: u64,
        special in any_float(),
    ) {
        products(inputs, outputs, rows, seed, special);
    }
}

/// An activation's integers and what one is worth.
fn quantized(row: &[f32]) -> (Vec<i32>, f32) {
    let most = row.iter().fold(0.0f32, |most, value| most.max(value.abs()));
    if row.iter().any(|value| !value.is_finite()) {
        (vec![0; row.len()], f32::NAN)
    } else if most < 1e-30 {
        (vec![0; row.len()], 0.0)
    } else {
        let factor = 127.0 / most;
        let integers = row.iter().map(|value| (value * factor).round_ties_even() as i32);
        (integers.collect(), most / 127.0)
    }
}

fn products(inputs: usize, outputs: usize, rows: usize, seed: u64, special: f32) {
    let random = &mut Random::new(seed);
    let weights = random.floats(inputs * outputs, 1.0);
    let bias = random.floats(outputs, 1.0);
    let stride = inputs.next_multiple_of(WIDTH);
    let mut input = vec![0.0; rows * stride];
    for row in input.chunks_mut(stride) {
        row[..inputs].copy_from_slice(&random.floats(inputs, 2.0));
    }
    input[random.within(0, rows) * stride + random.within(0, inputs)] = special;
    let before = random.floats(rows * outputs.next_multiple_of(WIDTH), 1.0);
    let product = Product {
        weights: matrix_of(outputs, inputs, &weights),
        bias: Some(bias.clone()),
    };

    for precision in [Precision::F32, Precision::Bf16, Precision::Int8] {
        let mut expected = Vec::new();
        for row in input.chunks(stride) {
            let (integers, scale) = quantized(&row[..inputs]);
            for output in 0..outputs {
                let weights = &weights[output * inputs..][..inputs];
                expected.push(match precision {
                    Precision::F32 => {
                        let sum = weights
                            .iter()
                            .zip(row)
                            .fold(0.0f32, |sum, (w, x)| x.mul_add(*w, sum));
                        sum + bias[output]
                    }
                    Precision::Bf16 => {
                        let sum = weights.iter().zip(row).fold(0.0f32, |sum, (w, x)| {
                            x.mul_add(half::bf16::from_f32(*w).to_f32(), sum)
                        });
                        sum + bias[output]
                    }
                    Precision::Int8 => {
                        let unit = weights.iter().fold(0.0f32, |most, w| most.max(w.abs())) / 127.0;
                        let sum: i32 = weights
                            .iter()
                            .zip(&integers)
                            .map(|(w, x)| (w / unit).round_ties_even() as i32 * x)
                            .sum();
                        (sum as f32).mul_add(scale * unit, bias[output])
                    }
                });
            }
        }

        for kernel in Kernel::available() {
            let linear = Linear::pack(
                &[(&product, Groups::one(outputs))],
                Inputs::unknown(Groups::one(inputs)),
                precision,
                kernel,
                None,
            );
            for finish in [Finish::Store, Finish::Multiply, Finish::Add] {
                let mut out = before.clone();
                let width = linear.outputs();
                let mut memory = IntegerMemory::default();
                let input: Input<'_> = linear.input(kernel, &input, &mut memory);
                linear.run(kernel, input, 0..linear.panels(), &mut out, width, finish);
                for (row, (out, before)) in out.chunks(width).zip(before.chunks(width)).enumerate() {
                    for output in 0..outputs {
                        let product = expected[row * outputs + output];
                        let expected = match finish {
                            Finish::Store | Finish::Activate(_) => product,
                            Finish::Multiply => product * before[output],
                            Finish::Add => product + before[output],
                        };
                        assert!(
                            bits(out[output]) == bits(expected),
                            "{kernel} {precision:?} {finish:?}: {} instead of {expected} at row {row}, output {output}",
                            out[output]
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn activations_are_near_their_formulas() {
    let gelu = |x: f64| x * 0.5 * (1.0 + libm::erf(x / std::f64::consts::SQRT_2));
    let gelu_tanh = |x: f64| {
        let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x);
        0.5 * x * (1.0 + libm::tanh(inner))
    };
    let silu = |x: f64| x / (1.0 + libm::exp(-x));
    let functions: [(Activation, &dyn Fn(f64) -> f64); 3] = [
        (Activation::Gelu, &gelu),
        (Activation::GeluTanh, &gelu_tanh),
        (Activation::Silu, &silu),
    ];
    for (activation, function) in functions {
        let values: Vec<f32> = (-32_000..32_000).map(|step| step as f32 / 1600.0).collect();
        let mut results = values.clone();
        Kernel::best().run(Activate {
            activation,
            stride: results.len(),
            first: 0,
            columns: results.len(),
            rows: &mut results,
        });
        for (x, result) in values.iter().zip(results) {
            let expected = function(f64::from(*x));
            let error = (f64::from(result) - expected).abs();
            assert!(
                error < 2e-7 * f64::from(x.abs()).max(1.0),
                "{activation:?}({x}): {result} instead of {expected}"
            );
        }
    }
}
