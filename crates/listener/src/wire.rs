//! A TCP stream that counts its bytes and can be read past by another owner.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    time::timeout,
};

/// How long a peer is given to take the last words and close its end.
const LINGER: Duration = Duration::from_secs(1);

/// The stream, shared by the protocol that speaks on it and the connection that ends it.
#[derive(Debug)]
pub(crate) struct Link {
    stream: TcpStream,
    read: AtomicU64,
    written: AtomicU64,
}

impl Link {
    pub(crate) fn new(stream: TcpStream) -> Arc<Self> {
        Arc::new(Self {
            stream,
            read: AtomicU64::new(0),
            written: AtomicU64::new(0),
        })
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
        let Ok(mut link) = Arc::try_unwrap(self) else {
            // A route of the service has upgraded the connection and owns it now.
            return;
        };
        // An error means that the peer is gone, which is what this is about.
        if link.stream.shutdown().await.is_ok() && !settled {
            let _ = timeout(LINGER, link.discard()).await;
        }
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
                    self.0.read.fetch_add(count as u64, Relaxed);
                    return Poll::Ready(Ok(()));
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
            ready!(self.0.stream.poll_write_ready(cx))?;
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
