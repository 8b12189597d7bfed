//! The runtime of a front's command.

use std::future::Future;

use crate::failure::{Exit, Failure};

/// Runs a command to its end: one thread is enough, and quicker to start than several.
pub(crate) fn block_on(command: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::io("tokio", &error))?
        .block_on(command)
}
