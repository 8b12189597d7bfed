//! Accepting connections, counting them, and the order in which they end.

use std::{
    pin::pin,
    sync::{
        Arc,
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
use tokio_util::sync::CancellationToken;

use crate::{
    bound::Bound,
    budget::Budget,
    connection,
    connection_id::ConnectionId,
    core::Core,
    http,
    identity::Identity,
    idle_connections::IdleConnections,
    life::Life,
    limits::Limits,
    peak::ConnectionPeak,
    peer::{OverOnDrop, Peer},
    place::{Place, RESERVED},
    service::Service,
    socket::{OpenSocket, PortCloser, Sockets},
    unread::Unread,
    wire::Link,
};

/// Wait after a failed accept, which is the system out of something (file descriptors).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Connections over the limit that get an answer at the same time; others are closed without one.
const MAX_TURNED_AWAY: usize = 64;

/// How long aborted tasks get to drop what they hold.
const ABORT_LIMIT: Duration = Duration::from_secs(1);

/// How long a new connection waits for a slot freed by closing an idle one.
const ROOM_LIMIT: Duration = Duration::from_secs(1);

/// How long a waiting connection gives the closed one to end, before it closes another.
const CLOSE_NEXT_AFTER: Duration = Duration::from_millis(50);

/// Connections that may wait for room at the same time.
const MAX_WAITING: usize = 1024;

/// The answer to a connection over the limit: before the guard and the routes, so in no dialect's shape.
const TOO_MANY: &str = concat!(
    "HTTP/1.1 503 Service Unavailable\r\nserver: okibi/",
    env!("CARGO_PKG_VERSION"),
    "\r\ncontent-type: application/json\r\ncontent-length: 32\r\nretry-after: 1\r\nconnection: close\r\n\r\n",
    "{\"error\":\"too many connections\"}"
);

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

/// Starts to answer on `sockets`. Must be called within a tokio runtime.
pub fn start<S: Service>(sockets: Sockets, service: S, limits: Limits, access: Access) -> Listener {
    let life = Life::default();
    let listener = Listener {
        life: life.clone(),
        port: sockets.closer(),
        local_port: sockets.local_port(),
        room: Arc::new(Semaphore::new(limits.max_connections)),
        max_connections: limits.max_connections,
    };
    let service = Arc::new(service);
    let core = Arc::new(Core {
        routes: http::routes(&service, limits.max_body_bytes),
        service,
        budget: Budget::new(limits.max_buffered_bytes),
        unread: Unread::new(limits.max_buffered_bytes, limits.max_unread_bytes()),
        limits: Arc::new(limits),
        access,
        identity: Identity::new(listener.local_port),
        life,
        room: listener.room.clone(),
        counters: Arc::default(),
        idle: IdleConnections::default(),
        peak: ConnectionPeak::default(),
    });
    let acceptor = Acceptor {
        core,
        waiting: Arc::new(Semaphore::new(MAX_WAITING)),
        reserved: Arc::new(Semaphore::new(RESERVED)),
        turned_away: Arc::new(Semaphore::new(MAX_TURNED_AWAY)),
        last_id: Arc::default(),
    };
    for socket in sockets.open {
        let accepting = acceptor.clone().accept_all(socket, listener.port.closing.clone());
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

    /// Ends in order: closes the port, refuses new calls with −32003, sends every subscriber the last status, lets the
    /// calls in flight finish, closes every WebSocket with 1001 and every HTTP connection after its answer.
    ///
    /// Whatever is left after `deadline` is cut. When this returns, nothing of the listener runs any more, except for a
    /// future of the service that blocks its thread.
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
        self.port.closing.cancel();
        self.life.abort.cancel();
    }
}

/// Accepts connections and makes room for them.
struct Acceptor<S> {
    core: Arc<Core<S>>,
    waiting: Arc<Semaphore>,
    /// A permit for each connection that may be open beyond the limit.
    reserved: Arc<Semaphore>,
    turned_away: Arc<Semaphore>,
    last_id: Arc<AtomicU64>,
}

impl<S> Clone for Acceptor<S> {
    fn clone(&self) -> Self {
        Self {
            core: self.core.clone(),
            waiting: self.waiting.clone(),
            reserved: self.reserved.clone(),
            turned_away: self.turned_away.clone(),
            last_id: self.last_id.clone(),
        }
    }
}

impl<S: Service> Acceptor<S> {
    /// Accepts until the port is to be closed, and then those that have already connected.
    async fn accept_all(self, socket: OpenSocket, closing: CancellationToken) {
        let mut pause = interval(ACCEPT_PAUSE);
        let mut failing = false;
        loop {
            let Some(accepted) = closing.run_until_cancelled(socket.listener.accept()).await else {
                break;
            };
            match accepted {
                Ok((stream, _)) => {
                    failing = false;
                    self.admit(stream);
                }
                Err(error) => {
                    // Logged once for as long as it lasts, not ten times a second.
                    if !std::mem::replace(&mut failing, true) {
                        tracing::error!(%error, "connections cannot be accepted");
                    }
                    pause.reset();
                    closing.run_until_cancelled(pause.tick()).await;
                }
            }
        }
        let OpenSocket { listener, _open } = socket;
        if !self.core.life.abort.is_cancelled() {
            self.accept_waiting(listener);
        }
    }

    /// Accepts the connections that the system has already made, then closes the socket: their clients have connected
    /// successfully and would otherwise see a reset.
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

    /// Serves a connection. When there are too many, an idle one makes room for it; if none does, it gets one of the
    /// reserved places; if none is free, it is turned away.
    fn admit(&self, stream: TcpStream) {
        let core = &self.core;
        let abort = core.life.abort.clone();
        match core.room.clone().try_acquire_owned() {
            Ok(room) => self.serve(stream, room, Place::Normal),
            Err(_) if self.waiting.available_permits() > 0 => {
                // Here, in the order of arrival, and not in the tasks, which start in any order: one that starts late
                // would close a connection that came after its own and is about to ask.
                core.idle.end_oldest();
                let waiting = self.clone().serve_when_there_is_room(stream);
                core.life.tasks.spawn(abort.run_until_cancelled_owned(waiting));
            }
            Err(_) => self.turn_away(stream),
        }
    }

    /// Waits for the room of the connection that was closed for this one; while there is none, closes further ones that
    /// have asked nothing yet, the oldest first.
    async fn serve_when_there_is_room(self, stream: TcpStream) {
        let Ok(_waits) = self.waiting.clone().try_acquire_owned() else {
            return self.turn_away(stream);
        };
        let end = Instant::now() + ROOM_LIMIT;
        // One acquire throughout keeps the place in the semaphore's line. A connection that queued again after each
        // timeout would come behind later ones, and close those before they have asked anything.
        let mut room = pin!(self.core.room.clone().acquire_owned());
        while Instant::now() < end {
            if let Ok(Ok(room)) = timeout(CLOSE_NEXT_AFTER, &mut room).await {
                return self.serve(stream, room, Place::Normal);
            }
            self.core.idle.end_oldest();
        }
        match self.reserved.clone().try_acquire_owned() {
            Ok(room) => self.serve(stream, room, Place::Reserved),
            Err(_) => self.turn_away(stream),
        }
    }

    fn serve(&self, stream: TcpStream, room: OwnedSemaphorePermit, place: Place) {
        let core = self.core.clone();
        let id = ConnectionId(self.last_id.fetch_add(1, Relaxed) + 1);
        core.counters.connections.fetch_add(1, Relaxed);
        core.peak.opened(core.open());
        let ended = match place {
            Place::Normal => core.idle.enter(id),
            Place::Reserved => CancellationToken::new(),
        };
        let output = core.unread.enter(id, ended.clone());
        let peer = Peer::new(id, &stream);
        // Moved into the task, whose end is that of the connection, be it an abort.
        let over = OverOnDrop(peer.clone());
        let serving = async move {
            let _over = over;
            // Boxed, because each future around it would reserve room for it twice: with thousands of idle connections that
            // was most of the daemon's memory.
            let connection = Box::pin(connection::serve(core.clone(), peer, place, stream, &output));
            let outcome = ended.run_until_cancelled(connection);
            let is_served = match place {
                Place::Normal => outcome.await.is_some(),
                Place::Reserved => {
                    let limit = core.limits.header_read_timeout;
                    timeout(limit, outcome)
                        .await
                        .is_ok_and(|outcome| outcome.is_some())
                }
            };
            if !is_served {
                core.counters.dropped.fetch_add(1, Relaxed);
                core.counters.refusals.count(match output.is_cut() {
                    true => Bound::Unread,
                    false => Bound::Connections,
                });
            }
            core.idle.leave(id);
            drop(room);
            if core.peak.closed(core.open()) {
                core.service.on_burst_ended();
            }
        };
        let abort = self.core.life.abort.clone();
        self.core
            .life
            .tasks
            .spawn(abort.run_until_cancelled_owned(serving));
    }

    fn turn_away(&self, stream: TcpStream) {
        self.core.counters.refusals.count(Bound::Connections);
        if self.core.counters.turned_away.fetch_add(1, Relaxed) == 0 {
            tracing::warn!("a connection was turned away: there are too many; further ones are only counted");
        }
        if let Ok(place) = self.turned_away.clone().try_acquire_owned() {
            let life = &self.core.life;
            let answering = async move {
                turn_away(stream).await;
                drop(place);
            };
            life.tasks
                .spawn(life.abort.clone().run_until_cancelled_owned(answering));
        }
    }
}

async fn turn_away(mut stream: TcpStream) {
    // Fits into the empty send buffer of a new connection, so it does not wait for the peer.
    if stream.write_all(TOO_MANY.as_bytes()).await.is_ok() {
        Link::new(stream, Budget::new(0)).close(false).await;
    }
}
