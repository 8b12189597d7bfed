//! `okibi status`, and `okibi` alone.

use okibi_config::discovery::websocket_address;
use okibi_launcher::StatusError;
use okibi_messages::Message;

use crate::{
    failure::{Exit, Failure},
    front::Front,
    status_view, style,
};

/// Shows the daemon's status.
pub(crate) async fn run(front: &Front, json: bool) -> Result<Exit, Failure> {
    let server = front.server().await;
    let port = server.port;
    match okibi_launcher::status(&server).await {
        Ok(status) if json => {
            style::say_json(&status)?;
            Ok(Exit::Done)
        }
        Ok(status) => {
            for line in status_view::lines(&status, &websocket_address(port), front.lang) {
                style::say(line)?;
            }
            Ok(Exit::Done)
        }
        // That nothing runs is what was asked, so it is an answer and goes to stdout.
        Err(error @ StatusError::NotRunning { .. }) => {
            style::say(if json {
                format!("{{\"status\":\"stopped\",\"ready\":false,\"port\":{port}}}")
            } else {
                Message::Status(error).text(front.lang)
            })?;
            Ok(Exit::NotRunning)
        }
        Err(error) => Err(Failure::status(error)),
    }
}
