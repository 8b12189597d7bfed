//! The places for connections: those of everyone, and a few for the commands of the one whose machine it is.

/// Connections beyond [`max_connections`](crate::Limits::max_connections) that can ask for the status and for a stop.
/// Without them as many silent WebSockets as are allowed would leave `okibi status` and `okibi stop` without an answer.
pub(crate) const RESERVED: usize = 16;

/// What a connection may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Everything.
    Normal,
    /// What a server answers also while its model loads. It is closed after
    /// [`header_read_timeout`](crate::Limits::header_read_timeout), so that nobody keeps it.
    Reserved,
}
