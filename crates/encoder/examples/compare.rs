//! Compares a real model with what sentence-transformers gives for it, in each precision:
//!
//! ```sh
//! python tests/references/real.py MODEL FOLDER EXPECTED.safetensors
//! cargo run --release -p okibi-encoder --example compare MODEL EXPECTED.safetensors
//! ```

use std::{error::Error, fs, path::Path, time::Instant};

use okibi_encoder::{
    Encoder, Options, Precision,
    proof::{Agreement, NEAREST},
};
use safetensors::SafeTensors;

/// Sentences that are computed together.
const BATCH: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, expected] = arguments.as_slice() else {
        return Err("give the folder of a model, and the file that real.py made".into());
    };
    let model = Path::new(model);
    let file = fs::read(expected)?;
    let tensors = SafeTensors::deserialize(&file)?;
    let (_, metadata) = SafeTensors::read_metadata(&file)?;
    let pooling = metadata
        .metadata()
        .as_ref()
        .and_then(|values| values.get("pooling"));
    let pooling = pooling.map_or("mean", String::as_str);
    let numbers = |name: &str| -> Result<Vec<u32>, Box<dyn Error>> {
        let tensor = tensors.tensor(name)?;
        Ok(tensor
            .data()
            .as_chunks::<4>()
            .0
            .iter()
            .map(|four| u32::from_le_bytes(*four))
            .collect())
    };
    let (ids, lengths) = (numbers("ids")?, numbers("lengths")?);
    let width = tensors.tensor("vectors")?.shape()[1];
    let values: Vec<f32> = numbers("vectors")?.into_iter().map(f32::from_bits).collect();
    let theirs: Vec<Vec<f32>> = values.chunks_exact(width).map(<[f32]>::to_vec).collect();
    let mut rest = ids.as_slice();
    let texts: Vec<&[u32]> = lengths
        .iter()
        .map(|length| {
            let (text, others) = rest.split_at(*length as usize);
            rest = others;
            text
        })
        .collect();

    let packed = std::env::temp_dir().join(format!("okibi-compare-{}", std::process::id()));
    let threads = std::thread::available_parallelism()?.get();
    let mut exact = Vec::new();
    for precision in [Precision::F32, Precision::Bf16, Precision::Int8] {
        let (config, weights) = (model.join("config.json"), model.join("model.safetensors"));
        let open = || -> Result<Encoder, Box<dyn Error>> {
            let start = Instant::now();
            let encoder = Encoder::open(&Options {
                config: &config,
                weights: &weights,
                precision,
                threads,
                cache: Some(&packed),
                kernel: None,
            })?;
            println!(
                "{precision:?} opened in {:.0?}, packed: {:?}",
                start.elapsed(),
                encoder.packed_state()
            );
            Ok(encoder)
        };
        // The first writes the packed weights, the second is the next start.
        drop(open()?);
        let mut encoder = open()?;
        let start = Instant::now();
        let mut ours = Vec::with_capacity(texts.len());
        for batch in texts.chunks(BATCH) {
            let rows = encoder.run(batch, &|| false)?;
            ours.extend(rows.iter().map(|rows| pool(rows, width, pooling)));
        }
        let seconds = start.elapsed().as_secs_f64();
        print(
            &format!("{precision:?} beside sentence-transformers"),
            &Agreement::of(&theirs, &ours),
        );
        println!(
            "  largest difference of unit vectors {:.1e}",
            difference(&theirs, &ours)
        );
        if precision == Precision::F32 {
            exact = ours;
        } else {
            print(
                &format!("{precision:?} beside F32"),
                &Agreement::of(&exact, &ours),
            );
            // What is decided from thirty texts, each time with others.
            let step = texts.len() / 30;
            let few = |vectors: &[Vec<f32>], first: usize| -> Vec<Vec<f32>> {
                vectors
                    .iter()
                    .skip(first)
                    .step_by(step)
                    .take(30)
                    .cloned()
                    .collect()
            };
            let decided = (0..step).map(|first| Agreement::of(&few(&exact, first), &few(&ours, first)));
            let decided: Vec<_> = decided.collect();
            let lowest = |value: fn(&Agreement) -> f64| decided.iter().map(value).fold(1.0, f64::min);
            println!(
                "  in {} proofs of thirty, at least: worst {:.4}, mean {:.4}, neighbors {:.1} %; good {}",
                decided.len(),
                lowest(|one| one.worst_cosine),
                lowest(|one| one.mean_cosine),
                100.0 * lowest(|one| one.neighbors),
                decided.iter().filter(|one| one.is_good()).count(),
            );
        }
        println!(
            "  {} on {threads} threads: {:.0} tokens/s",
            encoder.kernel(),
            ids.len() as f64 / seconds
        );
    }
    Ok(())
}

fn print(title: &str, agreement: &Agreement) {
    println!(
        "{title}: {} texts, worst cosine {:.6}, mean {:.6}, of the {NEAREST} nearest {:.2} % agree",
        agreement.texts,
        agreement.worst_cosine,
        agreement.mean_cosine,
        100.0 * agreement.neighbors,
    );
}

fn pool(rows: &[f32], width: usize, pooling: &str) -> Vec<f32> {
    let count = rows.len() / width;
    match pooling {
        "cls" => rows[..width].to_vec(),
        "lasttoken" => rows[(count - 1) * width..].to_vec(),
        _ => {
            let of_place = |place| {
                rows.iter()
                    .skip(place)
                    .step_by(width)
                    .map(|value| f64::from(*value))
                    .sum::<f64>()
            };
            (0..width)
                .map(|place| (of_place(place) / count as f64) as f32)
                .collect()
        }
    }
}

fn difference(theirs: &[Vec<f32>], ours: &[Vec<f32>]) -> f64 {
    let unit = |vector: &[f32]| -> Vec<f64> {
        let length = vector
            .iter()
            .map(|value| f64::from(*value).powi(2))
            .sum::<f64>()
            .sqrt();
        vector.iter().map(|value| f64::from(*value) / length).collect()
    };
    let pairs = theirs
        .iter()
        .zip(ours)
        .flat_map(|(a, b)| unit(a).into_iter().zip(unit(b)));
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}
