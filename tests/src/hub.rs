//! A model hub on this machine: as much of huggingface.co's protocol as a download needs.
//!
//! Serves the tiny model's files as whatever repository is asked for, by ranges, with the hub's headers.

use std::{
    fs,
    net::Ipv4Addr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

use crate::model;

/// The commit every file is at.
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Files longer than this are sent in two halves.
const LARGE: usize = 1 << 20;

/// What the hub does between the two halves of a large file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Halfway {
    GoOn,
    Wait,
    BreakOff,
}

/// A hub. Gone when it is dropped.
pub struct Hub {
    port: u16,
    task: JoinHandle<()>,
    halfway: watch::Sender<Halfway>,
    requests: Arc<AtomicUsize>,
}

impl Hub {
    /// A hub that answers.
    pub async fn open() -> Self {
        Self::with(Halfway::GoOn).await
    }

    /// A hub that stops in the middle of each large file until [`Hub::go_on`].
    pub async fn that_waits() -> Self {
        Self::with(Halfway::Wait).await
    }

    /// A hub whose connection breaks off in the middle of each large file.
    pub async fn that_breaks_off() -> Self {
        Self::with(Halfway::BreakOff).await
    }

    async fn with(halfway: Halfway) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (halfway, told) = watch::channel(halfway);
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, SeqCst);
                let told = told.clone();
                // A client that has gone is shown by the client.
                tokio::spawn(async move { answer(stream, told).await });
            }
        });
        Self {
            port,
            task,
            halfway,
            requests,
        }
    }

    /// Its address, for `HF_ENDPOINT`.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Sends the rest of the large files.
    pub fn go_on(&self) {
        self.halfway.send_replace(Halfway::GoOn);
    }

    /// Requests so far.
    pub fn requests(&self) -> usize {
        self.requests.load(SeqCst)
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(stream: TcpStream, mut halfway: watch::Receiver<Halfway>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut first = String::new();
    stream.read_line(&mut first).await?;
    let mut range = None;
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await?;
        if header.trim().is_empty() {
            break;
        }
        if let Some(value) = header.to_lowercase().strip_prefix("range: bytes=") {
            range = Some(value.trim().to_owned());
        }
    }
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    // /OWNER/NAME/resolve/REVISION/FILE
    let file = path.splitn(6, '/').nth(5).unwrap_or("");
    let Ok(content) = fs::read(file_of(file)) else {
        let none = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        return stream.write_all(none.as_bytes()).await;
    };
    let all = content.len();
    let (from, to) = match range.as_deref().and_then(|range| range.split_once('-')) {
        Some((from, to)) => (
            from.parse().unwrap_or(0),
            to.parse().map_or(all, |last: usize| last + 1).min(all),
        ),
        None => (0, all),
    };
    let status = if range.is_some() {
        "206 Partial Content"
    } else {
        "200 OK"
    };
    let part = content.get(from..to).unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {status}\r\nX-Repo-Commit: {COMMIT}\r\nETag: \"{}-{all}\"\r\nX-Linked-Size: {all}\r\n\
         Content-Range: bytes {from}-{}/{all}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        file.replace('/', "-"),
        to.saturating_sub(1),
        part.len(),
    );
    stream.write_all(head.as_bytes()).await?;
    if method == "HEAD" {
        return Ok(());
    }
    let (first, second) = part.split_at(if part.len() > LARGE {
        part.len() / 2
    } else {
        part.len()
    });
    stream.write_all(first).await?;
    stream.flush().await?;
    if !second.is_empty() {
        let now = halfway.wait_for(|halfway| *halfway != Halfway::Wait).await;
        if now.is_ok_and(|halfway| *halfway == Halfway::BreakOff) {
            return Ok(());
        }
        stream.write_all(second).await?;
    }
    stream.shutdown().await
}

fn file_of(name: &str) -> PathBuf {
    // Names come from the program under test, and reach no further than the model's folder.
    let name = if name.contains("..") { "" } else { name };
    model::tiny().join(name)
}
