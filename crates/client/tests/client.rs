//! The client against the real listener, and against programs that are not Okibi.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use okibi_client::{Client, ClientError, ConnectOptions, send_notice, send_progress};
use okibi_listener::{Answer, CallContext, Chunk, Limits, Listener, Service, bind, start};
use okibi_protocol::{
    guard::{Access, Right, Tokens},
    jsonrpc::{Call, RpcError, code, raw_result},
    loading::loading_answer,
    method::{
        CheckInit, Embed, EmbedParams, EmbedResult, EmbedTextResult, GetStatus, Input, Method, NoParams,
        RunState, STATUS_CHANGED, Status, StopServer, Stopping,
    },
    notice::{LaunchId, Notice, NoticeReply, SignedNotice},
    vector::{Encoding, Vectors, safetensors_base64},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::{Semaphore, mpsc, watch},
    time::timeout,
};

const TEST_LIMIT: Duration = Duration::from_secs(30);
/// Texts in a chunk of the scripted daemon's answers.
const CHUNK: usize = 2;

/// Declares a method of the scripted daemon.
macro_rules! method {
    ($method:ident = $name:literal => $output:ty) => {
        struct $method;

        impl Method for $method {
            const NAME: &'static str = $name;
            const RIGHT: Right = Right::Use;
            const WHILE_LOADING: bool = false;
            const STREAMED: bool = false;
            type Params = NoParams;
            type Output = $output;
        }
    };
}

method!(Wait = "wait" => String);
method!(Null = "null" => ());
method!(NoSuch = "none" => Value);

/// Embeds a text as its length, streams in chunks, and changes its status when told.
struct Daemon {
    status: watch::Sender<Status>,
    permits: Semaphore,
}

impl Service for Daemon {
    async fn call(&self, call: Call, context: CallContext) -> Answer {
        Answer::Single(match call.method.as_str() {
            "wait" => {
                self.permits.acquire().await.expect("never closed").forget();
                raw_result(&"waited")
            }
            "null" => raw_result(&Value::Null),
            "embed_text" => raw_result(&EmbedTextResult {
                vector: safetensors_base64(&[vec![0.6, 0.8]]),
            }),
            "embed" => {
                let params: EmbedParams = call.params.parse().expect("parameters");
                return embed(params);
            }
            "stop_server" => raw_result(&Stopping::Stopping),
            "subscribe" => {
                let mut changes = self.status.subscribe();
                let now = changes.borrow_and_update().clone();
                let notifier = context.notifier.clone();
                let pump = async move {
                    while changes.changed().await.is_ok() {
                        let status = changes.borrow_and_update().clone();
                        if notifier.notify(STATUS_CHANGED, &status).await.is_err() {
                            return;
                        }
                    }
                };
                context.spawn(pump).and_then(|()| raw_result(&now))
            }
            other => {
                let status = self.status.borrow().clone();
                loading_answer(other, &status)
            }
        })
    }

    async fn notice(&self, notice: SignedNotice) -> Option<NoticeReply> {
        (notice.notice.launch().0 == "ours").then_some(NoticeReply::Ack)
    }
}

fn embed(params: EmbedParams) -> Answer {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let texts = params.input.into_texts();
        let mut count = texts.len().div_ceil(CHUNK);
        if texts.iter().any(|text| text == "vanish") {
            // The last chunk is left out, and the one before it says that it is the last.
            count -= 1;
        }
        for (at, chunk) in texts.chunks(CHUNK).take(count).enumerate() {
            if chunk.iter().any(|text| text == "fail") {
                let last = Err(RpcError::invalid_params("a bad text"));
                let _ = sender.send(Chunk::Last(last)).await;
                return;
            }
            let vectors = chunk.iter().map(|text| vec![text.len() as f32, 1.0]).collect();
            let result = EmbedResult {
                model: "m".into(),
                dimension: 2,
                offset: at * CHUNK,
                vectors: Vectors::encode(vectors, params.encoding),
                tokens: chunk.iter().map(String::len).collect(),
                truncated: Vec::new(),
                windowed: Vec::new(),
                failed: Vec::new(),
                space: "space".into(),
                prompt: None,
            };
            let chunk = match raw_result(&result) {
                Ok(result) if at + 1 < count => Chunk::More(result),
                result => Chunk::Last(result),
            };
            if sender.send(chunk).await.is_err() {
                return;
            }
        }
    });
    Answer::Stream(receiver)
}

fn status(state: RunState) -> Status {
    serde_json::from_value(
        json!({"status": state, "ready": state == RunState::Running, "server_type": "okibi",
        "model": "m", "pid": 1, "version": "0", "uptime_ms": 0, "stages": []}),
    )
    .expect("a status")
}

fn daemon(limits: Limits) -> (Listener, Arc<Daemon>) {
    let daemon = Arc::new(Daemon {
        status: watch::Sender::new(status(RunState::Starting)),
        permits: Semaphore::new(0),
    });
    (
        start(
            bind(0).expect("a free port"),
            daemon.clone(),
            limits,
            Access::default(),
        ),
        daemon,
    )
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(TEST_LIMIT, future).await.expect("done within TEST_LIMIT")
}

fn texts(texts: &[&str], encoding: Encoding) -> EmbedParams {
    EmbedParams {
        encoding,
        ..EmbedParams::new(Input::Many(texts.iter().map(|text| (*text).to_owned()).collect()))
    }
}

#[tokio::test]
async fn typed_methods_answer() {
    let (listener, daemon) = daemon(Limits::default());
    let client = within(Client::connect(listener.local_port())).await.unwrap();
    assert_eq!(
        within(client.call::<GetStatus>(NoParams {})).await.unwrap(),
        *daemon.status.borrow()
    );
    within(client.call::<CheckInit>(NoParams {})).await.unwrap();
    assert_eq!(within(client.embed_text("x")).await.unwrap(), [0.6, 0.8]);
    assert_eq!(
        within(client.call::<StopServer>(NoParams {})).await.unwrap(),
        Stopping::Stopping
    );
    within(client.call::<Null>(NoParams {}))
        .await
        .expect("null is a result");
    match within(client.call::<NoSuch>(NoParams {})).await {
        Err(ClientError::Rpc(error)) => assert_eq!(error.code, code::METHOD_NOT_FOUND),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn calls_share_a_connection_and_a_dropped_one_disturbs_none() {
    let (listener, daemon) = daemon(Limits::default());
    let client = within(Client::connect(listener.local_port())).await.unwrap();
    let slow = tokio::spawn({
        let client = client.clone();
        async move { client.call::<Wait>(NoParams {}).await }
    });
    timeout(Duration::from_millis(20), client.call::<Wait>(NoParams {}))
        .await
        .expect_err("nobody gave a permit");
    within(client.call::<GetStatus>(NoParams {})).await.unwrap();
    daemon.permits.add_permits(2);
    assert_eq!(within(slow).await.unwrap().unwrap(), "waited");
    within(client.call::<GetStatus>(NoParams {})).await.unwrap();
}

#[tokio::test]
async fn chunks_become_one_result_in_every_encoding() {
    let (listener, _daemon) = daemon(Limits::default());
    let client = within(Client::connect(listener.local_port())).await.unwrap();
    let input = ["a", "bb", "ccc", "dddd", "eeeee"];
    for encoding in [Encoding::Float, Encoding::Base64, Encoding::Safetensors] {
        let whole = within(client.embed(texts(&input, encoding))).await.unwrap();
        assert_eq!(whole.tokens, [1, 2, 3, 4, 5]);
        let lengths: Vec<_> = whole
            .vectors
            .decode()
            .unwrap()
            .iter()
            .map(|vector| vector[0])
            .collect();
        assert_eq!(lengths, [1.0, 2.0, 3.0, 4.0, 5.0], "{encoding:?}");
    }
    let mut chunks = within(client.stream::<Embed>(texts(&input, Encoding::Float)))
        .await
        .unwrap();
    let mut offsets = Vec::new();
    while let Some(chunk) = within(chunks.next()).await {
        offsets.push(chunk.unwrap().offset);
    }
    assert_eq!(offsets, [0, 2, 4]);
}

#[tokio::test]
async fn a_result_that_breaks_off_is_never_taken_for_whole() {
    let (listener, _daemon) = daemon(Limits::default());
    let client = within(Client::connect(listener.local_port())).await.unwrap();
    let failed = within(client.embed(texts(&["a", "b", "fail"], Encoding::Float))).await;
    assert!(matches!(failed, Err(ClientError::Rpc(error)) if error.code == code::INVALID_PARAMS));
    let short = within(client.embed(texts(&["a", "b", "vanish"], Encoding::Float))).await;
    assert!(matches!(short, Err(ClientError::NotOkibi(_))), "{short:?}");
}

#[tokio::test]
async fn a_subscription_yields_the_present_then_changes_then_ends() {
    let (listener, daemon) = daemon(Limits::default());
    let client = within(Client::connect(listener.local_port())).await.unwrap();
    let mut subscription = within(client.subscribe()).await.unwrap();
    drop(client);
    assert_eq!(
        within(subscription.next()).await.unwrap().status,
        RunState::Starting
    );
    for state in [RunState::Running, RunState::Stopping] {
        daemon.status.send_replace(status(state));
        assert_eq!(within(subscription.next()).await.unwrap().status, state);
    }
    let (_, end) = within(async { tokio::join!(listener.drain(TEST_LIMIT), subscription.next()) }).await;
    assert_eq!(end, None);
}

/// Answers nothing but `subscribe`, as the daemon and the front do.
struct StatusOnly(watch::Sender<Status>);

impl Service for StatusOnly {
    async fn call(&self, _call: Call, context: CallContext) -> Answer {
        let status = self.0.clone();
        Answer::Single(okibi_listener::subscribe(
            &context,
            STATUS_CHANGED,
            &self.0,
            move || status.borrow().clone(),
        ))
    }
}

#[tokio::test]
async fn a_subscriber_hears_the_last_status_of_a_drain_that_has_nothing_to_wait_for() {
    let current = watch::Sender::new(status(RunState::Running));
    let listener = start(
        bind(0).expect("a free port"),
        StatusOnly(current.clone()),
        Limits::default(),
        Access::default(),
    );
    let client = within(Client::connect(listener.local_port())).await.unwrap();
    let mut subscription = within(client.subscribe()).await.unwrap();
    assert_eq!(
        within(subscription.next()).await.unwrap().status,
        RunState::Running
    );
    // Only the drain reports this change.
    current.send_if_modified(|now| {
        *now = status(RunState::Stopping);
        false
    });
    within(listener.drain(TEST_LIMIT)).await;
    assert_eq!(
        within(subscription.next()).await.unwrap().status,
        RunState::Stopping
    );
    assert_eq!(within(subscription.next()).await, None);
}

#[tokio::test]
async fn dropping_the_client_ends_its_connection() {
    let (listener, _daemon) = daemon(Limits::default());
    let client = within(Client::connect(listener.local_port())).await.unwrap();
    within(client.call::<GetStatus>(NoParams {})).await.unwrap();
    drop(client);
    let drained = within(listener.drain(TEST_LIMIT)).await;
    assert_eq!(drained.calls_cut, 0);
}

#[tokio::test]
async fn calls_end_with_the_connection_and_with_its_reason() {
    let limits = Limits {
        max_message_bytes: 1000,
        ..Limits::default()
    };
    let (listener, _daemon) = daemon(limits);
    let client = within(Client::connect(listener.local_port())).await.unwrap();
    match within(client.embed_text(&"x".repeat(2000))).await {
        Err(ClientError::Rpc(error)) => assert!(error.message.contains("1000"), "{error}"),
        other => panic!("{other:?}"),
    }
    within(client.closed()).await;
    let client = within(Client::connect(listener.local_port())).await.unwrap();
    let waiting = client.call::<Wait>(NoParams {});
    let cut = async {
        while listener.calls_in_flight() == 0 {
            tokio::task::yield_now().await;
        }
        listener.drain(Duration::ZERO).await
    };
    let (outcome, drained) = within(async { tokio::join!(waiting, cut) }).await;
    assert!(matches!(outcome, Err(ClientError::Closed)), "{outcome:?}");
    assert_eq!(drained.calls_cut, 1);
    assert!(matches!(
        within(client.call::<GetStatus>(NoParams {})).await,
        Err(ClientError::Closed)
    ));
}

#[tokio::test]
async fn notices_get_their_reply() {
    let (listener, _daemon) = daemon(Limits::default());
    let port = listener.local_port();
    let notice = |launch: &str| {
        let launch = LaunchId(launch.into());
        SignedNotice::new(Notice::InitCompleted { launch }, None)
    };
    assert_eq!(
        within(send_notice(&port.into(), &notice("ours"))).await.unwrap(),
        NoticeReply::Ack
    );
    let refused = within(send_notice(&port.into(), &notice("theirs"))).await;
    assert!(matches!(refused, Err(ClientError::Rpc(error)) if error.code == code::INVALID_REQUEST));
    // One that is not waited for is taken all the same, although its connection ends behind it.
    let (reply, is_closed) = within(send_progress(&port.into(), &notice("ours"), TEST_LIMIT))
        .await
        .unwrap();
    assert_eq!((reply, is_closed), (Some(NoticeReply::Ack), true));
    within(listener.close_port()).await;
    let closed = within(send_notice(&port.into(), &notice("ours"))).await;
    assert!(matches!(closed, Err(ClientError::Refused)), "{closed:?}");
}

/// Answers every connection with `answer`, or with silence.
async fn foreign(answer: &'static str) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        let mut silent = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            if answer.is_empty() {
                silent.push(stream);
            } else {
                stream.write_all(answer.as_bytes()).await.expect("written");
                stream.shutdown().await.expect("closed");
                silent.push(stream);
            }
        }
    });
    port
}

#[tokio::test]
async fn other_programs_on_the_port_are_told_from_okibi() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nAnkiConnect",
        "HTTP/1.1 404 Not Found\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n",
        "SSH-2.0-OpenSSH_9.9\r\n",
    ] {
        let outcome = within(Client::connect(foreign(answer).await)).await;
        assert!(
            matches!(outcome, Err(ClientError::NotOkibi(_))),
            "{answer}: {outcome:?}"
        );
    }
    let silent = foreign("").await;
    let outcome = within(Client::connect(
        ConnectOptions::from(silent).within(Duration::from_millis(100)),
    ))
    .await;
    assert!(matches!(outcome, Err(ClientError::Timeout)), "{outcome:?}");
}

#[tokio::test]
async fn a_full_okibi_is_still_okibi() {
    let limits = Limits {
        max_connections: 1,
        // For as long as this a connection keeps one of the places beyond the limit.
        header_read_timeout: Duration::from_secs(600),
        ..Limits::default()
    };
    let (listener, _daemon) = daemon(limits);
    // One that has not asked for anything would have to make room for the next.
    let only = within(Client::connect(listener.local_port())).await.unwrap();
    within(only.call::<GetStatus>(NoParams {})).await.unwrap();
    // A few more than the limit get in, to ask for the status or for a stop.
    let connecting = (0..20).map(|_| Client::connect(listener.local_port()));
    let (clients, refused): (Vec<_>, Vec<_>) = within(join_all(connecting))
        .await
        .into_iter()
        .partition(Result::is_ok);
    assert!(
        !clients.is_empty() && !refused.is_empty(),
        "{} got in",
        clients.len()
    );
    for refused in refused {
        assert!(
            matches!(refused, Err(ClientError::Rejected { status: 503 })),
            "{refused:?}"
        );
    }
}

fn tokens(for_use: &str, manage: &str) -> Access {
    Access {
        tokens: Some(Tokens {
            for_use: for_use.into(),
            manage: manage.into(),
        }),
        ..Access::default()
    }
}

#[tokio::test]
async fn a_token_is_proved_to_the_server_that_has_it_and_never_sent() {
    let daemon = Arc::new(Daemon {
        status: watch::Sender::new(status(RunState::Running)),
        permits: Semaphore::new(0),
    });
    let sockets = bind(0).expect("a free port");
    let listener = start(sockets, daemon, Limits::default(), tokens("one", "two"));
    let port = listener.local_port();
    let with = |token: &str| ConnectOptions::from(port).with_token(Some(token.into()));
    for token in ["one", "two"] {
        let (_, status) = within(Client::reach(with(token))).await.unwrap();
        assert!(status.ready);
    }
    for options in [with("three"), with(""), ConnectOptions::from(port)] {
        let refused = within(Client::reach(options)).await;
        assert!(
            matches!(refused, Err(ClientError::Rejected { status: 401 })),
            "{refused:?}"
        );
    }
}

/// Answers every request with `answer`, and gives everything that was sent to it.
async fn eavesdropper(answer: &'static str) -> (u16, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let (sender, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = vec![0; 8192];
            let read = stream.read(&mut bytes).await.expect("a request");
            let _ = sender.send(String::from_utf8_lossy(&bytes[..read]).into_owned());
            stream.write_all(answer.as_bytes()).await.expect("written");
            stream.shutdown().await.expect("closed");
        }
    });
    (port, heard)
}

#[tokio::test]
async fn a_program_that_does_not_know_the_token_learns_nothing_of_it() {
    let nonce = "0".repeat(64);
    let refusals = [
        "HTTP/1.1 401 Unauthorized\r\nServer: okibi/0.1.0\r\nContent-Length: 0\r\n\r\n".to_owned(),
        format!(
            "HTTP/1.1 401 Unauthorized\r\nServer: okibi/0.1.0\r\nWWW-Authenticate: Bearer\r\n\
             Okibi-Proof: {nonce} {nonce} {nonce}\r\nContent-Length: 0\r\n\r\n"
        ),
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned(),
    ];
    for refusal in refusals {
        let (port, mut heard) = eavesdropper(refusal.leak()).await;
        let token = "f00dfeed".repeat(8);
        let options = ConnectOptions::from(port).with_token(Some(token.clone()));
        within(Client::reach(options)).await.expect_err("it is not Okibi");
        let request = within(heard.recv()).await.expect("a request");
        assert!(request.to_lowercase().contains("okibi-challenge: "), "{request}");
        assert!(!request.contains(&token), "{request}");
        assert!(
            !request.to_lowercase().contains("authorization"),
            "nothing is proved before the server has: {request}"
        );
        assert!(heard.try_recv().is_err(), "and it is asked once");
    }
}

#[tokio::test]
async fn a_proof_of_another_port_is_no_proof() {
    // The owner's daemon, and a program that passes everything on to it.
    let daemon = Arc::new(Daemon {
        status: watch::Sender::new(status(RunState::Running)),
        permits: Semaphore::new(0),
    });
    let sockets = bind(0).expect("a free port");
    let owner = start(sockets, daemon, Limits::default(), tokens("one", "two"));
    let (owner_port, relay) = (
        owner.local_port(),
        TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port"),
    );
    let port = relay.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((mut inbound, _)) = relay.accept().await {
            let mut outbound = tokio::net::TcpStream::connect(("127.0.0.1", owner_port))
                .await
                .expect("there");
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut inbound, &mut outbound).await });
        }
    });
    let outcome = within(Client::reach(
        ConnectOptions::from(port).with_token(Some("two".into())),
    ))
    .await;
    assert!(
        matches!(outcome, Err(ClientError::Rejected { status: 401 })),
        "{outcome:?}"
    );
}
