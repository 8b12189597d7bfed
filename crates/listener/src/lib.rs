//! One port that speaks HTTP and JSON-RPC over WebSocket, with guards and limits; who answers is an argument.
//!
//! The daemon and a front's temporary server both listen through it. It knows the framing, the limits and the order in
//! which things end, but no path, no dialect and of the methods only which are answered at any time: the rest belongs to the [`Service`] it is started with.
//!
//! - [`bind()`]: takes the port on 127.0.0.1 and, where the machine has it, on `[::1]`
//! - [`Service`]: answers calls, launch notices, HTTP routes, and words what is refused
//! - [`start()`] and [`Listener`]: accepts, counts, drains
//! - [`Limits`]: every bound
//! - [`subscribe()`] and [`events()`]: a value as it changes, over WebSocket and over HTTP
//!
//! From the leaves upward: `core` is what connections share; `session` is one WebSocket's state; `call`, `batch` and
//! `message` answer what it receives; `websocket` reads it; `connection` begins as HTTP; `listener` accepts.

mod access;
mod batch;
mod bound;
mod budget;
mod call;
mod caller;
mod connection;
mod connection_id;
mod core;
mod counted_body;
mod counters;
mod events;
mod handshake;
mod http;
mod identity;
mod idle_connections;
mod life;
mod limits;
mod listener;
mod message;
mod peak;
mod peer;
mod place;
mod refusal;
mod service;
mod session;
mod socket;
mod subscription;
mod unread;
mod websocket;
mod wire;
mod writer;

pub use self::{
    bound::{Bound, Refusals},
    caller::{Caller, HeldAnswer, HeldBytes},
    connection_id::ConnectionId,
    counters::Counters,
    events::events,
    limits::Limits,
    listener::{Drained, Listener, start},
    peer::{Peer, Program, product},
    refusal::{Refused, RefusedRequest},
    service::{Answer, CallContext, Chunk, ConnectionClosed, Notifier, Service},
    socket::{PortCloser, Sockets, bind, bind_on},
    subscription::subscribe,
};
