//! `okibi start`: launches a daemon, or attaches to a launch under way, and shows the load.

use std::{path::Path, time::Instant};

use okibi_config::Source;
use okibi_messages::{Lang, Message, launch::log_tail};

use crate::{
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
    // Only a flag asks for a model here and now; a setting is what to start next time.
    if asked.source == Source::Flag && !is_same_model(&asked.value, running) {
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

/// Whether the running model is the one asked for: by name, or by the folder or its name.
fn is_same_model(asked: &str, running: &str) -> bool {
    let folder = Path::new(asked);
    asked.eq_ignore_ascii_case(running)
        || folder.is_absolute() && folder.file_name().is_some_and(|name| name == running)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_known_by_its_name_and_by_its_folder() {
        assert!(is_same_model("Multilingual-E5-small", "multilingual-e5-small"));
        assert!(!is_same_model(
            "intfloat/multilingual-e5-small",
            "multilingual-e5-small"
        ));
        let folder = std::env::temp_dir().join("my-model");
        let folder = folder.to_str().unwrap();
        assert!(is_same_model(folder, folder) && is_same_model(folder, "my-model"));
        assert!(!is_same_model(folder, "other"));
    }
}
