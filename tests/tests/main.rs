//! The end-to-end tests: real processes, real ports, the real embedded model; one file for each subject.
//!
//! They are one program, because linking nineteen takes minutes. `cargo nextest` still gives each test a process of its
//! own; the tests of one file are those named like it: `cargo nextest run -E 'test(/^launch::/)'`.

// Helpers fail by panicking, as the tests do.
#![allow(clippy::unwrap_used)]

mod activity;
mod bounds;
mod cli;
mod clients;
mod crowd;
mod detach;
mod dialects;
mod failures;
mod fronts;
mod guards;
mod heavy_clients;
mod hub;
mod launch;
mod loading;
mod metrics;
mod models;
mod models_window;
mod not_finite;
mod package;
mod pulls;
mod recipes;
mod requests;
mod strangers;
mod tray;
mod windows;
mod wire;

/// A file that is not named above would never run, and nobody would notice.
#[test]
fn every_file_here_is_part_of_the_program() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let program = include_str!("main.rs");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    for file in files.filter(|file| file.extension().is_some_and(|ending| ending == "rs")) {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let is_program = ["main", "docs"].contains(&name.as_str());
        assert!(
            is_program || program.contains(&format!("\nmod {name};\n")),
            "main.rs does not name {name}"
        );
    }
}
