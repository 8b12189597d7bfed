//! Results for tests.

use super::{
    engine::Engine,
    machine::Machine,
    results::{EngineResults, Limits, ModelResults, Results, Run},
};
use strum::IntoEnumIterator;

/// The embedded model with every engine; what is not a library of ours or ONNX Runtime's is missing.
pub(crate) fn model() -> ModelResults {
    let works = ["query", "10", "26", "128", "512", "mixed"];
    let engine = |engine: Engine| {
        let speed = match engine {
            Engine::Int8 => Some(2.0),
            Engine::OnnxInt8 => Some(1.0),
            Engine::Bf16 | Engine::F32 | Engine::OnnxF32 | Engine::Fastembed => Some(0.5),
            _ => None,
        };
        let runs = speed.map(|speed| {
            [(1, 1.0), (2, 1.6)].map(|(threads, gain)| Run {
                threads,
                start_ms: 100.0,
                memory_mb: Some(100.0 / speed),
                // The second turn was slow for all.
                seconds: works
                    .map(|work| (work.to_owned(), vec![1.0 / speed / gain, 2.0 / speed / gain]))
                    .into(),
            })
        });
        EngineResults {
            name: engine.key().to_owned(),
            label: engine.label().to_owned(),
            missing: runs
                .is_none()
                .then(|| "not installed: <none> & \"nothing\"".to_owned()),
            runs: runs.into_iter().flatten().collect(),
        }
    };
    ModelResults {
        name: "embedded".to_owned(),
        title: "the embedded model: 12 layers of 384".to_owned(),
        files: "random weights".to_owned(),
        linear_products: 21_233_664,
        tokens: works.map(|work| (work.to_owned(), 500)).into(),
        engines: Engine::iter().map(engine).collect(),
    }
}

/// A whole run.
pub(crate) fn results() -> Results {
    Results {
        machine: Machine {
            processor: "A <fast> processor".to_owned(),
            kernel: "avx2".to_owned(),
            cores: 2,
            system: "linux".to_owned(),
            date: "2026-01-02".to_owned(),
        },
        limits: Limits {
            floats: 3e10,
            integers: 6e10,
        },
        models: vec![model()],
        aims: Vec::new(),
    }
}
