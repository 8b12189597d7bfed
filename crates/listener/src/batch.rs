//! A batch: several calls in one message, their answers in one array.
//!
//! ```text
//! [a, b, c] ─▶ start_batch: a, b, c each in a task, as soon as the connection has room for one more
//!                  └──▶ collect: waits for a, then b, then c ──▶ one array ──▶ the writer
//! ```
//!
//! The tasks run in any order; the array keeps theirs. An answer that is ready counts as unread output already, because
//! it waits in memory until the array is written.

use std::sync::Arc;

use okibi_protocol::jsonrpc::{self, Element, Id, Response};
use tokio::task::JoinHandle;

use crate::{
    bound::Bound,
    budget::Reserved,
    refusal::{internal_error, too_much_unread},
    service::{Answer, Background, Service},
    session::Session,
    unread::UnreadAnswer,
    writer::{InFlight, Outgoing},
};

impl<S: Service> Session<S> {
    /// Starts the calls of a batch, each as soon as there is room for it.
    pub(crate) async fn start_batch(self: &Arc<Self>, elements: Vec<Element>, held: Option<Arc<Reserved>>) {
        self.output.room().await;
        // The batch itself takes no permit for a call: if every permit were a batch's own, its elements would wait for ever.
        let open = InFlight {
            _held: held,
            _permit: self.batches.clone().acquire_owned().await.ok(),
            _counted: self.core.life.calls.token(),
        };
        let background = Background::new(self.background.clone());
        let mut answers = Vec::with_capacity(elements.len());
        for element in elements {
            answers.push(match element {
                Err(response) => Pending::Known(response),
                Ok(call) => {
                    let in_flight = self.admit_element().await;
                    let id = call.id.clone();
                    let asking = answer_element(self.clone(), call, background.clone(), in_flight);
                    Pending::Asked(id, self.spawn(asking))
                }
            });
        }
        // The connection ends the task, and the array goes to its writer.
        self.spawn(self.clone().collect(answers, background, open));
    }

    /// Sends the answers of a batch when all are there; sends nothing when all were notifications.
    async fn collect(self: Arc<Self>, answers: Vec<Pending>, background: Background, open: InFlight) {
        let mut responses = Vec::with_capacity(answers.len());
        // What each answer counts as unread output, until the array counts for all.
        let mut held = Vec::new();
        for answer in answers {
            match answer {
                Pending::Known(response) => responses.push(response),
                Pending::Asked(id, task) => {
                    let answered = task.await.ok().flatten();
                    if let Some(id) = id {
                        let (response, unread) =
                            answered.unwrap_or_else(|| (Response::new(id, Err(internal_error())), None));
                        responses.push(response);
                        held.extend(unread);
                    }
                }
            }
        }
        if !responses.is_empty() {
            let text = jsonrpc::batch_text(&responses);
            drop((responses, held));
            self.send(Outgoing::answer(text, open)).await;
        }
        background.start(&self.core.life.tasks, &self.gone);
    }
}

/// The answer of an element, and its part of the unread output.
type Answered = (Response, Option<UnreadAnswer>);

/// An element's answer.
enum Pending {
    /// It was not a call.
    Known(Response),
    /// It is being worked on. Without an id its answer is thrown away.
    Asked(Option<Id>, JoinHandle<Option<Answered>>),
}

async fn answer_element<S: Service>(
    session: Arc<Session<S>>,
    call: jsonrpc::Call,
    background: Background,
    _in_flight: InFlight,
) -> Answered {
    let id = call.id.clone().unwrap_or(Id::Null);
    let outcome = match session.ask(call, true, background).await {
        Answer::Single(outcome) => outcome,
        Answer::Stream(_) => {
            tracing::error!("a service streamed an answer into a batch");
            Err(internal_error())
        }
    };
    let size = outcome.as_ref().map_or(0, |result| result.get().len());
    match session.output.try_hold(size) {
        Some(unread) => (Response::new(id, outcome), Some(unread)),
        None => {
            session.core.counters.refusals.count(Bound::Unread);
            (Response::new(id, Err(too_much_unread())), None)
        }
    }
}
