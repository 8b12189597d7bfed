//! The tray's menu as data: its lines, and what a press on one of them means.

use std::cmp::Reverse;

use okibi_config::LangChoice;
use okibi_messages::{Lang, tray, tray::Entry};
use okibi_protocol::models::{ModelEntry, ModelOrigin, Presence};

use crate::{
    contract::{DaemonView, ModelChoice},
    model_name,
};

/// What a press on a line means. Its text form is the identifier of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Press {
    /// One of the fixed entries.
    Entry(Entry),
    /// A model to use from now on.
    Model(String),
    /// A language.
    Language(LangChoice),
}

/// Languages and their identifiers.
const LANGUAGES: [(LangChoice, &str); 3] = [
    (LangChoice::Auto, "lang-auto"),
    (LangChoice::En, "lang-en"),
    (LangChoice::Ja, "lang-ja"),
];

/// Before the model's value in an identifier.
const MODEL: &str = "model:";

impl Press {
    /// Returns the identifier of its line.
    pub(crate) fn id(&self) -> String {
        match self {
            Self::Entry(entry) => id(*entry).to_owned(),
            Self::Model(model) => format!("{MODEL}{model}"),
            Self::Language(language) => LANGUAGES
                .iter()
                .find(|(known, _)| known == language)
                .map_or_else(String::new, |(_, id)| (*id).to_owned()),
        }
    }

    /// Returns the press that an identifier stands for.
    pub(crate) fn from_id(id: &str) -> Option<Self> {
        if let Some(model) = id.strip_prefix(MODEL) {
            return Some(Self::Model(model.to_owned()));
        }
        if let Some((language, _)) = LANGUAGES.iter().find(|(_, known)| *known == id) {
            return Some(Self::Language(*language));
        }
        id.parse().ok().map(Self::Entry)
    }
}

/// A line of the menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Something to read, or to press.
    Item { id: String, text: String, enabled: bool },
    /// Something that is on or off.
    Check { id: String, text: String, checked: bool },
    /// Lines behind a line.
    Submenu { text: String, lines: Vec<Line> },
    /// A separator.
    Separator,
}

/// What the menu depends on.
#[derive(Clone, Debug)]
pub(crate) struct MenuState<'a> {
    pub(crate) lang: Lang,
    /// The first line.
    pub(crate) state_line: String,
    pub(crate) daemon: &'a DaemonView,
    pub(crate) model: &'a str,
    pub(crate) models: &'a [ModelChoice],
    pub(crate) language: LangChoice,
    pub(crate) starts_at_login: bool,
    pub(crate) starts_daemon: bool,
}

/// Returns the menu.
pub(crate) fn menu(state: &MenuState<'_>) -> Vec<Line> {
    use DaemonView::{Failed, Loading, PortTaken, Ready, Stopped, Stopping};
    let lang = state.lang;
    let item = |entry: Entry, enabled: bool| Line::Item {
        id: id(entry).to_owned(),
        text: entry.text(lang).to_owned(),
        enabled,
    };
    let check = |entry: Entry, checked: bool| Line::Check {
        id: id(entry).to_owned(),
        text: entry.text(lang).to_owned(),
        checked,
    };
    let can_start = matches!(state.daemon, Stopped | Failed { .. } | PortTaken { .. });
    let can_stop = matches!(state.daemon, Ready { .. } | Loading { .. });
    let mut models: Vec<Line> = state
        .models
        .iter()
        .map(|model| Line::Check {
            id: format!("{MODEL}{}", model.value),
            text: model.label.clone(),
            checked: model.value == state.model,
        })
        .collect();
    models.push(Line::Separator);
    models.push(item(Entry::Models, true));
    models.push(item(Entry::AddFolder, true));
    let language_name = |language| match language {
        LangChoice::Auto => Entry::LanguageOfSystem.text(lang),
        LangChoice::En => "English",
        LangChoice::Ja => "日本語",
    };
    let languages = LANGUAGES
        .iter()
        .map(|(language, id)| Line::Check {
            id: (*id).to_owned(),
            text: language_name(*language).to_owned(),
            checked: *language == state.language,
        })
        .collect();
    vec![
        Line::Item {
            id: "state".into(),
            text: state.state_line.clone(),
            enabled: false,
        },
        Line::Separator,
        item(Entry::Start, can_start),
        item(Entry::Stop, can_stop),
        item(Entry::Restart, matches!(state.daemon, Ready { .. })),
        Line::Submenu {
            text: Entry::Model.text(lang).to_owned(),
            lines: models,
        },
        Line::Separator,
        item(Entry::Progress, true),
        item(Entry::Status, true),
        item(Entry::TryIt, true),
        item(Entry::Connect, true),
        item(Entry::Activity, true),
        item(Entry::CopyAddress, !matches!(state.daemon, Stopping)),
        item(Entry::OpenLog, true),
        Line::Separator,
        item(Entry::Settings, true),
        check(Entry::StartAtLogin, state.starts_at_login),
        check(Entry::StartDaemon, state.starts_daemon),
        Line::Submenu {
            text: Entry::Language.text(lang).to_owned(),
            lines: languages,
        },
        item(Entry::About, true),
        Line::Separator,
        item(Entry::Quit, true),
        item(Entry::StopAndQuit, can_stop),
    ]
}

/// Returns the identifier of an entry.
fn id(entry: Entry) -> &'static str {
    entry.into()
}

/// Returns the first line of the menu.
pub(crate) fn state_line(
    daemon: &DaemonView,
    status: Option<&okibi_protocol::method::Status>,
    port: u16,
    lang: Lang,
) -> String {
    match (daemon, status) {
        (DaemonView::Ready { .. }, Some(status)) if status.is_resting() => tray::idle(status, lang),
        (DaemonView::Ready { .. }, Some(status)) => tray::ready(status, lang),
        (DaemonView::Loading { fraction }, _) => tray::loading(*fraction, lang),
        (DaemonView::Stopping, _) => tray::stopping(lang).into(),
        (
            DaemonView::Failed {
                again_in_ms: Some(left),
                ..
            },
            _,
        ) => tray::starts_again((*left).into(), lang),
        (DaemonView::Failed { .. }, _) => tray::failed(lang).into(),
        (DaemonView::PortTaken { .. }, _) => tray::port_taken(port, lang),
        (DaemonView::Stopped | DaemonView::Ready { .. }, _) => tray::stopped(lang).into(),
    }
}

/// Models in the menu, at most.
const MODELS: usize = 12;

/// Returns the models to choose from: those that are here, the embedded one first, then by last use. The chosen one is
/// always among them.
pub(crate) fn models(entries: &[ModelEntry], chosen: &str) -> Vec<ModelChoice> {
    let mut here: Vec<&ModelEntry> = entries
        .iter()
        .filter(|entry| entry.presence == Presence::Here)
        .collect();
    here.sort_by_key(|entry| {
        let is_embedded = entry.origin == ModelOrigin::Embedded;
        (!is_embedded, Reverse(entry.last_used_ms))
    });
    let mut models: Vec<ModelChoice> = here
        .into_iter()
        .map(|entry| ModelChoice {
            value: model_name::value(entry),
            label: entry.name.clone(),
            origin: entry.origin,
        })
        .collect();
    let chosen = match models.iter().position(|model| model.value == chosen) {
        Some(at) if at < MODELS => None,
        Some(at) => Some(models.remove(at)),
        None => Some(ModelChoice {
            value: chosen.to_owned(),
            label: model_name::display(chosen),
            origin: if model_name::is_folder(chosen) {
                ModelOrigin::Folder
            } else {
                ModelOrigin::Hub
            },
        }),
    };
    models.truncate(if chosen.is_some() { MODELS - 1 } else { MODELS });
    models.extend(chosen);
    models
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Problem;

    fn entry(name: &str, origin: ModelOrigin, last_used_ms: Option<u64>) -> ModelEntry {
        let text = format!(r#"{{"name":"{name}","origin":"hub","presence":"here","folder":"/m/{name}"}}"#);
        ModelEntry {
            origin,
            last_used_ms,
            ..serde_json::from_str(&text).unwrap()
        }
    }

    fn lines(daemon: &DaemonView) -> Vec<Line> {
        let entries = [
            entry("ruri", ModelOrigin::Folder, Some(9)),
            entry("multilingual-e5-small", ModelOrigin::Embedded, Some(2)),
        ];
        let models = models(&entries, "BAAI/bge-m3");
        menu(&MenuState {
            lang: Lang::En,
            state_line: "…".into(),
            daemon,
            model: "/m/ruri",
            models: &models,
            language: LangChoice::Auto,
            starts_at_login: false,
            starts_daemon: true,
        })
    }

    fn enabled(daemon: &DaemonView, entry: Entry) -> bool {
        lines(daemon)
            .iter()
            .find_map(|line| match line {
                Line::Item {
                    id: known, enabled, ..
                } if known == id(entry) => Some(*enabled),
                _ => None,
            })
            .unwrap()
    }

    #[test]
    fn start_stop_and_restart_can_be_pressed_when_they_make_sense() {
        let problem = Problem {
            message: "m".into(),
            advice: None,
            log_tail: Vec::new(),
        };
        let states = [
            (DaemonView::Stopped, [true, false, false]),
            (DaemonView::Loading { fraction: 0.5 }, [false, true, false]),
            (DaemonView::Stopping, [false, false, false]),
            (
                DaemonView::Failed {
                    problem,
                    again_in_ms: None,
                },
                [true, false, false],
            ),
        ];
        for (daemon, expected) in states {
            let found = [Entry::Start, Entry::Stop, Entry::Restart].map(|entry| enabled(&daemon, entry));
            assert_eq!(found, expected, "{daemon:?}");
        }
    }

    #[test]
    fn every_line_that_can_be_pressed_means_something() {
        fn check(lines: &[Line]) {
            for line in lines {
                match line {
                    Line::Item {
                        id, enabled: true, ..
                    }
                    | Line::Check { id, .. } => {
                        let press = Press::from_id(id).unwrap_or_else(|| panic!("{id}"));
                        assert_eq!(press.id(), *id);
                    }
                    Line::Submenu { lines, .. } => check(lines),
                    Line::Item { .. } | Line::Separator => {}
                }
            }
        }
        check(&lines(&DaemonView::Stopped));
    }

    #[test]
    fn a_model_is_offered_once_and_the_chosen_one_is_marked() {
        let lines = lines(&DaemonView::Stopped);
        let models: Vec<(String, bool)> = lines
            .iter()
            .find_map(|line| match line {
                Line::Submenu { text, lines } if text == "Model" => Some(lines),
                _ => None,
            })
            .unwrap()
            .iter()
            .filter_map(|line| match line {
                Line::Check { text, checked, .. } => Some((text.clone(), *checked)),
                _ => None,
            })
            .collect();
        assert_eq!(
            models,
            [
                ("multilingual-e5-small".to_owned(), false),
                ("ruri".to_owned(), true),
                ("BAAI/bge-m3".to_owned(), false)
            ]
        );
    }

    #[test]
    fn the_menu_has_the_models_used_last_and_the_chosen_one() {
        let names: Vec<String> = (0..20).map(|at| format!("m{at}")).collect();
        let mut entries: Vec<ModelEntry> = names
            .iter()
            .zip(0..)
            .map(|(name, at)| entry(name, ModelOrigin::Hub, (at > 0).then_some(at)))
            .collect();
        entries.push(entry("own", ModelOrigin::Embedded, None));
        entries[19].presence = Presence::Partial;
        let values = |chosen: &str| -> Vec<String> {
            models(&entries, chosen)
                .into_iter()
                .map(|model| model.value)
                .collect()
        };
        let first = values("own");
        assert_eq!(
            (first.len(), &first[..3]),
            (MODELS, &["own", "m18", "m17"].map(String::from)[..])
        );
        let rare = values("m0");
        assert_eq!(
            (rare.len(), rare.last().map(String::as_str)),
            (MODELS, Some("m0"))
        );
        assert_eq!(values("elsewhere").last().map(String::as_str), Some("elsewhere"));
    }
}
