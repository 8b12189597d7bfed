//! A load as it is followed: its stages, when each event came, and how it ended.

use std::time::{Duration, Instant};

use okibi_protocol::{
    method::Status,
    stage::{Stage, StageBoard, StageEvent, StageState},
};

use crate::contract::{LaunchState, LaunchView, PreviousLaunch, PreviousStage, Problem};

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
    /// When each stage's last event came.
    recorded: Vec<(Stage, Instant)>,
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
            recorded: Vec::new(),
        }
    }

    /// Takes in a step of a stage.
    pub(crate) fn record(&mut self, event: StageEvent, now: Instant) {
        self.recorded.retain(|(stage, _)| *stage != event.stage);
        self.recorded.push((event.stage, now));
        self.board.record(event);
    }

    /// Takes in the stages of a status.
    pub(crate) fn record_all(&mut self, status: &Status, now: Instant) {
        for event in status.stages.stages() {
            if !self.board.stages().contains(event) {
                self.record(event.clone(), now);
            }
        }
    }

    /// Ends it. A stage that is still open when the daemon is ready was the handover: the daemon reports its end to the
    /// front of the launch alone, and that front is about to close its connections.
    pub(crate) fn end(&mut self, state: LaunchState, now: Instant) {
        let open: Vec<StageEvent> = self
            .board
            .stages()
            .iter()
            .filter(|event| is_open(event.state))
            .cloned()
            .collect();
        for event in open {
            let mut event = self.stage_now(&event, now);
            match state {
                LaunchState::Ready => event.state = StageState::Finished,
                LaunchState::Failed => event.state = StageState::Failed,
                // It was under way, and stays so: the page says that it was interrupted.
                LaunchState::Cancelled | LaunchState::Loading => {}
            }
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

    /// Returns the time since it began; its whole time once it is over.
    pub(crate) fn elapsed(&self, now: Instant) -> Duration {
        self.took
            .unwrap_or_else(|| now.saturating_duration_since(self.began))
    }

    /// Returns its times, to show beside the next load of the model.
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
        // The clock of a load that is over stands.
        let now = self.took.map_or(now, |took| self.began + took);
        LaunchView {
            model: self.model.clone(),
            state: self.state,
            elapsed_ms: self.elapsed(now).into(),
            stages: self
                .board
                .stages()
                .iter()
                .map(|event| self.stage_now(event, now))
                .collect(),
            previous: self.previous.clone(),
            problem: self.problem.clone(),
        }
    }

    /// Returns a stage's last event, with its time until now if it is not over.
    fn stage_now(&self, event: &StageEvent, now: Instant) -> StageEvent {
        let mut event = event.clone();
        if is_open(event.state) {
            event.elapsed_ms = (Duration::from(event.elapsed_ms) + self.since(&event, now)).into();
        }
        event
    }

    /// Returns the time since the last event of a stage.
    fn since(&self, event: &StageEvent, now: Instant) -> Duration {
        self.recorded
            .iter()
            .find(|(stage, _)| *stage == event.stage)
            .map_or(Duration::ZERO, |(_, at)| now.saturating_duration_since(*at))
    }
}

const fn is_open(state: StageState) -> bool {
    matches!(state, StageState::Started | StageState::Advanced)
}

/// Returns milliseconds as they are stored with earlier loads.
pub(crate) fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e3).round()
}

#[cfg(test)]
mod tests {
    use okibi_protocol::units::Millis;

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
        let times: Vec<u64> = view.stages.iter().map(|stage| stage.elapsed_ms.0).collect();
        assert_eq!((times, view.elapsed_ms), (vec![190, 105], Millis(100)));
    }

    #[test]
    fn the_last_stage_ends_with_the_load() {
        let began = Instant::now();
        let mut load = Load::new("m".into(), began, None);
        load.record(event(Stage::Listen, StageState::Started, 0), began);
        load.end(LaunchState::Ready, began + Duration::from_millis(7));
        let view = load.view(began + Duration::from_secs(9));
        assert_eq!(view.stages[0].state, StageState::Finished);
        assert_eq!(
            (view.stages[0].elapsed_ms, view.elapsed_ms),
            (Millis(7), Millis(7))
        );
    }

    #[test]
    fn a_stage_of_a_cancelled_load_has_not_failed_and_its_clock_stands() {
        let began = Instant::now();
        let mut load = Load::new("m".into(), began, None);
        load.record(event(Stage::Tokenizer, StageState::Started, 0), began);
        load.end(LaunchState::Cancelled, began + Duration::from_millis(7));
        let stage = &load.view(began + Duration::from_secs(9)).stages[0];
        assert_eq!((stage.state, stage.elapsed_ms), (StageState::Started, Millis(7)));
    }
}
