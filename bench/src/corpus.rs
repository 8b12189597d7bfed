//! Texts to measure with: sentences of the reference file, joined to many lengths; the same in every run.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

/// The source tree.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
        .to_owned()
}

/// `count` texts: eight of ten are one or two sentences, the others up to a paragraph.
pub(crate) fn texts(count: usize) -> Result<Vec<String>> {
    let file = root().join("tests/data/multilingual-e5-small-q4-reference.json");
    let entries: Vec<Value> =
        serde_json::from_slice(&std::fs::read(&file)?).with_context(|| format!("read {}", file.display()))?;
    let sentences: Vec<&str> = entries
        .iter()
        .filter_map(|entry| entry["text"].as_str())
        .filter(|text| text.len() < 300)
        .collect();
    // A linear congruential generator (Knuth's MMIX constants): no crate for a handful of numbers.
    let mut state: u64 = 42;
    let mut next = |below: usize| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    Ok((0..count)
        .map(|index| {
            let sentence_count = if next(10) < 8 { 1 + next(2) } else { 3 + next(6) };
            let mut text = (0..sentence_count)
                .map(|_| sentences[next(sentences.len())])
                .collect::<Vec<_>>()
                .join(" ");
            // No two texts are the same, so that nothing is computed once for several.
            text.push_str(&format!(" {index}"));
            text
        })
        .collect())
}
