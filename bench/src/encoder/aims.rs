//! The ratios that Okibi is after.

use super::{
    engine::Engine,
    results::{Aim, ModelResults, Run, middle},
    works::{MIXED, QUERY},
};

/// All ratios that the models give. `kernel` is that of ours.
pub(crate) fn aims(models: &[ModelResults], kernel: &str) -> Vec<Aim> {
    // Without instructions for products of bytes, the lead is smaller.
    let lead = match kernel {
        "avx512" | "avx-vnni" => "≥ 3",
        _ => "≥ 1.8",
    };
    let mut aims = Vec::new();
    for model in models {
        let all = model.most_threads();
        let mut add = |what: &str, ours: (Engine, usize), theirs: (Engine, usize), work: &str, aim: &str| {
            let run = |(engine, threads): (Engine, usize)| model.run(engine.key(), threads);
            let (Some(ours), Some(theirs)) = (run(ours), run(theirs)) else {
                return;
            };
            let Some((best, median)) = ratio(ours, theirs, work) else {
                return;
            };
            let work = match work.parse::<usize>() {
                Ok(tokens) => format!("{tokens} tokens"),
                Err(_) => work.to_owned(),
            };
            aims.push(Aim {
                label: format!("{}: {what}, {work}", model.name),
                best,
                median,
                aim: aim.to_owned(),
            });
        };
        match model.name.as_str() {
            "ruri" => {
                for work in ["26", "512"] {
                    let theirs = (Engine::OnnxF32, all);
                    add(
                        "int8 / ONNX Runtime f32",
                        (Engine::Int8, all),
                        theirs,
                        work,
                        "≥ 3.5",
                    );
                }
            }
            _ => {
                for work in ["26", "512"] {
                    let (ours, theirs) = ((Engine::Int8, all), (Engine::OnnxInt8, all));
                    add("int8 / ONNX Runtime int8", ours, theirs, work, lead);
                }
                // A time and not a speed, so the two change places.
                let (ours, theirs) = ((Engine::OnnxInt8, all), (Engine::Int8, all));
                add("time of int8 / ONNX Runtime int8", ours, theirs, QUERY, "≤ 0.4");
                for work in ["26", "512", MIXED] {
                    let (ours, theirs) = ((Engine::F32, all), (Engine::OnnxF32, all));
                    add("f32 / ONNX Runtime f32", ours, theirs, work, "≥ 1.15");
                }
                if all > 1 {
                    for work in ["26", "512"] {
                        let what = format!("int8 with {all} threads / 1");
                        add(&what, (Engine::Int8, all), (Engine::Int8, 1), work, "");
                    }
                }
            }
        }
        aims.extend(memory(model));
    }
    aims
}

/// How many times as fast one is: by the best turns, and in the middle of the turns.
fn ratio(ours: &Run, theirs: &Run, work: &str) -> Option<(f64, Option<f64>)> {
    let best = theirs.best(work)? / ours.best(work)?;
    let turns = theirs.seconds.get(work)?.iter().zip(ours.seconds.get(work)?);
    Some((best, middle(turns.map(|(theirs, ours)| theirs / ours).collect())))
}

/// The memory of 8-bit integers as a part of what floats take elsewhere.
fn memory(model: &ModelResults) -> Option<Aim> {
    let all = model.most_threads();
    let of = |engine: Engine| model.run(engine.key(), all)?.memory_mb;
    let best = of(Engine::Int8)? / of(Engine::OnnxF32)?;
    Some(Aim {
        label: format!("{}: memory of int8 / ONNX Runtime f32", model.name),
        best,
        median: None,
        aim: if model.name == "ruri" { "≤ 0.4" } else { "" }.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_ratio_is_of_turns_that_were_beside_each_other() {
        let aims = aims(&[sample::model()], "avx2");
        let find = |label: &str| aims.iter().find(|aim| aim.label.contains(label)).unwrap();
        let bulk = find("int8 / ONNX Runtime int8, 26 tokens");
        assert_eq!((bulk.best, bulk.median), (2.0, Some(2.0)));
        assert_eq!(bulk.aim, "≥ 1.8");
        let query = find("time of int8 / ONNX Runtime int8, query");
        assert_eq!((query.best, query.median), (0.5, Some(0.5)));
        let gain = find("int8 with 2 threads / 1, 26 tokens").best;
        assert!((gain - 1.6).abs() < 1e-9, "{gain}");
        assert_eq!(find("memory of int8").best, 0.25);
    }
}
