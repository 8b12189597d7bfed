//! HTTP as a stranger writes it: the request byte by byte, the answer as it comes.

use std::net::Ipv4Addr;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::limit::within;

/// An HTTP answer.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Status line and headers, in lower case.
    pub head: String,
    /// Its body.
    pub body: String,
}

impl Reply {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// `GET path` with the usual host.
pub async fn get(port: u16, path: &str) -> Reply {
    send(
        port,
        &format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"),
    )
    .await
}

/// Sends `body` as JSON by `method`.
pub async fn json(port: u16, method: &str, path: &str, body: &Value) -> Reply {
    let body = body.to_string();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n"
    );
    exchange(port, &head, &body).await
}

/// Sends `head` (request line and headers, each ended by `\r\n`) and reads until the connection closes.
pub async fn send(port: u16, head: &str) -> Reply {
    exchange(port, head, "").await
}

async fn exchange(port: u16, head: &str, body: &str) -> Reply {
    let exchange = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream
            .write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes())
            .await?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await?;
        std::io::Result::Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = within("an HTTP answer", exchange).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Reply {
        status: status.expect("a status line"),
        head: head.to_lowercase(),
        body: body.to_owned(),
    }
}
