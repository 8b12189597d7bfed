//! `okibi serve`: the daemon in the foreground.

use crate::{
    command::daemon::{self, Place},
    failure::{Exit, Failure},
    front::Front,
};

/// Loads the model and serves until Ctrl-C, SIGTERM or `okibi stop`.
pub(crate) fn run(front: &Front) -> Result<Exit, Failure> {
    daemon::serve(front, Place::Foreground)
}
