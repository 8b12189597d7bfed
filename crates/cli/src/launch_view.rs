//! What a start shows while it is under way: bars on a terminal, plain lines without one, JSON for programs.
//!
//! A start goes on when nobody reads its output any more, so failures to write are ignored here.

use std::{
    collections::HashMap,
    io::{IsTerminal, Write},
    time::Duration,
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use okibi_launcher::{LaunchUpdate, Started};
use okibi_messages::{Lang, Message, stage::stage_text, status::ready_line, units};
use okibi_protocol::{
    method::Status,
    stage::{Measure, Stage, StageEvent, StageState, Unit},
};
use serde::Serialize;

use crate::style::{self, BAD, FAINT, GOOD, Line};

/// Where updates of a launch go.
pub(crate) enum LaunchView {
    /// A line for each stage that ends.
    Lines(Lang),
    /// Besides, a bar or a spinner for each that is under way.
    Bars(Bars),
    /// One JSON object a line.
    Json(Lang),
}

impl LaunchView {
    pub(crate) fn new(json: bool, lang: Lang) -> Self {
        match json {
            true => Self::Json(lang),
            false if std::io::stdout().is_terminal() => Self::Bars(Bars::new(lang)),
            false => Self::Lines(lang),
        }
    }

    /// Shows an update.
    pub(crate) fn update(&mut self, update: LaunchUpdate) {
        match self {
            Self::Json(lang) => print_json(&json_update(&update, *lang)),
            Self::Bars(bars) => bars.update(&update),
            Self::Lines(lang) => {
                if let Some(line) = update_line(&update, *lang) {
                    // See the module: the start goes on without its output.
                    let _ = style::say(line);
                }
            }
        }
    }

    /// Shows that the daemon is ready.
    pub(crate) fn ready(self, started: &Started, elapsed: Duration, address: &str) {
        let status = started.status();
        let (outcome, time) = match started {
            Started::Launched(_) => ("launched", Some(elapsed)),
            Started::Attached(_) => ("attached", Some(elapsed)),
            Started::AlreadyRunning(_) => ("already_running", None),
        };
        let lang = match self {
            Self::Json(_) => {
                return print_json(&Event::Ready {
                    outcome,
                    elapsed_ms: elapsed.as_millis(),
                    address,
                    status,
                });
            }
            Self::Lines(lang) => lang,
            // The bars go with this arm, before the line is printed.
            Self::Bars(bars) => bars.lang,
        };
        // See the module: the daemon is ready all the same.
        let _ = style::say(Line::styled(GOOD, &ready_line(status, time, address, lang)));
        for warning in &status.warnings {
            style::warn_text(warning, lang);
        }
    }
}

/// A line of `--json`.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event<'a> {
    Spawned {
        pid: u32,
    },
    Attached,
    Waiting {
        pid: u32,
    },
    Stage {
        #[serde(flatten)]
        step: &'a StageEvent,
        message: String,
    },
    Stopped {
        port: u16,
    },
    Ready {
        outcome: &'static str,
        elapsed_ms: u128,
        address: &'a str,
        status: &'a Status,
    },
    Error {
        kind: &'static str,
        message: String,
        log_tail: &'a [String],
    },
}

fn json_update<'a>(update: &'a LaunchUpdate, lang: Lang) -> Event<'a> {
    match update {
        LaunchUpdate::Spawned { pid } => Event::Spawned { pid: *pid },
        LaunchUpdate::Attached => Event::Attached,
        LaunchUpdate::Waiting { pid } => Event::Waiting { pid: *pid },
        LaunchUpdate::Stage { message, event } => Event::Stage {
            step: event,
            message: words(message, event, lang),
        },
    }
}

/// Prints a line of `--json`.
pub(crate) fn print_json(event: &Event<'_>) {
    // See the module: the start goes on without its output.
    let _ = style::say_json(event).and_then(|()| std::io::stdout().flush());
}

/// The daemon's own sentence, or ours where it sent none.
fn words(message: &str, event: &StageEvent, lang: Lang) -> String {
    if message.is_empty() {
        stage_text(event, lang).to_owned()
    } else {
        message.to_owned()
    }
}

/// The line that stays of an update; a stage that only moved on leaves none.
fn update_line(update: &LaunchUpdate, lang: Lang) -> Option<Line> {
    match update {
        LaunchUpdate::Spawned { .. } => None,
        LaunchUpdate::Attached => Some(Message::Attached.text(lang).into()),
        LaunchUpdate::Waiting { pid } => Some(Message::Waiting { pid: *pid }.text(lang).into()),
        LaunchUpdate::Stage { message, event } => stage_line(message, event, lang),
    }
}

fn stage_line(message: &str, event: &StageEvent, lang: Lang) -> Option<Line> {
    let (style, mark) = match event.state {
        StageState::Finished => (GOOD, "✓"),
        StageState::Failed => (BAD, "✗"),
        // A download is the one stage that may take minutes: it is announced.
        StageState::Started if event.stage == Stage::Download => (FAINT, "…"),
        StageState::Started | StageState::Advanced => return None,
    };
    let mut line = Line::styled(style, mark)
        .and(" ")
        .and(&words(message, event, lang));
    let mut details = Vec::new();
    details.extend(event.measure.map(|measure| units::measure(&measure, lang)));
    if event.state != StageState::Started {
        details.push(units::seconds(event.elapsed_ms.into(), lang));
    }
    if !details.is_empty() {
        line = line.and("  ").and_styled(FAINT, &details.join("  "));
    }
    Some(line)
}

/// The stages under way on a terminal.
pub(crate) struct Bars {
    lang: Lang,
    all: MultiProgress,
    open: HashMap<Stage, ProgressBar>,
}

impl Bars {
    fn new(lang: Lang) -> Self {
        Self {
            lang,
            all: MultiProgress::with_draw_target(ProgressDrawTarget::stdout()),
            open: HashMap::new(),
        }
    }

    fn update(&mut self, update: &LaunchUpdate) {
        if let LaunchUpdate::Stage { message, event } = update {
            match event.state {
                StageState::Started | StageState::Advanced => self.show(message, event),
                StageState::Finished | StageState::Failed => {
                    if let Some(bar) = self.open.remove(&event.stage) {
                        bar.finish_and_clear();
                    }
                }
            }
            // Its bar says that it has started.
            if event.state == StageState::Started {
                return;
            }
        }
        if let Some(line) = update_line(update, self.lang) {
            // Bars and lines share stdout: above the bars is the only place for a line. Colors are left out
            // here as `anstream` does it.
            let choice = anstream::AutoStream::choice(&std::io::stdout());
            let line = match choice {
                anstream::ColorChoice::Never => line.plain(),
                _ => line.as_str().to_owned(),
            };
            // See the module.
            let _ = self.all.println(line);
        }
    }

    fn show(&mut self, message: &str, event: &StageEvent) {
        let bar = self.open.entry(event.stage).or_insert_with(|| {
            let bar = self.all.add(ProgressBar::no_length());
            bar.set_style(spinner_style(self.lang));
            bar.enable_steady_tick(TICK);
            bar
        });
        let message = Line::from(words(message, event, self.lang));
        bar.set_message(message.plain());
        if let Some(Measure { done, total, unit }) = event.measure {
            if let Some(total) = total.filter(|total| bar.length() != Some(*total)) {
                bar.set_style(bar_style(unit));
                bar.set_length(total);
            }
            bar.set_position(done);
        }
    }
}

/// Clears the bars of stages whose end was not reported: the port changes hands in the last one, and a daemon may
/// die in any.
impl Drop for Bars {
    fn drop(&mut self) {
        for bar in self.open.values() {
            bar.finish_and_clear();
        }
    }
}

const TICK: Duration = Duration::from_millis(100);

fn spinner_style(lang: Lang) -> ProgressStyle {
    let clock = move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        // `indicatif` gives a string, which takes every text.
        let _ = out.write_str(&units::seconds(state.elapsed(), lang));
    };
    ProgressStyle::with_template("{spinner} {msg}  {clock}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .with_key("clock", clock)
}

fn bar_style(unit: Unit) -> ProgressStyle {
    let template = match unit {
        Unit::Bytes => {
            "{spinner} {msg}  {bar:24}  {decimal_bytes} / {decimal_total_bytes}  {decimal_bytes_per_sec}"
        }
        Unit::Items => "{spinner} {msg}  {bar:24}  {pos} / {len}",
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use okibi_protocol::units::Millis;

    use super::*;

    fn line(state: StageState, measure: Option<Measure>, lang: Lang) -> Option<String> {
        let event = StageEvent {
            stage: Stage::Download,
            state,
            elapsed_ms: Millis(420),
            measure,
        };
        stage_line("", &event, lang).map(|line| line.plain())
    }

    #[test]
    fn a_stage_leaves_a_line_with_its_time_in_either_language() {
        let measure = Some(Measure {
            done: 71_600_000,
            total: None,
            unit: Unit::Bytes,
        });
        assert_eq!(
            line(StageState::Finished, measure, Lang::En).unwrap(),
            "✓ Model downloaded  71.6 MB  0.42 s"
        );
        assert_eq!(
            line(StageState::Failed, None, Lang::Ja).unwrap(),
            "✗ モデルをダウンロードできませんでした  0.42 秒"
        );
        assert_eq!(line(StageState::Advanced, measure, Lang::En), None);
        assert_eq!(
            line(StageState::Started, None, Lang::En).unwrap(),
            "… Downloading the model"
        );
    }

    #[test]
    fn json_lines_have_their_documented_shape() {
        let update = LaunchUpdate::Stage {
            message: "Loading".into(),
            event: StageEvent {
                stage: Stage::Model,
                state: StageState::Started,
                elapsed_ms: Millis(0),
                measure: None,
            },
        };
        assert_eq!(
            serde_json::to_string(&json_update(&update, Lang::En)).unwrap(),
            r#"{"event":"stage","stage":"model","state":"started","elapsed_ms":0,"message":"Loading"}"#
        );
        let error = Event::Error {
            kind: "port_taken",
            message: "m".into(),
            log_tail: &[],
        };
        assert_eq!(
            serde_json::to_string(&error).unwrap(),
            r#"{"event":"error","kind":"port_taken","message":"m","log_tail":[]}"#
        );
    }

    #[test]
    fn the_templates_of_the_bars_are_sound() {
        for template in [
            spinner_style(Lang::Ja),
            bar_style(Unit::Bytes),
            bar_style(Unit::Items),
        ] {
            let bar = ProgressBar::with_draw_target(Some(3), ProgressDrawTarget::hidden());
            bar.set_style(template);
            bar.set_position(1);
        }
    }
}
