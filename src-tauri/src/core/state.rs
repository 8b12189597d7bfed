//! What the core knows, and how the windows and the tray see it.

use std::time::{Duration, Instant};

use okibi_config::{ProgressChoice, discovery::websocket_address};
use okibi_messages::{
    Lang, launch,
    tray::{self, Missing},
};
use okibi_protocol::{
    method::{RunState, Status},
    models::DEFAULT_MODEL,
};

use super::{
    effect::Kept,
    event::{Choices, PortState},
    load::Load,
    models::Models,
    restarts::Restarts,
};
use crate::contract::{DaemonView, Language, PreviousLaunch, Problem, View};

/// A load that takes longer opens the progress window, if the settings say so.
const SLOW: Duration = Duration::from_secs(1);

/// Time between two views of what is counted in seconds.
const SECOND: Duration = Duration::from_secs(1);

/// What is done when a stop has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterStop {
    Nothing,
    Start,
    Exit,
}

/// A launch of our own.
#[derive(Clone, Debug)]
pub(super) struct OurLaunch {
    pub(super) began: Instant,
    pub(super) model: String,
    pub(super) port: u16,
    /// Whether it follows the death of a daemon.
    pub(super) is_restart: bool,
    /// [`Choices::of_daemon`] as it was then.
    pub(super) settings: String,
    /// Whether the progress window may still open by itself.
    pub(super) may_open: bool,
}

impl OurLaunch {
    /// Returns when it has become slow.
    pub(super) fn slow_at(&self) -> Instant {
        self.began + SLOW
    }
}

/// Why no daemon runs.
#[derive(Clone, Debug)]
pub(super) enum StartFailure {
    Failed(Problem),
    PortTaken(Problem, Option<u16>),
    /// Nothing was tried: the settings do not say on which port.
    Settings(Problem),
}

/// See the module.
pub(crate) struct Core {
    pub(super) choices: Choices,
    /// The port that was last looked at.
    pub(super) port: u16,
    pub(super) port_state: PortState,
    /// The load under way, or the last one.
    pub(super) load: Option<Load>,
    /// What a restart brings back: of the daemon that is ready, or was until it ended.
    pub(super) kept: Kept,
    /// Process, port and model of the ready daemon that was last seen.
    pub(super) seen: Option<(u32, u16, String)>,
    /// Process of the daemon that was last seen, and [`Choices::of_daemon`] as it was when it began, as far as that is known.
    pub(super) began_with: Option<(u32, String)>,
    /// What the app noted of a crash in its last run.
    pub(super) crash: Option<String>,
    /// The time of the last event.
    pub(super) now: Option<Instant>,
    /// The warnings of the daemon that have been told.
    pub(super) told: Vec<String>,
    pub(super) our_launch: Option<OurLaunch>,
    pub(super) stopping: Option<AfterStop>,
    pub(super) failure: Option<StartFailure>,
    pub(super) restarts: Restarts,
    pub(super) restart_at: Option<Instant>,
    pub(super) missing: Vec<Missing>,
    pub(super) models: Models,
    /// Times of earlier loads, by model.
    pub(super) history: Vec<(String, PreviousLaunch)>,
}

impl Core {
    pub(crate) fn new(choices: Choices, history: Vec<(String, PreviousLaunch)>) -> Self {
        Self {
            port: choices.port,
            choices,
            port_state: PortState::Free,
            load: None,
            kept: Kept::default(),
            seen: None,
            began_with: None,
            crash: None,
            now: None,
            told: Vec::new(),
            our_launch: None,
            stopping: None,
            failure: None,
            restarts: Restarts::default(),
            restart_at: None,
            missing: Vec::new(),
            models: Models::default(),
            history,
        }
    }

    /// Returns when an [`Event::Tick`](super::Event::Tick) is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let slow = self
            .our_launch
            .as_ref()
            .filter(|launch| launch.may_open && self.choices.progress_window == ProgressChoice::Slow)
            .map(OurLaunch::slow_at);
        // The time until a restart is shown in seconds.
        let second = self
            .restart_at
            .map(|at| self.now.map_or(at, |now| at.min(now + SECOND)));
        [slow, second].into_iter().flatten().min()
    }

    /// Returns the status of the ready daemon.
    pub(crate) fn status(&self) -> Option<&Status> {
        match &self.port_state {
            PortState::Okibi(status) if status.ready => Some(status),
            _ => None,
        }
    }

    /// Returns the model that answers, as it has to be asked for; that of the next start while none does.
    pub(crate) fn model(&self) -> &str {
        match (self.status(), &self.seen) {
            (Some(_), Some((_, _, model))) => model,
            _ => &self.choices.model,
        }
    }

    pub(crate) fn lang(&self) -> Lang {
        self.choices.lang
    }

    /// Returns everything the windows show.
    pub(crate) fn view(&self, now: Instant) -> View {
        View {
            lang: match self.choices.lang {
                Lang::En => Language::En,
                Lang::Ja => Language::Ja,
            },
            daemon: self.daemon(now),
            launch: self.load.as_ref().map(|load| load.view(now)),
            port: self.port,
            address: websocket_address(self.port),
            model: self.choices.model.clone(),
            missing: self
                .missing
                .iter()
                .map(|what| what.text(self.choices.lang).to_owned())
                .collect(),
            pulls: self.models.pulls(),
            switch: self.models.switch(),
            library: self.models.library(),
            has_offers: self.models.has_offers() && self.choices.model == DEFAULT_MODEL,
            hints: self.hints(),
        }
    }

    fn daemon(&self, now: Instant) -> DaemonView {
        let fraction = self
            .load
            .as_ref()
            .filter(|load| load.is_loading())
            .map_or(0.0, |load| load.board().fraction());
        match (&self.port_state, &self.failure) {
            (PortState::Okibi(status), _) if status.ready && self.stopping.is_none() => DaemonView::Ready {
                status: status.clone(),
            },
            _ if self.stopping.is_some() => DaemonView::Stopping,
            (PortState::Okibi(status), _) if status.status == RunState::Stopping => DaemonView::Stopping,
            _ if self.our_launch.is_some() => DaemonView::Loading { fraction },
            (PortState::Okibi(status), _) if status.status == RunState::Starting => {
                DaemonView::Loading { fraction }
            }
            (_, Some(StartFailure::PortTaken(problem, next_free))) => DaemonView::PortTaken {
                problem: problem.clone(),
                next_free: *next_free,
            },
            (PortState::Loading, _) => DaemonView::Loading { fraction },
            (_, Some(StartFailure::Failed(problem) | StartFailure::Settings(problem))) => {
                DaemonView::Failed {
                    problem: problem.clone(),
                    again_in_ms: self.restart_at.map(|at| at.saturating_duration_since(now).into()),
                }
            }
            (PortState::Foreign(holder), None) => DaemonView::PortTaken {
                problem: Problem {
                    message: launch::port_taken(self.port, holder.as_ref(), self.choices.lang),
                    advice: Some(tray::advice_port(None, self.choices.lang)),
                    log_tail: Vec::new(),
                },
                next_free: None,
            },
            (PortState::Silent(holder), None) => DaemonView::PortTaken {
                problem: Problem {
                    message: launch::silent(self.port, holder, self.choices.lang),
                    advice: None,
                    log_tail: Vec::new(),
                },
                next_free: None,
            },
            (PortState::Free | PortState::Okibi(_), None) => DaemonView::Stopped,
        }
    }
}
