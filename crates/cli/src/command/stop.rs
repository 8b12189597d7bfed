//! `okibi stop`.

use std::time::Duration;

use okibi_launcher::Stopped;
use okibi_messages::Message;

use crate::{
    failure::{Exit, Failure},
    front::Front,
    style,
};

/// Stops the daemon, or a load under way; returns when the port is free.
pub(crate) async fn run(front: &Front) -> Result<Exit, Failure> {
    let server = front.server().await;
    let port = server.port;
    let mut how = okibi_launcher::stop(&server, drain(front)).await?;
    if how == Stopped::NotRunning
        && let Some(pid) = front.loading_without_a_front()
    {
        how = okibi_launcher::stop_loading(pid).await?;
    }
    style::say(&Message::Stopped { how, port }.text(front.lang))?;
    Ok(Exit::Done)
}

/// The time that requests in flight have to finish.
pub(crate) fn drain(front: &Front) -> Duration {
    Duration::from_secs(front.settings.drain_seconds.value)
}
