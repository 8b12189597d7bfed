//! The same bits alone, in any batch, with any threads, on any kernel.

use crate::description::{
    Activation, Attention, Description, Embedding, FeedForward, Layer, LearnedPositions, Norm, NormKind,
    Norms, Pairs, Relative, Rotary,
};
use crate::sample::{self, Random, Table};
use crate::{Encoder, Kernel, Precision, RunError};

const PRECISIONS: [Precision; 3] = [Precision::F32, Precision::Bf16, Precision::Int8];

fn encoder(
    description: &Description,
    seed: u64,
    precision: Precision,
    kernel: Kernel,
    threads: usize,
) -> Encoder {
    let parameters = sample::parameters(description, seed);
    let table = Box::new(Table(parameters.tokens));
    Encoder::pack(description, &parameters, table, precision, kernel, threads)
}

fn run(encoder: &mut Encoder, texts: &[Vec<u32>]) -> Vec<Vec<u32>> {
    let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
    let rows = encoder.run(&texts, &|| false).unwrap();
    rows.iter()
        .map(|rows| rows.iter().map(|value| value.to_bits()).collect())
        .collect()
}

/// Computes texts with every kernel and several numbers of threads, together and alone, and compares the bits.
fn check(description: &Description, seed: u64, precision: Precision, lengths: &[usize]) {
    let random = &mut Random::new(seed ^ 77);
    let texts: Vec<Vec<u32>> = lengths
        .iter()
        .map(|length| random.tokens(*length, description.vocabulary))
        .collect();
    let expected = run(
        &mut encoder(description, seed, precision, Kernel::plain(), 1),
        &texts,
    );
    for kernel in Kernel::available() {
        for threads in [1, 3] {
            let encoder = &mut encoder(description, seed, precision, kernel, threads);
            assert!(
                run(encoder, &texts) == expected,
                "together, {kernel}, {threads} threads, {precision:?}"
            );
            for (text, expected) in texts.iter().zip(&expected) {
                let alone = run(encoder, std::slice::from_ref(text));
                assert!(
                    alone[0] == *expected,
                    "{} tokens alone, {kernel}, {threads} threads, {precision:?}",
                    text.len()
                );
            }
        }
    }
}

#[test]
fn bert_has_the_same_bits_everywhere() {
    for precision in PRECISIONS {
        check(
            &sample::bert(2, 32, 2, 64, 50),
            1,
            precision,
            &[1, 7, 0, 13, 30, 2],
        );
        check(&sample::bert(2, 36, 3, 50, 50), 2, precision, &[5, 61, 1]);
    }
}

/// A random description: any combination of parts, whether a family has it or not.
fn any(random: &mut Random) -> Description {
    fn one<T: Copy>(random: &mut Random, of: &[T]) -> T {
        of[random.within(0, of.len())]
    }
    fn norm(random: &mut Random) -> Norm {
        let kinds = [
            NormKind::Layer,
            NormKind::LayerWithoutBias,
            NormKind::Rms,
            NormKind::RmsPlusOne,
        ];
        Norm {
            kind: one(random, &kinds),
            epsilon: one(random, &[1e-12, 1e-6, 1e-5]),
        }
    }

    let hidden = one(random, &[8, 16, 24, 40, 48, 80]);
    let key_value_heads = random.within(1, 4);
    let heads = key_value_heads * random.within(1, 4);
    let head_width = one(random, &[2, 8, 16, 20, 32, 40]);
    let relative = Relative {
        buckets: one(random, &[8, 32]),
        max_distance: one(random, &[16, 128]),
    };
    let relative = Some(relative).filter(|_| random.within(0, 2) == 0);
    let layers = (0..random.within(1, 3))
        .map(|_| Layer {
            norms: match random.within(0, 3) {
                0 => Norms::After {
                    attention: norm(random),
                    feed_forward: norm(random),
                },
                1 => Norms::Before {
                    attention: Some(norm(random)).filter(|_| random.within(0, 2) == 0),
                    feed_forward: Some(norm(random)).filter(|_| random.within(0, 2) == 0),
                },
                _ => Norms::Around {
                    before_attention: norm(random),
                    after_attention: norm(random),
                    before_feed_forward: norm(random),
                    after_feed_forward: norm(random),
                },
            },
            attention: Attention {
                heads,
                key_value_heads,
                head_width,
                scale: 0.3,
                is_causal: random.within(0, 3) == 0,
                reach: one(random, &[None, None, Some(0), Some(3), Some(20)]),
                has_bias: random.within(0, 2) == 0,
                has_output_bias: random.within(0, 2) == 0,
                query_key_norm: Some(norm(random)).filter(|_| random.within(0, 2) == 0),
                rotary: Some(Rotary {
                    theta: one(random, &[10_000.0, 160_000.0]),
                    width: head_width / random.within(1, 3) / 2 * 2,
                    pairs: one(random, &[Pairs::Halves, Pairs::Neighbours]),
                    divisor: one(random, &[1.0, 8.0]),
                })
                .filter(|rotary| rotary.width > 0 && random.within(0, 2) == 0),
                relative,
            },
            feed_forward: FeedForward {
                inner: one(random, &[1, 16, 30, 64, 100]),
                activation: one(
                    random,
                    &[
                        Activation::Gelu,
                        Activation::GeluTanh,
                        Activation::Silu,
                        Activation::Relu,
                    ],
                ),
                is_gated: random.within(0, 2) == 0,
                has_up_bias: random.within(0, 2) == 0,
                has_down_bias: random.within(0, 2) == 0,
            },
        })
        .collect();
    Description {
        hidden,
        vocabulary: 30,
        max_tokens: None,
        embedding: Embedding {
            positions: Some(LearnedPositions {
                first: 2,
                count: 102,
                uncounted: None,
            })
            .filter(|_| random.within(0, 2) == 0),
            has_token_type: random.within(0, 2) == 0,
            scale: one(random, &[1.0, 5.5]),
            norm: Some(norm(random)).filter(|_| random.within(0, 2) == 0),
        },
        layers,
        final_norm: Some(norm(random)).filter(|_| random.within(0, 2) == 0),
    }
}

#[test]
fn any_combination_of_parts_has_the_same_bits_everywhere() {
    for seed in 0..60 {
        let random = &mut Random::new(seed);
        let description = any(random);
        let lengths: Vec<usize> = (0..random.within(1, 5)).map(|_| random.within(0, 50)).collect();
        let precision = PRECISIONS[seed as usize % PRECISIONS.len()];
        check(&description, seed, precision, &lengths);
    }
}

#[test]
fn a_long_text_has_the_same_bits_in_pieces() {
    check(&sample::bert(1, 16, 1, 32, 50), 3, Precision::F32, &[450, 3]);
}

#[test]
fn wrong_tokens_and_long_texts_are_refused_with_their_number() {
    let encoder = &mut encoder(
        &sample::bert(1, 16, 1, 16, 50),
        4,
        Precision::F32,
        Kernel::best(),
        1,
    );
    assert_eq!(
        encoder.run(&[&[1], &[2, 50]], &|| false),
        Err(RunError::UnknownToken {
            text: 1,
            token: 50,
            vocabulary: 50
        })
    );
    assert_eq!(
        encoder.run(&[&[0; 513]], &|| false),
        Err(RunError::TooLong {
            text: 0,
            tokens: 513,
            most: 512
        })
    );
    assert_eq!(encoder.run(&[&[1]], &|| true), Err(RunError::BrokenOff));
    assert_eq!(encoder.run(&[], &|| false), Ok(Vec::new()));
}

#[test]
fn a_text_with_nan_fails_alone() {
    let description = sample::bert(2, 32, 2, 64, 50);
    for precision in PRECISIONS {
        for kernel in Kernel::available() {
            let mut parameters = sample::parameters(&description, 5);
            let mut values = vec![0.0; 50 * 32];
            for (row, out) in values.chunks_mut(32).enumerate() {
                parameters.tokens.read_row(row, out);
            }
            values[7 * 32 + 3] = f32::NAN;
            parameters.tokens = sample::matrix_of(50, 32, &values);
            let table = Box::new(Table(parameters.tokens));
            let encoder = &mut Encoder::pack(&description, &parameters, table, precision, kernel, 2);
            let texts = [vec![1, 2, 3, 4, 5], vec![6, 7, 8], vec![9; 20]];
            let together = run(encoder, &texts);
            assert!(
                together[1].iter().all(|value| *value == f32::NAN.to_bits()),
                "{kernel}, {precision:?}"
            );
            for index in [0, 2] {
                assert!(
                    together[index]
                        .iter()
                        .all(|value| f32::from_bits(*value).is_finite())
                );
                assert!(
                    run(encoder, &texts[index..=index])[0] == together[index],
                    "{kernel}, {precision:?}"
                );
            }
        }
    }
}
