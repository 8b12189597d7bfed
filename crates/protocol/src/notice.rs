//! Launch notices: what a loading daemon reports to the front that started it, and what the front answers.
//!
//! Each notice is one text message on a WebSocket connection of its own. Unknown fields are ignored.

use serde::{Deserialize, Serialize};

use crate::stage::StageEvent;

/// Names one launch, so that notices of another one are never mistaken for ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct LaunchId(pub String);

/// A message from a loading daemon to the front.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Notice {
    /// A stage moved on.
    Progress {
        /// The launch the daemon belongs to.
        launch: LaunchId,
        /// One sentence for people, in the language of the front.
        message: String,
        /// What moved.
        #[serde(flatten)]
        event: StageEvent,
    },
    /// The model is loaded; the daemon wants the port.
    InitCompleted {
        /// The launch the daemon belongs to.
        launch: LaunchId,
    },
    /// The load failed; the daemon is about to exit with a non-zero code.
    InitError {
        /// The launch the daemon belongs to.
        launch: LaunchId,
        /// What failed, for people, in the language of the front.
        error: String,
    },
}

impl Notice {
    /// The launch this notice belongs to.
    pub fn launch(&self) -> &LaunchId {
        match self {
            Self::Progress { launch, .. }
            | Self::InitCompleted { launch }
            | Self::InitError { launch, .. } => launch,
        }
    }
}

/// What the front answers to a [`Notice`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum NoticeReply {
    /// Taken. After [`Notice::InitCompleted`] the front's port is already closed.
    Ack,
    /// The front leads another launch; the daemon that sent this has to end.
    Superseded,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        stage::{Stage, StageState},
        units::Millis,
    };

    #[test]
    fn notices_have_their_documented_json() {
        let launch = LaunchId("a1".into());
        let progress = Notice::Progress {
            launch: launch.clone(),
            message: "Loading".into(),
            event: StageEvent {
                stage: Stage::Model,
                state: StageState::Started,
                elapsed_ms: Millis(0),
                measure: None,
            },
        };
        let golden = [
            (
                progress,
                r#"{"type":"progress","launch":"a1","message":"Loading","stage":"model","state":"started","elapsed_ms":0}"#,
            ),
            (
                Notice::InitCompleted {
                    launch: launch.clone(),
                },
                r#"{"type":"init_completed","launch":"a1"}"#,
            ),
            (
                Notice::InitError {
                    launch,
                    error: "no".into(),
                },
                r#"{"type":"init_error","launch":"a1","error":"no"}"#,
            ),
        ];
        for (notice, json) in golden {
            assert_eq!(serde_json::to_string(&notice).unwrap(), json);
            assert_eq!(serde_json::from_str::<Notice>(json).unwrap(), notice);
        }
        assert_eq!(
            serde_json::to_string(&NoticeReply::Ack).unwrap(),
            r#"{"type":"ack"}"#
        );
    }
}
