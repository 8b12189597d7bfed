//! The kernel lists the sockets of this machine with their inodes (`/proc/net/tcp`, proc(5)), and for each process of the
//! same user which inodes it has open.

use std::{
    collections::HashMap,
    fs,
    net::{IpAddr, SocketAddr},
    path::Path,
};

use okibi_listener::Program;

use super::{Ends, address};

/// Places of a line's fields: the two ends and the inode.
const FIELDS: [usize; 3] = [1, 2, 9];

pub(crate) fn of_all(connections: &[Ends]) -> Vec<Option<Program>> {
    let mut found = vec![None; connections.len()];
    let mut wanted = inodes(connections);
    if wanted.is_empty() {
        return found;
    }
    // Any of these may be gone, or another user's, by the time it is read.
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = process.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let files = fs::read_dir(process.path().join("fd")).into_iter().flatten();
        for file in files.flatten() {
            let socket = fs::read_link(file.path()).ok().and_then(|link| inode(&link));
            if let Some(at) = socket.and_then(|inode| wanted.remove(&inode)) {
                found[at] = Some(Program {
                    pid,
                    name: name_of(&process.path()),
                });
            }
        }
        if wanted.is_empty() {
            break;
        }
    }
    found
}

/// The inodes of the other ends, each with the place of its connection.
fn inodes(connections: &[Ends]) -> HashMap<u64, usize> {
    let mut found = HashMap::new();
    // A client may have wrapped 127.0.0.1 in an address of IPv6 where the daemon has not, and the other way around.
    for (file, is_v6) in [("/proc/net/tcp", false), ("/proc/net/tcp6", true)] {
        let keys: HashMap<[String; 2], usize> = connections
            .iter()
            .enumerate()
            .filter_map(|(at, ends)| Some(([key(ends.other, is_v6)?, key(ends.own, is_v6)?], at)))
            .collect();
        if keys.is_empty() {
            continue;
        }
        let table = fs::read_to_string(file).unwrap_or_default();
        for line in table.lines() {
            let fields: Vec<&str> = line.split_ascii_whitespace().take(FIELDS[2] + 1).collect();
            let [Some(local), Some(remote), Some(inode)] = FIELDS.map(|at| fields.get(at)) else {
                continue;
            };
            let at = keys.get(&[(*local).to_owned(), (*remote).to_owned()]);
            // A connection that its program has closed has no inode any more.
            if let (Some(at), Ok(inode @ 1..)) = (at, inode.parse()) {
                found.insert(inode, *at);
            }
        }
    }
    found
}

/// An end as the kernel writes it: each four bytes of the address as a number of this processor's, then the port. `None` where
/// the file of this version of IP cannot have it.
fn key(end: SocketAddr, is_v6: bool) -> Option<String> {
    let bytes = match (address(end.ip()), is_v6) {
        (IpAddr::V4(ip), false) => ip.octets().to_vec(),
        (IpAddr::V4(ip), true) => ip.to_ipv6_mapped().octets().to_vec(),
        (IpAddr::V6(ip), true) => ip.octets().to_vec(),
        (IpAddr::V6(_), false) => return None,
    };
    let words = bytes.as_chunks().0.iter();
    let words: String = words
        .map(|word| format!("{:08X}", u32::from_ne_bytes(*word)))
        .collect();
    Some(format!("{words}:{:04X}", end.port()))
}

/// The inode of a socket, from what its descriptor links to: `socket:[4711]`.
fn inode(link: &Path) -> Option<u64> {
    link.to_str()?
        .strip_prefix("socket:[")?
        .strip_suffix(']')?
        .parse()
        .ok()
}

/// The name of a process's program: that of its file, since what the process calls itself is cut and can be anything.
fn name_of(process: &Path) -> String {
    let file = fs::read_link(process.join("exe")).ok();
    let file = file.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    match file {
        // So the kernel marks a file that an update has replaced.
        Some(name) => name.strip_suffix(" (deleted)").unwrap_or(&name).to_owned(),
        None => {
            let own = fs::read_to_string(process.join("comm")).unwrap_or_default();
            own.trim_end().to_owned()
        }
    }
}
