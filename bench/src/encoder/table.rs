//! The results on the terminal.

use super::{
    engine::Engine,
    results::{Aim, Limits, ModelResults, Results, Run},
    works::{LENGTHS, MIXED, QUERY},
};

/// Columns of a name, and of a number.
const NAME: usize = 26;
const NUMBER: usize = 8;

/// The machine, its limits, and the ratios.
pub(crate) fn summary(results: &Results) -> String {
    let Limits { floats, integers } = results.limits;
    let mut lines = vec![
        format!("encoder: {}", results.machine),
        format!(
            "  a thread's limit: {:.1} GMAC/s of floats, {:.1} of 8-bit integers",
            floats / 1e9,
            integers / 1e9
        ),
        format!("  {:<56}{:>8}{:>8}  aim", "ratios, all threads", "best", "median"),
    ];
    lines.extend(results.aims.iter().map(of_aim));
    lines.join("\n")
}

/// A model: each engine's best turn, and which part of the limit its linear layers' products are.
pub(crate) fn of_model(model: &ModelResults, limits: Limits) -> String {
    let mut lines = vec![
        String::new(),
        format!("  {}", model.title),
        format!("  ({})", model.files),
    ];
    let mut threads: Vec<usize> = model
        .engines
        .iter()
        .flat_map(|engine| engine.runs.iter().map(|run| run.threads))
        .collect();
    threads.sort_unstable();
    threads.dedup();
    for threads in threads {
        lines.push(heads(threads));
        for engine in &model.engines {
            if let Some(run) = model.run(&engine.name, threads) {
                lines.push(of_run(model, &engine.name, &engine.label, run, limits));
            }
        }
    }
    for engine in &model.engines {
        if let Some(missing) = &engine.missing {
            lines.push(format!("  {:<NAME$}{missing}", engine.label));
        }
    }
    lines.join("\n")
}

fn heads(threads: usize) -> String {
    let name = match threads {
        1 => "1 thread, tokens/s".to_owned(),
        threads => format!("{threads} threads, tokens/s"),
    };
    let lengths = LENGTHS.iter().map(ToString::to_string);
    let others = [MIXED, "query", "memory", "start", "% of 26", "% of 512"];
    let heads = lengths.chain(others.map(str::to_owned));
    let heads: String = heads
        .map(|head| format!("{head:>width$}", width = NUMBER + 1))
        .collect();
    format!("  {name:<NAME$}{heads}")
}

fn of_run(model: &ModelResults, engine: &str, label: &str, run: &Run, limits: Limits) -> String {
    let rate = |work: &str| model.rate(run, work);
    let mut cells: Vec<String> = LENGTHS
        .iter()
        .map(ToString::to_string)
        .map(|work| number(rate(&work), ""))
        .collect();
    cells.push(number(rate(MIXED), ""));
    cells.push(number(run.best(QUERY).map(|seconds| seconds * 1e3), "ms"));
    cells.push(number(run.memory_mb, "MB"));
    cells.push(number(Some(run.start_ms), "ms"));
    let is = |others: &[Engine]| others.iter().any(|other| other.key() == engine);
    let limit = match () {
        () if is(&[Engine::Int8, Engine::OnnxInt8]) => Some(limits.integers),
        () if is(&[Engine::Bf16, Engine::F32, Engine::OnnxF32]) => Some(limits.floats),
        // In which numbers the others compute is their own affair.
        () => None,
    };
    for work in ["26", "512"] {
        let products = rate(work).map(|rate| rate * model.linear_products as f64);
        let share = products.zip(limit);
        let share = share.map(|(products, limit)| 100.0 * products / (limit * run.threads as f64));
        cells.push(number(share, "%"));
    }
    let cells: String = cells
        .iter()
        .map(|cell| format!("{cell:>width$}", width = NUMBER + 1))
        .collect();
    format!("  {label:<NAME$}{cells}")
}

fn number(value: Option<f64>, unit: &str) -> String {
    let Some(value) = value else {
        return "-".to_owned();
    };
    let digits = usize::from(unit == "ms" && value < 100.0);
    match unit {
        "" => format!("{value:.0}"),
        "%" => format!("{value:.0} %"),
        unit => format!("{value:.digits$} {unit}"),
    }
}

fn of_aim(aim: &Aim) -> String {
    let median = aim
        .median
        .map(|median| format!("{median:.2} x"))
        .unwrap_or_default();
    let best = format!("{:.2} x", aim.best);
    format!("  {:<56}{best:>8}{median:>8}  {}", aim.label, aim.aim)
}

#[cfg(test)]
mod tests {
    use super::super::{aims::aims, sample};
    use super::*;

    #[test]
    fn the_table_has_every_engine_and_why_one_is_missing() {
        let mut results = sample::results();
        results.aims = aims(&results.models, "avx2");
        let model = of_model(&results.models[0], results.limits);
        let table = format!("{model}\n{}", summary(&results));
        for line in [
            "A <fast> processor, 2 cores, avx2, linux, 2026-01-02",
            "Okibi int8                     1000     1000",
            "text-embeddings-inference not installed",
            "2 threads, tokens/s",
            "embedded: int8 / ONNX Runtime int8, 26 tokens",
        ] {
            assert!(table.contains(line), "{line} is not in\n{table}");
        }
    }
}
