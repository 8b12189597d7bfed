//! A WebSocket client that sends any message, valid or not, and returns every answer unchanged.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        http::{HeaderValue, StatusCode},
        protocol::{CloseFrame, WebSocketConfig},
    },
};

use crate::limit::within;

/// A connection.
pub struct Wire {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    last_id: u64,
}

impl Wire {
    /// Connects as clients do.
    pub async fn connect(port: u16) -> Self {
        Self::connect_with(port, &[])
            .await
            .expect("the connection is taken")
    }

    /// Connects with headers of its own; `Err` has the HTTP status of a refusal.
    pub async fn connect_with(port: u16, headers: &[(&'static str, &str)]) -> Result<Self, StatusCode> {
        let mut request = format!("ws://127.0.0.1:{port}/").into_client_request().unwrap();
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).unwrap();
            request.headers_mut().insert(*name, value);
        }
        let config = WebSocketConfig::default()
            .max_message_size(None)
            .max_frame_size(None);
        match within(
            "a WebSocket",
            connect_async_with_config(request, Some(config), true),
        )
        .await
        {
            Ok((socket, _)) => Ok(Self { socket, last_id: 0 }),
            Err(Error::Http(response)) => Err(response.status()),
            Err(error) => panic!("port {port}: {error}"),
        }
    }

    /// Sends a message as it is; a peer that has gone already is shown by the next answer.
    pub async fn send(&mut self, message: impl Into<Message>) {
        // See above.
        let _ = within("sending", self.socket.send(message.into())).await;
    }

    /// The next text message as JSON; `None` when the connection is over.
    pub async fn answer(&mut self) -> Option<Value> {
        loop {
            match within("an answer", self.socket.next()).await {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(other)) => {
                    assert!(other.is_close(), "a text message, not {other:?}");
                    return None;
                }
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// Sends JSON and gives the next answer.
    pub async fn ask(&mut self, request: Value) -> Value {
        self.send(request.to_string()).await;
        self.answer().await.expect("an answer, not an end")
    }

    /// Begins a call and gives its id.
    pub async fn begin(&mut self, method: &str, params: Value) -> u64 {
        self.last_id += 1;
        let request = json!({"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params});
        self.send(request.to_string()).await;
        self.last_id
    }

    /// Calls a method; the whole response.
    pub async fn response(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params).await;
        loop {
            let answer = self.answer().await.expect("an answer, not an end");
            if answer["id"] == id {
                return answer;
            }
        }
    }

    /// Calls a method; its result.
    #[track_caller]
    pub fn call<'a>(&'a mut self, method: &'a str, params: Value) -> impl Future<Output = Value> + use<'a> {
        let place = std::panic::Location::caller();
        async move {
            let response = self.response(method, params).await;
            assert!(response.get("error").is_none(), "{method}: {response} ({place})");
            response["result"].clone()
        }
    }

    /// Calls a method that fails; its error.
    #[track_caller]
    pub fn error<'a>(&'a mut self, method: &'a str, params: Value) -> impl Future<Output = Value> + use<'a> {
        let place = std::panic::Location::caller();
        async move {
            let response = self.response(method, params).await;
            assert!(response["error"].is_object(), "{method}: {response} ({place})");
            response["error"].clone()
        }
    }

    /// Waits for the close frame; `None` where the connection ended without one.
    pub async fn closed(&mut self) -> Option<CloseFrame> {
        loop {
            match within("the close frame", self.socket.next()).await {
                Some(Ok(Message::Close(frame))) => return frame,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }
}
