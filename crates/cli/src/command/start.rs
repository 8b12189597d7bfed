//! `okibi start`: launches a daemon, or attaches to a launch under way, and shows the load.

use std::time::Instant;

use okibi_config::{Discovery, Source};
use okibi_front::is_same_model;
use okibi_launcher::Started;
use okibi_messages::{Lang, Message, launch::log_tail};
use okibi_protocol::{method::Status, models::ModelOrigin};

use crate::{
    command::models,
    failure::{Exit, Failure},
    front::Front,
    launch_view::{Event, LaunchView, print_json},
};

/// Starts the daemon and waits until it is ready.
pub(crate) async fn run(front: &Front, json: bool) -> Result<Exit, Failure> {
    let begun = Instant::now();
    let mut view = LaunchView::new(json, front.lang);
    let started = okibi_launcher::start(front.launch_spec()?, |update| view.update(update)).await?;
    let running = &started.status().model;
    let asked = &front.settings.model;
    // Only a flag asks for a model here and now; a setting is what to start next time. What was started just now is what
    // was asked for.
    let is_ours = matches!(started, Started::Launched(_));
    if asked.source == Source::Flag && !is_ours && !is_running(front, &asked.value, started.status()).await {
        return Err(Failure::new(
            "other_model",
            Message::OtherModel {
                running: running.clone(),
                asked: asked.value.clone(),
            },
        ));
    }
    view.ready(&started, begun.elapsed(), &front.address());
    Ok(Exit::Done)
}

/// Whether the daemon's model is the one asked for.
async fn is_running(front: &Front, asked: &str, status: &Status) -> bool {
    let library = front.library();
    // Its discovery file has the model as it was asked for; the list has its folder, and the status only a name.
    let running = match Discovery::read(&front.machine.folders) {
        Some(discovery) if discovery.pid == status.pid => discovery.model,
        _ => match models::states(front)
            .await
            .into_iter()
            .find(|entry| entry.current)
        {
            Some(entry) if entry.origin == ModelOrigin::Folder => entry.folder.unwrap_or(entry.name),
            Some(entry) => entry.name,
            None => status.model.clone(),
        },
    };
    is_same_model(asked, &running, &library)
}

/// Prints a failure as JSON where that was asked for.
pub(crate) fn report(ended: Result<Exit, Failure>, json: bool, lang: Lang) -> Result<Exit, Failure> {
    match ended {
        Err(Failure::Message { exit, kind, message }) if json => {
            print_json(&Event::Error {
                kind,
                message: message.text(lang),
                log_tail: match &*message {
                    Message::Start(error) => log_tail(error),
                    _ => &[],
                },
            });
            Ok(exit)
        }
        ended => ended,
    }
}
