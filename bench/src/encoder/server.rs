//! A peer that is a server of its own: asked over HTTP, one request for all the texts of a work.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use super::{lines::Peer, works::Work};

/// How long a server may take to be ready, and to answer.
const LIMIT: Duration = Duration::from_secs(180);

/// How often it is asked whether it is ready.
const LOOK: Duration = Duration::from_millis(20);

/// Where it takes texts, and under which key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) key: &'static str,
}

/// A handle of the server. Dropping it ends the server.
pub(crate) struct Server {
    child: Child,
    port: u16,
    route: Route,
    works: Vec<String>,
}

impl Server {
    /// Starts the server, which listens on `port`; returns once it has answered a text.
    pub(crate) fn open(command: &mut Command, port: u16, route: Route) -> Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("run {command:?}"))?;
        let mut server = Self {
            child,
            port,
            route,
            works: Vec::new(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        runtime.block_on(server.until_ready())?;
        let first = server.body(&Work::first());
        server.post(&first)?;
        Ok(server)
    }

    async fn until_ready(&mut self) -> Result<()> {
        let began = Instant::now();
        let mut looks = tokio::time::interval(LOOK);
        while ask(self.port, "GET", "/health", "").is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server has ended: {status}");
            }
            ensure!(
                began.elapsed() < LIMIT,
                "the server is not ready after {} s",
                LIMIT.as_secs()
            );
            looks.tick().await;
        }
        Ok(())
    }

    fn body(&self, work: &Work) -> String {
        json!({ self.route.key: work.texts }).to_string()
    }

    fn post(&self, body: &str) -> Result<()> {
        ask(self.port, "POST", self.route.path, body)
    }
}

/// A port that is free now.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Asks once; what is not 200 is an error.
fn ask(port: u16, method: &str, path: &str, body: &str) -> Result<()> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(LIMIT))?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let head = String::from_utf8_lossy(answer.get(..12).unwrap_or_default()).into_owned();
    ensure!(head == "HTTP/1.1 200", "{method} {path}: {head}");
    Ok(())
}

impl Peer for Server {
    fn pid(&self) -> u32 {
        self.child.id()
    }

    fn prepare(&mut self, work: &Work) -> Result<()> {
        self.works.push(self.body(work));
        self.run(self.works.len() - 1, 1).map(drop)
    }

    fn run(&mut self, work: usize, times: usize) -> Result<Vec<Duration>> {
        let body = self.works.get(work).context("a work that was prepared")?;
        let mut took = Vec::new();
        for _ in 0..times {
            let began = Instant::now();
            self.post(body)?;
            took.push(began.elapsed());
        }
        Ok(took)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_ends_is_no_peer() {
        let port = free_port().unwrap();
        let route = Route {
            path: "/embed",
            key: "inputs",
        };
        let program = std::env::current_exe().unwrap();
        let error = Server::open(Command::new(program).arg("--no-such-option"), port, route);
        assert!(error.err().unwrap().to_string().contains("the server has ended"));
    }
}
