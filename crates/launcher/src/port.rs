//! Which program holds a port, and the status it reports.

use std::net::{Ipv4Addr, TcpListener};

use okibi_client::{Client, ClientError, ConnectOptions};
use okibi_protocol::{
    SERVER_TYPE_DAEMON, SERVER_TYPE_FRONT,
    method::{GetStatus, NoParams, Status},
};

use crate::outcome::{PortHolder, StatusError};

/// How many ports after a taken one are tried in search of a free one.
const NEAR: u16 = 64;

/// Asks the Okibi on a port for its status; a port alone stands for one that requires no token.
///
/// Errors: [`StatusError`].
pub async fn status(server: impl Into<ConnectOptions>) -> Result<Status, StatusError> {
    let server = server.into();
    let port = server.port;
    match ask(&server).await {
        Ok(status) => Ok(status),
        Err(ClientError::Refused) => Err(StatusError::NotRunning { port }),
        Err(ClientError::Rejected { status }) => Err(StatusError::Rejected {
            port,
            why: status.into(),
        }),
        Err(ClientError::NotOkibi(_) | ClientError::Timeout) => {
            let holder = holder(port).await;
            Err(StatusError::NotOkibi { port, holder })
        }
        Err(error) => Err(StatusError::NoAnswer {
            port,
            source: error.into(),
        }),
    }
}

/// Asks for the status; a reply from something other than Okibi is [`ClientError::NotOkibi`].
pub(crate) async fn ask(server: &ConnectOptions) -> Result<Status, ClientError> {
    let client = Client::connect(server).await?;
    let status = client
        .call::<GetStatus>(NoParams {})
        .await
        .map_err(|error| match error {
            // Another JSON-RPC server answers that it has no such method, or with a status of another form.
            ClientError::Rpc(error) => ClientError::NotOkibi(error.to_string()),
            other => other,
        })?;
    match status.server_type.as_str() {
        SERVER_TYPE_DAEMON | SERVER_TYPE_FRONT => Ok(status),
        other => Err(ClientError::NotOkibi(format!("it is a server of type {other:?}"))),
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
