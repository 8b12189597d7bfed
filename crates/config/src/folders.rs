//! Where configuration, models and logs are on this machine.

use std::path::{Path, PathBuf};

use directories::ProjectDirs;

use crate::Environment;

/// Names the configuration file.
pub const CONFIG_VARIABLE: &str = "OKIBI_CONFIG";
/// Names the folder of downloaded models.
pub const CACHE_VARIABLE: &str = "OKIBI_CACHE_DIR";
/// Names the folder of logs and of the discovery file.
pub const DATA_VARIABLE: &str = "OKIBI_DATA_DIR";

/// The folders Okibi reads and writes; all absolute, not created yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// The configuration file.
    pub config_file: PathBuf,
    /// Downloaded models.
    pub cache: PathBuf,
    /// Logs and the discovery file.
    pub data: PathBuf,
}

/// Places that were named on the command line; they go before the environment.
#[derive(Clone, Debug, Default)]
pub struct FolderOverrides {
    /// `--config`.
    pub config_file: Option<PathBuf>,
    /// `--cache-dir`.
    pub cache: Option<PathBuf>,
    /// `--data-dir`.
    pub data: Option<PathBuf>,
}

/// A place cannot be found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FolderError {
    /// The user has no home folder, and the variables that would name the places are not all set.
    #[error("there is no home folder: HOME is not set, and neither are all of {}", variables().join(", "))]
    NoHome,
}

/// The variables that name all places, where there is no home folder.
pub const fn variables() -> [&'static str; 3] {
    [CONFIG_VARIABLE, DATA_VARIABLE, CACHE_VARIABLE]
}

impl Folders {
    /// Folders in which nothing can be: for a user who has none, and what needs none.
    pub fn nowhere() -> Self {
        // Below a file that is no folder, so that nobody can put something there.
        let nowhere = PathBuf::from(if cfg!(windows) {
            r"\\.\NUL\okibi"
        } else {
            "/dev/null/okibi"
        });
        Self {
            config_file: nowhere.join("config.toml"),
            cache: nowhere.clone(),
            data: nowhere,
        }
    }

    /// Finds the places: command line, then environment, then the OS's conventions.
    ///
    /// Errors: [`FolderError::NoHome`] where the environment names no home folder.
    pub fn find(overrides: &FolderOverrides, environment: Environment<'_>) -> Result<Self, FolderError> {
        Self::find_beside(
            overrides,
            environment,
            ProjectDirs::from("dev", "Okibi", "Okibi").as_ref(),
        )
    }

    fn find_beside(
        overrides: &FolderOverrides,
        environment: Environment<'_>,
        project: Option<&ProjectDirs>,
    ) -> Result<Self, FolderError> {
        let place = |flag: &Option<PathBuf>, variable, usual: Option<PathBuf>| {
            flag.clone()
                .or_else(|| environment(variable).map(PathBuf::from))
                .or(usual)
                .map(|path| absolute(&path))
                .ok_or(FolderError::NoHome)
        };
        Ok(Self {
            config_file: place(
                &overrides.config_file,
                CONFIG_VARIABLE,
                project.map(|project| project.config_dir().join("config.toml")),
            )?,
            cache: place(
                &overrides.cache,
                CACHE_VARIABLE,
                project.map(|project| project.cache_dir().to_owned()),
            )?,
            data: place(
                &overrides.data,
                DATA_VARIABLE,
                project.map(|project| project.data_local_dir().to_owned()),
            )?,
        })
    }

    /// The folder of log files.
    pub fn logs(&self) -> PathBuf {
        self.data.join("logs")
    }

    /// The discovery file.
    pub fn discovery_file(&self) -> PathBuf {
        self.data.join("daemon.json")
    }
}

/// Makes a path absolute by the working directory, without asking whether it exists.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    // Fails only for an empty path or without a working directory; then the OS's own error comes on use.
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn nothing(_: &str) -> Option<OsString> {
        None
    }

    #[test]
    fn command_line_goes_before_environment_and_both_before_the_convention() {
        let overrides = FolderOverrides {
            cache: Some("/flag/cache".into()),
            ..FolderOverrides::default()
        };
        let environment = |name: &str| (name != CONFIG_VARIABLE).then(|| OsString::from("/env"));
        let folders = Folders::find(&overrides, &environment).unwrap();
        assert_eq!(folders.cache, absolute(Path::new("/flag/cache")));
        assert_eq!(folders.data, absolute(Path::new("/env")));
        assert!(folders.config_file.ends_with("config.toml"));
    }

    #[test]
    fn without_a_home_all_that_could_be_set_is_named() {
        let error = Folders::find_beside(&FolderOverrides::default(), &nothing, None).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("HOME") && variables().iter().all(|variable| text.contains(variable)),
            "{text}"
        );
        std::fs::create_dir_all(Folders::nowhere().logs()).unwrap_err();
        let all = |_: &str| Some(OsString::from("somewhere"));
        let folders = Folders::find_beside(&FolderOverrides::default(), &all, None).unwrap();
        assert!(
            folders.data.is_absolute(),
            "a daemon has another working directory"
        );
    }
}
