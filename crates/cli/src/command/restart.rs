//! `okibi restart`: stop, then start; the model stays unless another one is named.

use okibi_config::Source;
use okibi_front::drain;
use okibi_launcher::{StatusError, Stopped};
use okibi_messages::Message;

use crate::{
    command::start,
    failure::{Exit, Failure},
    front::Front,
    launch_view::{Event, print_json},
    style,
};

/// Stops the daemon if it runs and starts it with the settings of now.
pub(crate) async fn run(mut front: Front, json: bool) -> Result<Exit, Failure> {
    let server = front.server().await;
    let port = server.port;
    front.settings.port.value = port;
    match okibi_launcher::status(&server).await {
        Ok(status) if front.settings.model.source != Source::Flag => {
            front.settings.model.value = front.machine.model_of(&status);
        }
        // The stop ends one that hangs, where it may.
        Ok(_) | Err(StatusError::NotRunning { .. } | StatusError::Silent { .. }) => {}
        Err(error) => return Err(Failure::status(error)),
    }
    let known = front.machine.named_daemon();
    let how = okibi_launcher::stop(&server, drain(&front.settings), known.as_ref()).await?;
    match how {
        Stopped::NotRunning => {}
        _ if json => print_json(&Event::Stopped { port }),
        how => style::say(Message::Stopped { how, port }.text(front.lang))?,
    }
    start::run(&front, json).await
}
