//! Accepting connections, counting them, and the order in which they end.

use std::{
    collections::VecDeque,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use okibi_protocol::guard::Access;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, interval, timeout, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    bound::Bound,
    budget::Budget,
    connection,
    crowd::Crowd,
    http::{self, Counts, Routes},
    limits::Limits,
    service::{ConnectionId, Service},
    socket::{OpenSocket, PortCloser, Sockets},
    unread::Unread,
    wire::Link,
};

/// Wait after a failed accept, which is the system out of something (file descriptors).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Connections over the limit that are told so at once; others are closed without a word.
const MAX_TURNED_AWAY: usize = 64;

/// Time that aborted tasks get to drop what they hold.
const ABORT_LIMIT: Duration = Duration::from_secs(1);

/// So long a connection waits for the room of one that has been ended for it.
const ROOM_LIMIT: Duration = Duration::from_secs(1);

/// Time after which a connection that waits for room ends another one.
const ROOM_LOOK: Duration = Duration::from_millis(50);

/// Connections that wait for room.
const MAX_WAITING: usize = 1024;

/// What is said to a connection over the limit.
const TOO_MANY: &str = concat!(
    "HTTP/1.1 503 Service Unavailable\r\nserver: okibi/",
    env!("CARGO_PKG_VERSION"),
    "\r\ncontent-type: application/json\r\ncontent-length: 32\r\nretry-after: 1\r\nconnection: close\r\n\r\n",
    "{\"error\":\"too many connections\"}"
);

/// What every connection of a listener shares.
pub(crate) struct Core<S> {
    pub(crate) service: S,
    pub(crate) limits: Arc<Limits>,
    pub(crate) access: Access,
    pub(crate) routes: Routes,
    pub(crate) life: Life,
    pub(crate) room: Arc<Semaphore>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) unread: Arc<Unread>,
    crowd: Crowd,
    pub(crate) counts: Arc<Counts>,
    /// Connections on which nothing has been asked yet, the oldest first.
    pub(crate) silent: Silent,
}

impl<S> Core<S> {
    /// Connections that are open now.
    pub(crate) fn open(&self) -> usize {
        self.limits.max_connections - self.room.available_permits()
    }
}

/// Connections on which nothing has been asked yet: the first to go when there are too many.
#[derive(Default)]
pub(crate) struct Silent(Mutex<VecDeque<(ConnectionId, CancellationToken)>>);

impl Silent {
    fn lock(&self) -> MutexGuard<'_, VecDeque<(ConnectionId, CancellationToken)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new connection; the token is cancelled when it has to go.
    fn enter(&self, id: ConnectionId) -> CancellationToken {
        let token = CancellationToken::new();
        self.lock().push_back((id, token.clone()));
        token
    }

    /// It has asked something, or is over.
    pub(crate) fn leave(&self, id: ConnectionId) {
        let mut silent = self.lock();
        if let Ok(at) = silent.binary_search_by_key(&id.0, |(known, _)| known.0) {
            silent.remove(at);
        }
    }

    /// Ends the oldest, if there is one.
    fn end_oldest(&self) {
        if let Some((_, token)) = self.lock().pop_front() {
            token.cancel();
        }
    }
}

/// The steps in which a listener ends, and what each waits for.
#[derive(Clone, Default)]
pub(crate) struct Life {
    /// No call is taken any more.
    pub(crate) draining: CancellationToken,
    /// No call is in flight any more: sockets are closed.
    pub(crate) closing: CancellationToken,
    /// Everything ends now.
    pub(crate) abort: CancellationToken,
    /// A token for each call and HTTP request, until its answer has left.
    pub(crate) calls: TaskTracker,
    /// A token for each subscription, until its last word is queued: that is sent when draining begins.
    pub(crate) subscriptions: TaskTracker,
    /// Every task of every connection.
    pub(crate) tasks: TaskTracker,
}

/// A running listener. Dropping it aborts everything: the port is closed, connections are cut.
#[derive(Debug)]
pub struct Listener {
    life: Life,
    port: PortCloser,
    local_port: u16,
    room: Arc<Semaphore>,
    max_connections: usize,
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Calls and HTTP requests that were still in flight at the deadline and got no answer.
    pub calls_cut: usize,
}

/// Starts to answer on `sockets`. To be called within a tokio runtime.
pub fn start<S: Service>(sockets: Sockets, service: S, limits: Limits, access: Access) -> Listener {
    let life = Life::default();
    let listener = Listener {
        life: life.clone(),
        port: sockets.closer(),
        local_port: sockets.local_port(),
        room: Arc::new(Semaphore::new(limits.max_connections)),
        max_connections: limits.max_connections,
    };
    let core = Arc::new(Core {
        routes: http::routes(&service, limits.max_body_bytes),
        service,
        budget: Budget::new(limits.max_buffered_bytes),
        unread: Unread::new(limits.max_buffered_bytes, limits.max_unread_bytes()),
        limits: Arc::new(limits),
        access,
        life,
        room: listener.room.clone(),
        counts: Arc::default(),
        silent: Silent::default(),
        crowd: Crowd::default(),
    });
    let door = Door {
        core,
        waiting: Arc::new(Semaphore::new(MAX_WAITING)),
        turned_away: Arc::new(Semaphore::new(MAX_TURNED_AWAY)),
        last_id: Arc::default(),
    };
    for socket in sockets.open {
        let accepting = door.clone().accept_all(socket, listener.port.asked.clone());
        listener.life.tasks.spawn(accepting);
    }
    listener
}

impl Listener {
    /// The port it was bound to.
    pub fn local_port(&self) -> u16 {
        self.local_port
    }

    /// A handle that closes the port, for a service that has to do it itself.
    pub fn port_closer(&self) -> PortCloser {
        self.port.clone()
    }

    /// Closes the listening sockets; the port is free when it returns. Connections already made go on.
    pub async fn close_port(&self) {
        self.port.close().await;
    }

    /// Connections that are open now.
    pub fn connections(&self) -> usize {
        self.max_connections - self.room.available_permits()
    }

    /// Calls, notices and HTTP requests whose answer has not left yet.
    pub fn calls_in_flight(&self) -> usize {
        self.life.calls.len()
    }

    /// Ends in good order: closes the port, refuses new calls with −32003, tells every subscriber the last status, lets
    /// the calls in flight finish, closes
    /// every WebSocket with 1001 and every HTTP connection after its answer.
    ///
    /// What is left after `deadline` is cut. When it returns, nothing of the listener runs any more (but for a
    /// future of the service that blocks its thread).
    pub async fn drain(&self, deadline: Duration) -> Drained {
        let end = Instant::now() + deadline;
        let life = &self.life;
        life.draining.cancel();
        self.port.close().await;
        let in_order = async {
            life.calls.close();
            life.calls.wait().await;
            life.subscriptions.close();
            life.subscriptions.wait().await;
            life.closing.cancel();
            life.tasks.close();
            life.tasks.wait().await;
        };
        let in_time = timeout_at(end, in_order).await.is_ok();
        let calls_cut = life.calls.len();
        if !in_time {
            let connections = self.connections();
            tracing::warn!(
                calls_cut,
                connections,
                ?deadline,
                "cutting what is left at the deadline"
            );
        }
        life.abort.cancel();
        life.tasks.close();
        if timeout(ABORT_LIMIT, life.tasks.wait()).await.is_err() {
            tracing::error!(tasks = life.tasks.len(), "tasks of the listener do not end");
        }
        Drained { calls_cut }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.port.asked.cancel();
        self.life.abort.cancel();
    }
}

impl std::fmt::Debug for Life {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Life")
            .field("draining", &self.draining.is_cancelled())
            .field("closing", &self.closing.is_cancelled())
            .field("calls", &self.calls.len())
            .finish_non_exhaustive()
    }
}

/// Where connections come in.
struct Door<S> {
    core: Arc<Core<S>>,
    waiting: Arc<Semaphore>,
    turned_away: Arc<Semaphore>,
    last_id: Arc<AtomicU64>,
}

impl<S> Clone for Door<S> {
    fn clone(&self) -> Self {
        Self {
            core: self.core.clone(),
            waiting: self.waiting.clone(),
            turned_away: self.turned_away.clone(),
            last_id: self.last_id.clone(),
        }
    }
}

impl<S: Service> Door<S> {
    /// Accepts until the port is to be closed, and then what has already connected.
    async fn accept_all(self, socket: OpenSocket, asked: CancellationToken) {
        let mut pause = interval(ACCEPT_PAUSE);
        let mut failing = false;
        loop {
            let Some(accepted) = asked.run_until_cancelled(socket.listener.accept()).await else {
                break;
            };
            match accepted {
                Ok((stream, _)) => {
                    failing = false;
                    self.admit(stream);
                }
                Err(error) => {
                    // Once, not ten times a second, for as long as it lasts.
                    if !std::mem::replace(&mut failing, true) {
                        tracing::error!(%error, "connections cannot be accepted");
                    }
                    pause.reset();
                    asked.run_until_cancelled(pause.tick()).await;
                }
            }
        }
        let OpenSocket { listener, _open } = socket;
        if !self.core.life.abort.is_cancelled() {
            self.accept_waiting(listener);
        }
    }

    /// Accepts the connections that the system has made already, then closes the socket.
    fn accept_waiting(&self, listener: TcpListener) {
        let Ok(listener) = listener.into_std() else {
            return;
        };
        while let Ok((stream, _)) = listener.accept() {
            if let Ok(stream) = stream
                .set_nonblocking(true)
                .and_then(|()| TcpStream::from_std(stream))
            {
                self.admit(stream);
            }
        }
    }

    /// Serves a connection; where there are too many, one that has asked nothing yet makes room for it, or else it is
    /// told so.
    fn admit(&self, stream: TcpStream) {
        let core = &self.core;
        let abort = core.life.abort.clone();
        match core.room.clone().try_acquire_owned() {
            Ok(room) => self.serve(stream, room),
            Err(_) if self.waiting.available_permits() > 0 => {
                let waiting = self.clone().serve_when_there_is_room(stream);
                core.life.tasks.spawn(abort.run_until_cancelled_owned(waiting));
            }
            Err(_) => self.turn_away(stream),
        }
    }

    /// Ends connections that have asked nothing yet until there is room, the oldest first.
    async fn serve_when_there_is_room(self, stream: TcpStream) {
        let Ok(_waits) = self.waiting.clone().try_acquire_owned() else {
            return self.turn_away(stream);
        };
        let end = Instant::now() + ROOM_LIMIT;
        // One place in the line throughout: whoever lost it at each look would come behind those that came later, and
        // end them for its own room before they have asked.
        let mut room = pin!(self.core.room.clone().acquire_owned());
        while Instant::now() < end {
            self.core.silent.end_oldest();
            if let Ok(Ok(room)) = timeout(ROOM_LOOK, &mut room).await {
                return self.serve(stream, room);
            }
        }
        self.turn_away(stream);
    }

    fn serve(&self, stream: TcpStream, room: OwnedSemaphorePermit) {
        let core = self.core.clone();
        let id = ConnectionId(self.last_id.fetch_add(1, Relaxed) + 1);
        core.counts.connections.fetch_add(1, Relaxed);
        core.crowd.come(core.open());
        let ended = core.silent.enter(id);
        let unread = core.unread.enter(id, ended.clone());
        let serving = async move {
            // In a box, because each future around it would have room for it twice: with thousands of connections that are
            // idle, most of the daemon's memory.
            let connection = Box::pin(connection::serve(core.clone(), id, stream, &unread));
            let outcome = ended.run_until_cancelled(connection);
            if outcome.await.is_none() {
                core.counts.dropped.fetch_add(1, Relaxed);
                core.counts.refusals.count(match unread.is_cut() {
                    true => Bound::Unread,
                    false => Bound::Connections,
                });
            }
            core.silent.leave(id);
            drop(room);
            if core.crowd.gone(core.open()) {
                core.service.crowd_gone();
            }
        };
        let abort = self.core.life.abort.clone();
        self.core
            .life
            .tasks
            .spawn(abort.run_until_cancelled_owned(serving));
    }

    fn turn_away(&self, stream: TcpStream) {
        self.core.counts.refusals.count(Bound::Connections);
        if self.core.counts.turned_away.fetch_add(1, Relaxed) == 0 {
            tracing::warn!("a connection was turned away: there are too many; further ones are only counted");
        }
        if let Ok(place) = self.turned_away.clone().try_acquire_owned() {
            let abort = self.core.life.abort.clone();
            let telling = holding(place, turn_away(stream));
            self.core
                .life
                .tasks
                .spawn(abort.run_until_cancelled_owned(telling));
        }
    }
}

/// Runs `work` and gives the place back after it.
async fn holding(place: OwnedSemaphorePermit, work: impl Future<Output = ()>) {
    work.await;
    drop(place);
}

async fn turn_away(mut stream: TcpStream) {
    // Fits into the empty send buffer of a new connection, so it does not wait for the peer.
    if stream.write_all(TOO_MANY.as_bytes()).await.is_ok() {
        Link::new(stream, Budget::new(0)).close(false).await;
    }
}
