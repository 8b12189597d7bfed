//! The async client of Okibi: ask, embed, subscribe, over one WebSocket on 127.0.0.1.
//!
//! - [`Client`]: calls at the same time over one connection
//! - [`Chunks`]: a result that comes in pieces
//! - [`Subscription`]: the status as it changes
//! - [`set_token`]: the token that connections bring, where one is required
//! - [`send_notice`]: what a loading daemon tells its front
//!
//! Calls have no time limit of their own: a long embedding is no fault, and a server that dies or falls silent ends
//! the connection. Whoever wants one wraps the call in a timeout; a dropped call leaves the connection intact.

mod client;
mod connect;
mod credentials;
mod dispatch;
mod error;
mod methods;
mod notice;
mod subscription;

pub use self::{
    client::{Chunks, Client},
    connect::CONNECT_TIMEOUT,
    error::ClientError,
    notice::send_notice,
    subscription::Subscription,
};
pub use credentials::set_token;
