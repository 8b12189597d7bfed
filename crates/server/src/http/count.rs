//! Counts answers where they leave, so that none is missed: neither one with vectors nor one that failed before the engine
//! was asked.

use std::sync::Arc;

use axum::{Extension, extract::Request, middleware::Next, response::Response};
use okibi_dialects::Dialect;
use okibi_listener::{Caller, product};

use crate::{
    activity::{self, Asker},
    daemon::Daemon,
    http::error::Outcome,
};

/// Counts the answer to a request for embeddings.
pub(super) async fn request(
    dialect: Dialect,
    daemon: Arc<Daemon>,
    mut request: Request,
    next: Next,
) -> Response {
    let caller = request.extensions().get::<Caller>().expect("the listener's");
    let asker = Asker {
        peer: Arc::clone(&caller.peer),
        name: product(request.headers()),
    };
    let asked = daemon.activity.arrived(dialect, asker);
    request.extensions_mut().insert(Arc::clone(&asked));
    let response = next.run(request).await;
    let outcome = response.extensions().get::<Outcome>();
    let word = outcome.map_or("ok", |outcome| outcome.word);
    daemon.metrics.answered(dialect, word, asked.began.elapsed());
    let outcome = activity::Outcome {
        status: response.status().as_u16(),
        error: outcome.map(|outcome| outcome.code),
    };
    daemon.activity.answered(&asked, outcome);
    response
}

/// Counts the bound that a request of any kind went over.
pub(super) async fn bounds(
    Extension(daemon): Extension<Arc<Daemon>>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    let outcome = response.extensions().get::<Outcome>();
    if let Some(bound) = outcome.and_then(|outcome| outcome.bound) {
        daemon.metrics.refused(bound);
    }
    response
}
