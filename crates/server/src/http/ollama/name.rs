//! The name in a request of Ollama's: with a tag or a role behind it, and the original's words where no model has it.

use std::sync::Arc;

use okibi_protocol::method::InputType;

use crate::{daemon::Daemon, failure::Failure, models::Lease};

/// Letters of a name that an error repeats.
pub(super) const SHOWN: usize = 80;

/// The tags behind a name that mean the model: as it is, as the original writes it, and with each role. Clients look for
/// the name they are set to in the list of models, letter by letter.
pub(super) const TAGS: [&str; 4] = ["", ":latest", ":query", ":document"];

/// The name that a request cannot do without.
pub(super) fn required(name: Option<String>) -> Result<String, Failure> {
    name.filter(|name| !name.is_empty())
        .ok_or_else(|| Failure::invalid("model", "model is required"))
}

/// The model with this name, and the role behind it.
pub(super) async fn lease(daemon: &Arc<Daemon>, name: &str) -> Result<(Lease, Option<InputType>), Failure> {
    let lease = daemon.model(Some(name)).await;
    lease.map_err(|failure| not_found(failure, name))
}

/// A failure to find a model in the original's words, which clients look for, and with a hint for who asks over HTTP.
/// Other failures stay as they are.
pub(super) fn not_found(failure: Failure, name: &str) -> Failure {
    let hint = match &failure {
        Failure::UnknownModel { loaded, .. } => format!(
            "GET /api/tags lists the names that can be asked for, {loaded:?} among them, and POST /api/pull fetches a model"
        ),
        Failure::NotHere { name } => {
            format!(
                "it is known and not on this machine; POST /api/pull with {{\"model\": {name:?}}} fetches it"
            )
        }
        Failure::NotLoaded { .. } => {
            "it is on this machine and not loaded, and `load_on_demand` is off in Okibi's settings".to_owned()
        }
        Failure::Model(failure) if failure.is_unknown_name() => {
            "GET /api/tags lists the models on this machine; a model of the hub is asked for as OWNER/NAME"
                .to_owned()
        }
        _ => return failure,
    };
    let name: String = name.chars().take(SHOWN).collect();
    Failure::NotFound {
        message: format!("model '{name}' not found: {hint}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_is_missing_is_told_in_ollamas_words() {
        for failure in [
            Failure::UnknownModel {
                asked: "llama3".into(),
                loaded: "e5".into(),
            },
            Failure::NotHere { name: "e5".into() },
            Failure::NotLoaded { name: "e5".into() },
        ] {
            let told = not_found(failure, "llama3:8b").http();
            assert_eq!(told.status.as_u16(), 404);
            assert!(
                told.message.starts_with("model 'llama3:8b' not found: "),
                "{}",
                told.message
            );
        }
        assert!(matches!(
            not_found(Failure::Stopping, "llama3"),
            Failure::Stopping
        ));
    }
}
