//! The core in a small world of two ports, with whatever may happen there in any order: what it shows never contradicts the port.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use okibi_launcher::{StartError, Started, Stopped};
use okibi_protocol::method::RunState;
use proptest::prelude::*;

use super::{
    Choices, Core, Effect, Event, Kept, PortState, UserCommand,
    tests::{choices, status},
};
use crate::contract::{DaemonView, HintKind};

const PORTS: [u16; 2] = [8765, 22041];
const MODELS: [&str; 2] = ["multilingual-e5-small", "ruri-v3-30m"];

/// Something that happens.
#[derive(Clone, Debug)]
enum Happening {
    /// The command line starts a daemon.
    CommandLineStarts { port: u16, model: &'static str },
    /// The command line has the daemon change over.
    CommandLineUses { port: u16, model: &'static str },
    /// Whatever is on the port is killed.
    Dies { port: u16 },
    /// Another program takes the port.
    Taken { port: u16 },
    /// The user presses something.
    Presses(UserCommand),
    /// The settings are edited.
    Edits {
        port: u16,
        model: &'static str,
        of_daemon: bool,
    },
    /// Time passes.
    Waits,
}

fn happening() -> impl Strategy<Value = Happening> {
    let port = || prop::sample::select(&PORTS[..]);
    let model = || prop::sample::select(&MODELS[..]);
    let command = prop::sample::select(vec![UserCommand::Start, UserCommand::Stop, UserCommand::Restart]);
    prop_oneof![
        (port(), model()).prop_map(|(port, model)| Happening::CommandLineStarts { port, model }),
        (port(), model()).prop_map(|(port, model)| Happening::CommandLineUses { port, model }),
        port().prop_map(|port| Happening::Dies { port }),
        port().prop_map(|port| Happening::Taken { port }),
        command.prop_map(Happening::Presses),
        (port(), model(), any::<bool>()).prop_map(|(port, model, of_daemon)| Happening::Edits {
            port,
            model,
            of_daemon
        }),
        Just(Happening::Waits),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnPort {
    Daemon { pid: u32, model: &'static str },
    Foreign,
}

/// The world outside of the core, and the core.
struct World {
    core: Core,
    now: Instant,
    choices: Choices,
    ports: BTreeMap<u16, OnPort>,
    /// The port of the daemon that was started last, as its file says.
    named: Option<u16>,
    pids: u32,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            core: Core::new(choices(), Vec::new()),
            now: Instant::now(),
            choices: choices(),
            ports: BTreeMap::new(),
            named: None,
            pids: 100,
        };
        world.look();
        world
    }

    /// The port that the app looks at: that of the daemon that has written its file last, else that of the settings.
    fn watched(&self) -> u16 {
        self.named.unwrap_or(self.choices.port)
    }

    fn status_of(pid: u32, model: &str) -> okibi_protocol::method::Status {
        okibi_protocol::method::Status {
            pid,
            model: model.into(),
            ..status(RunState::Running)
        }
    }

    fn start(&mut self, port: u16, model: &'static str) -> Result<Started, StartError> {
        match self.ports.get(&port) {
            Some(OnPort::Foreign) => Err(StartError::PortTaken {
                port,
                holder: None,
                next_free: None,
            }),
            Some(OnPort::Daemon { pid, model }) => Ok(Started::AlreadyRunning(Self::status_of(*pid, model))),
            None => {
                self.pids += 1;
                let pid = self.pids;
                self.ports.insert(port, OnPort::Daemon { pid, model });
                self.named = Some(port);
                Ok(Started::Launched(Self::status_of(pid, model)))
            }
        }
    }

    fn end(&mut self, port: u16) {
        self.ports.remove(&port);
        self.named.take_if(|named| *named == port);
    }

    /// Hands an event to the core and does what it asks for, until it asks for nothing more.
    fn tell(&mut self, event: Event) {
        let mut effects = self.core.handle(event, self.now);
        while let Some(effect) = (!effects.is_empty()).then(|| effects.remove(0)) {
            let answer = match effect {
                Effect::Launch(Kept { port, model }) => {
                    let model = model.unwrap_or_else(|| self.choices.model.clone());
                    let model = MODELS.into_iter().find(|known| *known == model).unwrap();
                    let outcome = self.start(port.unwrap_or(self.choices.port), model);
                    Event::LaunchEnded(Box::new(outcome))
                }
                Effect::Stop(port) => {
                    let outcome = match self.ports.get(&port) {
                        Some(OnPort::Daemon { .. }) => {
                            self.end(port);
                            Stopped::Stopped
                        }
                        _ => Stopped::NotRunning,
                    };
                    Event::StopEnded(Ok(outcome))
                }
                _ => continue,
            };
            effects.extend(self.core.handle(answer, self.now));
        }
    }

    /// The watcher looks at its port.
    fn look(&mut self) {
        let port = self.watched();
        let (state, model) = match self.ports.get(&port) {
            None => (PortState::Free, None),
            Some(OnPort::Foreign) => (PortState::Foreign(None), None),
            Some(OnPort::Daemon { pid, model }) => (
                PortState::Okibi(Box::new(Self::status_of(*pid, model))),
                Some((*model).to_owned()),
            ),
        };
        self.tell(Event::PortChanged {
            port,
            state,
            log: Vec::new(),
            model,
        });
    }

    fn happens(&mut self, happening: &Happening) {
        match *happening {
            Happening::CommandLineStarts { port, model } => {
                // What comes of it is the command line's.
                let _ = self.start(port, model);
            }
            Happening::CommandLineUses { port, model } => {
                if let Some(OnPort::Daemon { model: current, .. }) = self.ports.get_mut(&port) {
                    *current = model;
                }
            }
            Happening::Dies { port } => self.end(port),
            Happening::Taken { port } => {
                self.ports.entry(port).or_insert(OnPort::Foreign);
            }
            Happening::Presses(command) => self.tell(Event::Command(command)),
            Happening::Edits {
                port,
                model,
                of_daemon,
            } => {
                self.choices = Choices {
                    port,
                    model: model.into(),
                    of_daemon: of_daemon.to_string(),
                    ..choices()
                };
                self.tell(Event::Settings(self.choices.clone()));
            }
            Happening::Waits => {
                self.now += Duration::from_secs(1);
                if self.core.deadline().is_some_and(|due| due <= self.now) {
                    self.tell(Event::Tick);
                }
            }
        }
        self.look();
    }

    /// What is shown, beside what is.
    fn check(&mut self) -> Result<(), TestCaseError> {
        let view = self.core.view(self.now);
        prop_assert_eq!(view.port, self.watched());
        match (self.ports.get(&view.port), &view.daemon) {
            (Some(OnPort::Daemon { pid, model }), DaemonView::Ready { status }) => {
                prop_assert_eq!((status.pid, status.model.as_str()), (*pid, *model));
                // The mark in the menu.
                prop_assert_eq!(self.core.model(), *model);
            }
            (Some(OnPort::Foreign), DaemonView::PortTaken { .. } | DaemonView::Failed { .. }) => {}
            (None, DaemonView::Stopped | DaemonView::Failed { .. }) => {}
            (there, shown) => prop_assert!(false, "{there:?} is shown as {shown:?}"),
        }
        prop_assert!(
            view.address.ends_with(&view.port.to_string()),
            "{} of port {}",
            view.address,
            view.port
        );
        Ok(())
    }
}

proptest! {
    #[test]
    fn what_is_shown_never_contradicts_the_port(all in prop::collection::vec(happening(), 0..40)) {
        let mut world = World::new();
        for happening in &all {
            world.happens(happening);
            world.check()?;
        }
        // A press on Stop ends what is shown.
        let port = world.watched();
        world.happens(&Happening::Presses(UserCommand::Stop));
        world.check()?;
        let is_there = matches!(world.ports.get(&port), Some(OnPort::Daemon { .. }));
        prop_assert!(!is_there, "the daemon on {} still runs", port);
    }

    #[test]
    fn a_restart_brings_back_what_ran_or_says_that_it_would_not(all in prop::collection::vec(happening(), 0..40)) {
        let mut world = World::new();
        for happening in &all {
            world.happens(happening);
        }
        let port = world.watched();
        let Some(OnPort::Daemon { model, .. }) = world.ports.get(&port).copied() else {
            return Ok(());
        };
        let hints = world.core.view(world.now).hints;
        let is_announced = hints.iter().any(|hint| hint.kind == HintKind::Restart);
        world.happens(&Happening::Presses(UserCommand::Restart));
        let after = world.ports.get(&port).copied();
        let is_back = matches!(after, Some(OnPort::Daemon { model: now, .. }) if now == model);
        prop_assert!(is_back || is_announced, "{model} on {port} became {after:?}");
    }
}
