//! Which program holds a port, and the status it reports.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, TcpListener},
    time::{Duration, Instant},
};

use okibi_client::{Client, ClientError, ConnectOptions};
use okibi_protocol::method::Status;
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    outcome::{PortHolder, StartError, StatusError},
    process,
};

/// How many ports after a taken one are tried in search of a free one.
const NEAR: u16 = 64;

/// How long a port may be in use with nobody answering before it counts as taken: far longer than a handover, in
/// which the front has closed the port and the daemon has not opened it yet, and than the end of an Okibi, which closes
/// connections that it has begun to take.
pub(crate) const HANDOVER_LIMIT: Duration = Duration::from_secs(2);

/// Time between two questions to a program that closes its connections.
const ASK_EVERY: Duration = Duration::from_millis(10);

/// Asks the Okibi on a port for its status; a port alone stands for one that requires no token.
///
/// Errors: [`StatusError`].
pub async fn status(server: impl Into<ConnectOptions>) -> Result<Status, StatusError> {
    let (_, status) = connect(server).await?;
    Ok(status)
}

/// Connects to the Okibi on a port, and gives its status; a port alone stands for one that requires no token.
///
/// Ends within seconds, whatever holds the port. Errors: [`StatusError`].
pub async fn connect(server: impl Into<ConnectOptions>) -> Result<(Client, Status), StatusError> {
    let server = server.into();
    let began = Instant::now();
    let mut asks = interval(ASK_EVERY);
    asks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        asks.tick().await;
        match Client::reach(&server).await {
            Ok(reached) => return Ok(reached),
            Err(error) if is_closing(&error) && began.elapsed() < HANDOVER_LIMIT => {}
            Err(error) => return Err(status_error(server.port, error).await),
        }
    }
}

/// Asks for the status once.
pub(crate) async fn ask(server: &ConnectOptions) -> Result<Status, ClientError> {
    let (_, status) = Client::reach(server).await?;
    Ok(status)
}

/// Whether an Okibi that is about to end, or to hand the port over, may be the reason.
pub(crate) fn is_closing(error: &ClientError) -> bool {
    match error {
        ClientError::Closed => true,
        ClientError::Io(error) => matches!(
            error.kind(),
            ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
                | ErrorKind::NotConnected
                | ErrorKind::UnexpectedEof
        ),
        _ => false,
    }
}

/// What an error of the connection means, with the program that holds the port.
async fn status_error(port: u16, error: ClientError) -> StatusError {
    match error {
        ClientError::Refused => StatusError::NotRunning { port },
        ClientError::Rejected { status } => StatusError::Rejected {
            port,
            why: status.into(),
        },
        error if is_closing(&error) || matches!(error, ClientError::NotOkibi(_) | ClientError::Timeout) => {
            match occupant(port, &error).await {
                Occupant::SilentOkibi(holder) => StatusError::Silent { port, holder },
                Occupant::Other(holder) => StatusError::NotOkibi { port, holder },
            }
        }
        error => StatusError::NoAnswer {
            port,
            source: error.into(),
        },
    }
}

/// Who has a port on which no Okibi answers.
enum Occupant {
    /// The program is Okibi's, and says nothing: it is suspended, or hangs.
    SilentOkibi(PortHolder),
    /// Another program, where the OS reveals which one.
    Other(Option<PortHolder>),
}

/// Finds out who has a port, after `error`.
async fn occupant(port: u16, error: &ClientError) -> Occupant {
    match holder(port).await {
        Some(holder) if matches!(error, ClientError::Timeout) && process::is_okibi(holder.pid) => {
            Occupant::SilentOkibi(holder)
        }
        holder => Occupant::Other(holder),
    }
}

/// The port is not free, as `error` has shown.
pub(crate) async fn taken(port: u16, error: &ClientError) -> StartError {
    match occupant(port, error).await {
        Occupant::SilentOkibi(holder) => StartError::Silent { port, holder },
        Occupant::Other(holder) => StartError::PortTaken {
            port,
            holder,
            next_free: next_free(port),
        },
    }
}

/// The program that listens on `port`, where the OS reveals it: it does for the user's own programs.
pub(crate) async fn holder(port: u16) -> Option<PortHolder> {
    // It reads through all processes, which takes some milliseconds and must not hold the runtime up.
    let found = tokio::task::spawn_blocking(move || {
        let process = listeners::get_process_by_port(port, listeners::Protocol::TCP).ok()?;
        Some(PortHolder {
            pid: process.pid,
            name: process.name,
        })
    });
    found.await.ok()?
}

/// The next port after `port` that is free now.
pub(crate) fn next_free(port: u16) -> Option<u16> {
    (1..=NEAR)
        .filter_map(|step| port.checked_add(step))
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
}
