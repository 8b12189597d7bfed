//! The threads that compute.
//!
//! The caller's thread computes too, so a pool of one thread has none of its own. The others wait a moment for the next run,
//! since stages follow each other closely, and are then parked: at rest they cost nothing. Nobody waits for a thread that did
//! not come in time; work is taken piece by piece, so the others have done it.

use std::fmt;
use std::hint;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex};

/// How often a thread looks for the next run before it is parked: some tens of microseconds.
const LOOKS: usize = 1000;

/// Threads that take pieces of work until none is left.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

/// How a run of pieces ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// All pieces are done.
    Done,
    /// The caller broke off; pieces that were begun are done.
    BrokenOff,
}

/// What the threads of a pool share.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// A run has begun, or the pool ends.
    begun: Condvar,
    /// The last worker has left a run.
    left: Condvar,
    /// The same as in the state, to be looked at without the lock.
    runs: AtomicUsize,
    inside: AtomicUsize,
}

#[derive(Default)]
struct State {
    /// What the present run does, while workers may still come.
    job: Option<Job>,
    /// How many runs there were.
    runs: usize,
    /// Workers that are in the present run.
    inside: usize,
    has_panicked: bool,
    ends: bool,
}

/// What a run does with the number of a thread. It is borrowed for the run, whatever the type says.
#[derive(Clone, Copy)]
struct Job(&'static (dyn Fn(usize) + Sync));

impl Pool {
    /// A pool of so many threads, one of which is the caller's. Where the system gives fewer, it has fewer.
    pub(crate) fn new(threads: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let workers = (1..threads)
            .map_while(|number| {
                let shared = Arc::clone(&shared);
                std::thread::Builder::new()
                    .name(format!("encoder-{number}"))
                    .spawn(move || shared.work(number))
                    .ok()
            })
            .collect();
        Self { shared, workers }
    }

    /// How many threads compute.
    pub(crate) fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Does `work` with every piece, and the number of the thread that does it; asks `broken_off` before each.
    ///
    /// Panics where `work` does, in whichever thread.
    pub(crate) fn run<T>(
        &self,
        pieces: impl Iterator<Item = T> + Send,
        broken_off: &(dyn Fn() -> bool + Sync),
        work: impl Fn(usize, T) + Sync,
    ) -> Ending {
        let pieces = Mutex::new(pieces);
        let is_broken_off = AtomicBool::new(false);
        self.everywhere(&|thread| {
            loop {
                if broken_off() {
                    is_broken_off.store(true, Ordering::Relaxed);
                }
                if is_broken_off.load(Ordering::Relaxed) {
                    return;
                }
                let piece = pieces.lock().next();
                match piece {
                    Some(piece) => work(thread, piece),
                    None => return,
                }
            }
        });
        if is_broken_off.into_inner() {
            Ending::BrokenOff
        } else {
            Ending::Done
        }
    }

    /// Runs `job` on this thread, and on those that come before it is done.
    fn everywhere(&self, job: &(dyn Fn(usize) + Sync)) {
        if self.workers.is_empty() {
            return job(0);
        }
        // SAFETY: the type's lifetime is longer than the borrow's. Workers copy the reference only out of `state.job`, count
        // themselves as inside under the same lock, and do not use it after they have left. `Run`, which is dropped before
        // this function returns or unwinds, takes the job out of the state and waits until nobody is inside.
        let job = Job(unsafe {
            std::mem::transmute::<&(dyn Fn(usize) + Sync), &'static (dyn Fn(usize) + Sync)>(job)
        });
        let run = Run(&self.shared);
        {
            let mut state = self.shared.state.lock();
            state.job = Some(job);
            state.runs += 1;
            self.shared.runs.store(state.runs, Ordering::Release);
        }
        self.shared.begun.notify_all();
        (job.0)(0);
        drop(run);
        let has_panicked = std::mem::take(&mut self.shared.state.lock().has_panicked);
        assert!(!has_panicked, "a thread of the encoder panicked");
    }
}

/// A run whose job is borrowed; dropping it waits for its workers.
struct Run<'a>(&'a Shared);

impl Drop for Run<'_> {
    fn drop(&mut self) {
        self.0.state.lock().job = None;
        for _ in 0..LOOKS {
            if self.0.inside.load(Ordering::Acquire) == 0 {
                break;
            }
            hint::spin_loop();
        }
        let mut state = self.0.state.lock();
        while state.inside > 0 {
            self.0.left.wait(&mut state);
        }
    }
}

impl Shared {
    /// What a worker does until the pool ends.
    fn work(&self, number: usize) {
        let mut known = 0;
        loop {
            for _ in 0..LOOKS {
                if self.runs.load(Ordering::Acquire) != known {
                    break;
                }
                hint::spin_loop();
            }
            let mut state = self.state.lock();
            while state.runs == known && !state.ends {
                self.begun.wait(&mut state);
            }
            if state.ends {
                return;
            }
            known = state.runs;
            let Some(job) = state.job else { continue };
            state.inside += 1;
            self.inside.store(state.inside, Ordering::Release);
            drop(state);

            let result = catch_unwind(AssertUnwindSafe(|| (job.0)(number)));

            let mut state = self.state.lock();
            state.has_panicked |= result.is_err();
            state.inside -= 1;
            self.inside.store(state.inside, Ordering::Release);
            if state.inside == 0 {
                self.left.notify_one();
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.state.lock().ends = true;
        self.shared.begun.notify_all();
        for worker in self.workers.drain(..) {
            // A worker catches the panics of its jobs; there is nothing else in it that could fail.
            let _ = worker.join();
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Pool")
            .field("threads", &self.threads())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn every_piece_is_done_once_by_whichever_thread() {
        for threads in [1, 2, 5] {
            let pool = Pool::new(threads);
            for count in [0, 1, 3, 1000] {
                let done: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
                let ending = pool.run(0..count, &|| false, |thread, piece| {
                    assert!(thread < threads);
                    done[piece].fetch_add(1, Ordering::Relaxed);
                });
                assert_eq!(ending, Ending::Done);
                assert!(done.iter().all(|done| done.load(Ordering::Relaxed) == 1));
            }
        }
    }

    #[test]
    fn all_threads_take_part() {
        let pool = Pool::new(3);
        let all = Barrier::new(3);
        pool.run(0..3, &|| false, |_, _| {
            all.wait();
        });
    }

    #[test]
    fn no_piece_is_begun_after_the_run_is_broken_off() {
        let pool = Pool::new(1);
        let done = AtomicUsize::new(0);
        let ending = pool.run(0..100, &|| done.load(Ordering::Relaxed) == 7, |_, _| {
            done.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!((ending, done.into_inner()), (Ending::BrokenOff, 7));
    }

    #[test]
    fn a_panic_of_a_worker_reaches_the_caller_and_the_pool_stays() {
        let pool = Pool::new(2);
        let both = Barrier::new(2);
        let result = catch_unwind(AssertUnwindSafe(|| {
            pool.run(0..2, &|| false, |thread, _| {
                both.wait();
                assert!(thread == 0, "on purpose");
            })
        }));
        assert!(result.is_err());
        assert_eq!(pool.run(0..2, &|| false, |_, _| {}), Ending::Done);
    }
}
