//! A model hub on this machine: as much of huggingface.co's protocol as a download needs.
//!
//! Serves the tiny model's files as whatever repository is asked for, by ranges, with the hub's headers, and lists
//! them.

use std::{
    collections::VecDeque,
    fs,
    net::Ipv4Addr,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{self, ServerConfig, pki_types::PrivateKeyDer},
};

use crate::model;

/// The commit every file is at.
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Trouble befalls files longer than this: the model.
const LARGE: usize = 1 << 20;

/// A byte near the middle of the model.
const MIDDLE: usize = 810_000;

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

/// A repository that the hub does not have.
const UNKNOWN: &str = "someone/unknown";

/// A repository that asks for a token.
const GATED: &str = "someone/gated";

/// The path of a repository's list of files begins so.
const LISTS: &str = "/api/models/";

/// What befalls an answer with a large file. Places are bytes of the whole file, wherever the part that is sent begins.
#[derive(Clone, Copy, Debug)]
pub enum Trouble {
    /// Another status comes, and no file.
    Status(u16),
    /// The connection is cut here, though more was announced.
    CutAt(usize),
    /// The answer ends here, and says that this is all of it.
    EndsAt(usize),
    /// Nothing comes from here on until [`Hub::go_on`].
    WaitsAt(usize),
    /// One byte is wrong.
    Garbled,
}

/// The script of the hub, and the requests it has received.
#[derive(Default)]
struct Script {
    /// Befalls every large file.
    always: Option<Trouble>,
    /// Befall one answer each, in this order, where nothing befalls all of them.
    next: VecDeque<Trouble>,
    /// The paths that were asked for.
    asked: Vec<String>,
}

/// A script, and the word that it is over.
struct Desk {
    script: Mutex<Script>,
    on: watch::Sender<()>,
}

impl Desk {
    /// What befalls the next large file, and whom to ask when a wait is over.
    fn next_trouble(&self) -> (Option<Trouble>, watch::Receiver<()>) {
        let mut script = self.script.lock().unwrap();
        let trouble = script.always.or_else(|| script.next.pop_front());
        // Under the lock, so that no word to go on falls between.
        (trouble, self.on.subscribe())
    }
}

/// A hub. Dropping it ends it.
pub struct Hub {
    address: String,
    task: JoinHandle<()>,
    desk: Arc<Desk>,
}

impl Hub {
    /// A hub that answers.
    pub async fn open() -> Self {
        Self::with(None).await
    }

    /// A hub that stops in the middle of each large file until [`Hub::go_on`].
    pub async fn that_waits() -> Self {
        Self::with(Some(Trouble::WaitsAt(MIDDLE))).await
    }

    /// A hub that sends large files with a wrong byte until [`Hub::go_on`].
    pub async fn that_garbles() -> Self {
        Self::with(Some(Trouble::Garbled)).await
    }

    /// A hub whose connection breaks off in the middle of each large file, however often it is asked, until
    /// [`Hub::go_on`].
    pub async fn that_breaks_off() -> Self {
        Self::with(Some(Trouble::CutAt(MIDDLE))).await
    }

    /// A hub behind TLS, and the certificate (PEM) of the authority that vouches for it: one that no system knows.
    pub async fn over_tls() -> (Self, String) {
        let authority_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = authority.self_signed(&authority_key).unwrap().pem();
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate().unwrap();
        let names = CertificateParams::new([Ipv4Addr::LOCALHOST.to_string()]).unwrap();
        let chain = vec![names.signed_by(&key, &issuer).unwrap().der().clone()];
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let hub = Self::serve("https", None, move |stream, desk| {
            let accept = acceptor.accept(stream);
            async move { answer(accept.await?, desk).await }
        });
        (hub.await, certificate)
    }

    async fn with(always: Option<Trouble>) -> Self {
        Self::serve("http", always, answer).await
    }

    async fn serve<F>(
        scheme: &str,
        always: Option<Trouble>,
        answer: impl Fn(TcpStream, Arc<Desk>) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = std::io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = format!("{scheme}://{}", listener.local_addr().unwrap());
        let script = Script {
            always,
            ..Script::default()
        };
        let desk = Arc::new(Desk {
            script: Mutex::new(script),
            on: watch::Sender::default(),
        });
        let of_task = Arc::clone(&desk);
        let task = tokio::spawn(async move {
            // Its answers end with it; a client that is gone is seen by its own test.
            let mut answers = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                answers.spawn(answer(stream, Arc::clone(&of_task)));
            }
        });
        Self { address, task, desk }
    }

    /// Its address, for `HF_ENDPOINT`.
    pub fn endpoint(&self) -> &str {
        &self.address
    }

    /// Lets these befall the next large files, one each.
    pub fn expect(&self, troubles: impl IntoIterator<Item = Trouble>) {
        self.desk.script.lock().unwrap().next.extend(troubles);
    }

    /// Ends every trouble: waiting answers continue, and the rest of the script is dropped.
    pub fn go_on(&self) {
        let mut script = self.desk.script.lock().unwrap();
        script.always = None;
        script.next.clear();
        self.desk.on.send_replace(());
    }

    /// Requests so far.
    pub fn requests(&self) -> usize {
        self.desk.script.lock().unwrap().asked.len()
    }

    /// Requests so far for a file.
    pub fn requests_for(&self, file: &str) -> usize {
        let script = self.desk.script.lock().unwrap();
        script.asked.iter().filter(|path| path.ends_with(file)).count()
    }

    /// Requests so far for the list of a repository's files.
    pub fn requests_for_lists(&self) -> usize {
        let script = self.desk.script.lock().unwrap();
        script.asked.iter().filter(|path| path.starts_with(LISTS)).count()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin, desk: Arc<Desk>) -> std::io::Result<()> {
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
    desk.script.lock().unwrap().asked.push(path.to_owned());
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
    if path.starts_with(LISTS) {
        let list = list().to_string();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            list.len()
        );
        stream.write_all((head + &list).as_bytes()).await?;
        return stream.shutdown().await;
    }
    // /OWNER/NAME/resolve/REVISION/FILE
    let file = path.splitn(6, '/').nth(5).unwrap_or("");
    let Ok(mut content) = fs::read(file_of(file)) else {
        return refuse(&mut stream, "404 Not Found\r\nX-Error-Code: EntryNotFound").await;
    };
    let hash = hash(&content);
    let (trouble, mut on) = if content.len() > LARGE && method != "HEAD" {
        desk.next_trouble()
    } else {
        (None, desk.on.subscribe())
    };
    if let Some(Trouble::Status(status)) = trouble {
        return refuse(&mut stream, &format!("{status} Trouble")).await;
    }
    if let Some(Trouble::Garbled) = trouble {
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
    let (first, second) = match trouble {
        Some(Trouble::CutAt(at) | Trouble::EndsAt(at) | Trouble::WaitsAt(at)) => {
            part.split_at(at.saturating_sub(from).min(part.len()))
        }
        _ => (part, &[][..]),
    };
    let announced = match trouble {
        Some(Trouble::EndsAt(_)) => first.len(),
        _ => part.len(),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nX-Repo-Commit: {COMMIT}\r\nX-Linked-ETag: \"{hash}\"\r\nX-Linked-Size: {all}\r\n\
         Content-Range: bytes {from}-{}/{all}\r\nContent-Length: {announced}\r\nConnection: close\r\n\r\n",
        to.saturating_sub(1),
    );
    stream.write_all(head.as_bytes()).await?;
    if method == "HEAD" {
        return stream.shutdown().await;
    }
    stream.write_all(first).await?;
    stream.flush().await?;
    if let Some(Trouble::WaitsAt(_)) = trouble {
        // The one who says so lives as long as the desk does.
        let _ = on.changed().await;
        stream.write_all(second).await?;
    }
    stream.shutdown().await
}

async fn refuse(stream: &mut (impl AsyncWrite + Unpin), status: &str) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.shutdown().await
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
