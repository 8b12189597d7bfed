//! Running Windows programs on this machine.

use std::{
    env,
    ffi::{OsStr, OsString},
    fmt,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};

use super::needs::NEEDS;

/// Names the program that runs Windows programs; its manners are in [`NEEDS`].
const RUN_VARIABLE: &str = "OKIBI_WINDOWS_RUN";
/// Names the folder in which a program run by it finds itself.
const FOLDER_VARIABLE: &str = "OKIBI_WINDOWS_DIR";
const USUAL_FOLDER: &str = r"Z:\w";
/// Tells that program which variables to hand through.
const HANDED_VARIABLE: &str = "WINDOWS_ENV";
/// Earlier Wines lack what Rust's standard library calls.
const OLDEST_WINE: u32 = 10;

/// A way to run Windows programs.
#[derive(Debug)]
pub(super) enum Runner {
    /// A program that the user has named.
    Named {
        program: OsString,
        /// The programs' folder as they see it.
        folder: String,
    },
    /// Wine, which shows the whole machine as the drive Z.
    Wine,
    /// This is Windows.
    Itself,
}

impl Runner {
    /// The way that this machine has.
    ///
    /// Errors: it has none, and what would be one.
    pub(super) fn find() -> Result<Self> {
        if let Some(program) = env::var_os(RUN_VARIABLE) {
            let folder = env::var(FOLDER_VARIABLE).unwrap_or_else(|_| USUAL_FOLDER.into());
            return Ok(Self::Named { program, folder });
        }
        if cfg!(windows) {
            return Ok(Self::Itself);
        }
        let Ok(output) = Command::new("wine")
            .arg("--version")
            .stderr(Stdio::null())
            .output()
        else {
            bail!("Windows programs cannot be run here\n\n{NEEDS}");
        };
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let major = wine_version(&version).with_context(|| format!("wine calls its version {version:?}"))?;
        ensure!(major >= OLDEST_WINE, "{version} is too old\n\n{NEEDS}");
        Ok(Self::Wine)
    }

    /// What the folder `dir` is called by a program that this runs in it.
    pub(super) fn name_of(&self, dir: &Path) -> String {
        match self {
            Self::Named { folder, .. } => folder.clone(),
            Self::Wine => format!("Z:{}", dir.display()).replace('/', r"\"),
            Self::Itself => dir.display().to_string(),
        }
    }

    /// The command that runs `program` in `dir`, with `variables` and without our own settings.
    ///
    /// `program` is a file of that folder or one of Windows' own.
    pub(super) fn command<A: AsRef<OsStr>>(
        &self,
        dir: &Path,
        program: &str,
        args: impl IntoIterator<Item = A>,
        variables: &[(&str, String)],
    ) -> Command {
        let mut command = match self {
            Self::Named { program: run, .. } => {
                let mut command = Command::new(run);
                command.arg(dir).arg(program);
                command
            }
            Self::Wine => {
                let mut command = Command::new("wine");
                command.arg(program).env("WINEDEBUG", "-all");
                command
            }
            Self::Itself => {
                let own = dir.join(program);
                Command::new(if own.is_file() {
                    own.as_os_str()
                } else {
                    OsStr::new(program)
                })
            }
        };
        for (name, _) in env::vars_os() {
            // Its settings, the hub's, and a proxy between it and our own servers.
            let text = name.to_string_lossy().to_ascii_uppercase();
            if text.starts_with("OKIBI_") || text.starts_with("HF_") || text.ends_with("_PROXY") {
                command.env_remove(name);
            }
        }
        let names: Vec<&str> = variables.iter().map(|(name, _)| *name).collect();
        command
            .args(args)
            .current_dir(dir)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .env(HANDED_VARIABLE, names.join(" "));
        command
    }
}

impl fmt::Display for Runner {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named { program, .. } => write!(out, "by {}", Path::new(program).display()),
            Self::Wine => out.write_str("by wine"),
            Self::Itself => out.write_str("on this Windows"),
        }
    }
}

/// The first number of what `wine --version` says.
fn wine_version(said: &str) -> Option<u32> {
    let number = said.strip_prefix("wine-")?;
    let end = number.find(|letter: char| !letter.is_ascii_digit());
    number[..end.unwrap_or(number.len())].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wine_tells_its_version() {
        assert_eq!(wine_version("wine-10.0 (Debian 10.0~repack-6)"), Some(10));
        assert_eq!(wine_version("wine-8.0.2"), Some(8));
        assert_eq!(wine_version("wine-11"), Some(11));
        assert_eq!(wine_version("cider"), None);
    }

    #[test]
    fn a_named_runner_is_told_folder_program_and_variables() {
        let runner = Runner::Named {
            program: "run".into(),
            folder: USUAL_FOLDER.into(),
        };
        let command = runner.command(
            Path::new("dir"),
            "okibi.exe",
            ["stop"],
            &[("A", "1".into()), ("B", "2".into())],
        );
        let args: Vec<_> = command.get_args().collect();
        assert_eq!(args, ["dir", "okibi.exe", "stop"]);
        let handed = command.get_envs().find(|(name, _)| *name == HANDED_VARIABLE);
        assert_eq!(
            handed,
            Some((OsStr::new(HANDED_VARIABLE), Some(OsStr::new("A B"))))
        );
    }

    #[test]
    fn wine_sees_this_machine_as_a_drive() {
        assert_eq!(Runner::Wine.name_of(Path::new("/tmp/a b")), r"Z:\tmp\a b");
    }
}
