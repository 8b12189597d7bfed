//! The discovery file, `daemon.json` in the data folder: where local apps read which port the daemon is on.
//!
//! It is a hint: a daemon that was killed leaves the file behind, so a reader asks the port that it names.

use std::{fs, io};

use okibi_protocol::notice::LaunchId;
use serde::{Deserialize, Serialize};

use crate::folders::Folders;

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discovery {
    /// The port really used.
    pub port: u16,
    /// Where WebSocket clients connect.
    pub address: String,
    /// Where HTTP clients connect.
    pub http: String,
    /// The daemon's process id.
    pub pid: u32,
    /// The daemon's version.
    pub version: String,
    /// The model as it was requested: its name, or the absolute path of its folder, so that a restart finds it again.
    pub model: String,
    /// The launch that started the daemon; absent in the foreground.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub launch: Option<LaunchId>,
    /// Whether it is ready.
    pub state: DiscoveryState,
}

/// The state of a daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiscoveryState {
    /// Its model is loading.
    Starting,
    /// It serves.
    Running,
}

/// The WebSocket address of a port.
pub fn websocket_address(port: u16) -> String {
    format!("ws://127.0.0.1:{port}")
}

impl Discovery {
    /// The file of a daemon.
    pub fn new(
        port: u16,
        pid: u32,
        version: &str,
        model: &str,
        launch: Option<LaunchId>,
        state: DiscoveryState,
    ) -> Self {
        Self {
            port,
            address: websocket_address(port),
            http: format!("http://127.0.0.1:{port}"),
            pid,
            version: version.into(),
            model: model.into(),
            launch,
            state,
        }
    }

    /// Reads the file; `None` where it is absent or not written by Okibi.
    pub fn read(folders: &Folders) -> Option<Self> {
        serde_json::from_slice(&fs::read(folders.discovery_file()).ok()?).ok()
    }

    /// Writes the file: a reader sees the old one or the new one, never a part.
    ///
    /// Errors: the OS's, when the data folder cannot be written.
    pub fn write(&self, folders: &Folders) -> io::Result<()> {
        let mut json = serde_json::to_vec(self)?;
        json.push(b'\n');
        okibi_files::write_private(&folders.discovery_file(), &json)
    }

    /// Removes the file if it is about the process `pid`; another daemon's is left alone.
    ///
    /// Errors: the OS's, when it is ours and cannot be removed.
    pub fn remove(folders: &Folders, pid: u32) -> io::Result<()> {
        if Self::read(folders).is_none_or(|discovery| discovery.pid != pid) {
            return Ok(());
        }
        match fs::remove_file(folders.discovery_file()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(folder: &tempfile::TempDir) -> Folders {
        let data = folder.path().join("data");
        Folders {
            config_file: data.join("config.toml"),
            cache: data.clone(),
            data,
        }
    }

    fn discovery(pid: u32, model: &str) -> Discovery {
        Discovery::new(
            8766,
            pid,
            "0.1.0",
            model,
            Some(LaunchId("a".into())),
            DiscoveryState::Running,
        )
    }

    #[test]
    fn the_file_has_its_documented_json() {
        assert_eq!(
            serde_json::to_string(&discovery(7, "m")).unwrap(),
            concat!(
                r#"{"port":8766,"address":"ws://127.0.0.1:8766","http":"http://127.0.0.1:8766","pid":7,"#,
                r#""version":"0.1.0","model":"m","launch":"a","state":"running"}"#
            )
        );
    }

    #[test]
    fn absence_and_garbage_read_as_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let folders = folders(&folder);
        assert_eq!(Discovery::read(&folders), None);
        Discovery::remove(&folders, 1).unwrap();
        fs::create_dir_all(&folders.data).unwrap();
        for garbage in ["", "{", "[]", "{\"port\":99999}"] {
            fs::write(folders.discovery_file(), garbage).unwrap();
            assert_eq!(Discovery::read(&folders), None, "{garbage}");
        }
    }

    #[test]
    fn only_its_owner_removes_it() {
        let folder = tempfile::tempdir().unwrap();
        let folders = folders(&folder);
        discovery(7, "m").write(&folders).unwrap();
        Discovery::remove(&folders, 8).unwrap();
        assert_eq!(Discovery::read(&folders), Some(discovery(7, "m")));
        Discovery::remove(&folders, 7).unwrap();
        assert_eq!(Discovery::read(&folders), None);
    }

    #[test]
    fn a_reader_never_sees_a_part() {
        let folder = tempfile::tempdir().unwrap();
        let folders = folders(&folder);
        let long = "m".repeat(100_000);
        discovery(1, &long).write(&folders).unwrap();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for pid in 1..50 {
                    discovery(pid, &long).write(&folders).unwrap();
                }
            });
            while !writer.is_finished() {
                assert!(Discovery::read(&folders).is_some());
            }
        });
        let left: Vec<_> = fs::read_dir(&folders.data).unwrap().collect();
        assert_eq!(left.len(), 1, "no temporary file stays: {left:?}");
    }
}
