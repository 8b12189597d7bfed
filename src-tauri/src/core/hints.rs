//! What the user should know beside the state of the daemon.

use okibi_messages::app;

use super::state::Core;
use crate::{
    contract::{Hint, HintKind},
    model_name,
};

impl Core {
    /// Returns the hints, the gravest first.
    pub(super) fn hints(&self) -> Vec<Hint> {
        let lang = self.choices.lang;
        let crash = self.crash.as_ref().map(|_| Hint {
            kind: HintKind::Crash,
            message: app::crashed(lang).into(),
        });
        let config = (!self.choices.problems.is_empty()).then(|| Hint {
            kind: HintKind::Config,
            message: self.choices.problems.join("\n"),
        });
        let restart = self.waits_for_restart().then(|| Hint {
            kind: HintKind::Restart,
            message: app::needs_restart(lang).into(),
        });
        [crash, config, restart].into_iter().flatten().collect()
    }

    /// Whether a restart would bring back another daemon than the one that is ready.
    fn waits_for_restart(&self) -> bool {
        let (Some(status), Some((pid, port, model))) = (self.status(), &self.seen) else {
            return false;
        };
        let next_port = self.kept.port.unwrap_or(self.choices.port);
        let next_model = self.kept.model.as_ref().unwrap_or(&self.choices.model);
        let is_same = |one: &str, other: &str| model_name::display(one) == model_name::display(other);
        let began_otherwise = self
            .began_with
            .as_ref()
            .is_some_and(|(known, settings)| known == pid && *settings != self.choices.of_daemon);
        status.pid == *pid
            && (next_port != *port
                || !(is_same(next_model, model) || is_same(next_model, &status.model))
                || began_otherwise)
    }
}
