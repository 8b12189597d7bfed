//! The name of a connection.

/// Names a connection for as long as the process lives. Later connections have greater numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);
