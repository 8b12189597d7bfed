//! Fetching models from a hub that is scripted.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod failures;
mod hostile;
mod locks;
mod machine;
mod pull;
mod repository;
mod resume;
mod server;
