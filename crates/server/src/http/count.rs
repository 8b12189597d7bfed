//! Counts answers where they leave, so that none is missed: neither one with vectors nor one that failed before the engine
//! was asked.

use std::{sync::Arc, time::Instant};

use axum::{Extension, extract::Request, middleware::Next, response::Response};
use okibi_dialects::Dialect;

use crate::{daemon::Daemon, http::error::Outcome};

/// Counts the answer to a request for embeddings.
pub(super) async fn request(dialect: Dialect, daemon: Arc<Daemon>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let response = next.run(request).await;
    let outcome = response.extensions().get::<Outcome>();
    let word = outcome.map_or("ok", |outcome| outcome.word);
    daemon.metrics.answered(dialect, word, began.elapsed());
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
