//! What the app stores between its runs, apart from settings: times of earlier loads, and whether models are offered.

use std::{fs, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::contract::PreviousLaunch;

/// Models whose times are kept.
const TIMES: usize = 20;

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct Content {
    times: Vec<(String, PreviousLaunch)>,
    has_dismissed_offers: bool,
    has_seen_welcome: bool,
}

/// The file `tray.json` in the data folder. A file that cannot be read is replaced: nothing in it is worth an error.
#[derive(Debug)]
pub(crate) struct History {
    file: PathBuf,
    content: Content,
}

impl History {
    pub(crate) fn open(data: &std::path::Path) -> Self {
        let file = data.join("tray.json");
        let content = fs::read(&file)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        Self { file, content }
    }

    /// Returns times of earlier loads, by model.
    pub(crate) fn times(&self) -> &[(String, PreviousLaunch)] {
        &self.content.times
    }

    /// Whether the user does not want any more models offered.
    pub(crate) fn has_dismissed_offers(&self) -> bool {
        self.content.has_dismissed_offers
    }

    pub(crate) fn add_times(&mut self, model: String, times: PreviousLaunch) {
        self.content.times.retain(|(known, _)| *known != model);
        self.content.times.insert(0, (model, times));
        self.content.times.truncate(TIMES);
        self.save();
    }

    pub(crate) fn dismiss_offers(&mut self) {
        self.content.has_dismissed_offers = true;
        self.save();
    }

    /// Whether the user has been welcomed.
    pub(crate) fn has_seen_welcome(&self) -> bool {
        self.content.has_seen_welcome
    }

    pub(crate) fn end_welcome(&mut self) {
        if !std::mem::replace(&mut self.content.has_seen_welcome, true) {
            self.save();
        }
    }

    fn save(&self) {
        let written = serde_json::to_vec(&self.content)
            .map_err(std::io::Error::from)
            .and_then(|bytes| okibi_files::write_atomically(&self.file, &bytes));
        if let Err(error) = written {
            tracing::warn!(%error, file = %self.file.display(), "the history cannot be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_in_the_next_run_and_a_broken_file_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let earlier = r#"{"unknown":["a"]}"#;
        fs::write(folder.path().join("tray.json"), earlier).unwrap();
        let mut history = History::open(folder.path());
        assert!(!history.has_dismissed_offers());
        history.dismiss_offers();
        assert!(History::open(folder.path()).has_dismissed_offers());
        fs::write(folder.path().join("tray.json"), "rubbish").unwrap();
        let fresh = History::open(folder.path());
        assert!(!fresh.has_dismissed_offers());
    }
}
