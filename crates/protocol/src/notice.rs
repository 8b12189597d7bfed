//! Launch notices: what a loading daemon reports to the front that started it, and what the front answers.
//!
//! Each notice is one text message on a WebSocket connection of its own. Unknown fields are ignored.
//!
//! A front believes a notice only when it is signed with the secret of its launch, which it has given to the daemon that
//! it has spawned and to nobody else. The secret itself is not sent: a program that has taken the front's place learns
//! nothing that is of use elsewhere.

use serde::{Deserialize, Serialize};

use crate::{
    proof::{is_equal, sign},
    stage::StageEvent,
};

/// The variable in which a front gives the daemon the secret of their launch. Unlike an argument, it is shown only to the
/// user's own processes; unlike a pipe, it needs no descriptor that the daemon would have to give up again.
pub const SECRET_VARIABLE: &str = "OKIBI_LAUNCH_SECRET";

/// Random bytes of a secret.
pub const SECRET_BYTES: usize = 32;

/// What only a front and the daemon that it has spawned know.
#[derive(Clone, PartialEq, Eq)]
pub struct LaunchSecret(String);

impl LaunchSecret {
    /// A secret of random bytes.
    pub fn new(random: [u8; SECRET_BYTES]) -> Self {
        Self(random.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The secret that a daemon was given.
    pub fn from_text(text: String) -> Self {
        Self(text)
    }

    /// The text to give to a daemon.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Shows nothing of it.
impl std::fmt::Debug for LaunchSecret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("LaunchSecret(..)")
    }
}

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

/// A notice with what shows that it comes from the daemon of its launch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignedNotice {
    /// The notice.
    #[serde(flatten)]
    pub notice: Notice,
    /// HMAC-SHA-256 of the notice's JSON without this field, by the launch's secret; absent in a launch without one, by
    /// a front that is not ours.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub proof: Option<String>,
}

impl SignedNotice {
    /// Signs a notice, where there is a secret.
    pub fn new(notice: Notice, secret: Option<&LaunchSecret>) -> Self {
        let proof = secret.map(|secret| signature(&notice, secret));
        Self { notice, proof }
    }

    /// Whether the daemon that was given `secret` has sent it.
    pub fn is_signed_with(&self, secret: &LaunchSecret) -> bool {
        let proof = self.proof.as_deref().unwrap_or_default();
        is_equal(&signature(&self.notice, secret), proof)
    }
}

fn signature(notice: &Notice, secret: &LaunchSecret) -> String {
    let json = serde_json::to_vec(notice).expect("a notice is plain JSON");
    sign(&secret.0, &json)
}

/// What the front answers to a [`Notice`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum NoticeReply {
    /// Taken. After [`Notice::InitCompleted`] the front's port is already closed.
    Ack,
    /// The sender is not the daemon of the front's launch, and has to end.
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

    #[test]
    fn only_who_has_the_secret_can_sign() {
        let secret = LaunchSecret::new([7; SECRET_BYTES]);
        let error = |error: &str| Notice::InitError {
            launch: LaunchId("a1".into()),
            error: error.into(),
        };
        let signed = SignedNotice::new(error("no memory"), Some(&secret));
        let json = serde_json::to_string(&signed).unwrap();
        let received: SignedNotice = serde_json::from_str(&json).unwrap();
        assert_eq!(received, signed);
        assert!(received.is_signed_with(&secret));
        assert!(!received.is_signed_with(&LaunchSecret::new([8; SECRET_BYTES])));
        assert!(!json.contains(secret.as_str()) && format!("{secret:?}").len() < 20);
        let changed = SignedNotice {
            notice: error("pay here"),
            ..signed
        };
        assert!(!changed.is_signed_with(&secret));
        assert!(!SignedNotice::new(error("no memory"), None).is_signed_with(&secret));
    }

    #[test]
    fn every_kind_of_notice_is_signed_as_it_is_received() {
        let secret = LaunchSecret::new([7; SECRET_BYTES]);
        let launch = LaunchId("a1".into());
        let event = StageEvent {
            stage: Stage::Download,
            state: StageState::Advanced,
            elapsed_ms: Millis(900),
            measure: Some(crate::stage::Measure {
                done: 1 << 60,
                total: None,
                unit: crate::stage::Unit::Bytes,
            }),
        };
        let message = "\u{1b}]0;x \"quoted\" 日本語".to_owned();
        for notice in [
            Notice::Progress {
                launch: launch.clone(),
                message: message.clone(),
                event,
            },
            Notice::InitCompleted {
                launch: launch.clone(),
            },
            Notice::InitError {
                launch,
                error: message,
            },
        ] {
            let json = serde_json::to_string(&SignedNotice::new(notice, Some(&secret))).unwrap();
            let received: SignedNotice = serde_json::from_str(&json).unwrap();
            assert!(received.is_signed_with(&secret), "{json}");
        }
    }
}
