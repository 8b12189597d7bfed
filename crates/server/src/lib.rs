//! The daemon: loads the engine, takes the port over, answers, drains.
//!
//! - [`run()`]: a daemon's whole life, launched by a front or in the foreground
//! - [`DaemonOptions`] and [`Host`]: what a daemon is started with, and what it needs of the program around it
//!
//! Inside, from the leaves upward:
//!
//! - `options`: what a daemon is started with; `failure`: why a request is not answered with vectors
//! - `models`: the models a daemon holds
//! - `daemon`: its state; `activity` and `metrics` count its requests
//! - `program`: which program is at the other end of a connection
//! - `inference`: one request for embeddings; `embed`: the JSON-RPC methods for it
//! - `rpc` and `http`: calls and requests; `service`: both as the listener asks for them
//! - `launch` and `handover`: the daemon's half of a launch; `run`: the order of it all

mod activity;
mod blocking;
mod daemon;
pub mod docs;
mod embed;
mod failure;
mod handover;
mod http;
mod inference;
mod launch;
mod metrics;
mod models;
mod options;
mod process;
mod program;
mod rpc;
mod run;
mod service;
mod signals;

#[cfg(fuzzing)]
pub use http::fuzzing;
// What the options are made of, so that the program around the daemon needs no other crate for them.
pub use embed::STREAM_CHUNK;
pub use okibi_engine::canary::SpaceChange;
pub use okibi_engine::{Backend, Device, DevicePreference, LoadError, LoadOptions};
pub use okibi_listener::Limits;
pub use okibi_protocol::guard::{Access, Tokens};
pub use options::{
    DaemonError, DaemonOptions, Ended, Host, KeepAlive, MAX_TEXTS, ModelOptions, ServeOptions,
};
pub use run::run;
