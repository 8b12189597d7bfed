//! Tests of the core: events in, effects and views out.

use std::time::{Duration, Instant};

use okibi_config::{NotificationChoice, ProgressChoice};
use okibi_launcher::{LaunchUpdate, PortHolder, StartError, Started, Stopped};
use okibi_messages::{Lang, tray::Missing};
use okibi_protocol::{
    SERVER_TYPE_DAEMON, SERVER_TYPE_FRONT,
    method::{RunState, Status},
    stage::{Stage, StageBoard, StageEvent, StageState},
    units::{ByteCount, Millis},
};

use super::{
    Choices, Core, Effect, Event, Kept, ModelEffect, ModelEvent, Notice, NoticeAction, NoticeKind,
    PendingSwitch, PortState, PullEnd, UserCommand,
};
use crate::contract::{DaemonView, Language, LaunchState, PageName};

pub(super) fn choices() -> Choices {
    Choices {
        lang: Lang::En,
        model: "multilingual-e5-small".into(),
        port: 8765,
        notifications: NotificationChoice::All,
        progress_window: ProgressChoice::Slow,
        restart: true,
        problems: Vec::new(),
        is_port_unknown: false,
        of_daemon: String::new(),
    }
}

fn event(stage: Stage, state: StageState) -> StageEvent {
    StageEvent {
        stage,
        state,
        elapsed_ms: Millis(5),
        measure: None,
    }
}

pub(super) fn status(state: RunState) -> Status {
    let ready = state == RunState::Running;
    Status {
        status: state,
        ready,
        server_type: if ready {
            SERVER_TYPE_DAEMON
        } else {
            SERVER_TYPE_FRONT
        }
        .into(),
        model: "multilingual-e5-small".into(),
        dimension: Some(384),
        space: Some("0123456789abcdef".into()),
        max_tokens: Some(512),
        pid: 7,
        version: "0.1.0".into(),
        uptime_ms: Millis(1000),
        memory_bytes: Some(ByteCount(75_000_000)),
        threads: Some(2),
        stages: StageBoard::default(),
        load_ms: Some(Millis(300)),
        requests_served: 0,
        requests_in_flight: 0,
        texts_embedded: 0,
        latency: None,
        models: Vec::new(),
        launch: None,
        warnings: Vec::new(),
        error: None,
        log_file: None,
    }
}

fn kept(port: u16, model: &str) -> Kept {
    Kept {
        port: Some(port),
        model: Some(model.into()),
    }
}

fn port(state: PortState) -> Event {
    Event::PortChanged {
        port: 8765,
        model: match &state {
            PortState::Okibi(status) => Some(status.model.clone()),
            _ => None,
        },
        state,
        log: vec!["2026-01-01T00:00:00Z ERROR okibi: out of memory".into()],
    }
}

fn okibi(state: RunState) -> Event {
    port(PortState::Okibi(Box::new(status(state))))
}

fn started() -> Event {
    Event::LaunchEnded(Box::new(Ok(Started::Launched(status(RunState::Running)))))
}

fn step(stage: Stage, state: StageState) -> Event {
    Event::LaunchStep(LaunchUpdate::Stage {
        message: String::new(),
        event: event(stage, state),
    })
}

fn notices(effects: &[Effect]) -> Vec<&Notice> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Notify(notice) => Some(notice),
            _ => None,
        })
        .collect()
}

/// A core with a ready daemon.
fn ready(now: Instant) -> Core {
    let mut core = Core::new(choices(), Vec::new());
    core.handle(okibi(RunState::Running), now);
    core
}

#[test]
fn a_start_passes_through_its_stages_to_ready() {
    let now = Instant::now();
    let mut core = Core::new(choices(), Vec::new());
    assert_eq!(core.view(now).daemon, DaemonView::Stopped);
    assert_eq!(
        core.handle(Event::Command(UserCommand::Start), now),
        [Effect::Launch(Kept::default())]
    );
    let effects = core.handle(step(Stage::Tokenizer, StageState::Started), now);
    assert_eq!(notices(&effects)[0].body, "Loading the tokenizer");
    assert!(matches!(core.view(now).daemon, DaemonView::Loading { .. }));
    core.handle(step(Stage::Tokenizer, StageState::Finished), now);
    let later = now + Duration::from_millis(300);
    let effects = core.handle(started(), later);
    assert_eq!(notices(&effects)[0].summary, "Ready in 0.30 s");
    let Some(Effect::Remember(model, times)) = effects.first() else {
        panic!("{effects:?}")
    };
    assert_eq!((model.as_str(), times.total_ms), ("multilingual-e5-small", 300.0));
    let view = core.view(later);
    assert!(matches!(view.daemon, DaemonView::Ready { .. }));
    assert_eq!(view.launch.unwrap().state, LaunchState::Ready);
}

#[test]
fn the_next_load_of_the_model_says_what_to_expect() {
    let now = Instant::now();
    let mut core = Core::new(choices(), Vec::new());
    core.handle(Event::Command(UserCommand::Start), now);
    core.handle(step(Stage::Model, StageState::Finished), now);
    core.handle(started(), now + Duration::from_millis(400));
    core.handle(Event::Command(UserCommand::Restart), now);
    core.handle(Event::StopEnded(Ok(Stopped::Stopped)), now);
    core.handle(step(Stage::Resolve, StageState::Started), now);
    assert_eq!(core.view(now).launch.unwrap().previous.unwrap().total_ms, 400.0);
}

#[test]
fn a_second_start_while_one_is_under_way_does_nothing() {
    let now = Instant::now();
    let mut core = Core::new(choices(), Vec::new());
    core.handle(Event::Command(UserCommand::Start), now);
    assert_eq!(core.handle(Event::Command(UserCommand::Start), now), []);
}

#[test]
fn the_progress_window_opens_by_itself_after_a_second_and_only_once() {
    let now = Instant::now();
    let mut core = Core::new(choices(), Vec::new());
    core.handle(Event::Command(UserCommand::Start), now);
    core.handle(step(Stage::Resolve, StageState::Started), now);
    let due = core.deadline().unwrap();
    assert_eq!(due, now + Duration::from_secs(1));
    assert_eq!(core.handle(Event::Tick, due), [Effect::OpenStart]);
    assert_eq!(core.deadline(), None);
    let mut always = Core::new(
        Choices {
            progress_window: ProgressChoice::Always,
            ..choices()
        },
        Vec::new(),
    );
    always.handle(Event::Command(UserCommand::Start), now);
    let effects = always.handle(step(Stage::Resolve, StageState::Started), now);
    assert_eq!(effects[0], Effect::OpenStart);
}

#[test]
fn a_restart_begins_at_the_time_that_came_with_the_end_of_the_stop() {
    let now = Instant::now();
    let mut core = ready(now);
    core.handle(Event::Command(UserCommand::Restart), now);
    // A time that no clock of this machine shows for another hour.
    let later = now + Duration::from_secs(3600);
    assert_eq!(
        core.handle(Event::StopEnded(Ok(Stopped::Stopped)), later),
        [Effect::Launch(kept(8765, "multilingual-e5-small"))]
    );
    assert_eq!(core.deadline(), Some(later + Duration::from_secs(1)));
}

/// Lets the time of a restart come, second by second, as it is shown; gives what is to be done then, and when that is.
fn until_due(core: &mut Core) -> (Vec<Effect>, Instant) {
    loop {
        let due = core.deadline().expect("a restart is due");
        let effects = core.handle(Event::Tick, due);
        if !effects.is_empty() {
            return (effects, due);
        }
        let DaemonView::Failed { again_in_ms, .. } = core.view(due).daemon else {
            panic!("{:?}", core.view(due).daemon)
        };
        assert!(again_in_ms.is_some());
    }
}

#[test]
fn a_daemon_that_dies_is_restarted_three_times_and_then_no_more() {
    let now = Instant::now();
    let mut core = ready(now);
    for _ in 0..3 {
        let effects = core.handle(port(PortState::Free), now);
        assert!(notices(&effects)[0].body.contains("out of memory"), "{effects:?}");
        let (effects, due) = until_due(&mut core);
        assert_eq!(effects, [Effect::Launch(kept(8765, "multilingual-e5-small"))]);
        core.handle(started(), due);
    }
    let effects = core.handle(port(PortState::Free), now);
    assert!(
        notices(&effects)[0].body.contains("stopped trying"),
        "{effects:?}"
    );
    assert_eq!(core.deadline(), None);
    let DaemonView::Failed { problem, .. } = core.view(now).daemon else {
        panic!("it is down")
    };
    assert!(problem.advice.is_some());
}

/// A daemon that the command line has started on another port, and switched to another model.
fn elsewhere(now: Instant) -> Core {
    let mut core = Core::new(choices(), Vec::new());
    core.handle(seen_elsewhere(), now);
    core
}

fn seen_elsewhere() -> Event {
    Event::PortChanged {
        port: 22041,
        state: PortState::Okibi(Box::new(status(RunState::Running))),
        log: Vec::new(),
        model: Some("/models/my-ruri".into()),
    }
}

#[test]
fn a_restart_brings_back_the_daemon_that_ran() {
    let now = Instant::now();
    let ran = Effect::Launch(kept(22041, "/models/my-ruri"));
    let mut core = elsewhere(now);
    assert_eq!(core.model(), "/models/my-ruri");
    core.handle(Event::Command(UserCommand::Restart), now);
    let effects = core.handle(Event::StopEnded(Ok(Stopped::Stopped)), now);
    assert_eq!(effects, std::slice::from_ref(&ran));
    core.handle(step(Stage::Model, StageState::Started), now);
    assert_eq!(core.view(now).launch.unwrap().model, "/models/my-ruri");
    core.handle(started(), now);
    assert_eq!(core.view(now).port, 22041);

    let mut core = elsewhere(now);
    let gone = Event::PortChanged {
        port: 22041,
        state: PortState::Free,
        log: Vec::new(),
        model: None,
    };
    core.handle(gone, now);
    assert_eq!(until_due(&mut core).0, [ran]);
}

#[test]
fn what_the_user_has_changed_in_the_settings_counts_at_the_next_restart() {
    let now = Instant::now();
    let mut core = elsewhere(now);
    let changed = Choices {
        port: 9999,
        ..choices()
    };
    core.handle(Event::Settings(changed), now);
    // The daemon says something about itself meanwhile.
    core.handle(seen_elsewhere(), now);
    core.handle(Event::Command(UserCommand::Restart), now);
    let effects = core.handle(Event::StopEnded(Ok(Stopped::Stopped)), now);
    let expected = Kept {
        port: None,
        model: Some("/models/my-ruri".into()),
    };
    assert_eq!(effects, [Effect::Launch(expected)]);
}

#[test]
fn what_the_daemon_warns_of_is_told_once() {
    let now = Instant::now();
    let mut core = ready(now);
    let warned = |warnings: &[&str]| {
        let mut status = status(RunState::Running);
        status.warnings = warnings.iter().map(|warning| (*warning).to_owned()).collect();
        port(PortState::Okibi(Box::new(status)))
    };
    let told = |core: &mut Core, warnings: &[&str]| -> Vec<String> {
        let effects = core.handle(warned(warnings), now);
        notices(&effects)
            .iter()
            .map(|notice| notice.body.clone())
            .collect()
    };
    assert_eq!(told(&mut core, &["cuda is missing"]), ["cuda is missing"]);
    assert_eq!(
        told(&mut core, &["cuda is missing", "the index no longer fits"]),
        ["the index no longer fits"]
    );
    assert!(told(&mut core, &[]).is_empty());
    assert_eq!(
        told(&mut core, &["cuda is missing"]),
        ["cuda is missing"],
        "again"
    );
}

#[test]
fn a_port_that_is_free_again_is_no_trouble_any_more() {
    let now = Instant::now();
    let mut core = Core::new(choices(), Vec::new());
    core.handle(Event::Command(UserCommand::Start), now);
    let error = StartError::PortTaken {
        port: 8765,
        holder: None,
        next_free: None,
    };
    core.handle(Event::LaunchEnded(Box::new(Err(error))), now);
    assert!(matches!(core.view(now).daemon, DaemonView::PortTaken { .. }));
    core.handle(port(PortState::Free), now);
    assert_eq!(core.view(now).daemon, DaemonView::Stopped);
}

#[test]
fn the_notification_of_a_load_goes_with_a_load_that_was_cancelled() {
    let now = Instant::now();
    let mut core = Core::new(choices(), Vec::new());
    core.handle(Event::Command(UserCommand::Start), now);
    core.handle(step(Stage::Model, StageState::Started), now);
    let effects = core.handle(Event::LaunchEnded(Box::new(Err(StartError::Stopped))), now);
    assert_eq!(effects, [Effect::Unnotify]);
}

#[test]
fn a_daemon_that_was_stopped_is_not_restarted() {
    let now = Instant::now();
    let mut core = ready(now);
    core.handle(okibi(RunState::Stopping), now);
    assert_eq!(core.handle(port(PortState::Free), now), []);
    assert_eq!(
        (core.deadline(), core.view(now).daemon),
        (None, DaemonView::Stopped)
    );
}

#[test]
fn without_automatic_restarts_a_death_is_only_told() {
    let now = Instant::now();
    let mut core = Core::new(
        Choices {
            restart: false,
            ..choices()
        },
        Vec::new(),
    );
    core.handle(okibi(RunState::Running), now);
    let effects = core.handle(port(PortState::Free), now);
    assert_eq!((notices(&effects).len(), core.deadline()), (1, None));
}

#[test]
fn a_load_that_another_front_leads_is_followed_without_notifications() {
    let now = Instant::now();
    let mut core = Core::new(choices(), Vec::new());
    let mut loading = status(RunState::Starting);
    loading.stages.record(event(Stage::Model, StageState::Started));
    assert_eq!(core.handle(port(PortState::Okibi(Box::new(loading))), now), []);
    let view = core.view(now);
    assert!(matches!(view.daemon, DaemonView::Loading { .. }));
    let launch = view.launch.unwrap();
    assert_eq!(
        (launch.stages[0].stage, launch.elapsed_ms),
        (Stage::Model, Millis(1000))
    );
    core.handle(okibi(RunState::Running), now);
    assert_eq!(core.view(now).launch.unwrap().state, LaunchState::Ready);
}

#[test]
fn a_taken_port_names_its_holder_and_the_next_free_one() {
    let now = Instant::now();
    let mut core = Core::new(choices(), Vec::new());
    core.handle(Event::Command(UserCommand::Start), now);
    let error = StartError::PortTaken {
        port: 8765,
        holder: Some(PortHolder {
            pid: 9,
            name: "anki".into(),
        }),
        next_free: Some(8766),
    };
    let effects = core.handle(Event::LaunchEnded(Box::new(Err(error))), now);
    assert!(notices(&effects)[0].body.contains("anki"));
    let DaemonView::PortTaken { problem, next_free } = core.view(now).daemon else {
        panic!("{:?}", core.view(now).daemon)
    };
    assert_eq!(next_free, Some(8766));
    assert!(!problem.message.contains("okibi start"), "{}", problem.message);
}

#[test]
fn a_foreign_program_on_the_port_shows_without_any_start() {
    let now = Instant::now();
    let mut core = Core::new(choices(), Vec::new());
    core.handle(port(PortState::Foreign(None)), now);
    assert!(matches!(core.view(now).daemon, DaemonView::PortTaken { .. }));
}

#[test]
fn a_failed_load_opens_the_progress_window_with_its_reason() {
    let now = Instant::now();
    let mut core = Core::new(choices(), Vec::new());
    core.handle(Event::Command(UserCommand::Start), now);
    core.handle(step(Stage::Model, StageState::Started), now);
    let error = StartError::Load {
        error: "the model is broken".into(),
        log_tail: vec!["line".into()],
    };
    let effects = core.handle(Event::LaunchEnded(Box::new(Err(error))), now);
    assert!(effects.contains(&Effect::OpenStart));
    assert_eq!(
        notices(&effects)[0].actions,
        [NoticeAction::Retry, NoticeAction::OpenLog]
    );
    let launch = core.view(now).launch.unwrap();
    assert_eq!(launch.state, LaunchState::Failed);
    assert_eq!(launch.stages[0].state, StageState::Failed);
    assert_eq!(launch.problem.unwrap().message, "the model is broken");
}

#[test]
fn the_choice_of_notifications_is_obeyed() {
    let now = Instant::now();
    for (choice, expected) in [
        (NotificationChoice::All, [true, true]),
        (NotificationChoice::Errors, [false, true]),
        (NotificationChoice::None, [false, false]),
    ] {
        let mut core = Core::new(
            Choices {
                notifications: choice,
                ..choices()
            },
            Vec::new(),
        );
        core.handle(Event::Command(UserCommand::Start), now);
        let progress = core.handle(step(Stage::Model, StageState::Started), now);
        let failed = core.handle(
            Event::LaunchEnded(Box::new(Err(StartError::Died {
                exit: okibi_launcher::Exit::Signal(9),
                log_tail: Vec::new(),
            }))),
            now,
        );
        let shown = [!notices(&progress).is_empty(), !notices(&failed).is_empty()];
        assert_eq!(shown, expected, "{choice:?}");
    }
}

#[test]
fn quit_leaves_the_daemon_and_stop_and_quit_ends_it_first() {
    let now = Instant::now();
    let mut core = ready(now);
    assert_eq!(
        core.handle(Event::Command(UserCommand::Quit), now),
        [Effect::Unnotify, Effect::Exit]
    );
    assert_eq!(
        core.handle(Event::Command(UserCommand::StopAndQuit), now),
        [Effect::Stop(8765)]
    );
    assert_eq!(core.view(now).daemon, DaemonView::Stopping);
    assert_eq!(
        core.handle(Event::StopEnded(Ok(Stopped::Stopped)), now),
        [Effect::Unnotify, Effect::Exit]
    );
}

#[test]
fn a_desktop_without_a_tray_opens_the_status_window_once() {
    let now = Instant::now();
    let mut core = Core::new(choices(), Vec::new());
    assert_eq!(core.handle(Event::Missing(vec![Missing::Notifications]), now), []);
    let effects = core.handle(Event::Missing(vec![Missing::Tray, Missing::Notifications]), now);
    assert_eq!(effects, [Effect::OpenPage(PageName::Status)]);
    assert_eq!(core.handle(Event::Missing(vec![Missing::Tray]), now), []);
    assert_eq!(core.view(now).missing.len(), 1);
}

#[test]
fn another_language_is_shown_at_once() {
    let now = Instant::now();
    let mut core = Core::new(choices(), Vec::new());
    core.handle(
        Event::Settings(Choices {
            lang: Lang::Ja,
            ..choices()
        }),
        now,
    );
    assert_eq!(core.view(now).lang, Language::Ja);
}

#[test]
fn models_are_offered_only_to_a_user_of_the_embedded_one() {
    let mut core = Core::new(choices(), Vec::new());
    let now = Instant::now();
    let read = Event::Models(ModelEvent::Listed { has_offers: true });
    core.handle(read, now);
    let view = core.view(now);
    assert!(view.has_offers);
    let other = Choices {
        model: "cl-nagoya/ruri-v3-30m".into(),
        ..choices()
    };
    core.handle(Event::Settings(other), now);
    assert!(!core.view(now).has_offers);
    assert_eq!(core.view(now).library, view.library);
}

#[test]
fn downloads_and_changes_of_the_model_are_in_the_view_while_the_daemon_goes_on() {
    let mut core = Core::new(choices(), Vec::new());
    let now = Instant::now();
    core.handle(okibi(RunState::Running), now);
    let wanted = PendingSwitch {
        model: "b".into(),
        replace: false,
    };
    let effects = core.handle(Event::Models(ModelEvent::Switch(wanted.clone())), now);
    assert_eq!(effects, [Effect::Models(ModelEffect::Switch(wanted))]);
    core.handle(Event::Models(ModelEvent::Pull("c".into())), now);
    let view = core.view(now);
    assert!(matches!(view.daemon, DaemonView::Ready { .. }));
    assert_eq!(view.switch.map(|switch| switch.model).as_deref(), Some("b"));
    assert_eq!(view.pulls.len(), 1);
}

#[test]
fn a_user_without_an_open_window_is_notified_how_a_download_ended() {
    let mut core = Core::new(choices(), Vec::new());
    let now = Instant::now();
    core.handle(
        Event::Models(ModelEvent::Pull("cl-nagoya/ruri-v3-30m".into())),
        now,
    );
    let end = ModelEvent::PullEnded {
        run: 1,
        end: PullEnd::Failed("no space".into()),
    };
    let effects = core.handle(Event::Models(end), now);
    let [Effect::Models(ModelEffect::List), Effect::Notify(notice)] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!(
        (notice.kind, notice.body.as_str(), notice.actions.len()),
        (NoticeKind::Error, "no space", 1)
    );
}
