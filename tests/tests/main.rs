//! The end-to-end tests: real processes, real ports, the real embedded model; one file for each subject.
//!
//! They are one program, because linking nineteen takes minutes. `cargo nextest` still gives each test a process of its
//! own; the tests of one file are those named like it: `cargo nextest run -E 'test(/^launch::/)'`.

// Helpers fail by panicking, as the tests do.
#![allow(clippy::unwrap_used)]

mod bounds;
mod cli;
mod clients;
mod crowd;
mod detach;
mod dialects;
mod failures;
mod guards;
mod hub;
mod launch;
mod loading;
mod models;
mod models_window;
mod not_finite;
mod package;
mod pulls;
mod tray;
mod windows;
mod wire;
