//! Models as the app follows them: downloads, the change of a ready daemon to another one, what the daemon holds.
//!
//! Like [`crate::core`], whose part it is: events in, effects out, no I/O. Failures come as sentences.

use okibi_messages::{
    Lang,
    tray::{self, Notification},
};
use okibi_protocol::{
    method::Status,
    stage::{Stage, StageBoard, StageEvent, StageState},
};

use crate::{
    contract::{HeldView, MeasureView, PullProgress, PullView, SwitchProgress, SwitchView},
    core::{Effect, NoticeKind, name},
};

/// Something that happened to models.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ModelEvent {
    /// The user wants a download.
    Pull(String),
    /// The user wants it ended, or has read why it failed.
    CancelPull(String),
    /// A download has come so far.
    Bytes { run: u64, done: u64, total: u64 },
    /// A download is over.
    PullEnded { run: u64, end: PullEnd },
    /// The user wants another model of a ready daemon.
    Switch(Wish),
    /// A step of that.
    SwitchStep(StageEvent),
    /// It is over.
    SwitchEnded(SwitchEnd),
    /// The user has read why it failed.
    DismissSwitch,
    /// The models on this machine may have changed.
    Changed,
    /// They have been read anew, and there are models to be offered, or not.
    Read { has_offers: bool },
}

/// How a download ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PullEnd {
    Done,
    Cancelled,
    /// Why, in words.
    Failed(String),
}

/// How a change over ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SwitchEnd {
    Done,
    /// This daemon changes its model only in a restart.
    NeedsRestart,
    /// There is no memory for both models. Why, in words.
    NoMemory(String),
    /// Why, in words.
    Failed(String),
}

/// The model that a ready daemon shall change over to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) model: String,
    /// Whether the present model is unloaded first, where there is no memory for both.
    pub(crate) replace: bool,
}

/// Something to be done about models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ModelEffect {
    /// Fetch a model's files; `run` names the download.
    Pull { model: String, run: u64 },
    /// End that download.
    CancelPull(u64),
    /// Have the ready daemon load a model and change over to it.
    Switch(Wish),
    /// Put a model into the settings; then start the daemon anew, or not.
    Choose { model: String, restart: bool },
    /// Look anew which models are on this machine.
    Read,
}

#[derive(Debug)]
struct Pull {
    model: String,
    run: u64,
    progress: PullProgress,
}

#[derive(Debug)]
struct Switch {
    model: String,
    board: StageBoard,
    failed: Option<SwitchEnd>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Models {
    pulls: Vec<Pull>,
    runs: u64,
    switch: Option<Switch>,
    library: u32,
    has_offers: bool,
}

impl Models {
    /// Takes an event in and says what is to be done.
    pub(crate) fn handle(&mut self, event: ModelEvent) -> Vec<Effect> {
        let effects = match event {
            ModelEvent::Pull(model) => self.pull(model),
            ModelEvent::CancelPull(model) => self.cancel(&model),
            ModelEvent::Bytes { run, done, total } => {
                if let Some(pull) = self.pulls.iter_mut().find(|pull| pull.run == run) {
                    pull.progress = PullProgress::Running {
                        done: done as f64,
                        total: (total > 0).then_some(total as f64),
                    };
                }
                Vec::new()
            }
            ModelEvent::PullEnded { run, end } => {
                match end {
                    PullEnd::Done | PullEnd::Cancelled => self.pulls.retain(|pull| pull.run != run),
                    PullEnd::Failed(message) => {
                        if let Some(pull) = self.pulls.iter_mut().find(|pull| pull.run == run) {
                            pull.progress = PullProgress::Failed { message };
                        }
                    }
                }
                vec![ModelEffect::Read]
            }
            ModelEvent::Switch(wish) => self.switch_to(wish),
            ModelEvent::SwitchStep(event) => {
                if let Some(switch) = &mut self.switch {
                    switch.board.record(event);
                }
                Vec::new()
            }
            ModelEvent::SwitchEnded(end) => self.switched(end),
            ModelEvent::DismissSwitch => {
                self.switch.take_if(|switch| switch.failed.is_some());
                Vec::new()
            }
            ModelEvent::Changed => vec![ModelEffect::Read],
            ModelEvent::Read { has_offers } => {
                self.library = self.library.wrapping_add(1);
                self.has_offers = has_offers;
                Vec::new()
            }
        };
        effects.into_iter().map(Effect::Models).collect()
    }

    /// What of an event the user is told who has no window open; asked before it is handled.
    pub(crate) fn told(&self, event: &ModelEvent, lang: Lang) -> Option<(NoticeKind, Notification)> {
        match event {
            ModelEvent::PullEnded { run, end } => {
                let pull = self.pulls.iter().find(|pull| pull.run == *run)?;
                let model = name(&pull.model);
                match end {
                    PullEnd::Done => Some((NoticeKind::Done, tray::notify_pulled(&model, lang))),
                    PullEnd::Failed(reason) => {
                        Some((NoticeKind::Error, tray::notify_pull_failed(&model, reason, lang)))
                    }
                    PullEnd::Cancelled => None,
                }
            }
            ModelEvent::SwitchEnded(end) => {
                let model = name(&self.switch.as_ref()?.model);
                match end {
                    SwitchEnd::Done => Some((NoticeKind::Done, tray::notify_switched(&model, lang))),
                    SwitchEnd::Failed(reason) | SwitchEnd::NoMemory(reason) => Some((
                        NoticeKind::Error,
                        tray::notify_switch_failed(&model, reason, lang),
                    )),
                    // Its start is told like any other.
                    SwitchEnd::NeedsRestart => None,
                }
            }
            _ => None,
        }
    }

    fn pull(&mut self, model: String) -> Vec<ModelEffect> {
        let is_running =
            |pull: &Pull| pull.model == model && matches!(pull.progress, PullProgress::Running { .. });
        if self.pulls.iter().any(is_running) {
            return Vec::new();
        }
        self.pulls.retain(|pull| pull.model != model);
        self.runs += 1;
        let run = self.runs;
        self.pulls.push(Pull {
            model: model.clone(),
            run,
            progress: PullProgress::Running {
                done: 0.0,
                total: None,
            },
        });
        vec![ModelEffect::Pull { model, run }]
    }

    /// Its end is seen at once, though a download needs a moment to hear of it.
    fn cancel(&mut self, model: &str) -> Vec<ModelEffect> {
        let Some(at) = self.pulls.iter().position(|pull| pull.model == model) else {
            return Vec::new();
        };
        let pull = self.pulls.remove(at);
        match pull.progress {
            // What has come is seen now; a download that stands still hears of its end only later.
            PullProgress::Running { .. } => vec![ModelEffect::CancelPull(pull.run), ModelEffect::Read],
            PullProgress::Failed { .. } => Vec::new(),
        }
    }

    fn switch_to(&mut self, wish: Wish) -> Vec<ModelEffect> {
        if self.switch.as_ref().is_some_and(|switch| switch.failed.is_none()) {
            return Vec::new();
        }
        self.switch = Some(Switch {
            model: wish.model.clone(),
            board: StageBoard::default(),
            failed: None,
        });
        vec![ModelEffect::Switch(wish)]
    }

    fn switched(&mut self, end: SwitchEnd) -> Vec<ModelEffect> {
        match (end, self.switch.take()) {
            (end @ (SwitchEnd::Failed(_) | SwitchEnd::NoMemory(_)), Some(switch)) => {
                self.switch = Some(Switch {
                    failed: Some(end),
                    ..switch
                });
                Vec::new()
            }
            (end, Some(Switch { model, .. })) => {
                let restart = end == SwitchEnd::NeedsRestart;
                vec![ModelEffect::Choose { model, restart }, ModelEffect::Read]
            }
            (_, None) => Vec::new(),
        }
    }

    /// Downloads as the pages have them.
    pub(crate) fn pulls(&self) -> Vec<PullView> {
        self.pulls
            .iter()
            .map(|pull| PullView {
                model: pull.model.clone(),
                progress: pull.progress.clone(),
            })
            .collect()
    }

    /// The change over as the pages have it.
    pub(crate) fn switch(&self) -> Option<SwitchView> {
        self.switch.as_ref().map(|switch| SwitchView {
            model: switch.model.clone(),
            progress: match &switch.failed {
                Some(SwitchEnd::NoMemory(message)) => SwitchProgress::Failed {
                    message: message.clone(),
                    may_replace: true,
                },
                Some(SwitchEnd::Failed(message)) => SwitchProgress::Failed {
                    message: message.clone(),
                    may_replace: false,
                },
                Some(SwitchEnd::Done | SwitchEnd::NeedsRestart) | None => SwitchProgress::Loading {
                    fraction: switch.board.fraction(),
                    download: download(&switch.board),
                },
            },
        })
    }

    /// Another number whenever the models on this machine may have changed.
    pub(crate) fn library(&self) -> u32 {
        self.library
    }

    /// Whether there are models to be offered.
    pub(crate) fn has_offers(&self) -> bool {
        self.has_offers
    }
}

/// How far the download of a load is, while there is one.
fn download(board: &StageBoard) -> Option<MeasureView> {
    board
        .stages()
        .iter()
        .filter(|event| event.stage == Stage::Download && event.state == StageState::Advanced)
        .find_map(|event| event.measure)
        .map(MeasureView::from)
}

/// What a daemon holds, as the pages have it.
pub(crate) fn held(status: &Status) -> Vec<HeldView> {
    status
        .models
        .iter()
        .map(|model| HeldView {
            model: model.name.clone(),
            state: model.state,
            is_current: model.current,
            note: model.error.clone().or_else(|| model.warning.clone()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use okibi_protocol::{
        stage::{Measure, Unit},
        units::Millis,
    };

    use super::*;

    fn pulled(models: &mut Models, model: &str) -> u64 {
        match models.handle(ModelEvent::Pull(model.into())).as_slice() {
            [Effect::Models(ModelEffect::Pull { run, .. })] => *run,
            other => panic!("{other:?}"),
        }
    }

    fn wish(model: &str) -> Wish {
        Wish {
            model: model.into(),
            replace: false,
        }
    }

    fn switch(model: &str) -> ModelEvent {
        ModelEvent::Switch(wish(model))
    }

    fn progress(models: &Models) -> Vec<(String, PullProgress)> {
        models
            .pulls()
            .into_iter()
            .map(|pull| (pull.model, pull.progress))
            .collect()
    }

    #[test]
    fn a_download_is_begun_once_and_shows_its_bytes() {
        let mut models = Models::default();
        let run = pulled(&mut models, "a");
        assert_eq!(models.handle(ModelEvent::Pull("a".into())), []);
        models.handle(ModelEvent::Bytes {
            run,
            done: 3,
            total: 9,
        });
        let running = PullProgress::Running {
            done: 3.0,
            total: Some(9.0),
        };
        assert_eq!(progress(&models), [("a".to_owned(), running)]);
        let end = ModelEvent::PullEnded {
            run,
            end: PullEnd::Done,
        };
        assert_eq!(models.handle(end), [Effect::Models(ModelEffect::Read)]);
        assert_eq!(progress(&models), []);
    }

    #[test]
    fn one_that_was_cancelled_is_gone_at_once_and_its_late_news_touch_no_new_one() {
        let mut models = Models::default();
        let old = pulled(&mut models, "a");
        assert_eq!(
            models.handle(ModelEvent::CancelPull("a".into())),
            [
                Effect::Models(ModelEffect::CancelPull(old)),
                Effect::Models(ModelEffect::Read)
            ]
        );
        assert_eq!(progress(&models), []);
        pulled(&mut models, "a");
        models.handle(ModelEvent::Bytes {
            run: old,
            done: 5,
            total: 9,
        });
        models.handle(ModelEvent::PullEnded {
            run: old,
            end: PullEnd::Cancelled,
        });
        let fresh = PullProgress::Running {
            done: 0.0,
            total: None,
        };
        assert_eq!(progress(&models), [("a".to_owned(), fresh)]);
    }

    #[test]
    fn one_that_failed_stays_with_its_reason_until_it_is_tried_again_or_read() {
        let mut models = Models::default();
        let run = pulled(&mut models, "a");
        let end = PullEnd::Failed("no space".into());
        models.handle(ModelEvent::PullEnded { run, end });
        let message = "no space".to_owned();
        assert_eq!(
            progress(&models),
            [("a".to_owned(), PullProgress::Failed { message })]
        );
        assert_eq!(models.handle(ModelEvent::CancelPull("a".into())), []);
        assert_eq!(progress(&models), []);
        assert_ne!(pulled(&mut models, "a"), run);
    }

    #[test]
    fn a_change_over_is_chosen_for_later_starts_only_once_it_is_done() {
        let mut models = Models::default();
        assert_eq!(
            models.handle(switch("b")),
            [Effect::Models(ModelEffect::Switch(wish("b")))]
        );
        assert_eq!(models.handle(switch("c")), [], "one at a time");
        models.handle(ModelEvent::SwitchStep(StageEvent {
            stage: Stage::Download,
            state: StageState::Advanced,
            elapsed_ms: Millis(9),
            measure: Some(Measure {
                done: 1,
                total: Some(4),
                unit: Unit::Bytes,
            }),
        }));
        let Some(SwitchView {
            progress: SwitchProgress::Loading { download, .. },
            ..
        }) = models.switch()
        else {
            panic!("it goes on");
        };
        assert_eq!(download.and_then(|measure| measure.total), Some(4.0));
        let choose = ModelEffect::Choose {
            model: "b".into(),
            restart: false,
        };
        assert_eq!(
            models.handle(ModelEvent::SwitchEnded(SwitchEnd::Done)),
            [Effect::Models(choose), Effect::Models(ModelEffect::Read)]
        );
        assert_eq!(models.switch(), None);
    }

    #[test]
    fn one_that_failed_says_why_and_an_old_daemon_is_restarted() {
        let mut models = Models::default();
        models.handle(switch("b"));
        let failed = SwitchEnd::NoMemory("short of memory".into());
        assert_eq!(models.handle(ModelEvent::SwitchEnded(failed)), []);
        let message = "short of memory".to_owned();
        assert_eq!(
            models.switch().map(|switch| switch.progress),
            Some(SwitchProgress::Failed {
                message,
                may_replace: true
            })
        );
        models.handle(ModelEvent::DismissSwitch);
        assert_eq!(models.switch(), None);
        models.handle(switch("b"));
        let effects = models.handle(ModelEvent::SwitchEnded(SwitchEnd::NeedsRestart));
        let choose = ModelEffect::Choose {
            model: "b".into(),
            restart: true,
        };
        assert_eq!(effects.first(), Some(&Effect::Models(choose)));
    }
}
