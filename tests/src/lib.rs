//! End-to-end tests through the real `okibi`: what they stand on. The tests are in `tests/`, one file a topic.
//!
//! - [`Machine`]: one sealed environment with folders and a port of its own; ends what it started
//! - [`Running`] and [`Ended`]: an `okibi` under way, and what came of one
//! - [`Wire`]: a WebSocket client that sends any message, valid or not; [`http`]: the same for HTTP
//! - [`model`]: the tiny model, its reference, broken copies and (Unix) one that loads as long as a test wants
//! - [`not_finite`]: a model that has no vector for some words; [`endless`]: one that never returns with some
//! - [`Hub`]: a model hub on this machine; [`foreign`]: other people's programs on our port
//! - `desktop` (Linux): a display, a bus and a panel for the tray app
//! - `pty` and `proc` (Unix): terminals, and what the kernel knows about a process
//!
//! Nothing here sleeps: everything waits for an event, under [`LIMIT`].

// A harness fails by panicking, with the place where it happened.
#![allow(clippy::unwrap_used)]

mod binary;
#[cfg(target_os = "linux")]
pub mod desktop;
pub mod endless;
pub mod foreign;
pub mod http;
mod hub;
mod limit;
mod machine;
pub mod model;
pub mod not_finite;
mod onnx;
mod port;
#[cfg(target_os = "linux")]
pub mod proc;
#[cfg(unix)]
pub mod pty;
mod running;
pub mod vector;
mod wire;

pub use self::{
    binary::{okibi_binary, repository},
    hub::{Hub, Trouble},
    limit::{LIMIT, eventually, within},
    machine::Machine,
    port::PortLease,
    running::{Ended, Running},
    wire::Wire,
};
