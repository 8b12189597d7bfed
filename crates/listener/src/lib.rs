//! One port that speaks HTTP and JSON-RPC over WebSocket, with guards and limits; who answers is an argument.
//!
//! The daemon and a front's temporary server both listen through it. It knows the framing, the limits and the
//! order in which things end, but no method: those belong to the [`Service`] it is started with.
//!
//! - [`bind()`]: takes the port on 127.0.0.1 and, where there is one, on `[::1]`
//! - [`Service`]: what is asked: calls, launch notices, HTTP routes
//! - [`start()`] and [`Listener`]: accepts, counts, drains
//! - [`Limits`]: every bound there is
//! - [`subscribe()`]: the status as it changes
//! - [`loading`]: what is answered while a model loads

mod answering;
mod batch;
mod bound;
mod budget;
mod connection;
mod counted;
mod crowd;
mod events;
mod handshake;
mod http;
mod limits;
mod listener;
pub mod loading;
mod refusal;
mod service;
mod session;
mod socket;
mod subscription;
mod unread;
mod wire;
mod writer;

pub use self::{
    bound::{Bound, Refusals},
    events::events,
    http::{Caller, Counts, Held, HeldAnswer},
    limits::Limits,
    listener::{Drained, Listener, start},
    refusal::HttpError,
    service::{Answer, CallContext, Chunk, ConnectionClosed, ConnectionId, Notifier, Service},
    socket::{PortCloser, Sockets, bind, bind_on},
    subscription::subscribe,
};
