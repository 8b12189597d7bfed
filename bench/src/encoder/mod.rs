//! Ours beside every other way to compute the same encoders, by turns: speed, a query, memory, start, the processor's limit.
//!
//! - [`subject`]: the models
//! - [`works`]: the texts
//! - [`engine`]: who computes
//! - [`lines`], [`library`], [`server`]: each in a process of its own, so that memory is its own
//! - [`turns`]: who computes when
//! - [`results`], [`aims`], [`table`], [`chart`]: what came of it
//!
//! Ours and ONNX Runtime are given token ids; the others take texts, so their times have the tokenizer's in them, and
//! their memory its memory. Batches are as each makes them best: ours without padding, ONNX Runtime's of the size that was
//! fastest, the others' their own.

mod aims;
mod chart;
mod engine;
pub(crate) mod library;
mod lines;
mod machine;
mod results;
#[cfg(test)]
mod sample;
mod server;
mod subject;
mod table;
mod turns;
mod works;

use std::{path::PathBuf, time::Instant};

use anyhow::{Context, Result};

use self::{machine::Machine, results::Limits, results::Results};
use crate::{corpus, report};

/// The name of the file of a run.
const NAME: &str = "encoder";

/// Measures all models, or all but the large one. The figures of each are there once it is done, whatever comes of the next.
pub(crate) fn run(with_large: bool) -> Result<()> {
    let began = Instant::now();
    let mut results = Results {
        machine: Machine::here(),
        limits: Limits::default(),
        models: Vec::new(),
        aims: Vec::new(),
    };
    for subject in subject::subjects(with_large)? {
        let model = turns::measure(&subject, &mut results.limits)?;
        println!("{}", table::of_model(&model, results.limits));
        results.models.push(model);
        results.aims = aims::aims(&results.models, &results.machine.kernel);
        report::write(NAME, &serde_json::to_value(&results)?)?;
    }
    println!("\n{}", table::summary(&results));
    println!(
        "  written to {} after {} s",
        report::file(NAME).display(),
        began.elapsed().as_secs()
    );
    Ok(())
}

/// Draws the last run into the documentation.
pub(crate) fn draw() -> Result<()> {
    let file = report::file(NAME);
    let text = std::fs::read(&file).with_context(|| {
        format!(
            "no figures in {}: run `cargo xtask bench encoder` first",
            file.display()
        )
    })?;
    let results: Results = serde_json::from_slice(&text)?;
    let picture = picture();
    std::fs::create_dir_all(picture.with_file_name(""))?;
    std::fs::write(&picture, chart::chart(&results)?)
        .with_context(|| format!("write {}", picture.display()))?;
    println!("{} is drawn from {}", picture.display(), file.display());
    Ok(())
}

/// The picture that the documentation shows.
fn picture() -> PathBuf {
    corpus::root().join("docs/pictures/encoder.svg")
}
