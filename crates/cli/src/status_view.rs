//! A daemon's status as lines on a terminal.

use okibi_messages::{
    Lang, models,
    stage::stage_name,
    status::{Label, requests, state_line},
    units,
};
use okibi_protocol::{
    method::{RunState, Status},
    stage::StageState,
};
use unicode_width::UnicodeWidthStr;

use crate::style::{BAD, FAINT, GOOD, Line, WARNING};

/// The state, then one line a fact, in columns.
pub(crate) fn lines(status: &Status, address: &str, lang: Lang) -> Vec<Line> {
    let facts = facts(status, address, lang);
    let width = facts
        .iter()
        .map(|(label, _)| label.text(lang).width())
        .max()
        .unwrap_or(0);
    let style = match status.status {
        RunState::Running => GOOD,
        RunState::Starting | RunState::Stopping => WARNING,
        RunState::Failed => BAD,
    };
    let state = Line::styled(style, "●").and(" ").and(&state_line(status, lang));
    let mut lines = vec![state];
    lines.extend(facts.into_iter().map(|(label, value)| {
        let label = label.text(lang);
        let padding = " ".repeat(width - label.width());
        Line::from("  ")
            .and_styled(FAINT, label)
            .and(&format!("{padding}  {value}"))
    }));
    lines
}

fn facts(status: &Status, address: &str, lang: Lang) -> Vec<(Label, String)> {
    let mut facts = Vec::new();
    let mut add = |label, value: Option<String>| facts.extend(value.map(|value| (label, value)));
    add(Label::Reason, status.error.clone());
    for warning in &status.warnings {
        add(Label::Warning, Some(warning.clone()));
    }
    add(
        Label::Dimension,
        status.dimension.map(|dimension| dimension.to_string()),
    );
    add(
        Label::MaxTokens,
        status.max_tokens.map(|tokens| tokens.to_string()),
    );
    add(Label::Space, status.space.clone());
    add(Label::Address, Some(address.to_owned()));
    add(Label::Process, (status.pid != 0).then(|| status.pid.to_string()));
    add(Label::Uptime, Some(units::long(status.uptime_ms.into(), lang)));
    add(
        Label::Memory,
        status.memory_bytes.map(|bytes| units::size(bytes.0)),
    );
    add(Label::Threads, status.threads.map(|threads| threads.to_string()));
    let current = status.current();
    // The CPU is the usual device, which needs no line.
    let device = current.and_then(|model| model.device.clone());
    add(Label::Device, device.filter(|device| device != "cpu"));
    add(
        Label::Requests,
        status
            .ready
            .then(|| requests(status.requests_served, status.requests_in_flight, lang)),
    );
    add(Label::Load, load(status, lang));
    let others = status.models.iter().filter(|model| !model.current);
    let others: Vec<String> = others
        .map(|model| match models::held(model.state, lang) {
            "" => model.name.clone(),
            state => format!("{} ({state})", model.name),
        })
        .collect();
    add(Label::Models, (!others.is_empty()).then(|| others.join(", ")));
    for model in &status.models {
        add(Label::Warning, model.warning.clone());
        add(Label::Reason, model.error.clone());
    }
    add(Label::Log, status.log_file.clone());
    facts
}

/// The load's time, and each stage's: `0.71 s (Tokenizer 0.45 s, Model 0.12 s)`.
fn load(status: &Status, lang: Lang) -> Option<String> {
    let stages: Vec<_> = status
        .stages
        .stages()
        .iter()
        .filter(|event| event.state == StageState::Finished)
        .map(|event| {
            let time = units::seconds(event.elapsed_ms.into(), lang);
            format!("{} {time}", stage_name(event.stage, lang))
        })
        .collect();
    let all = status.load_ms.map(|time| units::seconds(time.into(), lang));
    match (all, stages.is_empty()) {
        (Some(all), false) => Some(format!("{all} ({})", stages.join(", "))),
        (Some(all), true) => Some(all),
        (None, false) => Some(stages.join(", ")),
        (None, true) => None,
    }
}

#[cfg(test)]
mod tests {
    use okibi_protocol::{
        stage::{Stage, StageBoard, StageEvent},
        units::{ByteCount, Millis},
    };

    use super::*;

    fn status() -> Status {
        let mut stages = StageBoard::default();
        stages.record(StageEvent {
            stage: Stage::Tokenizer,
            state: StageState::Finished,
            elapsed_ms: Millis(450),
            measure: None,
        });
        Status {
            status: RunState::Running,
            ready: true,
            server_type: "okibi".into(),
            model: "multilingual-e5-small".into(),
            dimension: Some(384),
            space: Some("0123456789abcdef".into()),
            max_tokens: Some(512),
            pid: 42,
            version: "0.1.0".into(),
            uptime_ms: Millis(11_520_000),
            memory_bytes: Some(ByteCount(212_400_000)),
            threads: Some(2),
            stages,
            load_ms: Some(Millis(710)),
            requests_served: 17,
            requests_in_flight: 2,
            texts_embedded: 40,
            latency: None,
            models: Vec::new(),
            launch: None,
            warnings: Vec::new(),
            error: None,
            log_file: None,
        }
    }

    fn plain(lang: Lang) -> Vec<String> {
        lines(&status(), "ws://127.0.0.1:8765", lang)
            .iter()
            .map(Line::plain)
            .collect()
    }

    #[test]
    fn a_ready_daemon_in_english() {
        assert_eq!(
            plain(Lang::En),
            [
                "● multilingual-e5-small is ready",
                "  Dimensions    384",
                "  Max tokens    512",
                "  Vector space  0123456789abcdef",
                "  Address       ws://127.0.0.1:8765",
                "  Process       42",
                "  Uptime        3 h 12 min",
                "  Memory        212.4 MB",
                "  Threads       2",
                "  Requests      17 (2 in progress)",
                "  Load          0.71 s (Tokenizer 0.45 s)",
            ]
        );
    }

    #[test]
    fn japanese_columns_stand_under_each_other() {
        let lines = plain(Lang::Ja);
        assert_eq!(lines[0], "● multilingual-e5-small は準備ができています");
        let column = |line: &str, value: &str| line[..line.find(value).unwrap()].width();
        assert_eq!(column(&lines[1], "384"), column(&lines[2], "512"));
        assert_eq!(column(&lines[1], "384"), column(&lines[4], "ws://"));
    }
}
