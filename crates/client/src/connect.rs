//! Dialling: straight to the socket address, without names, TLS or proxies.

use std::{net::Ipv4Addr, time::Duration};

use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        handshake::client::Request,
        http::{HeaderValue, header::AUTHORIZATION},
        protocol::WebSocketConfig,
    },
};

use crate::{
    credentials,
    error::{ClientError, from_socket},
};

/// How long a connection may take to be a WebSocket, unless the caller says otherwise.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of the largest answer taken.
const MAX_ANSWER_BYTES: usize = 256 << 20;

/// A WebSocket to a server on this machine.
pub(crate) type Socket = WebSocketStream<TcpStream>;

/// Connects to 127.0.0.1:`port` within `limit`.
pub(crate) async fn connect(port: u16, limit: Duration) -> Result<Socket, ClientError> {
    let connecting = async {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.set_nodelay(true)?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_ANSWER_BYTES))
            .max_frame_size(Some(MAX_ANSWER_BYTES));
        let request = request(port).map_err(from_socket)?;
        match client_async_with_config(request, stream, Some(config)).await {
            Ok((socket, _)) => Ok(socket),
            Err(error) => Err(from_socket(error)),
        }
    };
    timeout(limit, connecting)
        .await
        .map_err(|_| ClientError::Timeout)?
}

/// The request that opens a WebSocket, with the token, where there is one.
fn request(port: u16) -> Result<Request, Error> {
    let mut request = format!("ws://127.0.0.1:{port}/").into_client_request()?;
    if let Some(token) = credentials::token()
        && let Ok(value) = HeaderValue::try_from(format!("Bearer {token}"))
    {
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    Ok(request)
}

/// A text message of `text`.
pub(crate) fn message<T: serde::Serialize>(value: &T) -> Result<Message, ClientError> {
    match serde_json::to_string(value) {
        Ok(text) => Ok(Message::text(text)),
        Err(error) => Err(ClientError::Io(error.into())),
    }
}
