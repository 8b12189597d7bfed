//! Windows of texts to the daemon and back, in order.
//!
//! A window is what is there to be read, up to a bound: a slow producer gets each answer at once, a fast one full
//! windows. While one is embedded, the next is already on its way.

use std::{future::Future, io};

use futures_util::{StreamExt, stream::FuturesOrdered};
use okibi_messages::{
    Message,
    embed::{BadLine, EmbedMessage},
};
use okibi_protocol::method::EmbedResult;

use super::{Embedded, Item, Line, source::Texts};
use crate::failure::Failure;

/// Texts of a window.
const WINDOW_TEXTS: usize = 256;
/// Bytes of a request, a little more for its last text.
const REQUEST_BYTES: usize = 4 << 20;
/// Windows under way at once.
const WINDOWS: usize = 2;

/// Why a request was not answered with vectors.
#[derive(Debug)]
pub(crate) enum AskError {
    /// One of its texts is refused; the others of the request may be good.
    Refused(BadLine),
    /// Nothing can be embedded.
    Failed(Failure),
}

/// Embeds `texts` by `ask`, which sends one request, and hands each outcome to `take` in the order of the texts;
/// `take` gets a whole window at a time.
///
/// Errors: the first of `texts`, of `ask` or of `take`.
pub(crate) async fn run<F>(
    mut texts: Texts,
    ask: impl Fn(Vec<String>) -> F,
    mut take: impl FnMut(Vec<Item>) -> Result<(), Failure>,
) -> Result<(), Failure>
where
    F: Future<Output = Result<EmbedResult, AskError>>,
{
    let mut next_index = 0;
    let mut ended = None;
    let mut under_way = FuturesOrdered::new();
    loop {
        let mut window = Vec::new();
        tokio::select! {
            biased;
            Some(items) = under_way.next(), if !under_way.is_empty() => take(items?)?,
            count = texts.recv_many(&mut window, WINDOW_TEXTS), if ended.is_none() && under_way.len() < WINDOWS => {
                let first = next_index;
                let (lines, error) = until_error(window);
                next_index += lines.len() as u64;
                if count == 0 || error.is_some() {
                    ended = Some(error);
                }
                if !lines.is_empty() {
                    under_way.push_back(embed_window(first, lines, &ask));
                }
            }
            else => break,
        }
    }
    match ended.flatten() {
        None => Ok(()),
        Some(error) => Err(Failure::new(
            "input",
            Message::Embed(EmbedMessage::Input {
                cause: error.to_string(),
            }),
        )),
    }
}

/// The lines before the first that could not be read, and why it could not.
fn until_error(window: Vec<io::Result<Line>>) -> (Vec<Line>, Option<io::Error>) {
    let mut lines = Vec::with_capacity(window.len());
    for line in window {
        match line {
            Ok(line) => lines.push(line),
            Err(error) => return (lines, Some(error)),
        }
    }
    (lines, None)
}

/// Embeds the lines from index `first` on. Where the daemon refuses a request, halves of it are tried, so that one
/// bad text costs a few small requests and no other text its vector.
async fn embed_window<F>(
    first: u64,
    lines: Vec<Line>,
    ask: &impl Fn(Vec<String>) -> F,
) -> Result<Vec<Item>, Failure>
where
    F: Future<Output = Result<EmbedResult, AskError>>,
{
    let mut items = Vec::with_capacity(lines.len());
    let mut good = Vec::new();
    for (index, line) in (first..).zip(lines) {
        match line {
            Ok(text) => good.push((index, text)),
            Err(why) => items.push(Item {
                index,
                outcome: Err(why),
            }),
        }
    }
    let mut requests = split(good);
    while let Some(mut request) = requests.pop() {
        let texts = request.iter().map(|(_, text)| text.clone()).collect();
        match ask(texts).await {
            Ok(result) => items.extend(outcomes(&request, result)?),
            Err(AskError::Failed(failure)) => return Err(failure),
            Err(AskError::Refused(why)) if request.len() == 1 => items.push(Item {
                index: request[0].0,
                outcome: Err(why),
            }),
            Err(AskError::Refused(_)) => {
                let second = request.split_off(request.len() / 2);
                requests.push(second);
                requests.push(request);
            }
        }
    }
    items.sort_by_key(|item| item.index);
    Ok(items)
}

type Request = Vec<(u64, String)>;

/// Requests of bounded size.
fn split(texts: Request) -> Vec<Request> {
    let mut requests: Vec<Request> = Vec::new();
    let mut bytes = usize::MAX;
    for (index, text) in texts {
        if bytes >= REQUEST_BYTES {
            requests.push(Vec::new());
            bytes = 0;
        }
        bytes += text.len();
        if let Some(last) = requests.last_mut() {
            last.push((index, text));
        }
    }
    requests
}

fn outcomes(request: &Request, result: EmbedResult) -> Result<Vec<Item>, Failure> {
    let broken = |cause: String| Failure::new("no_answer", Message::Embed(EmbedMessage::Failed { cause }));
    let vectors = result
        .vectors
        .decode_each()
        .map_err(|error| broken(error.to_string()))?;
    if vectors.len() != request.len() || result.tokens.len() != request.len() {
        return Err(broken(format!(
            "{} vectors for {} texts",
            vectors.len(),
            request.len()
        )));
    }
    let cut_from = |at| {
        let cut = result.truncated.iter().find(|cut| cut.index == at);
        cut.map(|cut| cut.tokens)
    };
    let refusal = |at| {
        let failed = result.failed.iter().find(|failed| failed.index == at);
        BadLine::Refused {
            reason: failed.map_or_else(String::new, |failed| failed.message.clone()),
        }
    };
    Ok(request
        .iter()
        .zip(vectors.into_iter().zip(&result.tokens))
        .enumerate()
        .map(|(at, ((index, _), (vector, tokens)))| Item {
            index: *index,
            outcome: match vector {
                Some(vector) => Ok(Embedded {
                    vector,
                    tokens: *tokens,
                    cut_from: cut_from(at),
                }),
                None => Err(refusal(at)),
            },
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use okibi_protocol::{
        method::{FailedText, Truncated},
        vector::Vectors,
    };
    use tokio::sync::mpsc;

    use super::*;

    /// A daemon whose vectors are the texts' lengths, which refuses "bad", and has no vector for "nan".
    async fn answer(texts: Vec<String>) -> Result<EmbedResult, AskError> {
        if texts.iter().any(|text| text == "bad") {
            return Err(AskError::Refused(BadLine::Refused { reason: "no".into() }));
        }
        let vector = |text: &String| (text != "nan").then(|| vec![text.len() as f32]);
        let failed = texts.iter().enumerate().filter(|(_, text)| *text == "nan");
        let failed = failed.map(|(index, _)| FailedText {
            index,
            message: "not finite".into(),
        });
        Ok(EmbedResult {
            model: "m".into(),
            dimension: 1,
            offset: 0,
            vectors: Vectors::Float(texts.iter().map(vector).collect()),
            tokens: vec![1; texts.len()],
            truncated: vec![Truncated { index: 0, tokens: 9 }],
            windowed: Vec::new(),
            failed: failed.collect(),
            space: "space".into(),
            prompt: None,
        })
    }

    fn source(lines: Vec<io::Result<Line>>) -> Texts {
        let (sender, receiver) = mpsc::channel(lines.len() + 1);
        for line in lines {
            sender.try_send(line).unwrap();
        }
        receiver
    }

    #[tokio::test]
    async fn outcomes_come_in_order_and_a_bad_text_spoils_no_other() {
        let mut lines: Vec<io::Result<Line>> = (0..1000).map(|at| Ok(Ok("x".repeat(at + 1)))).collect();
        lines[300] = Ok(Ok("bad".into()));
        lines[301] = Ok(Err(BadLine::NotUtf8));
        lines[600] = Ok(Ok("nan".into()));
        let requests = Cell::new(0);
        let mut items = Vec::new();
        let ask = |texts| {
            requests.set(requests.get() + 1);
            answer(texts)
        };
        let take = |window: Vec<Item>| {
            items.extend(window);
            Ok(())
        };
        run(source(lines), ask, take).await.unwrap();
        assert_eq!(items.len(), 1000);
        for (at, item) in items.iter().enumerate() {
            assert_eq!(item.index, at as u64);
            match (&item.outcome, at) {
                (Err(why), 300) => assert_eq!(*why, BadLine::Refused { reason: "no".into() }),
                (Err(why), 301) => assert_eq!(*why, BadLine::NotUtf8),
                (Err(why), 600) => assert_eq!(
                    *why,
                    BadLine::Refused {
                        reason: "not finite".into()
                    }
                ),
                (Ok(embedded), _) => assert_eq!(embedded.vector, [at as f32 + 1.0]),
                (Err(why), _) => panic!("{at}: {why:?}"),
            }
        }
        let first = items[0].outcome.as_ref().unwrap();
        assert_eq!(
            first.cut_from,
            Some(9),
            "indexes of a request are those of its texts"
        );
        assert!(
            requests.get() < 30,
            "halving finds the bad one: {}",
            requests.get()
        );
    }

    #[tokio::test]
    async fn what_was_read_before_a_failure_is_embedded() {
        let lines = vec![Ok(Ok("a".into())), Err(io::Error::other("gone"))];
        let mut count = 0;
        let take = |items: Vec<Item>| {
            count += items.len();
            Ok(())
        };
        let ended = run(source(lines), answer, take).await;
        assert!(
            matches!(ended, Err(Failure::Message { kind: "input", .. })),
            "{ended:?}"
        );
        assert_eq!(count, 1);
    }

    #[test]
    fn requests_are_bounded_in_bytes() {
        let texts = (0..5)
            .map(|index| (index, "x".repeat(REQUEST_BYTES / 2)))
            .collect();
        let sizes: Vec<_> = split(texts).iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 2, 1]);
    }
}
