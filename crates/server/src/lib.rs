//! The daemon: loads the engine, takes the port over, answers, drains.
//!
//! - [`run()`]: a daemon's whole life, launched by a front or in the foreground
//! - [`DaemonOptions`] and [`Host`]: what it is told, and what it needs of the program around it
//!
//! Inside: `activity` counts requests, `models` holds the models, `launch` speaks with the front, `handover` takes the port, `daemon` answers the methods, `embed` is the
//! longest of them, `signals` listens to the OS.

mod activity;
mod ask;
mod blocking;
mod daemon;
pub mod docs;
mod embed;
mod failure;
mod handover;
mod http;
mod launch;
mod metrics;
mod models;
mod process;
mod run;
mod signals;

pub use daemon::MAX_TEXTS;
#[cfg(fuzzing)]
pub use http::fuzzing;
// What the options are made of, so that the program around the daemon needs no other crate for them.
pub use embed::STREAM_CHUNK;
pub use models::{KeepAlive, ModelOptions};
pub use okibi_engine::canary::SpaceChange;
pub use okibi_engine::{Device, DevicePreference, LoadError, LoadOptions};
pub use okibi_listener::Limits;
pub use okibi_protocol::guard::{Access, Tokens};
pub use run::{DaemonError, DaemonOptions, Ended, Host, ServeOptions, run};
