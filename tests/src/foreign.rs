//! Other people's programs on our port, played by the test program itself.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_tungstenite::{accept_async, tungstenite::Message};

/// What a foreign program does with a connection.
#[derive(Clone, Debug, PartialEq)]
pub enum Manner {
    /// Answers every request as a small web server does.
    Http,
    /// Takes the connection and says nothing.
    Silent,
    /// Reads the request and never answers.
    Reads,
    /// Answers with bytes that are no HTTP.
    Garbage,
    /// Takes the connection and closes it.
    Closes,
    /// Becomes a WebSocket that only reads.
    WebSocketReads,
    /// Becomes a WebSocket that answers each message with this text.
    WebSocketSays(&'static str),
    /// Answers each call with this result.
    Result(Value),
    /// Answers each call with this error.
    Error(Value),
}

impl Manner {
    /// Says of itself what an Okibi in this state says.
    pub fn okibi(status: &str, ready: bool) -> Self {
        Self::Result(
            json!({"status": status, "ready": ready, "server_type": "okibi", "model": "m", "pid": std::process::id(),
            "version": "0", "uptime_ms": 0, "stages": []}),
        )
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut bytes = [0; 4096];
        match self {
            Self::Http => {
                // A web server ignores a peer that is gone.
                let _ = stream.read(&mut bytes).await;
                let answer = "HTTP/1.1 200 OK\r\nServer: foreign\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
                let _ = stream.write_all(answer.as_bytes()).await;
            }
            Self::Silent => std::future::pending().await,
            Self::Reads => while stream.read(&mut bytes).await.is_ok_and(|count| count > 0) {},
            Self::Garbage => {
                let _ = stream.read(&mut bytes).await;
                let _ = stream.write_all(b"\x00\x01SSH-2.0-nonsense\r\n\r\n").await;
            }
            Self::Closes => {}
            Self::WebSocketReads | Self::WebSocketSays(_) | Self::Result(_) | Self::Error(_) => {
                let Ok(mut socket) = accept_async(stream).await else {
                    return;
                };
                while let Some(Ok(message)) = socket.next().await {
                    let Message::Text(text) = message else { continue };
                    let call: Value = serde_json::from_str(&text).unwrap_or_default();
                    let mut answer = json!({"jsonrpc": "2.0", "id": call["id"]});
                    match &self {
                        Self::Result(result) => answer["result"] = result.clone(),
                        Self::Error(error) => answer["error"] = error.clone(),
                        _ => {}
                    }
                    let text = match &self {
                        Self::WebSocketReads => continue,
                        Self::WebSocketSays(text) => (*text).to_owned(),
                        _ => answer.to_string(),
                    };
                    let _ = socket.send(Message::text(text)).await;
                }
            }
        }
    }
}

/// A foreign program that listens on a port.
pub struct Foreign {
    task: JoinHandle<()>,
    served: Arc<AtomicUsize>,
}

impl Foreign {
    /// Listens on `port`.
    pub async fn listen(port: u16, manner: Manner) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let served = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&served);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, SeqCst);
                connections.spawn(manner.clone().serve(stream));
            }
        });
        Self { task, served }
    }

    /// Whether it still listens.
    pub fn lives(&self) -> bool {
        !self.task.is_finished()
    }

    /// Connections it has taken.
    pub fn served(&self) -> usize {
        self.served.load(SeqCst)
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        self.task.abort();
    }
}
