//! The engine's thread: requests wait here, batches are computed, vectors go back.
//!
//! One OS thread owns the ONNX session. Everyone else puts requests into the shared state under its lock and waits on a
//! channel of their own; the thread takes a batch out, computes it without the lock, and takes the lock again to settle it.
//! A request may be computed in several batches, and a batch may hold parts of several requests.
//!
//! ```text
//! submit ──► State { jobs, waiting } ──next_parts──► Vec<Part> ──run──► vectors
//!    │              ▲      (lock)                     (no lock)            │
//!    │              └───────────────────── settle ◄────────────────────────┘
//!    └── receiver ◄──────────── reply, once every text of the job has its vector
//! ```
//!
//! A client that goes away drops its receiver, which is seen before the next batch: its request leaves the queue, and what was
//! computed of it is thrown away. Our own encoder sees it within a batch too, as it sees that the queue stops.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use okibi_models::ModelError;
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use crate::{
    batch::{BatchSlice, Planner, Waiting},
    encoder::IsUnwanted,
    error::EmbedError,
    memory,
    progress::Told,
    sequence::Sequence,
    session::{Output, Session},
};

/// The vectors of a request, in the order of its texts, as the model gives them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Computed {
    pub(crate) vectors: Vec<Vec<f32>>,
    /// From its arrival to its first batch.
    pub(crate) queued: Duration,
    /// In batches, those of others in them included.
    pub(crate) computing: Duration,
}

pub(crate) type Answer = Result<Computed, EmbedError>;

/// Receives what the model computes; for metrics.
pub trait Meter: Send + Sync + 'static {
    /// A batch has been computed, or has failed.
    fn batch(&self, batch: &BatchRecord);
    /// A request's first batch begins.
    fn queued(&self, waited: Duration);
    /// A request was dropped before it was computed to its end: its client is gone.
    fn abandoned(&self);
}

/// A batch that was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchRecord {
    /// Its texts.
    pub texts: usize,
    /// Their tokens, without padding.
    pub tokens: usize,
    /// Tokens with padding: texts times the longest, where the shorter ones are padded.
    pub padded: usize,
    /// How long it took.
    pub took: Duration,
    /// Whether it gave vectors.
    pub is_ok: bool,
}

/// Bounds of the queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Tokens of a batch, padding included.
    pub(crate) batch_tokens: usize,
    /// Texts that may wait.
    pub(crate) texts: usize,
}

/// The queue and the thread that owns the session.
///
/// Dropping it lets the thread end after its current batch, and does not wait for that: [`Queue::close`] does.
pub(crate) struct Queue {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    /// Held for moments only, and never while the model computes. No panic leaves it half-changed: what can panic runs
    /// without it.
    state: Mutex<State>,
    /// Signaled when a request has come or the queue stops. Only the thread waits for it, so one signal is enough.
    changed: Condvar,
    bounds: Bounds,
    /// Whether a batch's shorter texts are padded.
    pads: bool,
    meter: OnceLock<Arc<dyn Meter>>,
    /// When the batch that is being computed was begun.
    computing_since: Mutex<Option<Instant>>,
    /// Whether a file of the model was changed on disk. Set once, by the thread that computes; relaxed, since nothing else
    /// is read or written on account of it.
    is_outdated: AtomicBool,
}

#[derive(Default)]
struct State {
    planner: Planner,
    /// What waits, index for index with `jobs`.
    waiting: Vec<Waiting>,
    jobs: Vec<Job>,
    arrivals: u64,
    texts: usize,
    is_stopping: bool,
}

struct Job {
    /// Its number, which stays when others leave.
    number: u64,
    /// The texts, sorted from long to short; taken when their batch runs.
    texts: Vec<Sequence>,
    /// Position in the request of each sorted text.
    positions: Vec<usize>,
    output: Output,
    arrived: Instant,
    done: Computed,
    computed: usize,
    /// Why the last text that failed did.
    failure: Option<EmbedError>,
    progress: Option<Told>,
    reply: oneshot::Sender<Answer>,
}

/// Texts of one job within a batch.
struct Part {
    job: u64,
    first: usize,
    texts: Vec<Sequence>,
    output: Output,
}

impl Queue {
    /// Starts the queue's thread.
    ///
    /// Errors: [`ModelError::Thread`].
    pub(crate) fn start(session: Session, bounds: Bounds) -> Result<Self, ModelError> {
        Self::start_on(thread::Builder::new().name("okibi-model".into()), session, bounds)
    }

    fn start_on(thread: thread::Builder, session: Session, bounds: Bounds) -> Result<Self, ModelError> {
        let pads = session.pads();
        let state = State {
            planner: Planner::new(pads),
            ..State::default()
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            pads,
            changed: Condvar::new(),
            bounds,
            meter: OnceLock::new(),
            computing_since: Mutex::default(),
            is_outdated: AtomicBool::default(),
        });
        let worker = Arc::clone(&shared);
        let work = move || {
            worker.work(session);
            memory::return_unused();
        };
        let thread = thread
            .spawn(work)
            .map_err(|source| ModelError::Thread { source })?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Takes a request in. The answer comes through the receiver; dropping that takes the request back.
    ///
    /// Errors: [`EmbedError::Busy`] when it would not fit in any more.
    pub(crate) fn submit(
        &self,
        client: u64,
        texts: Vec<Sequence>,
        output: Output,
        progress: Option<Told>,
    ) -> Result<oneshot::Receiver<Answer>, EmbedError> {
        let (reply, answer) = oneshot::channel();
        let mut positions: Vec<usize> = (0..texts.len()).collect();
        positions.sort_by_key(|at| std::cmp::Reverse(texts[*at].ids.len()));
        let mut texts: Vec<Option<Sequence>> = texts.into_iter().map(Some).collect();
        let texts: Vec<Sequence> = positions.iter().filter_map(|at| texts[*at].take()).collect();

        let limit = self.shared.bounds.texts;
        let mut state = self.shared.state.lock();
        if state.texts > 0 && state.texts + texts.len() > limit {
            return Err(EmbedError::Busy { limit });
        }
        state.texts += texts.len();
        state.arrivals += 1;
        let number = state.arrivals;
        let start = state.planner.arrive(client);
        let lengths = texts.iter().map(|text| text.ids.len()).collect();
        state.waiting.push(Waiting {
            client,
            lengths,
            next: 0,
            start,
            arrival: number,
            passed_over: 0,
        });
        state.jobs.push(Job {
            number,
            done: Computed {
                vectors: vec![Vec::new(); texts.len()],
                ..Computed::default()
            },
            texts,
            positions,
            output,
            arrived: Instant::now(),
            computed: 0,
            failure: None,
            progress,
            reply,
        });
        drop(state);
        self.shared.changed.notify_one();
        Ok(answer)
    }

    /// Texts that wait or are being computed.
    pub(crate) fn texts(&self) -> usize {
        self.shared.state.lock().texts
    }

    /// When the batch that is being computed was begun; `None` while there is none.
    pub(crate) fn computing_since(&self) -> Option<Instant> {
        *self.shared.computing_since.lock()
    }

    /// Whether a file of the model was changed on disk, so that nothing more is computed.
    pub(crate) fn is_outdated(&self) -> bool {
        self.shared.is_outdated.load(Ordering::Relaxed)
    }

    fn stop(&self) {
        self.shared.state.lock().is_stopping = true;
        self.shared.changed.notify_one();
    }

    /// Ends the thread, and waits until the session is closed and its memory given back.
    pub(crate) fn close(mut self) {
        self.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the model thread panicked");
        }
    }

    /// Reports to `meter` from now on; the first one stays.
    pub(crate) fn set_meter(&self, meter: Arc<dyn Meter>) {
        // The first one stays, so a second one is dropped.
        let _ = self.shared.meter.set(meter);
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn work(&self, mut session: Session) {
        while let Some(parts) = self.next_parts() {
            let outcome = self.run(&mut session, &parts);
            let outcomes = match outcome {
                // One text may be at fault, so each request gets a run of its own, and each text of one that fails again.
                // Nobody waits for any of it: what is left of these requests is dropped before the next batch.
                Err(EmbedError::Stopped) => continue,
                Err(_) if parts.len() > 1 => {
                    let of_part = |part| match self.run(&mut session, std::slice::from_ref(part)) {
                        Ok(run) => Ok(run),
                        Err(error) => self.run_each(&mut session, part, error),
                    };
                    parts.iter().map(of_part).collect()
                }
                Err(error) => vec![self.run_each(&mut session, &parts[0], error)],
                Ok(Run { vectors, took }) => {
                    let mut vectors = vectors.into_iter();
                    let taken = |part: &Part| Run {
                        vectors: vectors.by_ref().take(part.texts.len()).collect(),
                        took,
                    };
                    parts.iter().map(taken).map(Ok).collect()
                }
            };
            let mut state = self.state.lock();
            for (part, outcome) in parts.iter().zip(outcomes) {
                state.settle(part, outcome);
            }
        }
    }

    /// Waits for something to compute; `None` when the queue ends.
    fn next_parts(&self) -> Option<Vec<Part>> {
        let mut state = self.state.lock();
        loop {
            if state.is_stopping {
                // Dropping the jobs closes their channels, and the requests get `Stopped`.
                *state = State {
                    is_stopping: true,
                    ..State::default()
                };
                return None;
            }
            state.drop_abandoned(self.meter.get());
            let parts = state.plan(self.bounds.batch_tokens, self.meter.get());
            if !parts.is_empty() {
                return Some(parts);
            }
            self.changed.wait(&mut state);
        }
    }
}

impl State {
    fn plan(&mut self, budget: usize, meter: Option<&Arc<dyn Meter>>) -> Vec<Part> {
        let Self {
            planner,
            waiting,
            jobs,
            ..
        } = self;
        let slices = planner.next_batch(waiting, budget);
        let part = |slice: BatchSlice| {
            let job = &mut jobs[slice.request];
            if slice.first == 0 {
                job.done.queued = job.arrived.elapsed();
                if let Some(meter) = meter {
                    meter.queued(job.done.queued);
                }
            }
            let texts = job.texts[slice.first..slice.first + slice.count]
                .iter_mut()
                .map(std::mem::take)
                .collect();
            Part {
                job: job.number,
                first: slice.first,
                texts,
                output: job.output,
            }
        };
        slices.into_iter().map(part).collect()
    }

    /// Forgets requests whose clients have gone.
    fn drop_abandoned(&mut self, meter: Option<&Arc<dyn Meter>>) {
        for at in (0..self.jobs.len()).rev() {
            if self.jobs[at].reply.is_closed() {
                self.remove(at);
                if let Some(meter) = meter {
                    meter.abandoned();
                }
            }
        }
    }

    fn remove(&mut self, at: usize) -> Job {
        self.waiting.remove(at);
        let job = self.jobs.remove(at);
        self.texts -= job.texts.len();
        job
    }

    /// Takes the vectors of a part in, and answers when the job is whole, or fails it at once. A job none of whose texts
    /// has a vector fails.
    fn settle(&mut self, part: &Part, outcome: Result<Run, EmbedError>) {
        let Some(at) = self.jobs.iter().position(|job| job.number == part.job) else {
            return;
        };
        let Run { vectors, took } = match outcome {
            Ok(run) => run,
            Err(error) => {
                let job = self.remove(at);
                // The receiver is gone where the client has taken its request back.
                let _ = job.reply.send(Err(error));
                return;
            }
        };
        let job = &mut self.jobs[at];
        job.computed += vectors.len();
        job.done.computing += took;
        if let Some(progress) = &mut job.progress {
            progress.update(job.computed, job.texts.len());
        }
        for (offset, vector) in vectors.into_iter().enumerate() {
            match vector {
                Ok(vector) => job.done.vectors[job.positions[part.first + offset]] = vector,
                Err(error) => job.failure = Some(error),
            }
        }
        if job.computed == job.texts.len() {
            let job = self.remove(at);
            let is_any = job.done.vectors.iter().any(|vector| !vector.is_empty());
            // As above.
            let _ = job.reply.send(match job.failure {
                Some(error) if !is_any => Err(error),
                _ => Ok(job.done),
            });
        }
    }
}

/// What texts came to, and how long it took.
struct Run {
    vectors: Vec<Result<Vec<f32>, EmbedError>>,
    took: Duration,
}

impl Shared {
    /// Whether nobody waits for any of these parts any more: the queue stops, or their clients have gone. Asked from the
    /// threads that compute, between blocks: the lock is theirs for as long as it takes to look through the jobs.
    fn is_unwanted(&self, parts: &[Part]) -> bool {
        let state = self.state.lock();
        let is_waited_for = |part: &Part| {
            let job = state.jobs.iter().find(|job| job.number == part.job);
            job.is_some_and(|job| !job.reply.is_closed())
        };
        state.is_stopping || !parts.iter().any(is_waited_for)
    }

    /// Computes a batch and reports it to the meter.
    fn run(&self, session: &mut Session, parts: &[Part]) -> Result<Run, EmbedError> {
        let began = Instant::now();
        *self.computing_since.lock() = Some(began);
        let outcome = run(session, parts, &|| self.is_unwanted(parts));
        *self.computing_since.lock() = None;
        if let Err(EmbedError::WeightsChanged { .. }) = outcome {
            self.is_outdated.store(true, Ordering::Relaxed);
        }
        let took = began.elapsed();
        if let Some(meter) = self.meter.get() {
            let lengths = parts
                .iter()
                .flat_map(|part| &part.texts)
                .map(|text| text.ids.len());
            let texts = lengths.clone().count();
            let tokens = lengths.clone().sum();
            meter.batch(&BatchRecord {
                texts,
                tokens,
                padded: if self.pads {
                    texts * lengths.max().unwrap_or(0)
                } else {
                    tokens
                },
                took,
                is_ok: outcome.is_ok(),
            });
        }
        outcome.map(|vectors| Run {
            vectors: vectors.into_iter().map(Ok).collect(),
            took,
        })
    }

    /// Computes the texts of a part one by one, after they have failed together: those that are not at fault get their
    /// vectors.
    ///
    /// Errors: a `failure` that does not lie in a text.
    fn run_each(&self, session: &mut Session, part: &Part, failure: EmbedError) -> Result<Run, EmbedError> {
        if !matches!(failure, EmbedError::Compute { .. }) {
            return Err(failure);
        }
        let mut all = Run {
            vectors: Vec::with_capacity(part.texts.len()),
            took: Duration::ZERO,
        };
        if part.texts.len() == 1 {
            all.vectors.push(Err(failure));
            return Ok(all);
        }
        for text in &part.texts {
            let alone = Part {
                texts: vec![text.clone()],
                ..*part
            };
            match self.run(session, std::slice::from_ref(&alone)) {
                Ok(run) => {
                    all.took += run.took;
                    all.vectors.extend(run.vectors);
                }
                Err(error) => all.vectors.push(Err(error)),
            }
        }
        Ok(all)
    }
}

/// Computes one batch. A panic in the runtime becomes an error.
fn run(
    session: &mut Session,
    parts: &[Part],
    is_unwanted: IsUnwanted<'_>,
) -> Result<Vec<Vec<f32>>, EmbedError> {
    // Two requests often ask for the same text at the same time; it is computed once.
    let mut distinct: HashMap<(&Sequence, Output), usize> = HashMap::new();
    let mut texts: Vec<(&Sequence, Output)> = Vec::new();
    let mut at_of: Vec<usize> = Vec::new();
    for part in parts {
        for text in &part.texts {
            let at = *distinct.entry((text, part.output)).or_insert_with(|| {
                texts.push((text, part.output));
                texts.len() - 1
            });
            at_of.push(at);
        }
    }
    match catch_unwind(AssertUnwindSafe(|| session.run_while(&texts, is_unwanted))) {
        Ok(Ok(vectors)) => Ok(at_of.into_iter().map(|at| vectors[at].clone()).collect()),
        Ok(Err(error)) => Err(match error.downcast::<EmbedError>() {
            Ok(error) => *error,
            Err(error) => EmbedError::Compute {
                reason: error.to_string(),
            },
        }),
        Err(_) => Err(EmbedError::Compute {
            reason: "the runtime panicked".into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use okibi_models::describe;

    use super::*;
    use crate::{device::DevicePreference, runtime};

    #[test]
    fn a_thread_that_the_system_does_not_start_is_an_error_of_its_own() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let assets = std::env::var_os("OKIBI_ASSETS").map_or_else(|| root.join("assets"), PathBuf::from);
        let environment = runtime::open(&runtime::find(None, &[assets]).unwrap()).unwrap();
        let files = describe("tiny", &root.join("tests/data/tiny-ruri"), None, None).unwrap();
        let session = Session::of_graph(&environment, &files, 1, DevicePreference::default()).unwrap();
        let bounds = Bounds {
            batch_tokens: 512,
            texts: 1,
        };
        // No address space has room for this stack.
        let thread = thread::Builder::new().stack_size(1 << 60);
        let outcome = Queue::start_on(thread, session, bounds);
        assert!(matches!(outcome, Err(ModelError::Thread { .. })));
    }
}
