//! The daemon as the listener asks it.

use std::{future::Future, sync::Arc};

use axum::{Router, http::Method, response::Response};
use okibi_dialects::{Dialect, HttpError};
use okibi_listener::{Answer, CallContext, Refused, RefusedRequest, Service};
use okibi_protocol::{guard::Right, jsonrpc::Call};

use crate::{activity::Asker, daemon::Daemon, http, rpc};

/// Answers what comes in on the daemon's port.
pub(crate) struct DaemonService(pub(crate) Arc<Daemon>);

impl Service for DaemonService {
    fn call(&self, call: Call, context: CallContext) -> impl Future<Output = Answer> + Send {
        let daemon = Arc::clone(&self.0);
        async move {
            let context = rpc::CallContext {
                connection: context.connection,
                asker: Asker {
                    peer: Arc::clone(&context.peer),
                    name: context.peer.agent(),
                },
                right: context.right,
                may_stream: !context.in_batch,
                websocket: Some(&context),
            };
            let answer = rpc::answer(&daemon, call, context).await;
            answer.unwrap_or_else(|error| Answer::Single(Err(error)))
        }
    }

    fn refusal(&self, path: &str, refused: Refused) -> Response {
        HttpError::from(refused).response(Dialect::of(path))
    }

    fn on_refused(&self, refused: &RefusedRequest<'_>) {
        self.0.activity.refused(refused);
    }

    fn answers_when_full(&self, method: &Method, path: &str) -> bool {
        okibi_dialects::answers_when_full(method, path)
    }

    fn needed_right(&self, method: &Method, path: &str) -> Option<Right> {
        okibi_dialects::needed_right(method, path)
    }

    fn dialect(&self, path: &str) -> &'static str {
        Dialect::of(path).name()
    }

    fn on_burst_ended(&self) {
        // It takes milliseconds, cannot fail, and nothing waits for it.
        drop(tokio::task::spawn_blocking(okibi_engine::return_unused_memory));
    }

    fn routes(&self) -> Router {
        http::routes(Arc::clone(&self.0))
    }
}
