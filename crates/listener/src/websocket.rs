//! One WebSocket connection: reads messages, pings the peer, ends in good order.

use std::{
    pin::pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use futures_util::{
    StreamExt,
    stream::{SplitSink, SplitStream},
};
use okibi_protocol::{
    guard::Right,
    jsonrpc::{Id, Response, RpcError, code},
};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, Interval, MissedTickBehavior, interval_at, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Bytes, Error, Message,
        error::{CapacityError, ProtocolError},
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

use crate::{
    bound::Bound,
    core::Core,
    limits::Limits,
    peer::Peer,
    place::Place,
    refusal::invalid,
    service::Service,
    session::Session,
    unread::ConnectionOutput,
    wire::{Link, Wire},
    writer::{self, Outgoing, WriteEnd},
};

/// How long a peer is given to answer a close frame.
const CLOSE_ANSWER: Duration = Duration::from_secs(1);

/// Bytes of a client's control frame before its payload: two, and the mask (RFC 6455, section 5.2).
const CONTROL_FRAME_HEAD: usize = 2 + 4;

/// Why reading ended.
enum Ending {
    /// The peer has gone, is silent, does not read, or everything is being aborted.
    Gone,
    /// The listener drains and no call is in flight any more.
    Drained,
    /// The peer broke the framing: the error it gets, and the close frame.
    Broken(Option<Response>, CloseFrame),
}

/// Speaks on `socket` until the connection is over. Returns whether both sides have closed it by the protocol.
pub(crate) async fn run<S: Service>(
    core: Arc<Core<S>>,
    peer: Arc<Peer>,
    place: Place,
    right: Right,
    socket: WebSocketStream<Wire>,
    link: &Arc<Link>,
    output: Arc<ConnectionOutput>,
) -> bool {
    let (sink, mut stream) = socket.split();
    let (queue, outgoing) = mpsc::channel(writer::QUEUE);
    let session = Session::new(core, peer, place, right, queue, output);
    // Whatever ends this future, and be it an abort, ends the tasks of the connection too.
    let _end_tasks = session.gone.clone().drop_guard();
    let writer = session.start_writer(sink, outgoing, link.clone());
    let settled = match session.read(&mut stream, link).await {
        Ending::Gone => false,
        Ending::Drained => {
            let frame = close_frame(CloseCode::Away, "server stopping");
            session.finish(&mut stream, frame).await
        }
        Ending::Broken(response, frame) => {
            tokio::select! {
                () = session.answer_and_close(response, frame) => {}
                // Whatever else comes means nothing; reading it lets the peer finish writing, and shows its end.
                () = link.discard() => {}
            }
            false
        }
    };
    session.gone.cancel();
    // The writer's half of the stream has to be dropped before the connection can be closed. It cannot panic.
    let _ = writer.await;
    settled
}

impl<S: Service> Session<S> {
    fn start_writer(
        &self,
        sink: SplitSink<WebSocketStream<Wire>, Message>,
        outgoing: mpsc::Receiver<Outgoing>,
        link: Arc<Link>,
    ) -> JoinHandle<()> {
        let (gone, limit, id) = (self.gone.clone(), self.core.limits.write_timeout, self.id.0);
        let counters = self.core.counters.clone();
        self.core.life.tasks.spawn(async move {
            let writing = writer::write(sink, outgoing, &link, limit);
            match gone.run_until_cancelled(writing).await {
                Some(Err(WriteEnd::Stalled)) => {
                    counters.dropped.fetch_add(1, Relaxed);
                    counters.refusals.count(Bound::WriteTime);
                    tracing::warn!(connection = id, "a client that does not read was dropped");
                }
                Some(Err(WriteEnd::Broken(error))) => {
                    tracing::debug!(connection = id, %error, "writing ended")
                }
                Some(Ok(())) | None => {}
            }
            gone.cancel();
        })
    }

    /// Reads messages and starts what they ask for.
    async fn read(self: &Arc<Self>, stream: &mut SplitStream<WebSocketStream<Wire>>, link: &Link) -> Ending {
        let mut pulse = Pulse::new(self.core.limits.ping_interval);
        let mut overdue = pin!(link.overdue(self.core.limits.body_read_timeout));
        loop {
            let received = tokio::select! {
                () = self.gone.cancelled() => return Ending::Gone,
                () = self.core.life.closing.cancelled() => return Ending::Drained,
                silent = pulse.beat(link, &self.queue) => {
                    if silent {
                        self.core.counters.dropped.fetch_add(1, Relaxed);
                        self.core.counters.refusals.count(Bound::Ping);
                        tracing::info!(connection = self.id.0, "a client that answers no ping was dropped");
                        return Ending::Gone;
                    }
                    continue;
                }
                () = &mut overdue => {
                    self.core.counters.refusals.count(Bound::BodyTime);
                    let limit = self.core.limits.body_read_timeout.as_secs_f64();
                    let refusal = invalid(&format!("the message did not arrive whole within {limit} s"));
                    return Ending::Broken(Some(refusal), close_frame(CloseCode::Policy, "message too slow"));
                }
                received = stream.next() => received,
            };
            if let Some(Ok(Message::Ping(payload) | Message::Pong(payload))) = &received {
                // Apart from the message that it may have come in the middle of.
                link.settle_part(payload.len() + CONTROL_FRAME_HEAD);
            }
            let taking = async {
                match received {
                    Some(Ok(Message::Text(text))) => {
                        // From here on its bytes are counted with the call that it is.
                        link.settle();
                        self.take(text).await;
                    }
                    Some(Ok(Message::Binary(_))) => {
                        link.settle();
                        let refusal = invalid("this is a binary message; send text messages");
                        let in_flight = self.admit().await;
                        self.send(Outgoing::answer(refusal.to_text(), in_flight)).await;
                    }
                    Some(Ok(Message::Ping(_))) => self.send(Outgoing::Flush).await,
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Some(self.ending(&error)),
                    None => return Some(Ending::Gone),
                }
                None
            };
            let started = Instant::now();
            match self.gone.run_until_cancelled(taking).await {
                None => return Ending::Gone,
                Some(Some(ending)) => return ending,
                // Nothing was read while the connection had no room, so the peer was not silent: it was not listened to.
                Some(None) if started.elapsed() > pulse.ticks.period() / 4 => pulse.restart(),
                Some(None) => {}
            }
        }
    }

    /// What a read error means.
    fn ending(&self, error: &Error) -> Ending {
        tracing::debug!(connection = self.id.0, %error, "reading ended");
        match error {
            Error::Capacity(CapacityError::MessageTooLong { .. }) => {
                self.core.counters.refusals.count(Bound::FrameSize);
                let limit = self.core.limits.max_message_bytes;
                let refusal = invalid(&format!("the message is over the limit of {limit} bytes"));
                Ending::Broken(Some(refusal), close_frame(CloseCode::Size, "message too big"))
            }
            Error::Utf8(_) => {
                let refusal = RpcError::new(code::PARSE_ERROR, "the message is not UTF-8");
                Ending::Broken(
                    Some(Response::new(Id::Null, Err(refusal))),
                    close_frame(CloseCode::Invalid, "not UTF-8"),
                )
            }
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Ending::Gone,
            Error::Protocol(_) => Ending::Broken(None, close_frame(CloseCode::Protocol, "protocol error")),
            _ => Ending::Gone,
        }
    }

    /// Sends the answers of the calls in flight, then `response`, then the close frame.
    async fn answer_and_close(&self, response: Option<Response>, frame: CloseFrame) {
        self.all_sent().await;
        let _batches = self.batches.acquire_many(Limits::MAX_OPEN_BATCHES as u32).await;
        if let Some(response) = response {
            self.send(Outgoing::text(response.to_text())).await;
        }
        self.send(Outgoing::Close(frame)).await;
        self.gone.cancelled().await;
    }

    /// Sends the close frame and waits for the peer's. Returns whether it came.
    async fn finish(&self, stream: &mut SplitStream<WebSocketStream<Wire>>, frame: CloseFrame) -> bool {
        self.send(Outgoing::Close(frame)).await;
        let answered = async { while let Some(Ok(_)) = stream.next().await {} };
        let limit = async {
            self.gone.cancelled().await;
            if !self.core.life.abort.is_cancelled() {
                // The limit of the wait, not an error: the connection is over either way.
                let _ = timeout(CLOSE_ANSWER, self.core.life.abort.cancelled()).await;
            }
        };
        tokio::select! {
            () = answered => true,
            () = limit => false,
        }
    }
}

/// Pings a peer, and notices when it is silent.
///
/// A ping whose answer does not come within one period means that the peer is gone, although TCP may not say so for
/// minutes. Any byte counts as an answer, so a peer that is busy sending is never dropped.
struct Pulse {
    ticks: Interval,
    /// Bytes read when the last ping was queued.
    pinged_at: Option<u64>,
}

impl Pulse {
    fn new(period: Duration) -> Self {
        let mut ticks = interval_at(Instant::now() + period, period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            ticks,
            pinged_at: None,
        }
    }

    /// Waits for the next beat and pings. Returns whether nothing has come since the ping before.
    async fn beat(&mut self, link: &Link, queue: &mpsc::Sender<Outgoing>) -> bool {
        self.ticks.tick().await;
        let read = link.bytes_read();
        if self.pinged_at == Some(read) {
            return true;
        }
        let ping = Outgoing::Send {
            message: Message::Ping(Bytes::new()),
            done: None,
            unread: None,
        };
        // A full queue means that the peer does not read, for which the writer has a limit of its own.
        self.pinged_at = queue.try_send(ping).is_ok().then_some(read);
        false
    }

    fn restart(&mut self) {
        self.ticks.reset();
        self.pinged_at = None;
    }
}

fn close_frame(code: CloseCode, reason: &'static str) -> CloseFrame {
    CloseFrame {
        code,
        reason: reason.into(),
    }
}
