//! A load as the one who waits for it sees it: its steps, and its outcome.

use std::sync::Arc;

use okibi_engine::Engine;
use okibi_protocol::stage::{StageBoard, StageEvent};
use parking_lot::Mutex;
use tokio::sync::{
    broadcast::{
        self,
        error::{RecvError, TryRecvError},
    },
    oneshot,
};

use crate::{failure::ModelFailure, models::lease::Lease};

/// The steps of a load so far.
pub(crate) type Board = Arc<Mutex<StageBoard>>;

/// How a load ended: with a lease of the model, so that nobody takes it away before it is used.
pub(crate) type Outcome<E = Engine> = Result<Lease<E>, Arc<ModelFailure>>;

/// A load that somebody waits for; one that is over already is one too.
pub(crate) struct Load<E = Engine> {
    /// Its steps so far, and from now on; `None` for one that is over.
    pub(super) steps: Option<(Board, broadcast::Receiver<StageEvent>)>,
    pub(super) outcome: oneshot::Receiver<Outcome<E>>,
}

impl<E> Load<E> {
    /// One that has failed before it began.
    pub(super) fn failed(why: ModelFailure) -> Self {
        let (reply, outcome) = oneshot::channel();
        // The receiver is here.
        let _ = reply.send(Err(Arc::new(why)));
        Self { steps: None, outcome }
    }

    /// The board with its steps; an empty one for a load that is over.
    pub(crate) fn board(&self) -> Board {
        self.steps
            .as_ref()
            .map(|(board, _)| Arc::clone(board))
            .unwrap_or_default()
    }

    /// Waits for its end.
    pub(crate) async fn wait(self) -> Outcome<E> {
        // The slot was let go in the middle of the load.
        self.outcome.await.unwrap_or_else(|_| Err(interrupted()))
    }

    /// Waits for its end, and tells `on_step` of each step that happens until then. A step may be left out where
    /// `on_step` is slow.
    pub(crate) async fn follow(self, mut on_step: impl FnMut(StageEvent)) -> Outcome<E> {
        let Self { steps, mut outcome } = self;
        let Some((_, mut steps)) = steps else {
            return outcome.await.unwrap_or_else(|_| Err(interrupted()));
        };
        let ended = loop {
            tokio::select! {
                step = steps.recv() => match step {
                    Ok(step) => on_step(step),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => break outcome.await,
                },
                ended = &mut outcome => break ended,
            }
        };
        // All steps were sent before the outcome, but the outcome may have been looked at first.
        loop {
            match steps.try_recv() {
                Ok(step) => on_step(step),
                Err(TryRecvError::Lagged(_)) => {}
                Err(_) => break,
            }
        }
        ended.unwrap_or_else(|_| Err(interrupted()))
    }
}

fn interrupted() -> Arc<ModelFailure> {
    Arc::new(ModelFailure::interrupted())
}
