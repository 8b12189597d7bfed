//! Stopping, waiting and counting, across the threads of one fetch.

use std::{
    panic,
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use ureq::Agent;

/// How often whoever asked for the model hears of progress, and is asked whether it still wants it.
const LOOK: Duration = Duration::from_millis(50);

/// How often a number that does not change is told again: whoever shows only some of them is to show the last one.
const AGAIN: i32 = 4;

/// What the threads of one fetch share.
pub(super) struct Watch {
    agent: Agent,
    is_stopped: Mutex<bool>,
    stopped: Condvar,
    /// Bytes that are here.
    pub(super) done: AtomicU64,
    /// Bytes of all files.
    pub(super) total: AtomicU64,
    /// Bytes that have come over the network.
    pub(super) fetched: AtomicU64,
}

impl Watch {
    /// A watch over requests of `agent`.
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
        *self.is_stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stopped.notify_all();
        self.agent.clone().shutdown();
    }

    /// Whether there is nothing to do any more.
    pub(super) fn is_stopped(&self) -> bool {
        *self.is_stopped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets time pass, unless it is stopped.
    pub(super) fn wait(&self, time: Duration) {
        let is_stopped = self.is_stopped.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever waits looks at the flag anyway.
        let _ = self
            .stopped
            .wait_timeout_while(is_stopped, time, |is_stopped| !*is_stopped);
    }

    /// Does `work` on a thread of its own; this one tells progress and stops the work when it is not wanted any more.
    pub(super) fn over<T: Send>(
        &self,
        on_bytes: &(dyn Fn(u64, u64) + Sync),
        is_cancelled: &(dyn Fn() -> bool + Sync),
        work: impl FnOnce() -> T + Send,
    ) -> T {
        let (mut told, mut again) = ((0, 0), 0);
        let mut tell = || {
            let total = self.total.load(Relaxed);
            let now = (self.done.load(Relaxed).min(total), total);
            again = if now == told { (again - 1).max(-1) } else { AGAIN };
            told = now;
            if again >= 0 {
                on_bytes(now.0, now.1);
            }
        };
        thread::scope(|scope| {
            let (ends, ended) = mpsc::channel::<()>();
            let worker = scope.spawn(move || {
                // Dropped at the end, also by a panic.
                let _ends = ends;
                work()
            });
            let mut has_stopped = false;
            while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                tell();
                if !has_stopped && is_cancelled() {
                    has_stopped = true;
                    self.stop();
                }
            }
            let outcome = worker.join().unwrap_or_else(|cause| panic::resume_unwind(cause));
            tell();
            outcome
        })
    }
}
