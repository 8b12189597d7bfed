//! What the app knows and decides: events in, effects out, no I/O.
//!
//! What listens on the port decides which state is shown ([`PortState`]); a launch of our own adds its steps and its
//! end. The core never reads a clock: the time comes with every event, so a test can be at any time it likes.
//!
//! ```text
//!              event, time                  effects
//! watcher  ─┐                  ┌──────┐  ┌─▶ launch, stop     (driver)
//! launcher ─┼─────────────────▶│ Core │──┼─▶ notification     (notifier)
//! user     ─┘                  └──┬───┘  └─▶ download, switch (model_commands)
//!                                 └────────▶ View: what the windows and the tray show
//! ```
//!
//! `event` and `effect` are what goes in and out. `state` is what the core knows and how it is shown, `transitions`
//! what it decides. `load` follows one load, `models` downloads and switches, `restarts` counts restarts, `hints` says what
//! the user should know beside the daemon's state.

mod effect;
mod event;
mod hints;
mod load;
mod models;
mod restarts;
mod state;
mod transitions;

pub(crate) use effect::{Effect, Kept, ModelEffect, Notice, NoticeAction, NoticeKind};
pub(crate) use event::{
    Choices, Event, ModelEvent, PendingSwitch, PortState, PullEnd, SwitchEnd, UserCommand,
};
pub(crate) use state::Core;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod world_tests;
