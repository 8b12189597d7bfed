//! HTTP as a stranger writes it: the request byte by byte, the answer as it comes.

use std::net::Ipv4Addr;

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpStream,
};

use crate::limit::within;

/// An HTTP answer.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    /// Its body.
    pub body: String,
    /// The same as it came.
    pub bytes: Vec<u8>,
}

impl Reply {
    /// The value of a header, named in lower case, as it came.
    pub fn header(&self, name: &str) -> Option<String> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_owned())
    }

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

/// Sends `head` and `body` and reads until the connection closes.
pub async fn exchange(port: u16, head: &str, body: &str) -> Reply {
    let length = if body.is_empty() || head.to_lowercase().contains("content-length:") {
        String::new()
    } else {
        format!("Content-Length: {}\r\n", body.len())
    };
    raw(
        port,
        format!("{head}{length}Connection: close\r\n\r\n{body}").as_bytes(),
    )
    .await
}

/// Sends bytes as they are and reads until the connection closes.
pub async fn raw(port: u16, sent: &[u8]) -> Reply {
    let exchange = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        // A server may answer and close before it has read everything.
        let _ = stream.write_all(sent).await;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await?;
        std::io::Result::Ok(bytes)
    };
    let bytes = within("an HTTP answer", exchange).await.unwrap();
    let end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("a head and a body");
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let bytes = bytes[end + 4..].to_vec();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Reply {
        status: status.expect("a status line"),
        head,
        body: String::from_utf8_lossy(&bytes).into_owned(),
        bytes,
    }
}

/// Server-sent events whose data is JSON.
pub struct Events {
    lines: Lines<BufReader<TcpStream>>,
}

impl Events {
    /// Opens a stream of events.
    pub async fn open(port: u16, path: &str) -> Self {
        let opening = async {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
            let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
            std::io::Result::Ok(stream)
        };
        let stream = within("a stream of events", opening).await.unwrap();
        Self {
            lines: BufReader::new(stream).lines(),
        }
    }

    /// The data of the next event; `None` when the stream has ended.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            let line = within("an event", self.lines.next_line()).await.ok()??;
            if let Some(data) = line.strip_prefix("data: ") {
                return serde_json::from_str(data).ok();
            }
        }
    }
}

/// The status of the answer to a request that is sent as it is.
pub async fn status(port: u16, request: &str) -> u16 {
    send(port, request).await.status
}

/// How often a bound has refused something, by the text of `/metrics`.
#[track_caller]
pub fn refused_by(metrics: &str, bound: &str) -> u64 {
    let name = format!("okibi_refused_total{{bound=\"{bound}\"}} ");
    let found = metrics.lines().find_map(|line| line.strip_prefix(&name));
    found
        .unwrap_or_else(|| panic!("{name}: {metrics}"))
        .parse()
        .unwrap()
}
