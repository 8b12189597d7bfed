//! A subscription over WebSocket: a value as its answer, then every change as a notification.

use okibi_protocol::jsonrpc::{RpcError, raw_result};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::watch;

use crate::service::CallContext;

/// Answers a call with `value`, and sends `value` again as a notification of `method` at each of `changes`, until the
/// connection closes. A slow peer skips to the latest. The last one is sent when the listener begins to drain, which
/// waits for it.
///
/// Errors: as [`CallContext::spawn`].
pub fn subscribe<T: Send + Sync + 'static, V: Serialize + Send + Sync>(
    context: &CallContext,
    method: &'static str,
    changes: &watch::Sender<T>,
    value: impl Fn() -> V + Send + Sync + 'static,
) -> Result<Box<RawValue>, RpcError> {
    // Before the value is taken, so that no change falls between the two.
    let mut changed = changes.subscribe();
    let now = raw_result(&value())?;
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
            if notifier.notify(method, &value()).await.is_err() || is_last {
                return;
            }
        }
    })?;
    Ok(now)
}
