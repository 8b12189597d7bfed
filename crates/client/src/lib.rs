//! The async client of Okibi: calls, embeddings, subscriptions, over one WebSocket on 127.0.0.1.
//!
//! - [`Client`]: calls at the same time over one connection
//! - [`Chunks`]: a result that comes in pieces
//! - [`Subscription`]: the status as it changes
//! - [`ConnectOptions`]: the port, and the token where one is required
//! - [`send_notice`]: what a loading daemon reports to its front
//!
//! Calls have no time limit of their own: a long embedding is not a fault, and a server that dies or falls silent ends
//! the connection. A caller that needs a limit wraps the call in a timeout; a dropped call leaves the connection intact.

mod client;
mod connect;
mod dispatch;
mod error;
mod methods;
mod notice;
mod subscription;

pub use self::{
    client::{Chunks, Client},
    connect::{CONNECT_TIMEOUT, ConnectOptions},
    error::ClientError,
    notice::send_notice,
    subscription::Subscription,
};
