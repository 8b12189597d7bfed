//! Requests with many texts that are being worked on.

use std::{collections::BTreeMap, sync::Arc};

use okibi_engine::Progress;
use okibi_protocol::method;
use parking_lot::Mutex;

use super::{log, request::Request};

/// Texts from which a request is listed: fewer are done before anybody has looked.
pub(crate) const JOB_TEXTS: usize = 64;

/// Jobs that are listed. There may be as many as there are requests in flight, which have bounds of their own.
const LISTED: usize = 100;

/// The requests with many texts that are being worked on, by their numbers.
#[derive(Default)]
pub(crate) struct Jobs(Mutex<State>);

#[derive(Default)]
struct State {
    last: u64,
    jobs: BTreeMap<u64, Job>,
}

struct Job {
    request: Arc<Request>,
    model: String,
    total: usize,
    began_ms: u64,
    progress: Progress,
}

impl Jobs {
    /// Lists a request until the guard is dropped, where it has many texts. Returns what is to count them.
    pub(crate) fn begin(
        self: &Arc<Self>,
        request: &Arc<Request>,
        model: &str,
        texts: usize,
    ) -> Option<(JobGuard, Progress)> {
        if texts < JOB_TEXTS {
            return None;
        }
        let progress = Progress::default();
        let job = Job {
            request: Arc::clone(request),
            model: model.to_owned(),
            total: texts,
            began_ms: log::now_ms(),
            progress: progress.clone(),
        };
        let mut state = self.0.lock();
        state.last += 1;
        let number = state.last;
        state.jobs.insert(number, job);
        let guard = JobGuard {
            jobs: Arc::clone(self),
            number,
        };
        Some((guard, progress))
    }

    /// The jobs, the oldest first.
    pub(crate) fn list(&self) -> Vec<method::Job> {
        let state = self.0.lock();
        let each = state.jobs.values().take(LISTED).map(|job| method::Job {
            client: job.request.asker.shown(),
            model: job.model.clone(),
            done: job.progress.done() as u64,
            total: job.total as u64,
            began_ms: job.began_ms,
        });
        each.collect()
    }
}

/// Lists a job until it is dropped, which it is too when the client goes.
pub(crate) struct JobGuard {
    jobs: Arc<Jobs>,
    number: u64,
}

impl Drop for JobGuard {
    fn drop(&mut self) {
        self.jobs.0.lock().jobs.remove(&self.number);
    }
}
