//! Answering `subscribe`: the present status, then every change.

use okibi_protocol::{
    jsonrpc::{RpcError, raw_result},
    method::{STATUS_CHANGED, Status},
};
use serde_json::value::RawValue;
use tokio::sync::watch;

use crate::service::CallContext;

/// Answers `subscribe` with the present status, and sends the status whenever `changes` is told, until the connection
/// closes. A slow peer skips to the latest. The last one is sent when the listener begins to drain, which waits for it.
///
/// Errors: as [`CallContext::spawn`].
pub fn subscribe<T: Send + Sync + 'static>(
    context: &CallContext,
    changes: &watch::Sender<T>,
    status: impl Fn() -> Status + Send + Sync + 'static,
) -> Result<Box<RawValue>, RpcError> {
    // Before the status is taken, so that no change falls between the two.
    let mut changed = changes.subscribe();
    let now = raw_result(&status())?;
    let notifier = context.notifier.clone();
    let draining = context.life.draining.clone();
    let counted = context.life.subscriptions.token();
    context.spawn(async move {
        let _counted = counted;
        loop {
            let is_last = tokio::select! {
                () = draining.cancelled() => true,
                changed = changed.changed() => changed.is_err(),
            };
            if notifier.notify(STATUS_CHANGED, &status()).await.is_err() || is_last {
                return;
            }
        }
    })?;
    Ok(now)
}
