//! `ui/src/lib/bindings.ts` is what the Rust types say. `OKIBI_WRITE_BINDINGS=1` writes the file.

// Helpers fail by panicking, as the tests do.
#![allow(clippy::unwrap_used)]

use std::{fmt::Write as _, path::Path};

use okibi_config::{DeviceChoice, Key, LangChoice, NotificationChoice, ProgressChoice, Words};
use okibi_protocol::{
    method::{
        ActiveClient, Activity, ClientModel, Job, Latency, Queue, RecentRequest, Refusal, RunState, Status,
    },
    models::{self, LoadedModel, ModelEntry, ModelOrigin, ModelState, PrecisionProof, Presence, Variant},
    notice::LaunchId,
    stage::{Measure, Stage, StageBoard, StageEvent, StageState, Unit},
    units::{ByteCount, Millis},
};
use okibi_tray::contract as c;
use ts_rs::{Config, TS};

fn bindings() -> String {
    let mut text = String::from("// Generated from src-tauri/src/contract. Do not edit.\n\n");
    // JSON has one kind of number.
    let config = Config::default().with_large_int("number");
    macro_rules! export {
        ($($kind:ty),* $(,)?) => {
            $( writeln!(text, "export {}", <$kind as TS>::decl(&config)).unwrap(); )*
        };
    }
    export!(
        Millis,
        ByteCount,
        LaunchId,
        Stage,
        StageState,
        Unit,
        Measure,
        StageEvent,
        StageBoard,
        ModelOrigin,
        ModelState,
        Presence,
        Variant,
        models::Words,
        ModelEntry,
        PrecisionProof,
        LoadedModel,
        RunState,
        Latency,
        Status,
        Refusal,
        ClientModel,
        ActiveClient,
        Queue,
        Job,
        RecentRequest,
        Activity,
        c::Language,
        c::View,
        c::DaemonView,
        c::LaunchView,
        c::LaunchState,
        c::PreviousLaunch,
        c::PreviousStage,
        c::Problem,
        c::PullView,
        c::PullProgress,
        c::SwitchView,
        c::SwitchProgress,
        c::ModelsView,
        c::LookedUp,
        c::Hint,
        c::HintKind,
        c::PageName,
        c::SearchView,
        c::SearchState,
        c::Found,
        c::Hit,
        c::LogView,
        c::TokenView,
        c::UpdateView,
        c::Link,
        c::Place,
        c::About,
        c::Embedded,
        NotificationChoice,
        ProgressChoice,
        DeviceChoice,
        LangChoice,
        c::SettingsForm,
        c::Field,
        c::SettingsView,
        c::FixedField,
        c::ModelChoice,
        c::Saved,
        c::FieldProblem,
        c::CommandError,
    );
    text.lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

/// The words of the settings that the window shows, from their declarations.
fn setting_words() -> String {
    let shown = || {
        let keys = Key::ALL.iter();
        keys.filter_map(|key| Some((key.name(), key.declaration().window?)))
    };
    let mut text = String::from("// Generated from crates/config/src/settings/table.rs. Do not edit.\n");
    for (lang, word) in [
        ("en", (|words| words.en) as fn(Words) -> &'static str),
        ("ja", |words| words.ja),
    ] {
        write!(text, "\nexport const {lang} = {{\n  fields: {{\n").unwrap();
        for (name, window) in shown() {
            writeln!(text, "    {name}: {:?},", word(window.label)).unwrap();
        }
        text.push_str("  },\n  hints: {\n");
        for (name, window) in shown() {
            if let Some(hint) = window.hint {
                writeln!(text, "    {name}: {:?},", word(hint)).unwrap();
            }
        }
        text.push_str("  },\n};\n");
    }
    text
}

/// Compares a generated file of the pages, or writes it.
fn compare(name: &str, generated: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../ui/src/lib")
        .join(name);
    if std::env::var_os("OKIBI_WRITE_BINDINGS").is_some() {
        std::fs::write(&file, generated).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap().replace("\r\n", "\n");
    assert_eq!(
        written, generated,
        "run OKIBI_WRITE_BINDINGS=1 cargo test -p okibi-tray --test bindings"
    );
}

#[test]
fn the_pages_know_the_current_types() {
    compare("bindings.ts", &bindings());
}

#[test]
fn the_pages_know_the_current_settings() {
    compare("messages/settings.ts", &setting_words());
}
