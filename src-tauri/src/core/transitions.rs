//! What the app knows and decides: events in, effects out, no I/O.
//!
//! The daemon's state is what the port shows ([`Sight`]); a launch of our own adds its steps and its end. Time comes
//! in with every call.

use std::time::{Duration, Instant};

use okibi_config::{NotificationChoice, ProgressChoice, discovery::websocket_address};
use okibi_launcher::{LaunchUpdate, StartError, Started, StopError, Stopped};
use okibi_messages::{
    Lang, Message,
    launch::{self, log_tail},
    tray::{self, Missing},
};
use okibi_protocol::{
    method::{RunState, Status},
    models::DEFAULT_MODEL,
};

use crate::{
    contract::{
        DaemonView, Language, LatencyView, LaunchState, PreviousLaunch, Problem, StatusView, View, WindowName,
    },
    load::{Load, millis},
    models::{self, ModelEffect, ModelEvent, Models},
    restarts::{self, Restarts},
};

/// A load that takes longer opens the progress window, where the setting says so.
const SLOW: Duration = Duration::from_secs(1);

/// What the port shows.
#[derive(Clone, Debug)]
pub(crate) enum Sight {
    /// Nothing listens.
    Nothing,
    /// A daemon, or a front in the middle of a launch.
    Okibi(Box<Status>),
    /// A program that is no Okibi.
    Foreign,
}

/// Something that happened.
#[derive(Debug)]
pub(crate) enum Event {
    /// What the port shows has changed. `log` is the end of the daemon's log where one has vanished.
    Seen {
        port: u16,
        sight: Sight,
        log: Vec<String>,
    },
    /// A step of our own launch.
    Step(LaunchUpdate),
    /// Our own launch is over.
    Started(Box<Result<Started, StartError>>),
    /// Our own stop is over.
    Stopped(Result<Stopped, StopError>),
    /// The user wants something.
    Ask(Ask),
    /// The settings were read anew.
    Settings(Choices),
    /// What this desktop lacks has changed.
    Missing(Vec<Missing>),
    /// Something happened to models.
    Models(ModelEvent),
    /// A time that [`Core::deadline`] named has come.
    Tick,
}

/// What a user can want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// A daemon.
    Start,
    /// No daemon, or no load.
    Stop,
    /// A daemon with the settings of now.
    Restart,
    /// Not to see this app any more.
    Quit,
    /// Neither the daemon nor this app.
    StopAndQuit,
}

/// The settings that count here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choices {
    pub(crate) lang: Lang,
    pub(crate) model: String,
    pub(crate) port: u16,
    pub(crate) notifications: NotificationChoice,
    pub(crate) progress_window: ProgressChoice,
    pub(crate) restart: bool,
}

/// Something to be done outside.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Effect {
    /// Launch a daemon with the settings of now; its steps and its end are events.
    Launch,
    /// Stop the daemon on this port; its end is an event.
    Stop(u16),
    /// Open a window, or bring it to the front.
    Open(WindowName),
    /// Show a notification in the place of the last one.
    Notify(Notice),
    /// Keep the times of a load that went well.
    Remember(String, PreviousLaunch),
    /// See [`crate::models`].
    Models(ModelEffect),
    /// End the app.
    Exit,
}

/// A notification.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Notice {
    pub(crate) kind: NoticeKind,
    pub(crate) summary: String,
    pub(crate) body: String,
    /// Percent done, while a load goes on.
    pub(crate) percent: Option<u8>,
    /// Whether it has buttons to open the log and to start again.
    pub(crate) has_actions: bool,
    pub(crate) lang: Lang,
}

/// How much a notification matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoticeKind {
    /// A load goes on.
    Progress,
    /// Something good has ended.
    Done,
    /// Something went wrong.
    Error,
}

/// What is done when a stop has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Rest,
    Start,
    Exit,
}

/// A launch of our own.
#[derive(Clone, Copy, Debug)]
struct Own {
    began: Instant,
    /// It follows a death.
    is_again: bool,
    /// The progress window may still open by itself.
    may_open: bool,
}

/// Why no daemon runs.
#[derive(Clone, Debug)]
enum Trouble {
    Failed(Problem),
    PortTaken(Problem, Option<u16>),
}

/// See the module.
pub(crate) struct Core {
    choices: Choices,
    /// The port that was last looked at.
    port: u16,
    sight: Sight,
    load: Option<Load>,
    own: Option<Own>,
    stopping: Option<Then>,
    trouble: Option<Trouble>,
    restarts: Restarts,
    restart_at: Option<Instant>,
    missing: Vec<Missing>,
    models: Models,
    /// Times of earlier loads, by model.
    history: Vec<(String, PreviousLaunch)>,
}

impl Core {
    pub(crate) fn new(choices: Choices, history: Vec<(String, PreviousLaunch)>) -> Self {
        Self {
            port: choices.port,
            choices,
            sight: Sight::Nothing,
            load: None,
            own: None,
            stopping: None,
            trouble: None,
            restarts: Restarts::default(),
            restart_at: None,
            missing: Vec::new(),
            models: Models::default(),
            history,
        }
    }

    /// The next moment at which [`Event::Tick`] is wanted.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let slow = self
            .own
            .filter(|own| own.may_open && self.choices.progress_window == ProgressChoice::Slow)
            .map(|own| own.began + SLOW);
        [slow, self.restart_at].into_iter().flatten().min()
    }

    /// Takes an event in and says what is to be done.
    pub(crate) fn handle(&mut self, event: Event, now: Instant) -> Vec<Effect> {
        match event {
            Event::Seen { port, sight, log } => self.seen(port, sight, log, now),
            Event::Step(update) => self.step(update, now),
            Event::Started(outcome) => self.started(*outcome, now),
            Event::Stopped(outcome) => self.stopped(outcome),
            Event::Ask(ask) => self.ask(ask, now),
            Event::Settings(choices) => {
                self.choices = choices;
                Vec::new()
            }
            Event::Missing(missing) => {
                // Without a tray the status window is the only way in.
                let is_new = missing.iter().any(|what| *what != Missing::Notifications)
                    && self.missing.iter().all(|what| *what == Missing::Notifications);
                self.missing = missing;
                if is_new {
                    vec![Effect::Open(WindowName::Status)]
                } else {
                    Vec::new()
                }
            }
            Event::Models(event) => {
                let told = self.models.told(&event, self.choices.lang);
                let told = told.and_then(|(kind, text)| self.notice(kind, text, None));
                let mut effects = self.models.handle(event);
                effects.extend(told.map(without_actions));
                effects
            }
            Event::Tick => self.tick(now),
        }
    }

    fn ask(&mut self, ask: Ask, now: Instant) -> Vec<Effect> {
        self.restart_at = None;
        match ask {
            Ask::Start => {
                self.restarts.reset();
                self.launch(false, now)
            }
            Ask::Stop => self.stop(Then::Rest),
            Ask::Restart => {
                self.restarts.reset();
                if self.is_down() {
                    self.launch(false, now)
                } else {
                    self.stop(Then::Start)
                }
            }
            Ask::Quit => vec![Effect::Exit],
            Ask::StopAndQuit if self.is_down() => vec![Effect::Exit],
            Ask::StopAndQuit => self.stop(Then::Exit),
        }
    }

    /// Whether there is nothing to stop.
    fn is_down(&self) -> bool {
        self.own.is_none() && !matches!(self.sight, Sight::Okibi(_))
    }

    fn launch(&mut self, is_again: bool, now: Instant) -> Vec<Effect> {
        if self.own.is_some() || self.stopping.is_some() {
            return Vec::new();
        }
        self.trouble = None;
        self.own = Some(Own {
            began: now,
            is_again,
            may_open: true,
        });
        vec![Effect::Launch]
    }

    fn stop(&mut self, then: Then) -> Vec<Effect> {
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
            effects.extend(self.launch(true, now));
        }
        if self.choices.progress_window == ProgressChoice::Slow
            && let Some(own) = self
                .own
                .as_mut()
                .filter(|own| own.may_open && own.began + SLOW <= now)
        {
            own.may_open = false;
            effects.push(Effect::Open(WindowName::Progress));
        }
        effects
    }

    fn step(&mut self, update: LaunchUpdate, now: Instant) -> Vec<Effect> {
        let Some(own) = &mut self.own else {
            return Vec::new();
        };
        let mut effects = Vec::new();
        if own.may_open && self.choices.progress_window == ProgressChoice::Always {
            own.may_open = false;
            effects.push(Effect::Open(WindowName::Progress));
        }
        let began = own.began;
        if !self.load.as_ref().is_some_and(Load::is_loading) {
            self.load = Some(self.new_load(self.choices.model.clone(), began));
        }
        let LaunchUpdate::Stage { event, .. } = update else {
            return effects;
        };
        if let Some(load) = &mut self.load {
            load.record(event, now);
            let notice = tray::notify_loading(&name(&load.model), load.board(), self.choices.lang);
            let percent = tray::percent(load.board().fraction());
            effects.extend(self.notice(NoticeKind::Progress, notice, Some(percent)));
        }
        effects
    }

    fn new_load(&self, model: String, began: Instant) -> Load {
        let previous = self
            .history
            .iter()
            .find(|(known, _)| *known == name(&model))
            .map(|(_, times)| times.clone());
        Load::new(model, began, previous)
    }

    fn started(&mut self, outcome: Result<Started, StartError>, now: Instant) -> Vec<Effect> {
        let own = self.own.take();
        let mut effects = Vec::new();
        match outcome {
            Ok(started) => {
                self.trouble = None;
                self.sight = Sight::Okibi(Box::new(started.status().clone()));
                if let Some(load) = self.load.as_mut().filter(|load| load.is_loading()) {
                    load.end(LaunchState::Ready, now);
                    let took = load.elapsed(now);
                    let times = load.times(now);
                    let model = name(&load.model);
                    self.remember(model.clone(), times.clone());
                    effects.push(Effect::Remember(model, times));
                    let again = own.is_some_and(|own| own.is_again);
                    let notice = tray::notify_ready(
                        started.status(),
                        took,
                        again,
                        &websocket_address(self.port),
                        self.choices.lang,
                    );
                    effects.extend(self.notice(NoticeKind::Done, notice, None));
                }
            }
            Err(StartError::Stopped) => {
                if let Some(load) = self.load.as_mut().filter(|load| load.is_loading()) {
                    load.end(LaunchState::Cancelled, now);
                }
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
                self.trouble = Some(match error {
                    StartError::PortTaken { next_free, .. } | StartError::PortReserved { next_free, .. } => {
                        let advice = Some(tray::advice_port(next_free, lang));
                        Trouble::PortTaken(Problem { advice, ..problem }, next_free)
                    }
                    _ => Trouble::Failed(problem),
                });
                effects.extend(self.notice(NoticeKind::Error, notice, None));
                if self.choices.progress_window != ProgressChoice::Never {
                    effects.push(Effect::Open(WindowName::Progress));
                }
            }
        }
        effects
    }

    fn stopped(&mut self, outcome: Result<Stopped, StopError>) -> Vec<Effect> {
        let then = self.stopping.take();
        match outcome {
            Ok(_) => {
                if self.own.is_none() {
                    self.sight = Sight::Nothing;
                }
                match then {
                    Some(Then::Start) => {
                        self.trouble = None;
                        self.launch(false, Instant::now())
                    }
                    Some(Then::Exit) => vec![Effect::Exit],
                    Some(Then::Rest) | None => Vec::new(),
                }
            }
            Err(error) => {
                let lang = self.choices.lang;
                let message = Message::Stop(error).text(lang);
                let notice = tray::Notification {
                    summary: message.clone(),
                    body: String::new(),
                };
                self.trouble = Some(Trouble::Failed(Problem {
                    message,
                    advice: None,
                    log_tail: Vec::new(),
                }));
                self.notice(NoticeKind::Error, notice, None).into_iter().collect()
            }
        }
    }

    fn seen(&mut self, port: u16, sight: Sight, log: Vec<String>, now: Instant) -> Vec<Effect> {
        let before = std::mem::replace(&mut self.sight, sight);
        let same_port = port == self.port;
        self.port = port;
        match &self.sight {
            Sight::Okibi(status) => {
                let status = status.clone();
                if status.ready || status.status == RunState::Starting {
                    self.trouble = None;
                    self.restart_at = None;
                }
                self.follow(&status, now);
                Vec::new()
            }
            Sight::Nothing | Sight::Foreign => {
                let is_ours = self.own.is_some() || self.stopping.is_some();
                if let Some(load) = self.load.as_mut().filter(|load| load.is_loading() && !is_ours) {
                    load.end(LaunchState::Cancelled, now);
                }
                match before {
                    Sight::Okibi(status)
                        if same_port && !is_ours && status.ready && status.status == RunState::Running =>
                    {
                        self.died(log, now)
                    }
                    _ => Vec::new(),
                }
            }
        }
    }

    /// Follows a load that another front leads.
    fn follow(&mut self, status: &Status, now: Instant) {
        if self.own.is_some() {
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

    /// A ready daemon is there no more although nobody has stopped it.
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
        self.trouble = Some(Trouble::Failed(Problem {
            message: reason,
            advice: again.is_none().then_some(advice),
            log_tail: log,
        }));
        self.notice(NoticeKind::Error, notice, None).into_iter().collect()
    }

    fn notice(&self, kind: NoticeKind, text: tray::Notification, percent: Option<u8>) -> Option<Effect> {
        let is_wanted = match self.choices.notifications {
            NotificationChoice::All => true,
            NotificationChoice::Errors => kind == NoticeKind::Error,
            NotificationChoice::None => false,
        };
        is_wanted.then(|| {
            Effect::Notify(Notice {
                kind,
                summary: text.summary,
                body: text.body,
                percent,
                has_actions: kind == NoticeKind::Error,
                lang: self.choices.lang,
            })
        })
    }

    fn remember(&mut self, model: String, times: PreviousLaunch) {
        self.history.retain(|(known, _)| *known != model);
        self.history.push((model, times));
    }

    /// The ready daemon's status.
    pub(crate) fn status(&self) -> Option<&Status> {
        match &self.sight {
            Sight::Okibi(status) if status.ready => Some(status),
            _ => None,
        }
    }

    pub(crate) fn lang(&self) -> Lang {
        self.choices.lang
    }

    /// Everything the windows show.
    pub(crate) fn view(&self, now: Instant) -> View {
        View {
            lang: match self.choices.lang {
                Lang::En => Language::En,
                Lang::Ja => Language::Ja,
            },
            daemon: self.daemon(),
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
            held: self.status().map(models::held).unwrap_or_default(),
            library: self.models.library(),
            has_offers: self.models.has_offers() && self.choices.model == DEFAULT_MODEL,
        }
    }

    fn daemon(&self) -> DaemonView {
        let fraction = self
            .load
            .as_ref()
            .filter(|load| load.is_loading())
            .map_or(0.0, |load| load.board().fraction());
        match (&self.sight, &self.trouble) {
            (Sight::Okibi(status), _) if status.ready && self.stopping.is_none() => DaemonView::Ready {
                status: status_view(status),
            },
            _ if self.stopping.is_some() => DaemonView::Stopping,
            (Sight::Okibi(status), _) if status.status == RunState::Stopping => DaemonView::Stopping,
            _ if self.own.is_some() => DaemonView::Loading { fraction },
            (Sight::Okibi(status), _) if status.status == RunState::Starting => {
                DaemonView::Loading { fraction }
            }
            (_, Some(Trouble::PortTaken(problem, next_free))) => DaemonView::PortTaken {
                problem: problem.clone(),
                next_free: *next_free,
            },
            (_, Some(Trouble::Failed(problem))) => DaemonView::Failed {
                problem: problem.clone(),
            },
            (Sight::Foreign, None) => DaemonView::PortTaken {
                problem: Problem {
                    message: tray::port_taken(self.port, self.choices.lang),
                    advice: Some(tray::advice_port(None, self.choices.lang)),
                    log_tail: Vec::new(),
                },
                next_free: None,
            },
            (Sight::Nothing | Sight::Okibi(_), None) => DaemonView::Stopped,
        }
    }
}

/// A notification without the buttons for a daemon that failed.
fn without_actions(effect: Effect) -> Effect {
    match effect {
        Effect::Notify(notice) => Effect::Notify(Notice {
            has_actions: false,
            ..notice
        }),
        other => other,
    }
}

/// A status as the pages have it.
pub(crate) fn status_view(status: &Status) -> StatusView {
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    StatusView {
        model: status.model.clone(),
        is_resting: status.is_resting(),
        dimension: status.dimension.map(small),
        max_tokens: status.max_tokens.map(small),
        pid: status.pid,
        version: status.version.clone(),
        uptime_ms: millis(status.uptime_ms.into()),
        load_ms: status.load_ms.map(|time| millis(time.into())),
        memory_bytes: status.memory_bytes.map(|bytes| bytes.0 as f64),
        threads: status.threads.map(small),
        requests_served: status.requests_served as f64,
        requests_in_flight: status.requests_in_flight as f64,
        texts_embedded: status.texts_embedded as f64,
        latency: status.latency.map(|latency| LatencyView {
            p50_ms: latency.p50_ms,
            p99_ms: latency.p99_ms,
        }),
    }
}

/// A model's name for people: of a folder, its last part.
pub(crate) fn name(model: &str) -> String {
    let path = std::path::Path::new(model);
    match path.file_name() {
        Some(last) if path.is_absolute() => last.to_string_lossy().into_owned(),
        _ => model.to_owned(),
    }
}

/// The message of the last error in a log's lines, which look like `TIME ERROR target: message`.
fn last_error(log: &[String]) -> Option<&str> {
    log.iter()
        .rev()
        .find_map(|line| line.split_once(" ERROR ").map(|(_, rest)| rest.trim()))
}

#[cfg(test)]
#[path = "core_tests.rs"]
mod tests;
