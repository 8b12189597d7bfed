//! The same bits on any processor: what every small model gives, in every precision, beside what was committed.
//!
//! A kernel is compared with the one without instructions of its own where both run; this compares processors of different
//! makers, which no machine has together. `OKIBI_WRITE_VECTORS=1` writes the file, where other bits are meant: the vectors
//! that users have stored then no longer fit.

#![expect(clippy::unwrap_used, reason = "a panic is a failure of the test")]

use std::{
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use okibi_encoder::{Encoder, Kernel, Options, Precision};

/// Tokens of the texts that are computed, which begin, end and pass by whole lanes, tiles and blocks.
const LENGTHS: [usize; 6] = [1, 2, 16, 0, 53, 120];

/// Says which kernels have to run here, the fastest first, with commas; where it is not set, any.
const KERNELS: &str = "OKIBI_TEST_KERNELS";

const PRECISIONS: [Precision; 3] = [Precision::F32, Precision::Bf16, Precision::Int8];

fn models() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/encoders");
    let mut models: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    models.sort();
    models
}

fn open(model: &Path, precision: Precision, kernel: Kernel) -> Encoder {
    let index = model.join("model.safetensors.index.json");
    let single = model.join("model.safetensors");
    Encoder::open(&Options {
        config: &model.join("config.json"),
        weights: if index.exists() { &index } else { &single },
        precision,
        threads: 2,
        cache: None,
        kernel: Some(kernel),
    })
    .unwrap_or_else(|error| panic!("{}: {error:?}", model.display()))
}

/// Texts of any tokens, the same for every model with as many.
fn texts(vocabulary: usize, most: usize) -> Vec<Vec<u32>> {
    let mut state = 1u64;
    let mut token = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % vocabulary
    };
    LENGTHS
        .map(|length| (0..length.min(most)).map(|_| token() as u32).collect())
        .into()
}

/// 64 bits of the vectors: FNV-1a.
fn hash(vectors: &[Vec<f32>]) -> u64 {
    let bytes = vectors.iter().flatten().flat_map(|value| {
        assert!(value.is_finite());
        value.to_bits().to_le_bytes()
    });
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A line for each model and precision.
fn vectors(kernel: Kernel) -> String {
    let mut lines = String::new();
    for model in models() {
        for precision in PRECISIONS {
            let mut encoder = open(&model, precision, kernel);
            let description = encoder.description();
            let texts = texts(
                description.vocabulary,
                description.max_tokens.unwrap_or(usize::MAX),
            );
            let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
            let hash = hash(&encoder.run(&texts, &|| false).unwrap());
            let name = model.file_name().unwrap().to_string_lossy();
            let precision = format!("{precision:?}").to_lowercase();
            writeln!(lines, "{name} {precision} {hash:016x}").unwrap();
        }
    }
    lines
}

#[test]
fn every_family_gives_the_committed_bits_on_this_processor() {
    let kernels = Kernel::available();
    let names = kernels.iter().map(|kernel| kernel.name()).collect::<Vec<_>>();
    let names = names.join(",");
    println!("kernels of this processor ({}): {names}", env::consts::ARCH);
    if let Ok(expected) = env::var(KERNELS) {
        assert_eq!(names, expected, "the kernels that {KERNELS} names");
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors.txt");
    if env::var_os("OKIBI_WRITE_VECTORS").is_some() {
        fs::write(&file, vectors(Kernel::plain())).unwrap();
    }
    let committed = fs::read_to_string(&file).unwrap();
    for kernel in kernels {
        let found = vectors(kernel);
        for (found, committed) in found.lines().zip(committed.lines()) {
            assert_eq!(found, committed, "{kernel}");
        }
        assert_eq!(found.lines().count(), committed.lines().count());
        println!(
            "{kernel}: {} vectors are the committed ones",
            found.lines().count()
        );
    }
}
