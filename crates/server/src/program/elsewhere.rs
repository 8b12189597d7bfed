use okibi_listener::Program;

use super::Ends;

/// By the port of the other end alone, which is all that can be asked for. The system gives a port of its own to each
/// connection to a loopback address.
pub(crate) fn of_all(connections: &[Ends]) -> Vec<Option<Program>> {
    let of_one = |ends: &Ends| {
        let process = listeners::get_process_by_port(ends.other.port(), listeners::Protocol::TCP).ok()?;
        Some(Program {
            pid: process.pid,
            name: process.name,
        })
    };
    connections.iter().map(of_one).collect()
}
