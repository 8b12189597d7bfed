//! A load as it is followed: its stages, when each was heard of, and how it ended.

use std::time::{Duration, Instant};

use okibi_protocol::{
    method::Status,
    stage::{Measure, StageBoard, StageEvent, StageState},
};

use crate::contract::{
    LaunchState, LaunchView, MeasureView, PreviousLaunch, PreviousStage, Problem, StageView,
};

/// A load: under way, or over.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) model: String,
    pub(crate) state: LaunchState,
    pub(crate) problem: Option<Problem>,
    pub(crate) previous: Option<PreviousLaunch>,
    began: Instant,
    took: Option<Duration>,
    board: StageBoard,
    heard: Vec<(okibi_protocol::stage::Stage, Instant)>,
}

impl Load {
    pub(crate) fn new(model: String, began: Instant, previous: Option<PreviousLaunch>) -> Self {
        Self {
            model,
            state: LaunchState::Loading,
            problem: None,
            previous,
            began,
            took: None,
            board: StageBoard::default(),
            heard: Vec::new(),
        }
    }

    /// Takes a step of a stage in.
    pub(crate) fn record(&mut self, event: StageEvent, now: Instant) {
        self.heard.retain(|(stage, _)| *stage != event.stage);
        self.heard.push((event.stage, now));
        self.board.record(event);
    }

    /// Takes the stages of a status in.
    pub(crate) fn record_all(&mut self, status: &Status, now: Instant) {
        for event in status.stages.stages() {
            if !self.board.stages().contains(event) {
                self.record(event.clone(), now);
            }
        }
    }

    /// Ends it. A stage still open when the daemon is ready was the handover, whose end is told to nobody.
    pub(crate) fn end(&mut self, state: LaunchState, now: Instant) {
        let open: Vec<StageEvent> = self
            .board
            .stages()
            .iter()
            .filter(|event| is_open(event.state))
            .cloned()
            .collect();
        for mut event in open {
            event.elapsed_ms = (Duration::from(event.elapsed_ms) + self.since(&event, now)).into();
            event.state = if state == LaunchState::Ready {
                StageState::Finished
            } else {
                StageState::Failed
            };
            self.record(event, now);
        }
        self.state = state;
        self.took = Some(now.saturating_duration_since(self.began));
    }

    pub(crate) fn is_loading(&self) -> bool {
        self.state == LaunchState::Loading
    }

    pub(crate) fn board(&self) -> &StageBoard {
        &self.board
    }

    /// Time since it began; its whole time once it is over.
    pub(crate) fn elapsed(&self, now: Instant) -> Duration {
        self.took
            .unwrap_or_else(|| now.saturating_duration_since(self.began))
    }

    /// Its times, for the next load of the model.
    pub(crate) fn times(&self, now: Instant) -> PreviousLaunch {
        PreviousLaunch {
            total_ms: millis(self.elapsed(now)),
            stages: self
                .board
                .stages()
                .iter()
                .map(|event| PreviousStage {
                    stage: event.stage,
                    took_ms: event.elapsed_ms.0 as f64,
                })
                .collect(),
        }
    }

    pub(crate) fn view(&self, now: Instant) -> LaunchView {
        LaunchView {
            model: self.model.clone(),
            state: self.state,
            elapsed_ms: millis(self.elapsed(now)),
            stages: self
                .board
                .stages()
                .iter()
                .map(|event| self.stage_view(event, now))
                .collect(),
            previous: self.previous.clone(),
            problem: self.problem.clone(),
        }
    }

    fn stage_view(&self, event: &StageEvent, now: Instant) -> StageView {
        let told = Duration::from(event.elapsed_ms);
        let elapsed = if is_open(event.state) {
            told + self.since(event, now)
        } else {
            told
        };
        StageView {
            stage: event.stage,
            state: event.state,
            elapsed_ms: millis(elapsed),
            measure: event.measure.map(MeasureView::from),
        }
    }

    /// Time since a stage was last heard of.
    fn since(&self, event: &StageEvent, now: Instant) -> Duration {
        self.heard
            .iter()
            .find(|(stage, _)| *stage == event.stage)
            .map_or(Duration::ZERO, |(_, at)| now.saturating_duration_since(*at))
    }
}

impl From<Measure> for MeasureView {
    fn from(measure: Measure) -> Self {
        Self {
            done: measure.done as f64,
            total: measure.total.map(|total| total as f64),
            unit: measure.unit,
        }
    }
}

const fn is_open(state: StageState) -> bool {
    matches!(state, StageState::Started | StageState::Advanced)
}

/// Milliseconds as the pages have them.
pub(crate) fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e3).round()
}

#[cfg(test)]
mod tests {
    use okibi_protocol::{stage::Stage, units::Millis};

    use super::*;

    fn event(stage: Stage, state: StageState, elapsed: u64) -> StageEvent {
        StageEvent {
            stage,
            state,
            elapsed_ms: Millis(elapsed),
            measure: None,
        }
    }

    #[test]
    fn a_stage_under_way_has_a_running_clock_and_a_finished_one_its_time() {
        let began = Instant::now();
        let mut load = Load::new("m".into(), began, None);
        load.record(event(Stage::Runtime, StageState::Finished, 190), began);
        load.record(event(Stage::Tokenizer, StageState::Started, 5), began);
        let view = load.view(began + Duration::from_millis(100));
        let times: Vec<f64> = view.stages.iter().map(|stage| stage.elapsed_ms).collect();
        assert_eq!((times, view.elapsed_ms), (vec![190.0, 105.0], 100.0));
    }

    #[test]
    fn the_last_stage_ends_with_the_load() {
        let began = Instant::now();
        let mut load = Load::new("m".into(), began, None);
        load.record(event(Stage::Listen, StageState::Started, 0), began);
        load.end(LaunchState::Ready, began + Duration::from_millis(7));
        let view = load.view(began + Duration::from_secs(9));
        assert_eq!(view.stages[0].state, StageState::Finished);
        assert_eq!((view.stages[0].elapsed_ms, view.elapsed_ms), (7.0, 7.0));
    }
}
