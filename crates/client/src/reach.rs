//! Whether the program on a port is Okibi: the one place that decides it.

use okibi_protocol::{
    SERVER_TYPE_DAEMON, SERVER_TYPE_FRONT,
    jsonrpc::code,
    method::{GetStatus, NoParams, Status},
};
use tokio::time::timeout;

use crate::{client::Client, connect::ConnectOptions, error::ClientError};

impl Client {
    /// Connects, and asks who is there: a program that answers `get_status` as Okibi does is Okibi.
    ///
    /// Takes at most the timeout of `options` for the connection, and once more for the answer.
    ///
    /// Errors: those of [`connect`](Self::connect); `NotOkibi` for any other answer, `Timeout` where none comes, `Closed`
    /// or `Io` where the connection ends before it, as it does with a server that is about to end.
    pub async fn reach(options: impl Into<ConnectOptions>) -> Result<(Self, Status), ClientError> {
        let options = options.into();
        let client = Self::connect(&options).await?;
        let status = match timeout(options.timeout, client.call::<GetStatus>(NoParams {})).await {
            Ok(answer) => answer.map_err(reason)?,
            Err(_) => return Err(ClientError::Timeout),
        };
        match status.server_type.as_str() {
            SERVER_TYPE_DAEMON | SERVER_TYPE_FRONT => Ok((client, status)),
            other => Err(ClientError::NotOkibi(format!("it is a server of type {other:?}"))),
        }
    }
}

/// What an error in place of a status means.
fn reason(error: ClientError) -> ClientError {
    match error {
        // A server that ends refuses every call that comes after.
        ClientError::Rpc(error) if error.code == code::STOPPING => ClientError::Closed,
        // Another JSON-RPC server answers that it has no such method.
        ClientError::Rpc(error) => ClientError::NotOkibi(error.to_string()),
        other => other,
    }
}
