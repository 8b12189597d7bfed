//! Batches: several calls in one message, their answers in one array.

use std::sync::Arc;

use okibi_protocol::jsonrpc::{self, Element, Id, Response, RpcError, code};
use tokio::task::JoinHandle;

use crate::{
    answering::internal_error,
    bound::Bound,
    budget::Reserved,
    service::{Answer, Background, Service},
    session::Session,
    unread::UnreadAnswer,
    writer::{InFlight, Outgoing},
};

/// Batches of one connection whose answers are being collected; reading pauses for the next one.
pub(crate) const MAX_OPEN_BATCHES: usize = 4;

impl<S: Service> Session<S> {
    /// Starts the calls of a batch, each as soon as there is room for it.
    pub(crate) async fn take_batch(self: &Arc<Self>, elements: Vec<Element>, held: Option<Arc<Reserved>>) {
        self.unread.room().await;
        // The batch does not hold room of its own while its elements wait for some: that could wait for ever.
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
        self.spawn(self.clone().collect(answers, background, open));
    }

    /// Sends the answers of a batch when all are there; nothing where all were notifications.
    async fn collect(self: Arc<Self>, answers: Vec<Pending>, background: Background, open: InFlight) {
        let mut responses = Vec::with_capacity(answers.len());
        // From here to the array they are in.
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

/// −32002 for an element of a batch whose answers have grown too large together.
pub(crate) fn too_much_unread() -> RpcError {
    let message = "the answers of this batch are too large together; send smaller ones";
    RpcError::new(code::BUSY, message)
}

/// The answer of an element, and its place among those that wait to be read.
type Answered = (Response, Option<UnreadAnswer>);

/// An element's answer.
enum Pending {
    /// It was no call.
    Known(Response),
    /// It is being worked on; without an id its outcome is thrown away.
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
    match session.unread.try_hold(size) {
        Some(unread) => (Response::new(id, outcome), Some(unread)),
        None => {
            session.core.counts.refusals.count(Bound::Unread);
            (Response::new(id, Err(too_much_unread())), None)
        }
    }
}
