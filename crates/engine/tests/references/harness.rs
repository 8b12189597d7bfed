//! Opening a model of a folder, and comparing its vectors.

use std::path::{Path, PathBuf};

use okibi_engine::{EmbedError, EmbedRequest, Embedded, Engine, LoadError, LoadOptions, load};
use okibi_models::Library;

/// The least cosine between a vector and its reference.
const LEAST_COSINE: f64 = 1.0 - 1e-6;

/// The largest difference between a value of a unit vector and its reference.
const LARGEST_DIFFERENCE: f64 = 2e-6;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn data() -> PathBuf {
    root().join("tests/data/references")
}

pub(crate) fn try_open(folder: &Path) -> Result<Engine, LoadError> {
    let assets = std::env::var_os("OKIBI_ASSETS").map_or_else(|| root().join("assets"), PathBuf::from);
    let options = LoadOptions {
        model: folder.to_str().unwrap().to_owned(),
        library: Library {
            assets: vec![assets.clone()],
            ..Library::default()
        },
        assets: vec![assets],
        ..LoadOptions::default()
    };
    load(&options, &|_| {})
}

pub(crate) fn open(folder: &Path) -> Engine {
    try_open(folder).unwrap_or_else(|error| panic!("{}: {error:?}", folder.display()))
}

pub(crate) fn try_embed(engine: &Engine, request: EmbedRequest) -> Result<Embedded, EmbedError> {
    let pending = engine.submit(engine.prepare(request)?)?;
    futures_executor::block_on(pending.wait())
}

pub(crate) fn embed(engine: &Engine, request: EmbedRequest) -> (Vec<Vec<f32>>, Vec<usize>) {
    let embedded = try_embed(engine, request).unwrap().whole().unwrap();
    (embedded.vectors, embedded.tokens)
}

pub(crate) fn length(vector: &[f64]) -> f64 {
    vector.iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// Checks a vector of unit length.
pub(crate) fn compare(what: &str, found: &[f32], reference: &[f64]) {
    assert_eq!(found.len(), reference.len(), "{what}");
    let found: Vec<f64> = found.iter().map(|value| f64::from(*value)).collect();
    let whole = length(reference);
    let unit: Vec<f64> = reference.iter().map(|value| value / whole).collect();
    let cosine = found.iter().zip(&unit).map(|(a, b)| a * b).sum::<f64>() / length(&found);
    let difference = found
        .iter()
        .zip(&unit)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);
    assert!(cosine >= LEAST_COSINE, "{what}: cosine {cosine}");
    assert!(
        difference <= LARGEST_DIFFERENCE,
        "{what}: difference {difference}"
    );
}
