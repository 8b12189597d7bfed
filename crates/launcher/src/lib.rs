//! The front's half of a launch: temporary notification server, detached spawn, attach, stop.
//!
//! A front is the program that a user starts a daemon with: the command line or the tray. It never loads a model.
//!
//! - [`start()`]: makes sure that a daemon runs, by launching one or by attaching to a launch under way
//! - [`stop()`]: ends one, or a load
//! - [`connect()`], [`status()`]: reach one, and say who else has its port
//!
//! Inside: `lead` is a launch of our own, `front` its temporary server, `detach` the spawn, `attach` another
//! front's launch, `port` which program holds a port, `logtail` the end of a dead daemon's log.

mod attach;
mod detach;
mod front;
mod lead;
mod logtail;
mod outcome;
mod port;
mod process;
mod start;
mod stop;

pub use logtail::{last_lines, log_tail};
pub use outcome::{
    Exit, LaunchSpec, LaunchUpdate, LaunchedDaemon, PortHolder, Rejection, StartError, Started, StatusError,
    StopError, Stopped,
};
pub use port::{connect, status};
pub use process::is_launched;
pub use start::start;
pub use stop::stop;
