//! What was measured, as the file of a run has it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::machine::Machine;

/// A run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    pub(crate) limits: Limits,
    pub(crate) models: Vec<ModelResults>,
    /// Ratios that Okibi is after.
    pub(crate) aims: Vec<Aim>,
}

/// Multiply-adds a second of one thread, at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Limits {
    pub(crate) floats: f64,
    pub(crate) integers: f64,
}

/// A model, by each engine.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ModelResults {
    pub(crate) name: String,
    pub(crate) title: String,
    /// Which files were computed.
    pub(crate) files: String,
    /// Multiply-adds of a token in the linear layers.
    pub(crate) linear_products: usize,
    /// Tokens of each work.
    pub(crate) tokens: BTreeMap<String, usize>,
    pub(crate) engines: Vec<EngineResults>,
}

/// An engine with a model.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EngineResults {
    pub(crate) name: String,
    pub(crate) label: String,
    /// Why there is nothing.
    pub(crate) missing: Option<String>,
    /// With one thread, and with all.
    pub(crate) runs: Vec<Run>,
}

/// An engine with a model and so many threads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) threads: usize,
    /// From its start to its first vector, with its files read and its weights packed before.
    pub(crate) start_ms: f64,
    /// Resident after all works.
    pub(crate) memory_mb: Option<f64>,
    /// The time of each turn of each work.
    pub(crate) seconds: BTreeMap<String, Vec<f64>>,
}

/// How many times as fast, or as large, one is as another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Aim {
    pub(crate) label: String,
    /// By the best turn of each.
    pub(crate) best: f64,
    /// The middle of the ratios of each turn; those of one turn were measured beside each other.
    pub(crate) median: Option<f64>,
    /// What is aimed at.
    pub(crate) aim: String,
}

impl ModelResults {
    /// An engine's run with so many threads.
    pub(crate) fn run(&self, engine: &str, threads: usize) -> Option<&Run> {
        let engine = self.engines.iter().find(|results| results.name == engine)?;
        engine.runs.iter().find(|run| run.threads == threads)
    }

    /// The most threads that were measured.
    pub(crate) fn most_threads(&self) -> usize {
        let runs = self.engines.iter().flat_map(|engine| &engine.runs);
        runs.map(|run| run.threads).max().unwrap_or(1)
    }

    /// Tokens a second at an engine's best turn.
    pub(crate) fn rate(&self, run: &Run, work: &str) -> Option<f64> {
        Some(*self.tokens.get(work)? as f64 / run.best(work)?)
    }
}

impl Run {
    /// Seconds of the best turn.
    pub(crate) fn best(&self, work: &str) -> Option<f64> {
        let turns = self.seconds.get(work)?;
        turns.iter().copied().min_by(f64::total_cmp)
    }
}

/// The middle of some numbers.
pub(crate) fn middle(mut numbers: Vec<f64>) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied()
}
