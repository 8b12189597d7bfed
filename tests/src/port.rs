//! Ports that no other test has.

use std::{
    fs::File,
    net::{Ipv4Addr, Ipv6Addr, TcpListener},
    sync::atomic::{AtomicU16, Ordering::Relaxed},
};

/// Below the ports that systems give to outgoing connections: one of those could have our number by chance.
const FIRST: u16 = 20_000;
const COUNT: u16 = 8_000;

/// Between two leases, so that the "next free port" of a test is nobody else's.
const STEP: u16 = 10;

/// A port, kept from other tests (of this process and of others) as long as this lives.
#[derive(Debug)]
pub struct PortLease {
    /// The port.
    pub port: u16,
    _lock: File,
}

impl PortLease {
    /// Takes a free port.
    pub fn take() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let folder = std::env::temp_dir().join("okibi-test-ports");
        std::fs::create_dir_all(&folder).unwrap();
        // Other test programs begin elsewhere.
        let start = std::process::id() as u16 % (COUNT / STEP);
        (0..COUNT / STEP)
            .find_map(|_| {
                let step = (start + NEXT.fetch_add(1, Relaxed) % (COUNT / STEP)) % (COUNT / STEP);
                let port = FIRST + step * STEP;
                let lock = File::create(folder.join(port.to_string())).ok()?;
                lock.try_lock().ok()?;
                is_free(port).then_some(Self { port, _lock: lock })
            })
            .expect("one port of thousands is free")
    }
}

/// Whether `port` is free on both loopback addresses.
pub(crate) fn is_free(port: u16) -> bool {
    let has_v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        && (!has_v6 || TcpListener::bind((Ipv6Addr::LOCALHOST, port)).is_ok())
}
