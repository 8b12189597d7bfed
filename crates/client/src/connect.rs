//! Dialling: straight to the socket address, without names, TLS or proxies.

use std::{fmt, io, net::Ipv4Addr, time::Duration};

use okibi_protocol::proof::{CHALLENGE_HEADER, Exchange, NONCE_BYTES, Nonce, PROOF_HEADER, SCHEME, Side};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        http::{
            HeaderMap,
            header::{AUTHORIZATION, HeaderName, HeaderValue},
        },
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
    /// The token that the server may require: the connection proves that it has it, and never sends it.
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
///
/// The token itself is never sent: the program on the port may be any. Where it requires a token, it has to show first
/// that it has the same one, and gets a proof that is good for this connection alone. See [`okibi_protocol::proof`].
pub(crate) async fn connect(options: &ConnectOptions) -> Result<Socket, ClientError> {
    let connecting = async {
        let Some(token) = &options.token else {
            return open(options.port, &[]).await.map_err(from_socket);
        };
        let mut random = [0; NONCE_BYTES];
        getrandom::fill(&mut random).map_err(|error| ClientError::Io(io::Error::other(error)))?;
        let nonce = Nonce::new(random);
        let challenge = (
            HeaderName::from_static(CHALLENGE_HEADER),
            nonce.as_str().to_owned(),
        );
        match open(options.port, std::slice::from_ref(&challenge)).await {
            Ok(socket) => Ok(socket),
            Err(Error::Http(refusal)) => match prove(options.port, token, &nonce, refusal.headers()) {
                Some(proof) => {
                    let proof = (AUTHORIZATION, format!("{SCHEME} {proof}"));
                    open(options.port, &[challenge, proof]).await.map_err(from_socket)
                }
                None => Err(from_socket(Error::Http(refusal))),
            },
            Err(error) => Err(from_socket(error)),
        }
    };
    timeout(options.timeout, connecting)
        .await
        .map_err(|_| ClientError::Timeout)?
}

/// Opens a WebSocket with these headers.
async fn open(port: u16, headers: &[(HeaderName, String)]) -> Result<Socket, Error> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    stream.set_nodelay(true)?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_ANSWER_BYTES))
        .max_frame_size(Some(MAX_ANSWER_BYTES));
    let mut request = format!("ws://127.0.0.1:{port}/").into_client_request()?;
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            request.headers_mut().insert(name, value);
        }
    }
    let (socket, _) = client_async_with_config(request, stream, Some(config)).await?;
    Ok(socket)
}

/// Our proof for a server that has shown that it has `token` too; `None` for any other.
fn prove(port: u16, token: &str, nonce: &Nonce, refusal: &HeaderMap) -> Option<String> {
    let mut words = refusal.get(PROOF_HEADER)?.to_str().ok()?.split(' ');
    let server = Nonce::parse(words.next()?)?;
    let exchange = Exchange {
        port,
        client: nonce,
        server: &server,
    };
    words
        .any(|proof| exchange.is_proof(Side::Server, token, proof))
        .then(|| exchange.proof(Side::Client, token))
}

/// A text message with `value` as JSON.
pub(crate) fn message<T: serde::Serialize>(value: &T) -> Result<Message, ClientError> {
    match serde_json::to_string(value) {
        Ok(text) => Ok(Message::text(text)),
        Err(error) => Err(ClientError::Io(error.into())),
    }
}
