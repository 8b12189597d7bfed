//! Who is at the other end of a connection: its address, what it calls itself, and its program once the service has found
//! that out.

use std::{
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use axum::http::{HeaderMap, header};
use tokio::net::TcpStream;

use crate::connection_id::ConnectionId;

/// Characters of a client's name.
const NAME_LENGTH: usize = 64;

/// What stands in the `User-Agent` of every browser, and of every app that is built from one, beside its own name.
const OF_BROWSERS: [&str; 8] = [
    "Mozilla",
    "AppleWebKit",
    "Gecko",
    "Version",
    "Mobile",
    "Chrome",
    "Electron",
    "Safari",
];

/// A program on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its process id.
    pub pid: u32,
    /// Its name.
    pub name: String,
}

/// The other end of a connection. It may be kept beyond the connection's end.
#[derive(Debug)]
pub struct Peer {
    /// The connection.
    pub connection: ConnectionId,
    /// Both ends, the other one first; `None` where the connection has ended before it could be asked.
    pub addresses: Option<(SocketAddr, SocketAddr)>,
    /// What the client of a WebSocket called itself when it opened it.
    agent: OnceLock<Arc<str>>,
    /// What was found out about its program; `None` in it where the OS does not tell.
    program: OnceLock<Option<Program>>,
    is_sought: AtomicBool,
    /// Relaxed: nothing else is read on account of it.
    is_over: AtomicBool,
}

impl Peer {
    pub(crate) fn new(connection: ConnectionId, stream: &TcpStream) -> Arc<Self> {
        Arc::new(Self {
            connection,
            addresses: stream.peer_addr().ok().zip(stream.local_addr().ok()),
            agent: OnceLock::new(),
            program: OnceLock::new(),
            is_sought: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        })
    }

    /// Whether the connection is open.
    pub fn is_connected(&self) -> bool {
        !self.is_over.load(Relaxed)
    }

    /// What the client of a WebSocket called itself when it opened it; empty for one that did not say.
    pub fn agent(&self) -> Arc<str> {
        self.agent.get().cloned().unwrap_or_default()
    }

    pub(crate) fn set_agent(&self, agent: Arc<str>) {
        // A connection becomes a WebSocket once.
        let _ = self.agent.set(agent);
    }

    /// Returns `true` to the first caller, who is then to look for the program and to [tell](Self::set_program) of it.
    pub fn begin_search(&self) -> bool {
        !self.is_sought.swap(true, Relaxed)
    }

    /// Its program, where it was found; the outer `None` while nobody knows.
    pub fn program(&self) -> Option<Option<&Program>> {
        self.program.get().map(Option::as_ref)
    }

    /// Keeps what was found; the first answer stays.
    pub fn set_program(&self, program: Option<Program>) {
        // See above.
        let _ = self.program.set(program);
    }
}

/// Says that the connection is over when it is dropped.
pub(crate) struct OverOnDrop(pub(crate) Arc<Peer>);

impl Drop for OverOnDrop {
    fn drop(&mut self) {
        self.0.is_over.store(true, Relaxed);
    }
}

/// What a client calls itself: the product in its `User-Agent`, which says most about it, without a version; empty where it
/// says nothing. At most 64 visible ASCII characters, whatever the client has sent.
pub fn product(headers: &HeaderMap) -> Arc<str> {
    let agent = headers.get(header::USER_AGENT);
    let agent = String::from_utf8_lossy(agent.map_or(b"", |agent| agent.as_bytes()));
    let name = name_in(&agent).unwrap_or_default();
    let visible = name.chars().filter(char::is_ascii_graphic);
    visible.take(NAME_LENGTH).collect::<String>().into()
}

/// The product in the text of a `User-Agent`.
fn name_in(agent: &str) -> Option<&str> {
    let mut depth = 0_usize;
    // Comments stand in parentheses and may have spaces in them.
    let mut products = agent.split_whitespace().filter(|word| {
        let is_outside = depth == 0 && !word.starts_with('(');
        depth = (depth + word.matches('(').count()).saturating_sub(word.matches(')').count());
        is_outside
    });
    let first = without_version(products.next()?);
    if first != "Mozilla" {
        return Some(first);
    }
    let named: Vec<&str> = products.map(without_version).collect();
    let own = named.iter().find(|name| !OF_BROWSERS.contains(name));
    // Chrome has Safari's name beside its own.
    let of_browser = || named.iter().find(|name| ["Chrome", "Safari"].contains(name));
    Some(own.or_else(of_browser).unwrap_or(&first))
}

/// `curl` of `curl/8.5.0`, but all of `OpenAI/Python`: what does not begin like a version belongs to the name.
fn without_version(product: &str) -> &str {
    match product.split_once('/') {
        Some((name, version))
            if version
                .trim_start_matches('v')
                .starts_with(|char: char| char.is_ascii_digit()) =>
        {
            name
        }
        _ => product,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_client_is_called_by_the_product_that_says_most() {
        for (agent, name) in [
            ("curl/8.5.0", "curl"),
            ("openai-python/1.2 (linux; x64)", "openai-python"),
            ("OpenAI/Python 1.109.1", "OpenAI/Python"),
            ("python-requests/2.32.3", "python-requests"),
            ("node", "node"),
            ("my-tool/v2", "my-tool"),
            ("(only a comment)", ""),
            ("", ""),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
                "Firefox",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) obsidian/1.7.7 Chrome/128.0 \
                 Electron/32.2 Safari/537.36",
                "obsidian",
            ),
            (
                "Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36",
                "Chrome",
            ),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::USER_AGENT, HeaderValue::from_str(agent).unwrap());
            assert_eq!(&*product(&headers), name, "{agent}");
        }
        assert_eq!(&*product(&HeaderMap::new()), "");
    }

    #[test]
    fn a_hostile_name_is_cut_and_has_nothing_that_a_terminal_obeys() {
        let mut headers = HeaderMap::new();
        let hostile = [b"evil\x9b31m\xe2\x80\xae".as_slice(), &[b'x'; 500]].concat();
        headers.insert(header::USER_AGENT, HeaderValue::from_bytes(&hostile).unwrap());
        let name = product(&headers);
        assert_eq!(name.len(), NAME_LENGTH);
        assert!(name.starts_with("evil31mxxx"), "{name}");
    }
}
