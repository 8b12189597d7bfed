//! The bounds of a listener.

use std::time::Duration;

/// The bounds of a listener. A peer that goes over one gets an error that names it.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once, over both addresses; one more is answered with HTTP 503 and closed.
    pub max_connections: usize,
    /// Bytes of a WebSocket message, its fragments together; over it the connection closes with 1009.
    pub max_message_bytes: usize,
    /// Requests in one batch; over it the batch gets one error.
    pub max_batch: usize,
    /// Calls of one WebSocket connection, or of one batch over HTTP, that are worked on at the same time. Over it reading
    /// from the WebSocket pauses.
    pub max_in_flight: usize,
    /// Futures given to [`CallContext::spawn`](crate::CallContext::spawn) by one connection at once.
    pub max_background: usize,
    /// Bytes of an HTTP request's line and headers, at least 8 KiB; over it the answer is 431.
    pub max_header_bytes: usize,
    /// Bytes of an HTTP request's body, for handlers that use axum's extractors; over it the answer is 413.
    pub max_body_bytes: usize,
    /// Time for an HTTP request's line and headers, idle time between two requests included.
    pub header_read_timeout: Duration,
    /// Time for an HTTP request's body; over it the answer is 408.
    pub body_read_timeout: Duration,
    /// Bytes of requests that are being received or worked on, over all connections; over it new ones are refused.
    /// Answers that wait to be read have the same bound of their own; over it the connection that holds most is cut.
    pub max_buffered_bytes: usize,
    /// How long a peer may read nothing of what is being sent to it.
    pub write_timeout: Duration,
    /// Time between two pings on a WebSocket; a peer from which nothing comes for one more such time is dropped.
    pub ping_interval: Duration,
}

impl Limits {
    /// Batches of one WebSocket whose answers are being collected; reading pauses before the next one.
    pub const MAX_OPEN_BATCHES: usize = 4;

    /// Bytes of answers that may wait on one connection; over it reading from it pauses.
    pub fn max_unread_bytes(&self) -> usize {
        /// Connections that use up the bound of all when none of them reads.
        const CONNECTIONS: usize = 8;
        self.max_buffered_bytes / CONNECTIONS
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            max_message_bytes: 32 << 20,
            max_batch: 1024,
            max_in_flight: 32,
            max_background: 8,
            max_header_bytes: 64 << 10,
            max_body_bytes: 32 << 20,
            header_read_timeout: Duration::from_secs(10),
            body_read_timeout: Duration::from_secs(30),
            max_buffered_bytes: 256 << 20,
            write_timeout: Duration::from_secs(30),
            ping_interval: Duration::from_secs(20),
        }
    }
}
