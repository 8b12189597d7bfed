//! The program `okibi`: the command line, and the daemon it starts.
//!
//! A front never loads a model; it launches, watches and stops a daemon, which is this program again under a
//! hidden command. Neither has logic of its own that the tray would need too: that is in `okibi-launcher`.

use std::process::ExitCode;

mod activity_view;
mod args;
mod command;
mod embed;
mod exit;
mod failure;
mod front;
mod language;
mod launch_view;
mod run;
mod runtime;
mod setting_flags;
mod status_view;
mod style;
mod usage;

fn main() -> ExitCode {
    run::run(std::env::args_os().collect()).into()
}
