//! What a daemon is asked for: counts since its start, how long the requests of the last minute took, and who asked for what.
//!
//! - `request`: a request for embeddings until it is answered
//! - `log`: the last requests, and their clients
//! - `jobs`: the long requests that are being worked on

mod jobs;
mod log;
mod request;

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use okibi_dialects::Dialect;
use okibi_listener::{Peer, Refused, RefusedRequest, product};
use okibi_protocol::{
    guard::Refusal,
    method::{self, Latency, Queue},
};
use parking_lot::Mutex;
use tokio::{
    sync::Notify,
    time::{Instant as TokioInstant, interval_at},
};

pub(crate) use self::{
    jobs::JobGuard,
    log::{MAX_CLIENTS, MAX_REQUESTS},
    request::{Asker, Outcome, Request},
};
use self::{jobs::Jobs, log::Log};
use crate::program::{self, Ends};

/// Requests older than this no longer count for the latency.
const WINDOW: Duration = Duration::from_secs(60);

/// The maximum number of requests kept for the latency. In a busier minute only the latest count.
const KEPT: usize = 4096;

/// Connections whose programs may be looked for later. Those that come while there are as many stay without one.
const MAX_SOUGHT: usize = 64;

/// How many times as long as a search for programs took the next one waits: clients that connect anew for each request cost a
/// twentieth of a processor at most.
const SEARCH_PAUSE: u32 = 20;

/// The shortest such pause, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(1), Duration::from_secs(2)];

/// Counts requests for embeddings.
#[derive(Default)]
pub(crate) struct Activity {
    served: AtomicU64,
    texts: AtomicU64,
    in_flight: AtomicU64,
    recent: Mutex<VecDeque<(Instant, Duration)>>,
    /// Notified when the daemon becomes busy and when it becomes idle again.
    turned: Notify,
    log: Log,
    jobs: Arc<Jobs>,
    /// Connections whose programs are to be looked for.
    sought: Mutex<Vec<Arc<Peer>>>,
    /// Notified when there are some.
    seeks: Notify,
}

impl Activity {
    /// Counts a request as in flight until the guard is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> RequestGuard {
        if self.in_flight.fetch_add(1, Relaxed) == 0 {
            self.turned.notify_one();
        }
        RequestGuard {
            activity: Arc::clone(self),
            began: Instant::now(),
        }
    }

    /// Takes a request for embeddings in that has just arrived. The first one of a connection has its program looked for.
    pub(crate) fn arrived(&self, dialect: Dialect, asker: Asker) -> Arc<Request> {
        if asker.peer.begin_search() {
            self.seek(&asker.peer);
        }
        Request::new(dialect, asker)
    }

    /// A request that has arrived is answered.
    pub(crate) fn answered(&self, request: &Request, outcome: Outcome) {
        self.log.answered(request, outcome);
    }

    /// A request was refused before it was read.
    pub(crate) fn refused(&self, refused: &RefusedRequest<'_>) {
        let dialect = match refused.path {
            _ if refused.is_websocket => Dialect::JsonRpc,
            "/rpc" => Dialect::JsonRpc,
            path => Dialect::of(path),
        };
        let (guard, answer) = (refused.refusal, Refused::from(refused.refusal));
        let origin = refused.origin().filter(|_| guard == Refusal::ForeignOrigin);
        let outcome = Outcome {
            status: answer.status().as_u16(),
            error: Some(answer.code()),
        };
        let name = product(refused.headers);
        self.log
            .refused(name, dialect.name(), outcome, guard.into(), origin.as_deref());
    }

    /// A JSON-RPC call was refused because the token does not allow it.
    pub(crate) fn call_refused(&self, name: &Arc<str>) {
        let answer = Refused::from(Refusal::NotAllowed);
        let outcome = Outcome {
            status: answer.status().as_u16(),
            error: Some(answer.code()),
        };
        let refusal = Refusal::NotAllowed.into();
        self.log
            .refused(Arc::clone(name), Dialect::JsonRpc.name(), outcome, refusal, None);
    }

    /// Lists a request with many texts until the guard is dropped; see [`Jobs::begin`].
    pub(crate) fn begin_job(
        &self,
        request: &Arc<Request>,
        model: &str,
        texts: usize,
    ) -> Option<(JobGuard, okibi_engine::Progress)> {
        self.jobs.begin(request, model, texts)
    }

    /// Who is connected, and what the last requests were. `queued` texts wait for the models.
    pub(crate) fn report(&self, queued: usize) -> method::Activity {
        method::Activity {
            clients: self.log.clients(),
            queue: Queue {
                requests: self.in_flight(),
                texts: queued as u64,
            },
            jobs: self.jobs.list(),
            requests: self.log.requests(),
        }
    }

    fn seek(&self, peer: &Arc<Peer>) {
        if !ends(peer).is_some_and(|ends| ends.are_here()) {
            return self.log.settle(peer, None);
        }
        let mut hopeless = Vec::new();
        let mut sought = self.sought.lock();
        if sought.len() == MAX_SOUGHT {
            // Nothing is found of a connection that is over, and clients that connect anew for each request have many.
            hopeless.extend(sought.extract_if(.., |peer| !peer.is_connected()));
        }
        if sought.len() < MAX_SOUGHT {
            sought.push(Arc::clone(peer));
            self.seeks.notify_one();
        } else {
            hopeless.push(Arc::clone(peer));
        }
        // The log has a lock of its own, and the two are never held together.
        drop(sought);
        for peer in &hopeless {
            self.log.settle(peer, None);
        }
    }

    /// Looks for the programs at the other ends of connections, aside from the requests. Runs until it is dropped; what was not
    /// found by then is not told.
    pub(crate) async fn find_programs(&self) {
        loop {
            // It remembers one notice, so that none is missed that comes during a search.
            self.seeks.notified().await;
            let peers = std::mem::take(&mut *self.sought.lock());
            if peers.is_empty() {
                continue;
            }
            let connections: Vec<Ends> = peers.iter().filter_map(|peer| ends(peer)).collect();
            let began = Instant::now();
            let search = tokio::task::spawn_blocking(move || program::of_all(&connections));
            // An error is a search that panicked, and found nothing. Every peer that is sought has its two ends.
            let mut found = search.await.unwrap_or_default().into_iter();
            for peer in &peers {
                self.log.settle(peer, found.next().flatten());
            }
            let [shortest, longest] = PAUSES;
            let pause = (began.elapsed() * SEARCH_PAUSE).clamp(shortest, longest);
            interval_at(TokioInstant::now() + pause, pause).tick().await;
        }
    }

    /// Waits until the daemon has begun to be busy, or to be idle, since the last wait.
    pub(crate) async fn turn(&self) {
        self.turned.notified().await;
    }

    /// Requests answered.
    pub(crate) fn served(&self) -> u64 {
        self.served.load(Relaxed)
    }

    /// Texts embedded.
    pub(crate) fn texts(&self) -> u64 {
        self.texts.load(Relaxed)
    }

    /// Requests being worked on.
    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight.load(Relaxed)
    }

    /// Latency of the last minute before `now`; `None` where there was no request.
    pub(crate) fn latency(&self, now: Instant) -> Option<Latency> {
        let mut times: Vec<Duration> = {
            let mut recent = self.recent.lock();
            while recent
                .front()
                .is_some_and(|(at, _)| now.saturating_duration_since(*at) > WINDOW)
            {
                recent.pop_front();
            }
            recent.iter().map(|(_, took)| *took).collect()
        };
        times.sort_unstable();
        Some(Latency {
            p50_ms: percentile(&times, 50)?,
            p99_ms: percentile(&times, 99)?,
        })
    }

    fn record(&self, at: Instant, took: Duration) {
        let mut recent = self.recent.lock();
        if recent.len() == KEPT {
            recent.pop_front();
        }
        recent.push_back((at, took));
    }
}

/// Both ends of a connection, where they are known.
fn ends(peer: &Peer) -> Option<Ends> {
    let (other, own) = peer.addresses?;
    Some(Ends { other, own })
}

/// The nearest-rank percentile of sorted times, in milliseconds.
fn percentile(sorted: &[Duration], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map(|time| time.as_secs_f64() * 1e3)
}

/// A request for embeddings being worked on.
pub(crate) struct RequestGuard {
    activity: Arc<Activity>,
    began: Instant,
}

impl RequestGuard {
    /// Counts the request as answered with vectors of `texts` texts.
    pub(crate) fn served(self, texts: usize) {
        self.activity.served.fetch_add(1, Relaxed);
        self.activity.texts.fetch_add(texts as u64, Relaxed);
        let now = Instant::now();
        self.activity.record(now, now - self.began);
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        if self.activity.in_flight.fetch_sub(1, Relaxed) == 1 {
            self.activity.turned.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_is_of_the_last_minute_only() {
        let activity = Arc::new(Activity::default());
        let now = Instant::now();
        assert_eq!(activity.latency(now), None);
        for millis in 1..=100 {
            activity.record(now, Duration::from_millis(millis));
        }
        let latency = activity.latency(now).unwrap();
        assert_eq!((latency.p50_ms, latency.p99_ms), (50.0, 99.0));
        assert_eq!(activity.latency(now + WINDOW + Duration::from_secs(1)), None);
    }

    #[test]
    fn a_dropped_request_is_no_longer_in_flight_and_not_served() {
        let activity = Arc::new(Activity::default());
        let dropped = activity.begin();
        activity.begin().served(3);
        drop(dropped);
        assert_eq!(
            (activity.in_flight(), activity.served(), activity.texts()),
            (0, 1, 3)
        );
    }
}
