//! What a listener has seen since it began, for metrics.

use std::sync::atomic::AtomicU64;

use crate::bound::Refusals;

/// Counters that only ever grow.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections accepted.
    pub connections: AtomicU64,
    /// Connections turned away because there were too many.
    pub turned_away: AtomicU64,
    /// WebSockets opened.
    pub websockets: AtomicU64,
    /// Clients dropped because they were silent, did not read, or had to make room.
    pub dropped: AtomicU64,
    /// What each bound has refused.
    pub refusals: Refusals,
}
