//! Small models of every family beside what their makers' code gives (`tests/references/encoders.py` made them).

#![expect(clippy::unwrap_used, reason = "a panic is a failure of the test")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use okibi_encoder::{Encoder, Kernel, Options, Precision};
use safetensors::{Dtype, SafeTensors};

/// How far a unit vector's values may be from those of the makers' code.
const MOST_DIFFERENCE: f64 = 2e-6;

/// How far the cosine may be from 1.
const MOST_ANGLE: f64 = 1e-6;

/// Texts above this are computed once, and not by the kernel without any instructions of its own: it takes minutes.
const LONG: usize = 1000;

/// A text, and what is expected of it: all of its rows, or their mean as the only row.
struct Text {
    ids: Vec<u32>,
    rows: Vec<f32>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/encoders")
}

fn models() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).unwrap();
    let mut models: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    models.sort();
    assert!(models.len() >= 20, "the models are there: {models:?}");
    models
}

fn open(model: &Path, kernel: Kernel) -> Encoder {
    let index = model.join("model.safetensors.index.json");
    let weights = if index.exists() {
        index
    } else {
        model.join("model.safetensors")
    };
    Encoder::open(&Options {
        config: &model.join("config.json"),
        weights: &weights,
        precision: Precision::F32,
        threads: 2,
        cache: None,
        kernel: Some(kernel),
    })
    .unwrap_or_else(|error| panic!("{}: {error:?}", model.display()))
}

fn texts(model: &Path) -> Vec<Text> {
    let file = fs::read(model.join("expected.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&file).unwrap();
    (0..tensors.len() / 2)
        .map(|number| {
            let ids = tensors.tensor(&format!("ids.{number:02}")).unwrap();
            let rows = tensors.tensor(&format!("rows.{number:02}")).unwrap();
            assert_eq!((ids.dtype(), rows.dtype()), (Dtype::U16, Dtype::F32));
            let id = |two: &[u8; 2]| u32::from(u16::from_le_bytes(*two));
            Text {
                ids: ids.data().as_chunks::<2>().0.iter().map(id).collect(),
                rows: rows
                    .data()
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .map(|four| f32::from_le_bytes(*four))
                    .collect(),
            }
        })
        .collect()
}

fn mean(rows: &[f32], hidden: usize) -> Vec<f32> {
    let count = (rows.len() / hidden) as f64;
    let of_place = |place| {
        rows.iter()
            .skip(place)
            .step_by(hidden)
            .map(|value| f64::from(*value))
            .sum::<f64>()
    };
    (0..hidden)
        .map(|place| (of_place(place) / count) as f32)
        .collect()
}

fn unit(row: &[f32]) -> Vec<f64> {
    let length = row
        .iter()
        .map(|value| f64::from(*value).powi(2))
        .sum::<f64>()
        .sqrt();
    row.iter().map(|value| f64::from(*value) / length).collect()
}

/// The largest difference of unit vectors, and how far their cosine is from 1; the worst of all rows.
fn distance(found: &[f32], expected: &[f32], hidden: usize) -> (f64, f64) {
    assert_eq!(found.len(), expected.len());
    let rows = found.chunks_exact(hidden).zip(expected.chunks_exact(hidden));
    rows.map(|(found, expected)| {
        let (found, expected) = (unit(found), unit(expected));
        let pairs = || found.iter().zip(&expected);
        let difference = pairs().map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let cosine: f64 = pairs().map(|(a, b)| a * b).sum();
        (difference, 1.0 - cosine)
    })
    .fold((0.0, 0.0), |worst, one| (worst.0.max(one.0), worst.1.max(one.1)))
}

#[test]
fn every_family_gives_what_its_makers_code_gives() {
    let mut failures = Vec::new();
    for kernel in Kernel::available() {
        for model in models() {
            let name = model.file_name().unwrap().to_string_lossy().into_owned();
            let mut encoder = open(&model, kernel);
            let hidden = encoder.description().hidden;
            let mut texts = texts(&model);
            texts.retain(|text| text.ids.len() < LONG || kernel != Kernel::plain());
            let ids: Vec<&[u32]> = texts.iter().map(|text| text.ids.as_slice()).collect();
            let together = encoder.run(&ids, &|| false).unwrap();
            let mut worst = (0.0f64, 0.0f64);
            for (text, in_batch) in texts.iter().zip(&together) {
                let alone = encoder.run(&[&text.ids], &|| false).unwrap().remove(0);
                let bits = |rows: &[f32]| rows.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&alone), bits(in_batch), "{name}: a batch gives other bits");
                let found = if text.rows.len() == alone.len() {
                    alone
                } else {
                    mean(&alone, hidden)
                };
                let (difference, angle) = distance(&found, &text.rows, hidden);
                worst = (worst.0.max(difference), worst.1.max(angle));
            }
            let line = format!(
                "{kernel:10} {name:18} difference {:.1e}, 1 − cosine {:.1e}",
                worst.0, worst.1
            );
            println!("{line}");
            // Written so that NaN fails.
            if !(worst.0 <= MOST_DIFFERENCE && worst.1 <= MOST_ANGLE) {
                failures.push(line);
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}
