//! When the chores that take too long for every change last ran on this machine.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};

use crate::workspace::Workspace;

/// A chore that `cargo xtask test` leaves to those who ask for it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LongChore {
    Fuzz,
    HeavyClients,
    Neon,
    Sanitize,
    Soak,
}

impl LongChore {
    const ALL: [Self; 5] = [
        Self::Fuzz,
        Self::HeavyClients,
        Self::Neon,
        Self::Sanitize,
        Self::Soak,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Fuzz => "fuzz",
            Self::HeavyClients => "clients",
            Self::Neon => "neon",
            Self::Sanitize => "sanitize",
            Self::Soak => "soak",
        }
    }

    /// How a person starts it.
    fn command(self) -> &'static str {
        match self {
            Self::Fuzz => "cargo xtask fuzz",
            Self::HeavyClients => "cargo xtask clients --all",
            Self::Neon => "cargo xtask neon",
            Self::Sanitize => "cargo xtask sanitize",
            Self::Soak => "cargo xtask soak",
        }
    }

    fn file(self, workspace: &Workspace) -> PathBuf {
        workspace.assets().join("last-runs").join(self.name())
    }

    /// Remembers that it has just ended well.
    pub(crate) fn remember(self, workspace: &Workspace) -> Result<()> {
        let file = self.file(workspace);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        fs::create_dir_all(file.with_file_name("")).with_context(|| format!("create {}", file.display()))?;
        fs::write(&file, now.as_secs().to_string()).with_context(|| format!("write {}", file.display()))
    }

    /// Returns the time since it last ended well here; `None` where it never did.
    fn age(self, workspace: &Workspace) -> Option<Duration> {
        let seconds = fs::read_to_string(self.file(workspace)).ok()?.parse().ok()?;
        let then = UNIX_EPOCH + Duration::from_secs(seconds);
        SystemTime::now().duration_since(then).ok()
    }
}

/// Returns one line for each long chore, with when it last ran.
pub(crate) fn last_runs(workspace: &Workspace) -> String {
    let line = |chore: LongChore| {
        let when = chore.age(workspace).map_or("never here".to_owned(), ago);
        format!("{:<8} {when}: {}\n", chore.name(), chore.command())
    };
    LongChore::ALL.into_iter().map(line).collect()
}

fn ago(age: Duration) -> String {
    match age.as_secs() / 3600 {
        0 => "within the last hour".to_owned(),
        hours @ 1..48 => format!("{hours} h ago"),
        hours => format!("{} days ago", hours / 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_given_in_hours_then_in_days() {
        let hours = |hours: u64| ago(Duration::from_secs(hours * 3600 + 1));
        assert_eq!(hours(0), "within the last hour");
        assert_eq!(hours(47), "47 h ago");
        assert_eq!(hours(75), "3 days ago");
    }
}
