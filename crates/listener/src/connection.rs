//! One TCP connection: HTTP first, then perhaps a WebSocket, then a close that loses no byte.

use std::{
    convert::Infallible,
    future::pending,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use axum::http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn, upgrade::OnUpgrade};
use hyper_util::rt::{TokioIo, TokioTimer};
use okibi_protocol::guard::Right;
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::protocol::{Role, WebSocketConfig},
};

use crate::{
    bound::Bound,
    connection_id::ConnectionId,
    core::Core,
    http::Reply,
    peer::Peer,
    place::Place,
    service::Service,
    unread::ConnectionOutput,
    websocket,
    wire::{Link, Wire},
};

/// The smallest limit hyper takes for an HTTP request's line and headers.
const MIN_HEADER_BYTES: usize = 8192;

/// Serves one accepted connection until it is over.
pub(crate) async fn serve<S: Service>(
    core: Arc<Core<S>>,
    peer: Arc<Peer>,
    place: Place,
    stream: TcpStream,
    output: &Arc<ConnectionOutput>,
) {
    let id = peer.connection;
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(connection = id.0, %error, "TCP_NODELAY was refused");
    }
    let link = Link::new(stream, core.budget.clone());
    let mut settled = false;
    if let Some((upgrade, right)) = speak_http(&core, &peer, place, &link, output).await
        && let Some(socket) = upgraded(upgrade, &core).await
    {
        tracing::debug!(connection = id.0, "WebSocket opened");
        settled = websocket::run(core.clone(), peer, place, right, socket, &link, output.clone()).await;
        tracing::debug!(connection = id.0, "WebSocket over");
    }
    if link.is_over_budget() {
        core.counters.refusals.count(Bound::Buffered);
    }
    link.close(settled).await;
}

/// Answers HTTP requests. Returns what becomes a WebSocket, if one of them asked for that.
async fn speak_http<S: Service>(
    core: &Arc<Core<S>>,
    peer: &Arc<Peer>,
    place: Place,
    link: &Arc<Link>,
    output: &Arc<ConnectionOutput>,
) -> Option<(OnUpgrade, Right)> {
    let id = peer.connection;
    let upgrade = Arc::new(Mutex::new(None));
    let has_asked = AtomicBool::new(false);
    // Bytes read when the last request was answered.
    let answered = Arc::new(AtomicU64::new(0));
    let service = service_fn(|mut request: Request<Incoming>| {
        if !has_asked.swap(true, Relaxed) {
            core.idle.leave(id);
        }
        let (core, upgrade, link, output) = (core.clone(), upgrade.clone(), link.clone(), output.clone());
        let answered = answered.clone();
        async move {
            let on_upgrade = hyper::upgrade::on(&mut request);
            let reply = core.reply(peer, place, &output, request).await;
            link.settle();
            answered.store(link.bytes_read(), Relaxed);
            Ok::<_, Infallible>(match reply {
                Reply::Plain(response) => response,
                Reply::Upgrade(response, right) => {
                    *upgrade.lock() = Some((on_upgrade, right));
                    response
                }
            })
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(core.limits.header_read_timeout)
        .max_buf_size(core.limits.max_header_bytes.max(MIN_HEADER_BYTES))
        .serve_connection(TokioIo::new(Wire(link.clone())), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let stalled = link.stalled(core.limits.write_timeout);
    let mut stalled = pin!(stalled);
    let outcome = tokio::select! {
        outcome = &mut connection => outcome,
        () = &mut stalled => return core.drop_stalled(id),
        () = core.life.draining.cancelled() => {
            connection.as_mut().graceful_shutdown();
            // Half a request is not in flight: no answer to it is due, and it may never be completed.
            let nothing_asked = async {
                core.life.closing.cancelled().await;
                if has_asked.load(Relaxed) {
                    pending::<()>().await;
                }
            };
            tokio::select! {
                outcome = &mut connection => outcome,
                () = &mut stalled => return core.drop_stalled(id),
                () = nothing_asked => return None,
            }
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "HTTP connection ended");
        let has_begun = !has_asked.load(Relaxed) || link.bytes_read() > answered.load(Relaxed);
        // Between two requests a connection may be idle; closing it then is not a refusal.
        if error.is_timeout() && has_begun {
            core.counters.refusals.count(Bound::HeaderTime);
        } else if error.is_parse_too_large() {
            core.counters.refusals.count(Bound::HeaderSize);
        }
    }
    upgrade.lock().take()
}

impl<S> Core<S> {
    /// Counts and logs that a client does not read what it is sent. Returns what the connection comes to: nothing.
    fn drop_stalled<T>(&self, id: ConnectionId) -> Option<T> {
        self.counters.dropped.fetch_add(1, Relaxed);
        self.counters.refusals.count(Bound::WriteTime);
        tracing::warn!(connection = id.0, "a client that does not read was dropped");
        None
    }
}

/// The WebSocket on a connection that has left HTTP.
async fn upgraded<S>(upgrade: OnUpgrade, core: &Core<S>) -> Option<WebSocketStream<Wire>> {
    let parts = upgrade.await.ok()?.downcast::<TokioIo<Wire>>().ok()?;
    let limit = core.limits.max_message_bytes;
    let config = WebSocketConfig::default()
        .max_message_size(Some(limit))
        .max_frame_size(Some(limit));
    let early = parts.read_buf.to_vec();
    let wire = parts.io.into_inner();
    Some(WebSocketStream::from_partially_read(wire, early, Role::Server, Some(config)).await)
}
