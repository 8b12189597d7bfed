//! Where models can be on this machine, and which hub others come from.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

/// The hub that everybody uses, unless `HF_ENDPOINT` names another.
const ENDPOINT: &str = "https://huggingface.co";

/// Where models can be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Library {
    /// The hub, and its cache on this machine.
    pub hub: Hub,
    /// Folders with the embedded model in `models/NAME`, in order of precedence.
    pub assets: Vec<PathBuf>,
    /// The user's own model folders, as the settings have them; all of them are [`Library::own_folders`].
    pub folders: Vec<PathBuf>,
    /// Remembers those that were named by their path.
    pub folders_file: PathBuf,
    /// Remembers when each model was last loaded.
    pub usage_file: PathBuf,
    /// Remembers the precision that each model is computed in; see [`Precisions`](crate::Precisions).
    pub precisions_file: PathBuf,
}

impl Library {
    /// Opens a user's library: what `folders` and `assets` of the settings say, and what is remembered in the folder `data`.
    /// The hub is that of [`Hub::from_environment`].
    pub fn open(
        own_cache: Option<&Path>,
        assets: Vec<PathBuf>,
        folders: &[String],
        data: &Path,
        environment: &dyn Fn(&str) -> Option<OsString>,
    ) -> Self {
        Self {
            hub: Hub::from_environment(own_cache, environment),
            assets,
            folders: folders.iter().map(PathBuf::from).collect(),
            folders_file: data.join("model-folders.json"),
            usage_file: data.join("models.json"),
            precisions_file: data.join("precisions.json"),
        }
    }
}

/// The hub, and its cache on this machine.
///
/// Source of names and layout: huggingface_hub, "Environment variables" and "Understand caching".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hub {
    /// Its address, without a slash at the end.
    pub endpoint: String,
    /// The folder with a `models--OWNER--NAME` for each repository.
    pub cache: PathBuf,
    /// The token that the hub knows the user by.
    pub token: Option<String>,
    /// Whether it may not be asked.
    pub is_offline: bool,
    /// The proxy that it is asked through; without one, that of the variables which all programs share.
    pub proxy: Option<String>,
}

impl Hub {
    /// The folder of a repository in the cache.
    pub(crate) fn folder_of(&self, repository: &str) -> PathBuf {
        self.cache.join(folder_name(repository))
    }

    /// Reads the hub from the variables that all its tools share.
    ///
    /// The cache is `HF_HUB_CACHE`, else `hub` in `HF_HOME`, else `own_cache` where there is one, else the place that the
    /// other tools use by default.
    pub fn from_environment(
        own_cache: Option<&Path>,
        environment: &dyn Fn(&str) -> Option<OsString>,
    ) -> Self {
        let text = |name| Some(environment(name)?.into_string().ok()?.trim().to_owned());
        let set = |name| text(name).filter(|value| !value.is_empty());
        let path = |name| set(name).map(PathBuf::from);
        let home = path("HF_HOME");
        let usual_home = || {
            let caches = path("XDG_CACHE_HOME").or_else(|| {
                let home = environment("HOME").or_else(|| environment("USERPROFILE"))?;
                Some(PathBuf::from(home).join(".cache"))
            });
            caches.unwrap_or_default().join("huggingface")
        };
        let cache = path("HF_HUB_CACHE")
            .or_else(|| Some(home.as_ref()?.join("hub")))
            .or_else(|| own_cache.map(Path::to_owned))
            .unwrap_or_else(|| usual_home().join("hub"));
        let token_file =
            path("HF_TOKEN_PATH").unwrap_or_else(|| home.clone().unwrap_or_else(usual_home).join("token"));
        let token = set("HF_TOKEN").or_else(|| {
            let token = fs::read_to_string(token_file).ok()?;
            Some(token.trim().to_owned()).filter(|token| !token.is_empty())
        });
        let is_offline = set("HF_HUB_OFFLINE")
            .is_some_and(|value| ["1", "true", "yes", "on"].contains(&value.to_lowercase().as_str()));
        let endpoint = set("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.into());
        Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            cache,
            token,
            is_offline,
            proxy: None,
        }
    }
}

/// The name of a repository's folder in the cache.
pub(crate) fn folder_name(repository: &str) -> String {
    format!("models--{}", repository.replace('/', "--"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(own: Option<&Path>, variables: &[(&str, &str)]) -> Hub {
        Hub::from_environment(own, &|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn the_cache_is_the_one_that_other_tools_use() {
        let home = [("HOME", "/me")];
        assert_eq!(hub(None, &home).cache, Path::new("/me/.cache/huggingface/hub"));
        let own = Path::new("/own");
        assert_eq!(hub(Some(own), &home).cache, own);
        let hf_home = [("HOME", "/me"), ("HF_HOME", "/hf")];
        assert_eq!(hub(Some(own), &hf_home).cache, Path::new("/hf/hub"));
        let cache = [("HF_HUB_CACHE", "/c"), ("HF_HOME", "/hf")];
        assert_eq!(hub(Some(own), &cache).cache, Path::new("/c"));
    }

    #[test]
    fn token_address_and_offline_come_from_the_shared_variables() {
        let hub_of = |variables| hub(Some(Path::new("/own")), variables);
        let plain = hub_of(&[]);
        assert_eq!((plain.endpoint.as_str(), plain.is_offline), (ENDPOINT, false));
        let set = hub_of(&[
            ("HF_ENDPOINT", "http://mirror/"),
            ("HF_TOKEN", " secret\n"),
            ("HF_HUB_OFFLINE", "1"),
        ]);
        assert_eq!((set.endpoint.as_str(), set.is_offline), ("http://mirror", true));
        assert_eq!(set.token.as_deref(), Some("secret"));
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("token"), "kept\n").unwrap();
        let home = folder.path().to_str().unwrap();
        assert_eq!(hub_of(&[("HF_HOME", home)]).token.as_deref(), Some("kept"));
    }
}
