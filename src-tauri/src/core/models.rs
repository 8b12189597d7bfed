//! Models as the app follows them: downloads, and the switch of a ready daemon to another one.
//!
//! Events in, effects out, no I/O, like the core that it is part of. Failures come as sentences.

use okibi_messages::{
    Lang,
    tray::{self, Notification},
};
use okibi_protocol::stage::{Measure, Stage, StageBoard, StageState};

use super::{
    effect::{ModelEffect, NoticeAction, NoticeKind},
    event::{ModelEvent, PendingSwitch, PullEnd, SwitchEnd},
};
use crate::{
    contract::{PageName, PullProgress, PullView, SwitchProgress, SwitchView},
    model_name,
};

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
    /// Takes in an event and returns what is to be done.
    pub(crate) fn handle(&mut self, event: ModelEvent) -> Vec<ModelEffect> {
        match event {
            ModelEvent::Pull(model) => self.pull(model),
            ModelEvent::CancelPull(model) => self.cancel(&model),
            ModelEvent::Bytes { run, done, total } => {
                if let Some(pull) = self.pulls.iter_mut().find(|pull| pull.run == run) {
                    pull.progress = PullProgress::Running {
                        done,
                        total: (total > 0).then_some(total),
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
                vec![ModelEffect::List]
            }
            ModelEvent::Switch(wanted) => self.switch_to(wanted),
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
            ModelEvent::Changed => vec![ModelEffect::List],
            ModelEvent::Listed { has_offers } => {
                self.library = self.library.wrapping_add(1);
                self.has_offers = has_offers;
                Vec::new()
            }
        }
    }

    /// Returns the notification for an event that a user without an open window should hear of. To be called before
    /// [`Models::handle`].
    pub(crate) fn notification(
        &self,
        event: &ModelEvent,
        lang: Lang,
    ) -> Option<(NoticeKind, Notification, Vec<NoticeAction>)> {
        match event {
            ModelEvent::PullEnded { run, end } => {
                let pull = self.pulls.iter().find(|pull| pull.run == *run)?;
                let model = model_name::display(&pull.model);
                match end {
                    PullEnd::Done => Some((
                        NoticeKind::Done,
                        tray::notify_pulled(&model, lang),
                        vec![NoticeAction::Use(pull.model.clone())],
                    )),
                    PullEnd::Failed(reason) => Some((
                        NoticeKind::Error,
                        tray::notify_pull_failed(&model, reason, lang),
                        vec![NoticeAction::Show(PageName::Models)],
                    )),
                    PullEnd::Cancelled => None,
                }
            }
            ModelEvent::SwitchEnded(end) => {
                let model = model_name::display(&self.switch.as_ref()?.model);
                match end {
                    SwitchEnd::Done => {
                        Some((NoticeKind::Done, tray::notify_switched(&model, lang), Vec::new()))
                    }
                    SwitchEnd::Failed(reason) | SwitchEnd::NoMemory(reason) => Some((
                        NoticeKind::Error,
                        tray::notify_switch_failed(&model, reason, lang),
                        vec![NoticeAction::Show(PageName::Models)],
                    )),
                    // The restart has notifications of its own.
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
            progress: PullProgress::Running { done: 0, total: None },
        });
        vec![ModelEffect::Pull { model, run }]
    }

    /// Forgets a download at once: one that hangs in a read notices only later that it was cancelled.
    fn cancel(&mut self, model: &str) -> Vec<ModelEffect> {
        let Some(at) = self.pulls.iter().position(|pull| pull.model == model) else {
            return Vec::new();
        };
        let pull = self.pulls.remove(at);
        match pull.progress {
            // The list shows already now that some of the files are here.
            PullProgress::Running { .. } => vec![ModelEffect::CancelPull(pull.run), ModelEffect::List],
            PullProgress::Failed { .. } => Vec::new(),
        }
    }

    fn switch_to(&mut self, wanted: PendingSwitch) -> Vec<ModelEffect> {
        if self.switch.as_ref().is_some_and(|switch| switch.failed.is_none()) {
            return Vec::new();
        }
        self.switch = Some(Switch {
            model: wanted.model.clone(),
            board: StageBoard::default(),
            failed: None,
        });
        vec![ModelEffect::Switch(wanted)]
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
                vec![ModelEffect::Choose { model, restart }, ModelEffect::List]
            }
            (_, None) => Vec::new(),
        }
    }

    /// Returns the downloads as the pages show them.
    pub(crate) fn pulls(&self) -> Vec<PullView> {
        self.pulls
            .iter()
            .map(|pull| PullView {
                model: pull.model.clone(),
                progress: pull.progress.clone(),
            })
            .collect()
    }

    /// Returns the switch as the pages show it.
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

    /// Returns a number that changes whenever the models on this machine may have changed.
    pub(crate) fn library(&self) -> u32 {
        self.library
    }

    /// Whether there are models worth offering.
    pub(crate) fn has_offers(&self) -> bool {
        self.has_offers
    }
}

/// Returns how far the download of a load is, while there is one.
fn download(board: &StageBoard) -> Option<Measure> {
    board
        .stages()
        .iter()
        .filter(|event| event.stage == Stage::Download && event.state == StageState::Advanced)
        .find_map(|event| event.measure)
}

#[cfg(test)]
mod tests {
    use okibi_protocol::{
        stage::{StageEvent, Unit},
        units::Millis,
    };

    use super::*;

    fn pulled(models: &mut Models, model: &str) -> u64 {
        match models.handle(ModelEvent::Pull(model.into())).as_slice() {
            [ModelEffect::Pull { run, .. }] => *run,
            other => panic!("{other:?}"),
        }
    }

    fn pending(model: &str) -> PendingSwitch {
        PendingSwitch {
            model: model.into(),
            replace: false,
        }
    }

    fn switch(model: &str) -> ModelEvent {
        ModelEvent::Switch(pending(model))
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
            done: 3,
            total: Some(9),
        };
        assert_eq!(progress(&models), [("a".to_owned(), running)]);
        let end = ModelEvent::PullEnded {
            run,
            end: PullEnd::Done,
        };
        assert_eq!(models.handle(end), [ModelEffect::List]);
        assert_eq!(progress(&models), []);
    }

    #[test]
    fn one_that_was_cancelled_is_gone_at_once_and_its_late_news_touch_no_new_one() {
        let mut models = Models::default();
        let old = pulled(&mut models, "a");
        assert_eq!(
            models.handle(ModelEvent::CancelPull("a".into())),
            [ModelEffect::CancelPull(old), ModelEffect::List]
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
        let fresh = PullProgress::Running { done: 0, total: None };
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
        assert_eq!(models.handle(switch("b")), [ModelEffect::Switch(pending("b"))]);
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
        assert_eq!(download.and_then(|measure| measure.total), Some(4));
        let choose = ModelEffect::Choose {
            model: "b".into(),
            restart: false,
        };
        assert_eq!(
            models.handle(ModelEvent::SwitchEnded(SwitchEnd::Done)),
            [choose, ModelEffect::List]
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
        assert_eq!(effects.first(), Some(&choose));
    }
}
