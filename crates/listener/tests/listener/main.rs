//! The listener over real sockets, with a small service and tokio-tungstenite as the client.

mod calls;
mod ends;
mod framing;
mod guards;
mod support;
mod unread;
