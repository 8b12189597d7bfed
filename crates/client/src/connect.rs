//! Dialling: straight to the socket address, without names, TLS or proxies.

use std::{fmt, net::Ipv4Addr, time::Duration};

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

use crate::error::{ClientError, from_socket};

/// How long a connection may take to be a WebSocket, unless the caller sets another limit.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of the largest answer that is read.
const MAX_ANSWER_BYTES: usize = 256 << 20;

/// A WebSocket to a server on this machine.
pub(crate) type Socket = WebSocketStream<TcpStream>;

/// How to reach a server on this machine.
#[derive(Clone)]
pub struct ConnectOptions {
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// The token that the connection brings, where the server may require one.
    pub token: Option<String>,
    /// How long the connection may take to be a WebSocket.
    pub timeout: Duration,
}

impl ConnectOptions {
    /// With this token.
    #[must_use]
    pub fn with_token(self, token: Option<String>) -> Self {
        Self { token, ..self }
    }

    /// With this limit in place of [`CONNECT_TIMEOUT`].
    #[must_use]
    pub fn within(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }
}

/// Without a token, within [`CONNECT_TIMEOUT`].
impl From<u16> for ConnectOptions {
    fn from(port: u16) -> Self {
        Self {
            port,
            token: None,
            timeout: CONNECT_TIMEOUT,
        }
    }
}

impl From<&Self> for ConnectOptions {
    fn from(options: &Self) -> Self {
        options.clone()
    }
}

/// Shows everything but the token.
impl fmt::Debug for ConnectOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("ConnectOptions");
        shown.field("port", &self.port).field("timeout", &self.timeout);
        shown.finish_non_exhaustive()
    }
}

/// Connects to a server.
pub(crate) async fn connect(options: &ConnectOptions) -> Result<Socket, ClientError> {
    let connecting = async {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, options.port)).await?;
        stream.set_nodelay(true)?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_ANSWER_BYTES))
            .max_frame_size(Some(MAX_ANSWER_BYTES));
        let request = request(options).map_err(from_socket)?;
        match client_async_with_config(request, stream, Some(config)).await {
            Ok((socket, _)) => Ok(socket),
            Err(error) => Err(from_socket(error)),
        }
    };
    timeout(options.timeout, connecting)
        .await
        .map_err(|_| ClientError::Timeout)?
}

/// The request that opens a WebSocket, with the token, where there is one.
fn request(options: &ConnectOptions) -> Result<Request, Error> {
    let mut request = format!("ws://127.0.0.1:{}/", options.port).into_client_request()?;
    if let Some(token) = &options.token
        && let Ok(value) = HeaderValue::try_from(format!("Bearer {token}"))
    {
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    Ok(request)
}

/// A text message with `value` as JSON.
pub(crate) fn message<T: serde::Serialize>(value: &T) -> Result<Message, ClientError> {
    match serde_json::to_string(value) {
        Ok(text) => Ok(Message::text(text)),
        Err(error) => Err(ClientError::Io(error.into())),
    }
}
