//! The async client of Okibi: calls, embeddings, subscriptions, over one WebSocket on 127.0.0.1.
//!
//! - [`Client`]: calls at the same time over one connection; [`Client::reach`] makes sure first that Okibi is there
//! - [`Chunks`]: a result that comes in pieces
//! - [`Subscription`]: the status as it changes
//! - [`ConnectOptions`]: the port, and the token where one is required
//! - [`send_notice`], [`send_progress`]: what a loading daemon reports to its front
//!
//! Calls have no time limit of their own: a long embedding is not a fault. A server that dies ends the connection, and so
//! does one that is silent for minutes, pings included. A caller that needs a limit wraps the call in a timeout; a
//! dropped call leaves the connection intact.

mod client;
mod connect;
mod dispatch;
mod error;
mod methods;
mod notice;
mod reach;
mod subscription;

pub use self::{
    client::{Chunks, Client},
    connect::{CONNECT_TIMEOUT, ConnectOptions},
    error::ClientError,
    notice::{send_notice, send_progress},
    subscription::Subscription,
};
