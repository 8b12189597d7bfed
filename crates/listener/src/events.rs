//! A subscription over HTTP: server-sent events (WHATWG HTML, section 9.2).

use std::{convert::Infallible, time::Duration};

use axum::response::{
    IntoResponse, Response,
    sse::{Event, KeepAlive, Sse},
};
use futures_util::stream;
use serde::Serialize;
use tokio::sync::watch;

use crate::caller::Caller;

/// Time after which a comment is sent although there is nothing new, so that no proxy takes the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Sends `value` as an event of this name at once, then at each of `changes`, until the listener drains; then a last time.
pub fn events<T: Send + Sync + 'static, V: Serialize>(
    caller: &Caller,
    name: &'static str,
    changes: &watch::Sender<T>,
    value: impl Fn() -> V + Send + Sync + 'static,
) -> Response {
    // Before the value is taken, so that no change falls between the two.
    let changed = changes.subscribe();
    let draining = caller.draining.clone();
    let began = (changed, draining, value, Turn::First);
    let events = stream::unfold(began, move |(mut changed, draining, value, turn)| async move {
        let next = match turn {
            Turn::First => Turn::Later,
            Turn::Later => tokio::select! {
                () = draining.cancelled() => Turn::Over,
                changed = changed.changed() => if changed.is_err() { Turn::Over } else { Turn::Later },
            },
            Turn::Over => return None,
        };
        let event = Event::default().event(name).json_data(value());
        // What is sent is plain data, which JSON can always express.
        let event = event.unwrap_or_default();
        Some((Ok::<_, Infallible>(event), (changed, draining, value, next)))
    });
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Sse::new(events).keep_alive(keep_alive).into_response()
}

/// What is sent next.
enum Turn {
    First,
    Later,
    /// Nothing.
    Over,
}
