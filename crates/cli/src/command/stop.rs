//! `okibi stop`.

use okibi_front::drain;
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
    let known = front.machine.named_daemon();
    let how = okibi_launcher::stop(&server, drain(&front.settings), known.as_ref()).await?;
    style::say(Message::Stopped { how, port }.text(front.lang))?;
    Ok(Exit::Done)
}
