//! A hub on this machine that follows a test's script, and remembers what it was asked.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

/// The one generous limit of every wait.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// A request, and how many bytes went out for it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Path and query.
    pub(crate) path: String,
    /// The first byte asked for.
    pub(crate) from: Option<usize>,
    /// The header `Authorization`.
    pub(crate) authorization: Option<String>,
    /// The header `User-Agent`.
    pub(crate) user_agent: String,
    /// Bytes of the body of the answer.
    pub(crate) sent: usize,
}

impl Request {
    /// Whether it is for this file.
    pub(crate) fn is_for(&self, file: &str) -> bool {
        self.path.contains("/resolve/") && self.path.ends_with(file)
    }
}

/// How long a body is said to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Length {
    /// As long as it is.
    True,
    /// As long as this.
    Claimed(usize),
    /// Nothing is said: it comes in chunks.
    Chunked,
}

/// What follows the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// The next request.
    GoOn,
    /// The connection is cut.
    BreakOff,
    /// Nothing, until the other side hangs up.
    Stall,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) length: Length,
    pub(crate) then: Then,
}

impl Reply {
    /// An answer with a body.
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
            length: Length::True,
            then: Then::GoOn,
        }
    }

    /// An answer without one.
    pub(crate) fn empty(status: u16) -> Self {
        Self::new(status, "")
    }

    /// Adds a header, in place of one of the same name.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// The same length announced, but only the first `bytes` sent.
    #[must_use]
    pub(crate) fn cut(mut self, bytes: usize, then: Then) -> Self {
        self.length = Length::Claimed(self.body.len());
        self.body.truncate(bytes);
        self.then = then;
        self
    }
}

/// What answers.
type Handler = dyn Fn(&Request) -> Reply + Send + Sync;

#[derive(Default)]
struct Log {
    /// All that were asked.
    requests: Mutex<Vec<Request>>,
    /// Those whose answers went out, as far as they do.
    answered: Mutex<Vec<Request>>,
    more: Condvar,
}

/// A server. Its threads end with the connections of its clients.
pub(crate) struct Server {
    port: u16,
    log: Arc<Log>,
}

impl Server {
    /// A server that answers.
    pub(crate) fn open(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let log = Arc::new(Log::default());
        let (handler, logged): (Arc<Handler>, _) = (Arc::new(handler), Arc::clone(&log));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (handler, log) = (Arc::clone(&handler), Arc::clone(&logged));
                // A client that has gone is not an error.
                thread::spawn(move || drop(serve(&stream, &*handler, &log)));
            }
        });
        Self { port, log }
    }

    /// Its address.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it was asked so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.log.requests.lock().unwrap().clone()
    }

    /// What it was asked about a file.
    pub(crate) fn requests_for(&self, file: &str) -> Vec<Request> {
        self.requests()
            .into_iter()
            .filter(|request| request.is_for(file))
            .collect()
    }

    /// Waits until so many requests like this were answered, as far as they are.
    pub(crate) fn wait_for(&self, count: usize, is_it: impl Fn(&Request) -> bool) {
        let answered = self.log.answered.lock().unwrap();
        let too_few =
            |requests: &mut Vec<Request>| requests.iter().filter(|request| is_it(request)).count() < count;
        let (_answered, waited) = self
            .log
            .more
            .wait_timeout_while(answered, LIMIT, too_few)
            .unwrap();
        assert!(!waited.timed_out(), "no such request came");
    }
}

fn serve(stream: &TcpStream, handler: &Handler, log: &Log) -> std::io::Result<()> {
    let mut input = BufReader::new(stream);
    let mut output = stream;
    loop {
        let mut first = String::new();
        if input.read_line(&mut first)? == 0 {
            return Ok(());
        }
        let mut request = Request {
            path: first.split(' ').nth(1).unwrap_or_default().to_owned(),
            from: None,
            authorization: None,
            user_agent: String::new(),
            sent: 0,
        };
        loop {
            let mut line = String::new();
            input.read_line(&mut line)?;
            let Some((name, value)) = line.trim().split_once(':') else {
                break;
            };
            let value = value.trim().to_owned();
            match name.to_lowercase().as_str() {
                "range" => {
                    request.from = value
                        .trim_start_matches("bytes=")
                        .trim_end_matches('-')
                        .parse()
                        .ok()
                }
                "authorization" => request.authorization = Some(value),
                "user-agent" => request.user_agent = value,
                _ => {}
            }
        }
        let reply = handler(&request);
        request.sent = reply.body.len();
        log.requests.lock().unwrap().push(request.clone());
        let mut head = format!("HTTP/1.1 {} So\r\n", reply.status);
        for (name, value) in &reply.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &match reply.length {
            Length::True => format!("Content-Length: {}\r\n", reply.body.len()),
            Length::Claimed(length) => format!("Content-Length: {length}\r\n"),
            Length::Chunked => "Transfer-Encoding: chunked\r\n".to_owned(),
        };
        head += "\r\n";
        let written = output
            .write_all(head.as_bytes())
            .and_then(|()| match reply.length {
                Length::Chunked => {
                    for chunk in reply.body.chunks(10_000) {
                        write!(output, "{:x}\r\n", chunk.len())?;
                        output.write_all(chunk)?;
                        output.write_all(b"\r\n")?;
                    }
                    output.write_all(b"0\r\n\r\n")
                }
                _ => output.write_all(&reply.body),
            });
        log.answered.lock().unwrap().push(request);
        log.more.notify_all();
        written?;
        match reply.then {
            Then::GoOn => {}
            Then::BreakOff => return stream.shutdown(Shutdown::Write),
            Then::Stall => {
                let mut rest = Vec::new();
                input.read_to_end(&mut rest)?;
                return Ok(());
            }
        }
    }
}
