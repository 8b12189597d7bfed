//! The stages of a load, and the board that keeps where each of them stands.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

use crate::units::Millis;

/// A stage of loading a model, in the order a launch passes them. A model may skip some.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Stage {
    /// Finds out which files the model's name means.
    Resolve,
    /// Fetches files that are not on this machine.
    Download,
    /// Opens the ONNX Runtime library.
    Runtime,
    /// Reads the tokenizer.
    Tokenizer,
    /// Opens the model's session.
    Model,
    /// Runs the model once.
    Warmup,
    /// Takes the port over from the front.
    Listen,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The stage's name on the wire.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Share of a usual load this stage takes, in hundredths. A download, where there is one, outweighs the rest.
    const fn weight(self) -> f64 {
        match self {
            Self::Resolve | Self::Listen => 2.0,
            Self::Download => 400.0,
            Self::Runtime | Self::Warmup => 8.0,
            Self::Tokenizer => 40.0,
            Self::Model => 40.0,
        }
    }
}

/// Where a stage stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum StageState {
    /// It has begun.
    Started,
    /// Its measure has moved on.
    Advanced,
    /// It is done.
    Finished,
    /// It has failed, and with it the load.
    Failed,
}

/// What a [`Measure`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Unit {
    /// Bytes of files.
    Bytes,
    /// Things: files, pieces.
    Items,
}

/// How much of a stage is done, where that can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct Measure {
    /// How much is done.
    pub done: u64,
    /// How much there is, where it is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub total: Option<u64>,
    /// What is counted.
    pub unit: Unit,
}

impl Measure {
    /// The share that is done, 0 to 1, where the total is known.
    pub fn fraction(&self) -> Option<f64> {
        self.total
            .filter(|total| *total > 0)
            .map(|total| (self.done as f64 / total as f64).min(1.0))
    }
}

/// One step of one stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
// The generator cannot flatten an `Option`.
#[cfg_attr(
    feature = "ts",
    derive(ts_rs::TS),
    ts(type = "{ stage: Stage, state: StageState, elapsed_ms: Millis } & Partial<Measure>")
)]
pub struct StageEvent {
    /// Which stage.
    pub stage: Stage,
    /// What happened to it.
    pub state: StageState,
    /// Time since the stage began.
    pub elapsed_ms: Millis,
    /// How far it is, where it is counted.
    #[serde(flatten, skip_serializing_if = "Option::is_none", default)]
    pub measure: Option<Measure>,
}

/// Where every stage of a load stands: the last event of each, in stage order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(type = "Array<StageEvent>"))]
pub struct StageBoard {
    stages: Vec<StageEvent>,
}

impl StageBoard {
    /// Takes an event in; a later event of a stage replaces its earlier one.
    pub fn record(&mut self, event: StageEvent) {
        match self
            .stages
            .binary_search_by_key(&event.stage, |known| known.stage)
        {
            Ok(at) => self.stages[at] = event,
            Err(at) => self.stages.insert(at, event),
        }
    }

    /// The last event of each stage that has begun, in stage order.
    pub fn stages(&self) -> &[StageEvent] {
        &self.stages
    }

    /// The stage to name when one is asked for: the first one under way, else the last one finished.
    pub fn current(&self) -> Option<&StageEvent> {
        self.stages
            .iter()
            .find(|event| matches!(event.state, StageState::Started | StageState::Advanced))
            .or(self.stages.last())
    }

    fn has(&self, stage: Stage) -> bool {
        self.stages.iter().any(|event| event.stage == stage)
    }

    /// A rough share of the whole load that is done, 0 to 1; stages not begun count as a usual load's do.
    pub fn fraction(&self) -> f64 {
        let (mut done, mut total) = (0.0, 0.0);
        for &stage in Stage::ALL {
            let known = self.stages.iter().find(|event| event.stage == stage);
            // Most loads download nothing, and a network of Okibi's own needs no runtime.
            let is_left_out = stage == Stage::Download || stage == Stage::Runtime && self.has(Stage::Model);
            if known.is_none() && is_left_out {
                continue;
            }
            total += stage.weight();
            done += stage.weight()
                * match known {
                    None => 0.0,
                    Some(event) if event.state == StageState::Finished => 1.0,
                    Some(event) => event
                        .measure
                        .and_then(|measure| measure.fraction())
                        .unwrap_or(0.0),
                };
        }
        done / total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(stage: Stage, state: StageState) -> StageEvent {
        StageEvent {
            stage,
            state,
            elapsed_ms: Millis(3),
            measure: None,
        }
    }

    #[test]
    fn board_keeps_the_last_event_of_each_stage_in_stage_order() {
        let mut board = StageBoard::default();
        board.record(event(Stage::Model, StageState::Started));
        board.record(event(Stage::Tokenizer, StageState::Started));
        board.record(event(Stage::Model, StageState::Finished));
        let seen: Vec<_> = board
            .stages()
            .iter()
            .map(|event| (event.stage, event.state))
            .collect();
        assert_eq!(
            seen,
            [
                (Stage::Tokenizer, StageState::Started),
                (Stage::Model, StageState::Finished)
            ]
        );
        assert_eq!(board.current().map(|event| event.stage), Some(Stage::Tokenizer));
    }

    #[test]
    fn fraction_grows_with_finished_stages_and_with_the_measure_of_a_running_one() {
        let mut board = StageBoard::default();
        assert_eq!(board.fraction(), 0.0);
        board.record(event(Stage::Tokenizer, StageState::Finished));
        let one = board.fraction();
        assert!(one > 0.0 && one < 1.0, "{one}");
        board.record(StageEvent {
            measure: Some(Measure {
                done: 1,
                total: Some(2),
                unit: Unit::Bytes,
            }),
            ..event(Stage::Model, StageState::Advanced)
        });
        assert!(board.fraction() > one);
        for &stage in Stage::ALL {
            board.record(event(stage, StageState::Finished));
        }
        assert_eq!(board.fraction(), 1.0);
    }

    #[test]
    fn event_is_flat_on_the_wire_and_an_unknown_total_is_left_out() {
        let full = StageEvent {
            measure: Some(Measure {
                done: 5,
                total: None,
                unit: Unit::Bytes,
            }),
            ..event(Stage::Download, StageState::Advanced)
        };
        let text = serde_json::to_string(&full).unwrap();
        assert_eq!(
            text,
            r#"{"stage":"download","state":"advanced","elapsed_ms":3,"done":5,"unit":"bytes"}"#
        );
        assert_eq!(serde_json::from_str::<StageEvent>(&text).unwrap(), full);
        let bare = r#"{"stage":"model","state":"started","elapsed_ms":0,"new_field":1}"#;
        assert_eq!(serde_json::from_str::<StageEvent>(bare).unwrap().measure, None);
    }
}
