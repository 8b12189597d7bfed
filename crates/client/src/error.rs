//! What can go wrong between a client and a server, as far as callers act on the difference.

use std::io;

use okibi_protocol::jsonrpc::RpcError;
use tokio_tungstenite::tungstenite::{Error as SocketError, error::ProtocolError};

/// A call, or the connection it needs, failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens on the port.
    #[error("nobody listens on the port")]
    Refused,
    /// An Okibi is there but does not take this connection: too many of them, a foreign header.
    #[error("the server refused the connection with HTTP status {status}")]
    Rejected {
        /// The HTTP status.
        status: u16,
    },
    /// The program on the port speaks something else; the text says what it did.
    #[error("the program on the port is not Okibi: {0}")]
    NotOkibi(String),
    /// There was no answer in time.
    #[error("the program on the port did not answer in time")]
    Timeout,
    /// The server answered with an error.
    #[error(transparent)]
    Rpc(RpcError),
    /// The connection was closed before the answer.
    #[error("the connection was closed")]
    Closed,
    /// The connection failed.
    #[error("the connection failed")]
    Io(#[source] io::Error),
}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::TimedOut => Self::Timeout,
            _ => Self::Io(error),
        }
    }
}

/// Reads an error of the upgrade or of the framing.
pub(crate) fn from_socket(error: SocketError) -> ClientError {
    match error {
        SocketError::Io(error) => error.into(),
        // A server that ends may have begun to take the connection: it has answered nothing wrong.
        SocketError::ConnectionClosed
        | SocketError::AlreadyClosed
        | SocketError::Protocol(
            ProtocolError::HandshakeIncomplete | ProtocolError::ResetWithoutClosingHandshake,
        ) => ClientError::Closed,
        SocketError::Http(response) => {
            let server = response.headers().get("server").map(|value| value.as_bytes());
            let status = response.status().as_u16();
            if server.is_some_and(|name| name.starts_with(b"okibi/")) {
                ClientError::Rejected { status }
            } else {
                ClientError::NotOkibi(format!("it answered with HTTP status {status}"))
            }
        }
        other => ClientError::NotOkibi(other.to_string()),
    }
}
