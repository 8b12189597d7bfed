//! Stopping, waiting and counting, across the threads of one fetch.

use std::{
    panic,
    sync::{
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use parking_lot::{Condvar, Mutex};
use ureq::Agent;

use crate::error::ModelError;

/// How often the client hears of progress, and is asked whether it still wants the model.
const REPORT_INTERVAL: Duration = Duration::from_millis(50);

/// How often a number that does not change is reported again: a client that shows only some of them must get the last one.
const REPEATS: i32 = 4;

/// What the threads of one fetch share.
pub(super) struct Control {
    agent: Agent,
    is_stopped: Mutex<bool>,
    stopped: Condvar,
    // The counts are relaxed: each stands for itself, and nothing is read on the strength of another.
    /// Bytes that are here.
    pub(super) done: AtomicU64,
    /// Bytes of all files.
    pub(super) total: AtomicU64,
    /// Bytes that have come over the network.
    pub(super) fetched: AtomicU64,
}

impl Control {
    /// Controls the requests of `agent`.
    pub(super) fn new(agent: Agent) -> Self {
        Self {
            agent,
            is_stopped: Mutex::new(false),
            stopped: Condvar::new(),
            done: AtomicU64::new(0),
            total: AtomicU64::new(0),
            fetched: AtomicU64::new(0),
        }
    }

    /// Ends every wait and every request, those under way too.
    pub(super) fn stop(&self) {
        *self.is_stopped.lock() = true;
        self.stopped.notify_all();
        self.agent.clone().shutdown();
    }

    /// Returns whether the fetch is to end.
    pub(super) fn is_stopped(&self) -> bool {
        *self.is_stopped.lock()
    }

    /// Lets time pass, unless the fetch is stopped.
    pub(super) fn wait(&self, time: Duration) {
        let mut is_stopped = self.is_stopped.lock();
        // Callers look at the flag themselves, so it does not matter which of the two ended the wait.
        let _ = self
            .stopped
            .wait_while_for(&mut is_stopped, |is_stopped| !*is_stopped, time);
    }

    /// Lets time pass as [`wait`](Self::wait) does.
    ///
    /// Errors: [`ModelError::Cancelled`] where the fetch is stopped.
    pub(super) fn pause(&self, time: Duration) -> Result<(), ModelError> {
        self.wait(time);
        match self.is_stopped() {
            true => Err(ModelError::Cancelled),
            false => Ok(()),
        }
    }

    /// Does `work` on a thread of its own. This thread reports progress meanwhile, and stops the work when the client does
    /// not want it any more.
    ///
    /// Errors: [`ModelError::Thread`], and those of `work`.
    pub(super) fn run<T: Send>(
        &self,
        on_bytes: &(dyn Fn(u64, u64) + Sync),
        is_cancelled: &(dyn Fn() -> bool + Sync),
        work: impl FnOnce() -> Result<T, ModelError> + Send,
    ) -> Result<T, ModelError> {
        let (mut reported, mut repeats) = ((0, 0), 0);
        let mut report = || {
            let total = self.total.load(Relaxed);
            let now = (self.done.load(Relaxed).min(total), total);
            repeats = if now == reported {
                (repeats - 1).max(-1)
            } else {
                REPEATS
            };
            reported = now;
            if repeats >= 0 {
                on_bytes(now.0, now.1);
            }
        };
        thread::scope(|scope| {
            let (ends, ended) = mpsc::channel::<()>();
            let worker = thread::Builder::new().spawn_scoped(scope, move || {
                // Dropped at the end, also by a panic.
                let _ends = ends;
                work()
            });
            let worker = worker.map_err(|source| ModelError::Thread { source })?;
            let mut has_stopped = false;
            while ended.recv_timeout(REPORT_INTERVAL) == Err(RecvTimeoutError::Timeout) {
                report();
                if !has_stopped && is_cancelled() {
                    has_stopped = true;
                    self.stop();
                }
            }
            let outcome = worker.join().unwrap_or_else(|cause| panic::resume_unwind(cause));
            report();
            outcome
        })
    }
}
