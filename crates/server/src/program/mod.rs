//! Which programs on this machine hold the other ends of connections.
//!
//! The OS tells it of the user's own programs. `linux` and `elsewhere` both have `of_all`, which returns the program of each
//! connection, in their order, and `None` for those whose program cannot be told. It blocks for some milliseconds.

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod linux;

use std::net::{IpAddr, SocketAddr};

#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::of_all;
#[cfg(target_os = "linux")]
pub(crate) use linux::of_all;

/// A connection as its two ends, as the daemon sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    /// The program's.
    pub(crate) other: SocketAddr,
    /// The daemon's.
    pub(crate) own: SocketAddr,
}

impl Ends {
    /// Whether both are on this machine; the program at the other end may be on another one.
    pub(crate) fn are_here(&self) -> bool {
        let [other, own] = [self.other, self.own].map(|end| address(end.ip()));
        other.is_loopback() || other == own
    }
}

/// An address, as IPv4 where it is one that IPv6 has wrapped.
pub(crate) fn address(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn the_program_at_the_other_end_is_found_over_both_versions_of_ip() {
        let mut tried = 0;
        for host in ["127.0.0.1", "::1"] {
            // A machine may lack IPv6.
            let Ok(listener) = TcpListener::bind((host, 0)) else {
                continue;
            };
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (server, _) = listener.accept().unwrap();
            let ends = |stream: &TcpStream| Ends {
                other: stream.peer_addr().unwrap(),
                own: stream.local_addr().unwrap(),
            };
            let gone = Ends {
                other: (IpAddr::from([127, 0, 0, 1]), 1).into(),
                own: client.peer_addr().unwrap(),
            };
            assert!(ends(&server).are_here());
            let found = of_all(&[gone, ends(&server)]);
            let name = std::env::current_exe().unwrap();
            let name = name.file_stem().unwrap().to_str().unwrap();
            let [None, Some(program)] = found.as_slice() else {
                panic!("{found:?}")
            };
            assert_eq!(program.pid, std::process::id());
            assert!(program.name.contains(name), "{program:?}");
            tried += 1;
        }
        assert!(tried > 0);
    }

    #[test]
    fn a_wrapped_address_of_this_machine_is_here_and_another_machine_is_not() {
        let ends = |other: &str, own: &str| Ends {
            other: other.parse().unwrap(),
            own: own.parse().unwrap(),
        };
        assert!(ends("[::ffff:127.0.0.1]:5", "[::ffff:127.0.0.1]:8765").are_here());
        assert!(ends("192.0.2.7:5", "192.0.2.7:8765").are_here());
        assert!(!ends("192.0.2.8:5", "192.0.2.7:8765").are_here());
    }
}
