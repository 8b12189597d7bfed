//! `ui/src/lib/bindings.ts` is what the Rust types say. `OKIBI_WRITE_BINDINGS=1` writes it anew.

use std::{fmt::Write as _, path::Path};

use okibi_protocol::{
    models::{ModelOrigin, ModelState, Presence, Variant},
    stage::{Stage, StageState, Unit},
};
use okibi_tray::contract as c;
use ts_rs::{Config, TS};

fn bindings() -> String {
    let mut text = String::from("// Generated from src-tauri/src/contract.rs. Do not edit.\n\n");
    let config = Config::default();
    macro_rules! export {
        ($($kind:ty),* $(,)?) => {
            $( writeln!(text, "export {}", <$kind as TS>::decl(&config)).unwrap(); )*
        };
    }
    export!(
        Stage,
        StageState,
        Unit,
        ModelOrigin,
        ModelState,
        Presence,
        Variant,
        c::Language,
        c::View,
        c::DaemonView,
        c::StatusView,
        c::LatencyView,
        c::LaunchView,
        c::LaunchState,
        c::StageView,
        c::MeasureView,
        c::PreviousLaunch,
        c::PreviousStage,
        c::Problem,
        c::PullView,
        c::PullProgress,
        c::SwitchView,
        c::SwitchProgress,
        c::HeldView,
        c::ModelsView,
        c::ModelRow,
        c::WindowName,
        c::Place,
        c::About,
        c::Embedded,
        c::NotificationChoice,
        c::ProgressChoice,
        c::DeviceChoice,
        c::LanguageChoice,
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

#[test]
fn the_pages_know_the_types_of_now() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/src/lib/bindings.ts");
    if std::env::var_os("OKIBI_WRITE_BINDINGS").is_some() {
        std::fs::write(&file, bindings()).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap().replace("\r\n", "\n");
    assert_eq!(
        written,
        bindings(),
        "run OKIBI_WRITE_BINDINGS=1 cargo test -p okibi-tray --test bindings"
    );
}
