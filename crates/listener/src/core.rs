//! What every connection of a listener shares.

use std::sync::Arc;

use axum::Router;
use hyper_util::service::TowerToHyperService;
use okibi_protocol::guard::Access;
use tokio::sync::Semaphore;

use crate::{
    budget::Budget, counters::Counters, identity::Identity, idle_connections::IdleConnections, life::Life,
    limits::Limits, peak::ConnectionPeak, unread::Unread,
};

/// The routes of a service, and what is answered beside them.
pub(crate) type Routes = TowerToHyperService<Router>;

/// What every connection of a listener shares.
pub(crate) struct Core<S> {
    pub(crate) service: Arc<S>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) access: Access,
    pub(crate) identity: Identity,
    pub(crate) routes: Routes,
    pub(crate) life: Life,
    /// A permit for each connection that may be open.
    pub(crate) room: Arc<Semaphore>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) unread: Arc<Unread>,
    pub(crate) peak: ConnectionPeak,
    pub(crate) counters: Arc<Counters>,
    pub(crate) idle: IdleConnections,
}

impl<S> Core<S> {
    /// Connections that are open now.
    pub(crate) fn open(&self) -> usize {
        self.limits.max_connections - self.room.available_permits()
    }
}
