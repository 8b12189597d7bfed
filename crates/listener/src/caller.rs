//! Who sends an HTTP request, and the bytes that are counted for it.

use std::sync::Arc;

use okibi_protocol::{guard::Right, jsonrpc::RpcError};
use tokio_util::sync::CancellationToken;

use crate::{
    bound::Bound,
    budget::{Budget, Reserved},
    connection_id::ConnectionId,
    counters::Counters,
    limits::Limits,
    peer::Peer,
    refusal::too_much_unread,
    unread::{ConnectionOutput, UnreadAnswer},
};

/// Who sends an HTTP request: an extension of every request that reaches the routes of a service.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The connection it came on.
    pub connection: ConnectionId,
    /// Who is at its other end.
    pub peer: Arc<Peer>,
    /// What it may do.
    pub right: Right,
    /// The bounds of the listener.
    pub limits: Arc<Limits>,
    /// What the listener has seen.
    pub counters: Arc<Counters>,
    /// Connections that are open now.
    pub open: usize,
    /// Cancelled when the listener drains: an endless stream ends then.
    pub draining: CancellationToken,
    pub(crate) budget: Arc<Budget>,
    pub(crate) output: Arc<ConnectionOutput>,
}

impl Caller {
    /// Bytes that requests hold now, over all connections.
    pub fn held_bytes(&self) -> usize {
        self.budget.held()
    }

    /// Bytes of answers that wait to be read now, over all connections.
    pub fn unread_bytes(&self) -> usize {
        self.output.of_all()
    }

    /// Reserves bytes for a request; `None` when all requests together already hold as much as they may.
    pub fn reserve(&self, bytes: usize) -> Option<HeldBytes> {
        self.budget.reserve(bytes).map(HeldBytes)
    }

    /// Counts an answer of a batch until the batch is written.
    ///
    /// Errors: −32002 when the answers before it are too large together.
    pub fn hold_answer(&self, bytes: usize) -> Result<HeldAnswer, RpcError> {
        let held = self.output.try_hold(bytes).map(HeldAnswer);
        held.ok_or_else(|| {
            self.counters.refusals.count(Bound::Unread);
            too_much_unread()
        })
    }
}

/// Bytes of a request, counted until it is dropped.
#[derive(Debug)]
pub struct HeldBytes(#[expect(dead_code, reason = "dropping it gives the bytes back")] Reserved);

/// Bytes of an answer, counted until it is dropped.
#[derive(Debug)]
pub struct HeldAnswer(#[expect(dead_code, reason = "dropping it gives the bytes back")] UnreadAnswer);
