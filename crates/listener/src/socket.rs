//! Taking the port, and giving it back.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use tokio::net::{TcpListener, TcpSocket};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

/// Connections the system keeps for us until they are accepted.
const BACKLOG: u32 = 1024;

/// The port, taken: what [`start`](crate::start) listens on. Dropping it gives the port back.
#[derive(Debug)]
pub struct Sockets {
    pub(crate) open: Vec<OpenSocket>,
    pub(crate) closer: PortCloser,
    local_port: u16,
    is_v6_taken: bool,
}

/// One listening socket. Fields drop in order: the socket is closed before it is said to be.
#[derive(Debug)]
pub(crate) struct OpenSocket {
    pub(crate) listener: TcpListener,
    pub(crate) _open: TaskTrackerToken,
}

/// Closes the listening sockets, from anywhere: a service has one to give the port away before it answers.
#[derive(Clone, Debug)]
pub struct PortCloser {
    pub(crate) closing: CancellationToken,
    open: TaskTracker,
}

impl PortCloser {
    /// Closes the listening sockets and returns when the port is free. Connections already made go on.
    ///
    /// Waits for [`start`](crate::start) (or for the drop of [`Sockets`]) when called before it.
    pub async fn close(&self) {
        self.closing.cancel();
        self.open.close();
        self.open.wait().await;
    }
}

impl Sockets {
    /// The port that was taken.
    pub fn local_port(&self) -> u16 {
        self.local_port
    }

    /// Whether another program has the port on `[::1]`. A client that connects to `localhost` may then reach that one.
    pub fn is_v6_taken(&self) -> bool {
        self.is_v6_taken
    }

    /// A handle that closes the port.
    pub fn closer(&self) -> PortCloser {
        self.closer.clone()
    }
}

/// Takes `port` on 127.0.0.1 and, where this machine has it and it is free, on `[::1]`.
///
/// Port 0 takes a free one. The sockets are not inherited by child processes. To be called within a tokio
/// runtime. Errors: those of the bind on 127.0.0.1, kind `AddrInUse` when somebody listens there,
/// `PermissionDenied` when the system reserves the port; a missing `[::1]` is none, see [`Sockets::is_v6_taken`].
pub fn bind(port: u16) -> io::Result<Sockets> {
    bind_on(None, port)
}

/// As [`bind()`], and on `host` too, which may be `0.0.0.0` or `::` for every address of this machine.
///
/// Errors: also those of the bind on `host`.
pub fn bind_on(host: Option<IpAddr>, port: u16) -> io::Result<Sockets> {
    let v4 = match host {
        // It has 127.0.0.1 in it.
        Some(host @ IpAddr::V4(Ipv4Addr::UNSPECIFIED)) => host,
        _ => Ipv4Addr::LOCALHOST.into(),
    };
    let v4 = listen((v4, port).into())?;
    let local_port = v4.local_addr()?.port();
    let closer = PortCloser {
        closing: CancellationToken::new(),
        open: TaskTracker::new(),
    };
    let mut listeners = vec![v4];
    let mut is_v6_taken = false;
    if host != Some(Ipv6Addr::UNSPECIFIED.into()) {
        match listen((Ipv6Addr::LOCALHOST, local_port).into()) {
            Ok(v6) => listeners.push(v6),
            Err(error) => {
                is_v6_taken = error.kind() == io::ErrorKind::AddrInUse;
                tracing::warn!(port = local_port, %error, "not listening on [::1]");
            }
        }
    }
    if let Some(host) = host
        && !host.is_loopback()
        && host != Ipv4Addr::UNSPECIFIED
    {
        listeners.push(listen((host, local_port).into())?);
    }
    let open = listeners
        .into_iter()
        .map(|listener| OpenSocket {
            listener,
            _open: closer.open.token(),
        })
        .collect();
    Ok(Sockets {
        open,
        closer,
        local_port,
        is_v6_taken,
    })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    // `TcpSocket` and not `TcpListener::bind`: on Windows the latter's handle is inherited by child processes,
    // and a daemon that inherits its front's socket keeps the port from itself.
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => {
            let socket = TcpSocket::new_v6()?;
            // `::` is to have IPv6 alone: 127.0.0.1 has a socket of its own.
            socket2::SockRef::from(&socket).set_only_v6(true)?;
            socket
        }
    };
    // On Unix the port is free again at once, whatever connections linger. On Windows the same option would
    // let two programs listen at the same time.
    socket.set_reuseaddr(cfg!(unix))?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
