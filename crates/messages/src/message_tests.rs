use std::{io, path::PathBuf};

use okibi_config::{Expected, Key, Origin, Place};
use okibi_launcher::{Exit, PortHolder, Rejection};
use okibi_models::{Cause, Feature, ModelError};
use okibi_protocol::{
    method::RunState,
    stage::{Stage, StageState},
    units::Millis,
};
use strum::VariantArray;

use super::*;
use crate::{
    embed::BadLine,
    help::{self, Help},
    stage::stage_name,
    status::Label,
};

fn holder(name: &str) -> Option<PortHolder> {
    Some(PortHolder {
        pid: 42,
        name: name.into(),
    })
}

fn io_error() -> io::Error {
    io::Error::other("x")
}

fn place() -> Place {
    Place {
        file: "c.toml".into(),
        line: 3,
        column: 8,
    }
}

fn path() -> PathBuf {
    "/m".into()
}

fn model_errors() -> Vec<ModelError> {
    let cause = || Cause::from("x");
    let mut errors = vec![
        ModelError::UnknownModel {
            name: "e5".into(),
            nearest: vec![],
        },
        ModelError::UnknownModel {
            name: "e5".into(),
            nearest: vec!["a".into(), "b".into()],
        },
        ModelError::MissingFolder {
            folder: "/no/such/folder".into(),
        },
        ModelError::MissingFile {
            folder: path(),
            file: "tokenizer.json".into(),
        },
        ModelError::OnlySafetensors {
            place: "place".into(),
            export: Some("export".into()),
        },
        ModelError::OnlySafetensors {
            place: "place".into(),
            export: None,
        },
        ModelError::NoOnnx {
            repository: "owner/name".into(),
        },
        ModelError::NoVariant {
            repository: "owner/name".into(),
            asked: "q4".into(),
            available: vec!["fp32".into()],
        },
        ModelError::NotOnHub {
            repository: "owner/name".into(),
            nearest: vec!["near".into()],
        },
        ModelError::NotOnHub {
            repository: "owner/name".into(),
            nearest: vec![],
        },
        ModelError::NoRevision {
            repository: "owner/name".into(),
            revision: "v1".into(),
        },
        ModelError::Gated {
            repository: "owner/name".into(),
            has_token: false,
        },
        ModelError::Gated {
            repository: "owner/name".into(),
            has_token: true,
        },
        ModelError::Offline {
            repository: "owner/name".into(),
        },
        ModelError::Unreachable {
            endpoint: "http://hub".into(),
            source: "refused".into(),
        },
        ModelError::UntrustedCertificate {
            endpoint: "https://hub".into(),
            source: "unknown issuer".into(),
        },
        ModelError::WrongHash {
            repository: "owner/name".into(),
            file: "model.onnx".into(),
        },
        ModelError::NoSpace {
            path: path(),
            needed: 2,
            free: 1,
        },
        ModelError::UntrustedRepository {
            repository: "owner/name".into(),
            what: "why".into(),
        },
        ModelError::NotRemovable { name: "m".into() },
        ModelError::NotOurs {
            repository: "owner/name".into(),
            folder: path(),
        },
        ModelError::InUse { name: "m".into() },
        ModelError::Thread { source: io_error() },
        ModelError::Cancelled,
        ModelError::EmbeddedModelNotFound {
            searched: vec![path()],
        },
        ModelError::Unreadable {
            path: path(),
            source: io_error(),
        },
        ModelError::Changed { path: path() },
        ModelError::Configuration {
            path: path(),
            reason: "x".into(),
        },
        ModelError::CacheUnwritable {
            path: path(),
            source: io_error(),
        },
        ModelError::Download {
            repository: "a/b".into(),
            file: "f".into(),
            source: cause(),
        },
    ];
    errors.extend(features().into_iter().map(|feature| ModelError::Unsupported {
        path: path(),
        feature,
    }));
    errors
}

fn features() -> Vec<Feature> {
    let name = || String::from("x");
    vec![
        Feature::Module(name()),
        Feature::ModuleOrder,
        Feature::ModuleOf(name()),
        Feature::PoolingMode(name()),
        Feature::Activation(name()),
        Feature::PickledWeights,
        Feature::ModelType(name()),
        Feature::Task(name()),
        Feature::HiddenState(name()),
        Feature::PromptInGraph,
        Feature::Reranker,
        Feature::Classifier,
        Feature::LanguageModel,
        Feature::TextGeneration,
        Feature::Network(name()),
        Feature::Pooler,
        Feature::Outputs(name()),
        Feature::Input(name()),
        Feature::Length {
            found: 2,
            expected: 1,
        },
    ]
}

fn load_errors() -> Vec<LoadError> {
    let cause = || Cause::from("x");
    let mut errors = vec![
        LoadError::NoMemory { needed: 2, free: 1 },
        LoadError::RuntimeNotFound {
            searched: vec![path(), path()],
        },
        LoadError::Runtime {
            path: path(),
            source: cause(),
        },
        LoadError::Tokenizer {
            path: path(),
            source: cause(),
        },
        LoadError::OutOfMemory {
            path: path(),
            source: cause(),
        },
        LoadError::Model {
            path: path(),
            source: cause(),
        },
        LoadError::WarmUp { source: cause() },
    ];
    errors.extend(model_errors().into_iter().map(LoadError::from));
    errors
}

fn embed_messages() -> Vec<EmbedMessage> {
    vec![
        EmbedMessage::Refused {
            line: 2,
            why: BadLine::TooLong {
                tokens: 700,
                limit: 512,
            },
        },
        EmbedMessage::Refused {
            line: 3,
            why: BadLine::Empty,
        },
        EmbedMessage::Refused {
            line: 3,
            why: BadLine::NotUtf8,
        },
        EmbedMessage::Refused {
            line: 3,
            why: BadLine::TooLarge { limit: 4_000_000 },
        },
        EmbedMessage::SomeFailed { failed: 1, all: 2 },
        EmbedMessage::Truncated {
            line: 1,
            tokens: 600,
            limit: 512,
        },
        EmbedMessage::MoreTruncated { more: 5 },
        EmbedMessage::BinaryToTerminal,
        EmbedMessage::Loading { percent: 40 },
        EmbedMessage::Failed { cause: "x".into() },
        EmbedMessage::Input { cause: "x".into() },
    ]
}

fn usage_problems() -> Vec<UsageProblem> {
    let word = || String::from("x");
    vec![
        UsageProblem::Unknown {
            argument: word(),
            suggestion: None,
        },
        UsageProblem::Unknown {
            argument: word(),
            suggestion: Some(word()),
        },
        UsageProblem::TextLikeOption {
            text: "-5 degrees".into(),
        },
        UsageProblem::UnknownCommand {
            command: word(),
            suggestion: None,
        },
        UsageProblem::UnknownCommand {
            command: word(),
            suggestion: Some(word()),
        },
        UsageProblem::Value {
            option: word(),
            value: word(),
            possible: vec![],
        },
        UsageProblem::Value {
            option: word(),
            value: String::new(),
            possible: vec![word()],
        },
        UsageProblem::Missing {
            arguments: vec![word()],
        },
        UsageProblem::Conflict { option: word() },
        UsageProblem::Other { reason: word() },
    ]
}

fn settings_problems() -> Vec<Problem> {
    let bad = |origin, expected| Problem::BadValue {
        key: Key::Port,
        origin,
        value: "y".into(),
        expected,
    };
    let unknown = |nearest| Problem::UnknownKey {
        place: place(),
        key: "k".into(),
        nearest,
    };
    vec![
        bad(Origin::Flag, Expected::Port),
        bad(Origin::Environment, Expected::Number { min: 1, max: 2 }),
        bad(Origin::File(place()), Expected::Model),
        bad(Origin::Flag, Expected::Text),
        bad(Origin::Flag, Expected::Path),
        bad(Origin::Environment, Expected::OneOf(&["all", "none"])),
        bad(Origin::File(place()), Expected::Switch),
        unknown(None),
        unknown(Some(Key::Port)),
        Problem::BrokenFile {
            place: place(),
            reason: "r".into(),
        },
        Problem::UnreadableFile {
            file: "c.toml".into(),
            source: io_error(),
        },
    ]
}

fn start_errors() -> Vec<StartError> {
    let died = |exit| StartError::Died {
        exit,
        log_tail: vec![],
    };
    let stuck = |state| StartError::Stuck {
        port: 1,
        holder: holder("python"),
        state,
        seconds: 8,
    };
    vec![
        StartError::PortTaken {
            port: 8765,
            holder: holder("anki"),
            next_free: Some(8766),
        },
        StartError::PortTaken {
            port: 8765,
            holder: None,
            next_free: None,
        },
        StartError::Rejected {
            port: 1,
            why: Rejection::Token,
        },
        StartError::Rejected {
            port: 1,
            why: Rejection::Busy,
        },
        StartError::Rejected {
            port: 1,
            why: Rejection::Other(403),
        },
        StartError::Silent {
            port: 1,
            holder: holder("okibi").unwrap(),
        },
        stuck(RunState::Stopping),
        stuck(RunState::Failed),
        stuck(RunState::Running),
        StartError::PortReserved {
            port: 80,
            next_free: Some(8766),
        },
        StartError::Bind {
            port: 1,
            source: io_error(),
        },
        StartError::Spawn {
            program: "okibi".into(),
            source: io_error(),
        },
        died(Exit::Signal(9)),
        died(Exit::Signal(11)),
        died(Exit::Code(1)),
        died(Exit::Unknown),
        StartError::Stopped,
    ]
}

fn samples() -> Vec<Message> {
    let mut messages = vec![
        Message::Stop(StopError::NotOkibi {
            port: 1,
            holder: holder("nginx"),
        }),
        Message::Stop(StopError::Rejected {
            port: 1,
            why: Rejection::Token,
        }),
        Message::Status(StatusError::Rejected {
            port: 1,
            why: Rejection::Busy,
        }),
        Message::Status(StatusError::Silent {
            port: 1,
            holder: holder("okibi").unwrap(),
        }),
        Message::Stop(StopError::Silent {
            port: 1,
            holder: holder("okibi").unwrap(),
        }),
        Message::Waiting { pid: 1 },
        Message::AlreadyRunning { port: 1, pid: 2 },
        Message::Stop(StopError::StillRunning { pid: 1, seconds: 10 }),
        Message::Stop(StopError::NoAnswer("x".into())),
        Message::Stopped {
            how: Stopped::Stopped,
            port: 1,
        },
        Message::Stopped {
            how: Stopped::LoadEnded,
            port: 1,
        },
        Message::Stopped {
            how: Stopped::NotRunning,
            port: 1,
        },
        Message::Folder(FolderError::NoHome),
        Message::Log(LogWarning::NoFile {
            path: "l".into(),
            source: io_error(),
        }),
        Message::Attached,
        Message::Status(StatusError::NotRunning { port: 1 }),
        Message::OtherModel {
            running: "a".into(),
            asked: "b".into(),
        },
        Message::Status(StatusError::NotOkibi {
            port: 1,
            holder: None,
        }),
        Message::Status(StatusError::NoAnswer {
            port: 1,
            source: "x".into(),
        }),
        Message::PortNotFreed {
            port: 1,
            cause: "x".into(),
        },
        Message::NoLog { path: "l".into() },
        Message::LogTail,
        Message::Io {
            what: "f".into(),
            cause: "x".into(),
        },
        Message::Unexpected { cause: "x".into() },
    ];
    for &stage in Stage::ALL {
        for state in [
            StageState::Started,
            StageState::Advanced,
            StageState::Finished,
            StageState::Failed,
        ] {
            let event = StageEvent {
                stage,
                state,
                elapsed_ms: Millis(1),
                measure: None,
            };
            messages.push(Message::Stage(event));
        }
    }
    messages.extend(start_errors().into_iter().map(Message::Start));
    messages.extend(load_errors().into_iter().map(|error| Message::Load(error.into())));
    messages.extend(embed_messages().into_iter().map(Message::Embed));
    messages.extend(usage_problems().into_iter().map(Message::Usage));
    messages.extend(settings_problems().into_iter().map(Message::Setting));
    messages
}

fn is_japanese(text: &str) -> bool {
    text.chars()
        .any(|char| matches!(char, '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}'))
}

#[test]
fn every_message_has_words_in_both_languages() {
    for message in samples() {
        let (english, japanese) = (message.text(Lang::En), message.text(Lang::Ja));
        assert!(!english.trim().is_empty() && !is_japanese(&english), "{english}");
        assert!(is_japanese(&japanese), "{japanese}");
        assert!(
            !japanese.contains("。。") && !english.contains(".."),
            "{english} {japanese}"
        );
    }
}

#[test]
fn labels_and_help_have_words_in_both_languages() {
    for help in Help::VARIANTS {
        assert!(!is_japanese(help.text(Lang::En)), "{help:?}");
        assert!(is_japanese(help.text(Lang::Ja)), "{help:?}");
    }
    for key in Key::ALL {
        let (english, japanese) = (help::setting(*key, Lang::En), help::setting(*key, Lang::Ja));
        assert!(!is_japanese(&english), "{english}");
        assert!(is_japanese(&japanese), "{japanese}");
        let declaration = key.declaration();
        let window = declaration.window.map(|window| (window.label, window.hint));
        let shown = window.into_iter().flat_map(|(label, hint)| [Some(label), hint]);
        for words in shown.chain([declaration.unset]).flatten() {
            assert!(!is_japanese(words.en) && is_japanese(words.ja), "{words:?}");
        }
    }
    for &stage in Stage::ALL {
        assert!(!stage_name(stage, Lang::Ja).is_empty());
    }
    assert!(is_japanese(Label::Uptime.text(Lang::Ja)));
}

#[test]
fn a_taken_port_says_by_whom_and_what_to_do() {
    let text = Message::Start(start_errors().remove(0)).text(Lang::En);
    for part in [
        "8765",
        "anki (process 42)",
        "AnkiConnect",
        "`okibi start --port 8766`",
    ] {
        assert!(text.contains(part), "{part} in: {text}");
    }
    let other = Message::Status(StatusError::NotOkibi {
        port: 9000,
        holder: holder("anki"),
    })
    .text(Lang::En);
    assert!(!other.contains("AnkiConnect"), "only its default port: {other}");
}

#[test]
fn a_bad_setting_begins_with_its_source() {
    let bad = |origin| {
        let problem = Problem::BadValue {
            key: Key::Port,
            origin,
            value: "99999".into(),
            expected: Expected::Port,
        };
        Message::Setting(problem).text(Lang::En)
    };
    assert_eq!(
        bad(Origin::Environment),
        "OKIBI_PORT: \"99999\" is not a port from 1 to 65535"
    );
    assert!(bad(Origin::Flag).starts_with("--port: "));
    assert!(bad(Origin::File(place())).starts_with("c.toml:3:8: port: "));
}

#[test]
fn a_chain_of_causes_is_one_line_without_repetition() {
    let error = StartError::Spawn {
        program: "okibi".into(),
        source: io_error(),
    };
    assert_eq!(crate::chain(&error), "the daemon okibi cannot be started: x");
}
