//! A TCP stream that counts its bytes and can be read past by another owner.

use std::{
    io::{self, IoSlice},
    net::Shutdown,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, interval_at, timeout},
};

use crate::budget::Budget;

/// How long a peer is given to take the last words and close its end.
const LINGER: Duration = Duration::from_secs(1);

/// A connection that holds no more than this is never to blame for the memory that requests hold.
const SMALL: usize = 1 << 20;

/// The stream, shared by the protocol that speaks on it and the connection that ends it.
#[derive(Debug)]
pub(crate) struct Link {
    stream: TcpStream,
    read: AtomicU64,
    written: AtomicU64,
    /// Whether what is to be written waits for the peer to read.
    is_waiting: AtomicBool,
    /// Bytes read of a message or request that is not whole yet.
    unsettled: AtomicUsize,
    /// Messages and requests that have become whole so far.
    settled: AtomicU64,
    /// Whether reading ended because requests hold too much memory.
    is_over_budget: AtomicBool,
    budget: Arc<Budget>,
}

impl Link {
    pub(crate) fn new(stream: TcpStream, budget: Arc<Budget>) -> Arc<Self> {
        Arc::new(Self {
            stream,
            read: AtomicU64::new(0),
            written: AtomicU64::new(0),
            is_waiting: AtomicBool::new(false),
            unsettled: AtomicUsize::new(0),
            settled: AtomicU64::new(0),
            is_over_budget: AtomicBool::new(false),
            budget,
        })
    }

    /// What has been read is taken: it is no longer counted here.
    pub(crate) fn settle(&self) {
        self.budget.remove(self.unsettled.swap(0, Relaxed));
        self.settled.fetch_add(1, Relaxed);
    }

    /// So many bytes of what has been read are taken, and what is left belongs to a message that is not whole yet.
    pub(crate) fn settle_part(&self, bytes: usize) {
        let take = |unsettled: usize| Some(unsettled.saturating_sub(bytes));
        if let Ok(before) = self.unsettled.fetch_update(Relaxed, Relaxed, take) {
            self.budget.remove(before.min(bytes));
        }
        self.settled
            .fetch_add(u64::from(self.unsettled.load(Relaxed) == 0), Relaxed);
    }

    /// Ends when a message has been on its way for `limit`, or up to twice as long: bytes of it have come, and it is not
    /// whole.
    pub(crate) async fn overdue(&self, limit: Duration) {
        let mut looks = interval_at(Instant::now() + limit, limit);
        let mut before = None;
        loop {
            looks.tick().await;
            let is_waiting = self.unsettled.load(Relaxed) > 0;
            let now = is_waiting.then(|| self.settled.load(Relaxed));
            if now.is_some() && now == before {
                return;
            }
            before = now;
        }
    }

    /// Ends when the peer has taken no byte of what is sent to it for `limit`, or up to twice as long.
    pub(crate) async fn stalled(&self, limit: Duration) {
        let mut looks = interval_at(Instant::now() + limit, limit);
        let mut before = None;
        loop {
            looks.tick().await;
            let now = self.is_waiting.load(Relaxed).then(|| self.bytes_written());
            if now.is_some() && now == before {
                return;
            }
            before = now;
        }
    }

    /// Counts what was read; an error where too much is held already and this connection holds a good part of it.
    fn count(&self, bytes: usize) -> io::Result<()> {
        self.read.fetch_add(bytes as u64, Relaxed);
        let own = self.unsettled.fetch_add(bytes, Relaxed) + bytes;
        if self.budget.receive(bytes) || own < SMALL {
            return Ok(());
        }
        self.is_over_budget.store(true, Relaxed);
        Err(io::Error::other("requests hold too much memory"))
    }

    /// Whether it was cut because requests hold too much memory.
    pub(crate) fn is_over_budget(&self) -> bool {
        self.is_over_budget.load(Relaxed)
    }

    /// Bytes read so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.read.load(Relaxed)
    }

    /// Bytes the system has taken for sending so far.
    pub(crate) fn bytes_written(&self) -> u64 {
        self.written.load(Relaxed)
    }

    /// Reads and forgets until the peer closes its end or the connection breaks.
    pub(crate) async fn discard(&self) {
        let mut scratch = vec![0; 64 << 10];
        while self.stream.readable().await.is_ok() {
            match self.stream.try_read(&mut scratch) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }

    /// Ends the connection so that the peer can still read what was sent: closing with unread bytes would reset
    /// it. Takes [`LINGER`] at most, and no time where the peer is `settled`: has said that it is done.
    pub(crate) async fn close(self: Arc<Self>, settled: bool) {
        let Some(link) = Arc::into_inner(self) else {
            // A route of the service has upgraded the connection and owns it now.
            return;
        };
        // An error means that the peer is gone, which is what this is about.
        let ended = socket2::SockRef::from(&link.stream).shutdown(Shutdown::Write);
        if ended.is_ok() && !settled {
            let _ = timeout(LINGER, link.discard()).await;
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.settle();
    }
}

/// One protocol's end of a [`Link`].
#[derive(Debug)]
pub(crate) struct Wire(pub(crate) Arc<Link>);

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.stream.poll_read_ready(cx))?;
            match self.0.stream.try_read(buffer.initialize_unfilled()) {
                Ok(count) => {
                    buffer.advance(count);
                    return Poll::Ready(self.0.count(count));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl Wire {
    fn poll_write_with(
        &self,
        cx: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let is_ready = self.0.stream.poll_write_ready(cx);
            self.0.is_waiting.store(is_ready.is_pending(), Relaxed);
            ready!(is_ready)?;
            match write(&self.0.stream) {
                Ok(count) => {
                    self.0.written.fetch_add(count as u64, Relaxed);
                    return Poll::Ready(Ok(count));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |stream| stream.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |stream| stream.try_write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Does nothing: [`Link::close`] ends the connection.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
