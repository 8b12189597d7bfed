//! `GET /events`: the status as it changes, as server-sent events (WHATWG HTML, section 9.2).

use std::{convert::Infallible, time::Duration};

use axum::response::{
    IntoResponse, Response,
    sse::{Event, KeepAlive, Sse},
};
use futures_util::stream;
use okibi_protocol::method::Status;
use tokio::sync::watch;

use crate::http::Caller;

/// Name of the event whose data is a [`Status`].
const STATUS: &str = "status";

/// Time after which a client hears something although there is nothing new.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The present status at once, then each change, until the listener drains; the last one then.
pub fn events<T: Send + Sync + 'static>(
    caller: &Caller,
    changes: &watch::Sender<T>,
    status: impl Fn() -> Status + Send + Sync + 'static,
) -> Response {
    // Before the status is taken, so that no change falls between the two.
    let changed = changes.subscribe();
    let draining = caller.draining.clone();
    let began = (changed, draining, status, Turn::First);
    let statuses = stream::unfold(began, |(mut changed, draining, status, turn)| async move {
        let next = match turn {
            Turn::First => Turn::Later,
            Turn::Later => tokio::select! {
                () = draining.cancelled() => Turn::Over,
                changed = changed.changed() => if changed.is_err() { Turn::Over } else { Turn::Later },
            },
            Turn::Over => return None,
        };
        let event = Event::default().event(STATUS).json_data(status());
        // A status is plain data.
        let event = event.unwrap_or_default();
        Some((Ok::<_, Infallible>(event), (changed, draining, status, next)))
    });
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Sse::new(statuses).keep_alive(keep_alive).into_response()
}

/// What is sent next.
enum Turn {
    First,
    Later,
    /// Nothing.
    Over,
}
