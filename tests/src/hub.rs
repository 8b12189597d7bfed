//! A model hub on this machine: as much of huggingface.co's protocol as a download needs.
//!
//! Serves the tiny model's files as whatever repository is asked for, by ranges, with the hub's headers, and lists them.

use std::{
    fs,
    net::Ipv4Addr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
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

/// The files of the tiny model.
const FILES: [&str; 10] = [
    "1_Pooling/config.json",
    "config.json",
    "config_sentence_transformers.json",
    "modules.json",
    "onnx/model.onnx",
    "onnx/model_quantized.onnx",
    "sentence_bert_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
];

/// A repository that the hub has not.
const UNKNOWN: &str = "someone/unknown";

/// A repository that asks for a token.
const GATED: &str = "someone/gated";

/// What the hub does between the two halves of a large file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Halfway {
    GoOn,
    Wait,
    BreakOff,
    /// As [`Halfway::GoOn`], but one byte is wrong.
    Garble,
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

    /// A hub that sends large files with a wrong byte until [`Hub::go_on`].
    pub async fn that_garbles() -> Self {
        Self::with(Halfway::Garble).await
    }

    /// A hub whose connection breaks off in the middle of each large file, however often it is asked.
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
    let (mut range, mut has_token) = (None, false);
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await?;
        if header.trim().is_empty() {
            break;
        }
        let header = header.to_lowercase();
        has_token |= header.starts_with("authorization: bearer ");
        if let Some(value) = header.strip_prefix("range: bytes=") {
            range = Some(value.trim().to_owned());
        }
    }
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let refusal = if path.contains(UNKNOWN) {
        Some("401 Unauthorized\r\nX-Error-Code: RepoNotFound")
    } else if path.contains(GATED) && !has_token {
        Some("401 Unauthorized\r\nX-Error-Code: GatedRepo")
    } else {
        None
    };
    if let Some(refusal) = refusal {
        return refuse(&mut stream, refusal).await;
    }
    if path.starts_with("/api/models/") {
        let list = list().to_string();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            list.len()
        );
        return stream.write_all((head + &list).as_bytes()).await;
    }
    // /OWNER/NAME/resolve/REVISION/FILE
    let file = path.splitn(6, '/').nth(5).unwrap_or("");
    let Ok(mut content) = fs::read(file_of(file)) else {
        return refuse(&mut stream, "404 Not Found\r\nX-Error-Code: EntryNotFound").await;
    };
    let hash = hash(&content);
    if *halfway.borrow() == Halfway::Garble && content.len() > LARGE {
        content[LARGE] ^= 1;
    }
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
        "HTTP/1.1 {status}\r\nX-Repo-Commit: {COMMIT}\r\nX-Linked-ETag: \"{hash}\"\r\nX-Linked-Size: {all}\r\n\
         Content-Range: bytes {from}-{}/{all}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        to.saturating_sub(1),
        part.len(),
    );
    stream.write_all(head.as_bytes()).await?;
    if method == "HEAD" {
        return Ok(());
    }
    // The middle is that of the whole file, wherever this part of it begins.
    let (first, second) = part.split_at(if all > LARGE {
        (all / 2).saturating_sub(from).min(part.len())
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

async fn refuse(stream: &mut BufReader<TcpStream>, status: &str) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await
}

/// The list of the files, as the hub has it.
fn list() -> Value {
    let siblings = FILES.map(|name| {
        let content = fs::read(file_of(name)).unwrap();
        let lfs = json!({"sha256": hash(&content), "size": content.len()});
        json!({"rfilename": name, "size": content.len(), "lfs": lfs})
    });
    json!({"sha": COMMIT, "siblings": siblings})
}

fn hash(content: &[u8]) -> String {
    let hash = Sha256::digest(content);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn file_of(name: &str) -> PathBuf {
    // Names come from the program under test, and reach no further than the model's folder.
    let name = if name.contains("..") { "" } else { name };
    model::tiny().join(name)
}
