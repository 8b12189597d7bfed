//! `okibi embed`: texts in, vectors out.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use okibi_client::{Client, ClientError};
use okibi_messages::{
    Lang, Message, chain,
    embed::{BadLine, EmbedMessage, count},
    status::percent,
    usage::UsageProblem,
};
use okibi_protocol::{
    jsonrpc::{RpcError, code},
    method::{EmbedParams, EmbedResult, Input, Status},
    vector::Encoding,
};

use crate::{
    args::{EmbedArgs, Format},
    embed::{
        Item,
        pipeline::{self, AskError},
        sink::Sink,
        source,
    },
    failure::{Exit, Failure},
    front::Front,
    style,
};

/// Cut texts that are named one by one.
const NAMED_CUTS: u64 = 10;
/// Pause before a busy daemon is asked again, where it names none.
const DEFAULT_RETRY: Duration = Duration::from_millis(100);

/// Embeds the arguments, or the lines of standard input.
pub(crate) async fn run(front: &Front, args: &EmbedArgs) -> Result<Exit, Failure> {
    if args.format == Format::Npy && io::stdout().is_terminal() {
        return Err(failure("binary_to_terminal", EmbedMessage::BinaryToTerminal).with(Exit::Usage));
    }
    let (_, client, status) = front.connect().await?;
    let dimension = dimension(&status, args)?;
    let (texts, progress) = if args.texts.is_empty() {
        let input = source::standard_input().map_err(|error| Failure::io("stdin", &error))?;
        (input, Progress::on_terminal(front.lang))
    } else {
        (source::arguments(&args.texts), Progress::hidden(front.lang))
    };
    let mut sink = Sink::new(args.format, dimension, front.lang, io::stdout());
    let mut counts = Counts::default();
    let ended = pipeline::run(
        texts,
        |texts| ask(&client, args, texts),
        |items| {
            for item in &items {
                sink.take(item)?;
                counts.add(item, &progress);
            }
            progress.show(counts.all);
            Ok(sink.flush()?)
        },
    )
    .await;
    progress.end();
    ended?;
    sink.finish()?;
    counts.report(front.lang)
}

/// The length of the vectors to come.
fn dimension(status: &Status, args: &EmbedArgs) -> Result<usize, Failure> {
    let Some(dimension) = status.dimension.filter(|_| status.ready) else {
        let percent = percent(status);
        return Err(failure("loading", EmbedMessage::Loading { percent }));
    };
    match args.dimensions {
        Some(asked) if !(1..=dimension).contains(&asked) => {
            let problem = UsageProblem::Value {
                option: "--dimensions".into(),
                value: asked.to_string(),
                possible: vec![format!("1–{dimension}")],
            };
            Err(Failure::with_exit(Exit::Usage, "usage", Message::Usage(problem)))
        }
        asked => Ok(asked.unwrap_or(dimension)),
    }
}

async fn ask(client: &Client, args: &EmbedArgs, texts: Vec<String>) -> Result<EmbedResult, AskError> {
    let mut params = EmbedParams::new(Input::Many(texts));
    params.input_type = args.input_type.into();
    params.dimensions = args.dimensions;
    params.truncate = !args.no_truncate;
    params.encoding = Encoding::Base64;
    params.stream = Some(false);
    loop {
        match client.embed(params.clone()).await {
            Ok(result) => return Ok(result),
            // The second is a model that failed at each of the texts: at others it may not.
            Err(ClientError::Rpc(error))
                if [code::INVALID_PARAMS, code::INTERNAL_ERROR].contains(&error.code) =>
            {
                return Err(AskError::Refused(bad_line(error)));
            }
            // Others keep the daemon busy; it says how long to leave it alone.
            Err(ClientError::Rpc(error)) if error.code == code::BUSY => {
                let mut pause = tokio::time::interval(retry_after(&error));
                pause.tick().await;
                pause.tick().await;
            }
            Err(error) => return Err(AskError::Failed(no_answer(error))),
        }
    }
}

fn retry_after(error: &RpcError) -> Duration {
    let named = error
        .data
        .as_ref()
        .and_then(|data| data.get("retry_after_ms")?.as_u64());
    named.map_or(DEFAULT_RETRY, |millis| {
        Duration::from_millis(millis.clamp(1, 10_000))
    })
}

fn no_answer(error: ClientError) -> Failure {
    failure("no_answer", EmbedMessage::Failed { cause: chain(&error) })
}

fn failure(kind: &'static str, message: EmbedMessage) -> Failure {
    Failure::new(kind, Message::Embed(message))
}

/// What is reported at the end.
#[derive(Default)]
struct Counts {
    all: u64,
    failed: u64,
    cut: u64,
}

impl Counts {
    fn add(&mut self, item: &Item, progress: &Progress) {
        self.all += 1;
        match &item.outcome {
            Err(_) => self.failed += 1,
            Ok(embedded) => {
                let Some(tokens) = embedded.cut_from else { return };
                self.cut += 1;
                if self.cut <= NAMED_CUTS {
                    let message = EmbedMessage::Truncated {
                        line: item.index + 1,
                        tokens,
                        limit: embedded.tokens,
                    };
                    progress.warn(message);
                }
            }
        }
    }

    fn report(&self, lang: Lang) -> Result<Exit, Failure> {
        if self.cut > NAMED_CUTS {
            let more = self.cut - NAMED_CUTS;
            style::warn(&Message::Embed(EmbedMessage::MoreTruncated { more }), lang);
        }
        match self.failed {
            0 => Ok(Exit::Done),
            failed => Err(failure(
                "bad_text",
                EmbedMessage::SomeFailed {
                    failed,
                    all: self.all,
                },
            )),
        }
    }
}

/// How many texts are done: on stderr, where that is a terminal and the vectors go elsewhere.
struct Progress {
    bar: ProgressBar,
    lang: Lang,
}

impl Progress {
    fn hidden(lang: Lang) -> Self {
        let bar = ProgressBar::hidden();
        Self { bar, lang }
    }

    fn on_terminal(lang: Lang) -> Self {
        if !io::stderr().is_terminal() || io::stdout().is_terminal() {
            return Self::hidden(lang);
        }
        let bar = ProgressBar::no_length();
        let style = ProgressStyle::with_template("{spinner} {msg}  {per_sec}  {elapsed}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar, lang }
    }

    fn show(&self, done: u64) {
        self.bar.set_position(done);
        self.bar.set_message(count(done, self.lang));
    }

    fn warn(&self, message: EmbedMessage) {
        self.bar
            .suspend(|| style::warn(&Message::Embed(message), self.lang));
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}
/// Why the daemon refused a text. A text that is too long is reported in the user's language.
fn bad_line(error: RpcError) -> BadLine {
    let number = |key: &str| error.data.as_ref().and_then(|data| data[key].as_u64());
    match (number("tokens"), number("limit")) {
        (Some(tokens), Some(limit)) => BadLine::TooLong { tokens, limit },
        _ => BadLine::Refused {
            reason: error.message,
        },
    }
}
