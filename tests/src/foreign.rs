//! Other people's programs on our port, played by the test program itself.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

/// What a foreign program does with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Answers every request as a small web server does.
    Http,
    /// Takes the connection and says nothing.
    Silent,
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
            let mut kept = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                counter.fetch_add(1, SeqCst);
                if manner == Manner::Silent {
                    kept.push(stream);
                    continue;
                }
                tokio::spawn(async move {
                    let mut head = [0; 4096];
                    // A web server ignores a peer that is gone.
                    let _ = stream.read(&mut head).await;
                    let answer = "HTTP/1.1 200 OK\r\nServer: foreign\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
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
