//! One call: asks the service and sends its answer, or its answers.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Instant};

use futures_util::FutureExt;
use okibi_protocol::{
    jsonrpc::{Call, Id, Response, RpcError, code},
    method::AnyMethod,
};
use tokio::sync::mpsc;

use crate::{
    access,
    place::Place,
    refusal::{internal_error, too_many_connections},
    service::{Answer, Background, CallContext, Chunk, Notifier, Service},
    session::Session,
    writer::{InFlight, Outgoing},
};

impl<S: Service> Session<S> {
    /// Answers a call that came alone.
    pub(crate) async fn answer(self: Arc<Self>, call: Call, in_flight: InFlight) {
        let id = call.id.clone();
        let background = Background::new(self.background.clone());
        let answer = self.ask(call, false, background.clone()).await;
        match (id, answer) {
            (None, _) => {}
            (Some(id), Answer::Single(outcome)) => {
                let text = Response::new(id, outcome).to_text();
                self.send(Outgoing::answer(text, in_flight)).await;
            }
            (Some(id), Answer::Stream(chunks)) => self.stream(id, chunks, in_flight).await,
        }
        background.start(&self.core.life.tasks, &self.gone);
    }

    /// Sends a result that comes in chunks, each as it comes.
    async fn stream(&self, id: Id, mut chunks: mpsc::Receiver<Chunk>, in_flight: InFlight) {
        let last = loop {
            match chunks.recv().await {
                Some(Chunk::More(result)) => {
                    let response = Response::new(id.clone(), Ok(result)).with_more(true);
                    self.send(Outgoing::text(response.to_text())).await;
                }
                Some(Chunk::Last(outcome)) => break outcome,
                None => break Err(internal_error()),
            }
        };
        let response = Response::new(id, last).with_more(false);
        self.send(Outgoing::answer(response.to_text(), in_flight)).await;
    }

    /// Asks the service. Refuses while the listener drains, and turns a panic into an error.
    pub(crate) async fn ask(&self, call: Call, in_batch: bool, background: Background) -> Answer {
        if self.core.life.draining.is_cancelled() {
            return Answer::Single(Err(RpcError::new(code::STOPPING, "the server is stopping")));
        }
        let is_answered_anyway = AnyMethod::find(&call.method).is_some_and(AnyMethod::while_loading);
        if self.place == Place::Reserved && !is_answered_anyway {
            return Answer::Single(Err(too_many_connections()));
        }
        let context = CallContext {
            connection: self.id,
            peer: self.peer.clone(),
            right: self.right,
            in_batch,
            notifier: Notifier {
                queue: self.queue.clone(),
                gone: self.gone.clone(),
            },
            background,
            life: self.core.life.clone(),
        };
        let method: String = call.method.chars().take(access::LENGTH).collect();
        let began = Instant::now();
        let asking = AssertUnwindSafe(async { self.core.service.call(call, context).await });
        let answer = asking.catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!(method, connection = self.id.0, "a call panicked");
            Answer::Single(Err(internal_error()))
        });
        access::log_call(&method, self.id, began.elapsed(), &answer);
        answer
    }
}
