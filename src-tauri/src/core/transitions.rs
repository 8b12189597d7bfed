//! What the core decides: each event changes what it knows and gives effects.

use std::time::{Duration, Instant};

use okibi_config::{NotificationChoice, ProgressChoice, discovery::websocket_address};
use okibi_launcher::{LaunchUpdate, StartError, Started, StopError, Stopped};
use okibi_messages::{
    Message, app,
    launch::{self, log_tail},
    tray::{self, Missing},
};
use okibi_protocol::method::{RunState, Status};

use super::{
    effect::{Effect, Kept, Notice, NoticeAction, NoticeKind},
    event::{Choices, Event, PortState, UserCommand},
    load::Load,
    restarts,
    state::{AfterStop, Core, OurLaunch, StartFailure},
};
use crate::{
    contract::{LaunchState, PageName, PreviousLaunch, Problem},
    model_name,
};

impl Core {
    /// Takes in an event that happened at `now` and returns what is to be done.
    pub(crate) fn handle(&mut self, event: Event, now: Instant) -> Vec<Effect> {
        self.now = Some(now);
        match event {
            Event::PortChanged {
                port,
                state,
                log,
                model,
            } => {
                if let (PortState::Okibi(status), Some(model)) = (&state, model)
                    && status.ready
                {
                    self.keep(status.pid, port, model);
                }
                self.port_changed(port, state, log, now)
            }
            Event::LaunchStep(update) => self.launch_step(update, now),
            Event::LaunchEnded(outcome) => self.launch_ended(*outcome, now),
            Event::StopEnded(outcome) => self.stop_ended(outcome, now),
            Event::Command(command) => self.command(command, now),
            Event::Settings(choices) => {
                // What the user has changed since the daemon began is meant for the next start.
                self.kept.model.take_if(|_| choices.model != self.choices.model);
                self.kept.port.take_if(|_| choices.port != self.choices.port);
                self.settings_changed(choices, now)
            }
            Event::Crash(note) => {
                self.crash = note;
                Vec::new()
            }
            Event::Missing(missing) => {
                // Without a tray the status window is the only way in.
                let is_new = missing.iter().any(|what| *what != Missing::Notifications)
                    && self.missing.iter().all(|what| *what == Missing::Notifications);
                self.missing = missing;
                if is_new {
                    vec![Effect::OpenPage(PageName::Status)]
                } else {
                    Vec::new()
                }
            }
            Event::Models(event) => {
                // Before it is handled: afterwards the download or the switch that it names is forgotten.
                let notice = self.models.notification(&event, self.choices.lang);
                let notice = notice.and_then(|(kind, text, actions)| {
                    let notice = self.notice(kind, text, PageName::Models)?;
                    Some(Notice { actions, ..notice })
                });
                let mut effects: Vec<Effect> = self
                    .models
                    .handle(event)
                    .into_iter()
                    .map(Effect::Models)
                    .collect();
                effects.extend(notice.map(Effect::Notify));
                effects
            }
            Event::Tick => self.tick(now),
        }
    }

    /// Takes up the current settings. New mistakes in them are told; a start that they have kept from being tried is tried.
    fn settings_changed(&mut self, choices: Choices, now: Instant) -> Vec<Effect> {
        let before = std::mem::replace(&mut self.choices, choices);
        let mut effects = Vec::new();
        if let Some(problem) = self.choices.problems.first()
            && self.choices.problems != before.problems
        {
            let notice = tray::notify_settings(problem.clone(), self.choices.lang);
            effects.extend(
                self.notice(NoticeKind::Error, notice, PageName::Settings)
                    .map(Effect::Notify),
            );
        }
        let was_held_back = matches!(self.failure, Some(StartFailure::Settings(_)));
        if was_held_back && !self.choices.is_port_unknown {
            effects.extend(self.launch(false, true, now));
        }
        effects
    }

    /// Keeps what a restart has to bring back of a ready daemon: all of one that was not seen yet, and a model that it was
    /// switched to. What the user has changed in the settings meanwhile stays as it is there.
    fn keep(&mut self, pid: u32, port: u16, model: String) {
        if self.began_with.as_ref().is_none_or(|(known, _)| *known != pid) {
            self.began_with = Some((pid, self.choices.of_daemon.clone()));
        }
        let now = (pid, port, model);
        let is_other = self
            .seen
            .as_ref()
            .is_none_or(|seen| (seen.0, seen.1) != (pid, port));
        if is_other {
            self.kept.port = Some(port);
        }
        if is_other || self.seen.as_ref() != Some(&now) {
            self.kept.model = Some(now.2.clone());
        }
        self.seen = Some(now);
    }

    fn command(&mut self, command: UserCommand, now: Instant) -> Vec<Effect> {
        self.restart_at = None;
        match command {
            UserCommand::Start => {
                self.restarts.reset();
                self.kept = Kept::default();
                self.launch(false, true, now)
            }
            UserCommand::StartQuietly => self.launch(false, false, now),
            UserCommand::Stop => self.stop(AfterStop::Nothing),
            UserCommand::Restart => {
                self.restarts.reset();
                if self.is_down() {
                    self.launch(false, true, now)
                } else {
                    self.stop(AfterStop::Start)
                }
            }
            UserCommand::Quit => vec![Effect::Unnotify, Effect::Exit],
            UserCommand::StopAndQuit if self.is_down() => vec![Effect::Exit],
            UserCommand::StopAndQuit => self.stop(AfterStop::Exit),
        }
    }

    /// Whether there is nothing to stop.
    fn is_down(&self) -> bool {
        self.our_launch.is_none() && !matches!(self.port_state, PortState::Okibi(_) | PortState::Loading)
    }

    /// Launches a daemon. `may_open` says whether a slow start may open its window.
    fn launch(&mut self, is_restart: bool, may_open: bool, now: Instant) -> Vec<Effect> {
        if self.our_launch.is_some() || self.stopping.is_some() {
            return Vec::new();
        }
        if self.choices.is_port_unknown && self.kept.port.is_none() {
            return self.hold_back();
        }
        self.failure = None;
        let Kept { port, model } = self.kept.clone();
        self.our_launch = Some(OurLaunch {
            began: now,
            model: model.unwrap_or_else(|| self.choices.model.clone()),
            port: port.unwrap_or(self.choices.port),
            is_restart,
            settings: self.choices.of_daemon.clone(),
            may_open,
        });
        vec![Effect::Launch(self.kept.clone())]
    }

    /// Starts nothing, since the settings do not say on which port: apps would look for it on another one.
    fn hold_back(&mut self) -> Vec<Effect> {
        let lang = self.choices.lang;
        let problem = Problem {
            message: self.choices.problems.join("\n"),
            advice: Some(app::advice_config(lang).into()),
            log_tail: Vec::new(),
        };
        let notice = tray::notify_failed(&problem.message, lang);
        self.failure = Some(StartFailure::Settings(problem));
        let notice = self.notice(NoticeKind::Error, notice, PageName::Settings);
        notice.map(Effect::Notify).into_iter().collect()
    }

    fn stop(&mut self, then: AfterStop) -> Vec<Effect> {
        let is_new = self.stopping.is_none();
        self.stopping = Some(then);
        if is_new {
            vec![Effect::Stop(self.port)]
        } else {
            Vec::new()
        }
    }

    fn tick(&mut self, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.restart_at.is_some_and(|at| at <= now) {
            self.restart_at = None;
            // Nobody asked for a restart that follows a death: no window.
            effects.extend(self.launch(true, false, now));
        }
        if self.choices.progress_window == ProgressChoice::Slow
            && let Some(launch) = &mut self.our_launch
            && launch.may_open
            && launch.slow_at() <= now
        {
            launch.may_open = false;
            effects.push(Effect::OpenStart);
        }
        effects
    }

    fn launch_step(&mut self, update: LaunchUpdate, now: Instant) -> Vec<Effect> {
        let Some(launch) = &mut self.our_launch else {
            return Vec::new();
        };
        let mut effects = Vec::new();
        if launch.may_open && self.choices.progress_window == ProgressChoice::Always {
            launch.may_open = false;
            effects.push(Effect::OpenStart);
        }
        let (began, model) = (launch.began, launch.model.clone());
        if !self.load.as_ref().is_some_and(Load::is_loading) {
            self.load = Some(self.new_load(model, began));
        }
        let LaunchUpdate::Stage { event, .. } = update else {
            return effects;
        };
        if let Some(load) = &mut self.load {
            load.record(event, now);
            let notice =
                tray::notify_loading(&model_name::display(&load.model), load.board(), self.choices.lang);
            let percent = tray::percent(load.board().fraction());
            let notice = self.notice(NoticeKind::Progress, notice, PageName::Progress);
            effects.extend(notice.map(|notice| {
                Effect::Notify(Notice {
                    percent: Some(percent),
                    ..notice
                })
            }));
        }
        effects
    }

    fn new_load(&self, model: String, began: Instant) -> Load {
        let previous = self
            .history
            .iter()
            .find(|(known, _)| *known == model_name::display(&model))
            .map(|(_, times)| times.clone());
        Load::new(model, began, previous)
    }

    fn launch_ended(&mut self, outcome: Result<Started, StartError>, now: Instant) -> Vec<Effect> {
        let launch = self.our_launch.take();
        let mut effects = Vec::new();
        match outcome {
            Ok(started) => {
                self.failure = None;
                if let Some(launch) = &launch {
                    self.port = launch.port;
                    self.began_with = Some((started.status().pid, launch.settings.clone()));
                }
                self.port_state = PortState::Okibi(Box::new(started.status().clone()));
                if let Some(load) = self.load.as_mut().filter(|load| load.is_loading()) {
                    load.end(LaunchState::Ready, now);
                    let took = load.elapsed(now);
                    let times = load.times(now);
                    let model = model_name::display(&load.model);
                    self.remember(model.clone(), times.clone());
                    effects.push(Effect::Remember(model, times));
                    let again = launch.as_ref().is_some_and(|launch| launch.is_restart);
                    let notice = tray::notify_ready(
                        started.status(),
                        took,
                        again,
                        &websocket_address(self.port),
                        self.choices.lang,
                    );
                    effects.extend(
                        self.notice(NoticeKind::Done, notice, PageName::Status)
                            .map(Effect::Notify),
                    );
                }
            }
            Err(StartError::Stopped) => {
                if let Some(load) = self.load.as_mut().filter(|load| load.is_loading()) {
                    load.end(LaunchState::Cancelled, now);
                }
                effects.push(Effect::Unnotify);
            }
            Err(error) => {
                let lang = self.choices.lang;
                let problem = Problem {
                    message: launch::start_reason(&error, lang),
                    advice: Some(tray::advice_retry(lang).into()),
                    log_tail: log_tail(&error).to_vec(),
                };
                let notice = tray::notify_failed(&problem.message, lang);
                if let Some(load) = self.load.as_mut().filter(|load| load.is_loading()) {
                    load.problem = Some(problem.clone());
                    load.end(LaunchState::Failed, now);
                }
                self.failure = Some(match error {
                    StartError::PortTaken { next_free, .. } | StartError::PortReserved { next_free, .. } => {
                        let advice = Some(tray::advice_port(next_free, lang));
                        StartFailure::PortTaken(Problem { advice, ..problem }, next_free)
                    }
                    _ => StartFailure::Failed(problem),
                });
                effects.extend(self.start_notice(notice));
                if self.choices.progress_window != ProgressChoice::Never {
                    effects.push(Effect::OpenStart);
                }
            }
        }
        effects
    }

    fn stop_ended(&mut self, outcome: Result<Stopped, StopError>, now: Instant) -> Vec<Effect> {
        let then = self.stopping.take();
        match outcome {
            Ok(_) => {
                if self.our_launch.is_none() {
                    self.port_state = PortState::Free;
                }
                match then {
                    Some(AfterStop::Start) => {
                        self.failure = None;
                        self.launch(false, true, now)
                    }
                    Some(AfterStop::Exit) => vec![Effect::Unnotify, Effect::Exit],
                    Some(AfterStop::Nothing) | None => Vec::new(),
                }
            }
            Err(error) => {
                let lang = self.choices.lang;
                let message = Message::Stop(error).text(lang);
                let notice = tray::Notification {
                    summary: message.clone(),
                    body: String::new(),
                };
                self.failure = Some(StartFailure::Failed(Problem {
                    message,
                    advice: None,
                    log_tail: Vec::new(),
                }));
                self.start_notice(notice)
            }
        }
    }

    fn port_changed(&mut self, port: u16, state: PortState, log: Vec<String>, now: Instant) -> Vec<Effect> {
        let before = std::mem::replace(&mut self.port_state, state);
        let same_port = port == self.port;
        self.port = port;
        match &self.port_state {
            PortState::Okibi(status) => {
                let status = status.clone();
                if status.ready || status.status == RunState::Starting {
                    self.failure = None;
                    self.restart_at = None;
                }
                self.follow(&status, now);
                self.tell_warnings(&status)
            }
            PortState::Loading => {
                self.failure = None;
                self.restart_at = None;
                Vec::new()
            }
            PortState::Free | PortState::Foreign(_) | PortState::Silent(_) => {
                // Whoever had the port has gone.
                if matches!(self.port_state, PortState::Free) {
                    self.failure
                        .take_if(|failure| matches!(failure, StartFailure::PortTaken(..)));
                }
                let is_ours = self.our_launch.is_some() || self.stopping.is_some();
                if let Some(load) = self.load.as_mut().filter(|load| load.is_loading() && !is_ours) {
                    load.end(LaunchState::Cancelled, now);
                }
                match before {
                    PortState::Okibi(status)
                        if same_port && !is_ours && status.ready && status.status == RunState::Running =>
                    {
                        self.died(log, now)
                    }
                    _ => Vec::new(),
                }
            }
        }
    }

    /// Tells each warning of the daemon, and of its models, once: that a device is missing, that an index no longer fits.
    fn tell_warnings(&mut self, status: &Status) -> Vec<Effect> {
        let of_models = status.models.iter().filter_map(|model| model.warning.as_ref());
        let all: Vec<String> = status.warnings.iter().chain(of_models).cloned().collect();
        let new: Vec<String> = all
            .iter()
            .filter(|one| !self.told.contains(one))
            .cloned()
            .collect();
        // What is mended may come again, and is then told again.
        self.told = all;
        let notices = new.into_iter().filter_map(|warning| {
            let notice = tray::notify_warning(warning, self.choices.lang);
            self.notice(NoticeKind::Error, notice, PageName::Status)
        });
        notices.map(Effect::Notify).collect()
    }

    /// Follows a load that another front leads.
    fn follow(&mut self, status: &Status, now: Instant) {
        if self.our_launch.is_some() {
            return;
        }
        let is_loading = self.load.as_ref().is_some_and(Load::is_loading);
        if status.status == RunState::Starting {
            if !is_loading {
                let began = now.checked_sub(Duration::from(status.uptime_ms)).unwrap_or(now);
                self.load = Some(self.new_load(status.model.clone(), began));
            }
            if let Some(load) = &mut self.load {
                load.record_all(status, now);
            }
        } else if is_loading && let Some(load) = &mut self.load {
            load.record_all(status, now);
            load.end(
                if status.ready {
                    LaunchState::Ready
                } else {
                    LaunchState::Cancelled
                },
                now,
            );
        }
    }

    /// A ready daemon is gone although it was not stopped.
    fn died(&mut self, log: Vec<String>, now: Instant) -> Vec<Effect> {
        let lang = self.choices.lang;
        let again = if self.choices.restart {
            self.restarts.after_death(now)
        } else {
            None
        };
        let reason = tray::died(last_error(&log), again.is_some(), lang);
        let advice = if self.choices.restart && again.is_none() {
            let minutes = restarts::WINDOW.as_secs() / 60;
            tray::died_too_often(restarts::LIMIT, minutes, lang)
        } else {
            tray::advice_retry(lang).to_owned()
        };
        self.restart_at = again;
        let body = if self.choices.restart && again.is_none() {
            &advice
        } else {
            &reason
        };
        let notice = tray::notify_died(body, lang);
        self.failure = Some(StartFailure::Failed(Problem {
            message: reason,
            advice: again.is_none().then_some(advice),
            log_tail: log,
        }));
        self.start_notice(notice)
    }

    /// A notice about a daemon that does not run, with a button to start it again and one for its log.
    fn start_notice(&self, text: tray::Notification) -> Vec<Effect> {
        let notice = self.notice(NoticeKind::Error, text, PageName::Progress);
        let notice = notice.map(|notice| Notice {
            actions: vec![NoticeAction::Retry, NoticeAction::OpenLog],
            ..notice
        });
        notice.map(Effect::Notify).into_iter().collect()
    }

    /// A notice, where the user wants such; a press on it opens `page`.
    fn notice(&self, kind: NoticeKind, text: tray::Notification, page: PageName) -> Option<Notice> {
        let is_wanted = match self.choices.notifications {
            NotificationChoice::All => true,
            NotificationChoice::Errors => kind == NoticeKind::Error,
            NotificationChoice::None => false,
        };
        is_wanted.then(|| Notice {
            kind,
            summary: text.summary,
            body: text.body,
            percent: None,
            page,
            actions: Vec::new(),
            lang: self.choices.lang,
        })
    }

    fn remember(&mut self, model: String, times: PreviousLaunch) {
        self.history.retain(|(known, _)| *known != model);
        self.history.push((model, times));
    }
}

/// The message of the last error in a log's lines, which look like `TIME ERROR target: message`.
fn last_error(log: &[String]) -> Option<&str> {
    log.iter()
        .rev()
        .find_map(|line| line.split_once(" ERROR ").map(|(_, rest)| rest.trim()))
}
