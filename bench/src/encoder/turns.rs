//! Measures a model by turns: each engine does each work once before any of them does it again, so that what else the machine
//! does falls on all of them.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use strum::IntoEnumIterator;
use tokenizers::Tokenizer;

use super::{
    engine::{Engine, Launch, Starter},
    lines::Peer,
    machine::kernel,
    results::{EngineResults, Limits, ModelResults, Run},
    subject::{Subject, short},
    works::{QUERY, Work, works},
};
use crate::{memory::resident, report::median};

/// How often the query is asked in a turn.
const QUERIES: usize = 10;

/// How often an engine is started; the first fills the page cache and packs weights, and does not count.
const STARTS: usize = 3;

/// An engine that runs, with so many threads.
struct Seat {
    engine: Engine,
    peer: Box<dyn Peer>,
    run: Run,
}

/// The order of `count` engines in a turn: forward and back, so that none is always the one after a certain other.
fn order(count: usize, turn: usize) -> Vec<usize> {
    let forward = 0..count;
    match turn.is_multiple_of(2) {
        true => forward.collect(),
        false => forward.rev().collect(),
    }
}

/// Measures a model; raises `limits` to the best that the processor has shown meanwhile.
pub(crate) fn measure(subject: &Subject, limits: &mut Limits) -> Result<ModelResults> {
    println!("measuring {}", subject.title);
    let tokenizer = Tokenizer::from_file(subject.tokenizer().join("tokenizer.json"));
    let works = works(&tokenizer.map_err(anyhow::Error::msg)?, subject.tokens)?;
    let mut results = ModelResults {
        name: subject.name.to_owned(),
        title: subject.title.to_owned(),
        files: files(subject)?,
        linear_products: subject.shape.linear_products(),
        tokens: works
            .iter()
            .map(|work| (work.name.clone(), work.tokens()))
            .collect(),
        engines: Vec::new(),
    };
    let mut starters = Vec::new();
    for engine in Engine::iter() {
        let missing = match engine.launch(subject)? {
            Launch::Ready(starter) => {
                starters.push((engine, starter));
                None
            }
            Launch::Missing(reason) => Some(reason),
        };
        results.engines.push(EngineResults {
            name: engine.key().to_owned(),
            label: engine.label().to_owned(),
            missing,
            runs: Vec::new(),
        });
    }
    let threads = threads();
    let groups: Vec<&[usize]> = match subject.is_large {
        true => threads.chunks(1).collect(),
        false => vec![threads.as_slice()],
    };
    for group in groups {
        let mut seats = Vec::new();
        for &threads in group {
            for (engine, starter) in &starters {
                match sit(*engine, starter, threads, &works) {
                    Ok(seat) => seats.push(seat),
                    Err(error) => fail(&mut results, *engine, &error),
                }
            }
        }
        for turn in 0..subject.turns {
            raise(limits);
            take_turn(&mut seats, &works, turn, &mut results);
        }
        for seat in seats {
            let memory_mb = resident(seat.peer.pid()).map(|bytes| bytes / 1e6);
            let run = Run {
                memory_mb,
                ..seat.run
            };
            of(&mut results, seat.engine).runs.push(run);
        }
    }
    Ok(results)
}

/// One thread, and all of them.
fn threads() -> Vec<usize> {
    let mut threads = vec![1, crate::pieces::threads()];
    threads.dedup();
    threads
}

/// Which files are computed.
fn files(subject: &Subject) -> Result<String> {
    let weights = subject.weights()?;
    let graph = subject.integer_graph()?;
    let say = |what: &str, source: &super::subject::Source| match source.is_random {
        true => format!("{what} random weights of the shape"),
        false => format!("{what} {}", short(&source.file)),
    };
    let mut said = vec![say("Okibi:", &weights)];
    said.extend(graph.map(|graph| say("ONNX Runtime int8 and fastembed:", &graph)));
    said.push("all others: random weights of the shape".to_owned());
    Ok(said.join("; "))
}

/// Starts an engine, several times, and gives it the works.
fn sit(engine: Engine, starter: &Starter, threads: usize, works: &[Work]) -> Result<Seat> {
    let mut peer = starter.start(threads)?;
    let mut best = Duration::MAX;
    for _ in 1..STARTS {
        // The one before has ended by then.
        drop(peer);
        let began = Instant::now();
        peer = starter.start(threads)?;
        best = best.min(began.elapsed());
    }
    for work in works {
        peer.prepare(work)?;
    }
    let run = Run {
        threads,
        start_ms: best.as_secs_f64() * 1e3,
        memory_mb: None,
        seconds: BTreeMap::new(),
    };
    Ok(Seat { engine, peer, run })
}

/// Every engine does every work once. One that fails leaves.
fn take_turn(seats: &mut Vec<Seat>, works: &[Work], turn: usize, results: &mut ModelResults) {
    for (index, work) in works.iter().enumerate() {
        let mut failed = Vec::new();
        for place in order(seats.len(), turn) {
            let seat = &mut seats[place];
            match time(seat.peer.as_mut(), index, work) {
                Ok(took) => seat
                    .run
                    .seconds
                    .entry(work.name.clone())
                    .or_default()
                    .push(took.as_secs_f64()),
                Err(error) => {
                    fail(results, seat.engine, &error);
                    failed.push((seat.engine, seat.run.threads));
                }
            }
        }
        seats.retain(|seat| !failed.contains(&(seat.engine, seat.run.threads)));
    }
}

/// How long a work takes, after a query that brings weights and threads back.
fn time(peer: &mut dyn Peer, index: usize, work: &Work) -> Result<Duration> {
    peer.run(0, 1)?;
    let times = if work.name == QUERY { QUERIES } else { 1 };
    let mut took = peer.run(index, times)?;
    ensure!(took.len() == times, "an answer for each run");
    Ok(median(&mut took))
}

fn of(results: &mut ModelResults, engine: Engine) -> &mut EngineResults {
    let place = results
        .engines
        .iter()
        .position(|results| results.name == engine.key());
    &mut results.engines[place.expect("every engine has its results")]
}

fn fail(results: &mut ModelResults, engine: Engine, error: &anyhow::Error) {
    of(results, engine).missing = Some(format!("failed: {error:#}"));
}

/// Looks again at what the processor can do.
fn raise(limits: &mut Limits) {
    let kernel = kernel();
    limits.floats = limits.floats.max(kernel.peak(false));
    limits.integers = limits.integers.max(kernel.peak(true));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_engine_has_one_turn_and_two_neighbors() {
        assert_eq!(order(4, 0), [0, 1, 2, 3]);
        assert_eq!(order(4, 1), [3, 2, 1, 0]);
        assert_eq!(order(4, 2), order(4, 0));
        assert!(order(0, 1).is_empty());
    }

    #[test]
    fn an_engine_that_fails_leaves_and_says_why() {
        struct Broken;
        impl Peer for Broken {
            fn pid(&self) -> u32 {
                std::process::id()
            }
            fn prepare(&mut self, _: &Work) -> Result<()> {
                Ok(())
            }
            fn run(&mut self, _: usize, _: usize) -> Result<Vec<Duration>> {
                anyhow::bail!("no memory")
            }
        }
        let mut results = ModelResults {
            name: "a".into(),
            title: "a".into(),
            files: String::new(),
            linear_products: 1,
            tokens: BTreeMap::new(),
            engines: vec![EngineResults {
                name: Engine::Fastembed.key().into(),
                label: Engine::Fastembed.label().into(),
                missing: None,
                runs: Vec::new(),
            }],
        };
        let run = Run {
            threads: 1,
            start_ms: 1.0,
            memory_mb: None,
            seconds: BTreeMap::new(),
        };
        let mut seats = vec![Seat {
            engine: Engine::Fastembed,
            peer: Box::new(Broken),
            run,
        }];
        take_turn(&mut seats, &[Work::first()], 0, &mut results);
        assert!(seats.is_empty());
        assert_eq!(results.engines[0].missing.as_deref(), Some("failed: no memory"));
    }
}
