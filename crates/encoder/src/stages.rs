//! Where the time of runs goes.

use std::time::{Duration, Instant};

/// A part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Stage {
    /// Looking tokens up.
    Embed,
    /// Norms, and the rotation of queries and keys.
    Norm,
    /// Making integers of activations.
    Quantize,
    /// The product that gives queries, keys and values.
    QueryKeyValue,
    /// Attention.
    Attention,
    /// The product after the heads.
    Output,
    /// The products going up, with the activation.
    Up,
    /// The product going down.
    Down,
}

impl Stage {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Embed,
        Self::Norm,
        Self::Quantize,
        Self::QueryKeyValue,
        Self::Attention,
        Self::Output,
        Self::Up,
        Self::Down,
    ];
}

/// The time of each stage, summed over the threads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stages([Duration; Stage::ALL.len()]);

impl Stages {
    /// The time of one stage.
    pub fn of(&self, stage: Stage) -> Duration {
        self.0[stage as usize]
    }

    /// Adds the times of others.
    pub(crate) fn add(&mut self, others: &Self) {
        for (time, other) in self.0.iter_mut().zip(others.0) {
            *time += other;
        }
    }
}

/// A thread's clock, read at the end of each stage.
#[derive(Debug)]
pub(crate) struct Clock {
    last: Instant,
    stages: Stages,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            last: Instant::now(),
            stages: Stages::default(),
        }
    }
}

impl Clock {
    /// Begins a piece of work.
    pub(crate) fn start(&mut self) {
        self.last = Instant::now();
    }

    /// Gives the time since the last reading to a stage.
    pub(crate) fn end(&mut self, stage: Stage) {
        let now = Instant::now();
        self.stages.0[stage as usize] += now - self.last;
        self.last = now;
    }

    /// The times since they were taken last.
    pub(crate) fn take(&mut self) -> Stages {
        std::mem::take(&mut self.stages)
    }
}
