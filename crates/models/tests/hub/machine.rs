//! A cache of its own, and fetching into it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use okibi_models::{Hub, HubModel, ModelError, RetryPolicy, Snapshot, Source, fetch_at, resolve};
use okibi_protocol::models::Variant;
use tempfile::TempDir;

use crate::{
    repository::{NAME, Repository},
    server::{Reply, Request, Server},
};

/// A machine with an empty cache, and a hub.
pub(crate) struct Machine {
    pub(crate) folder: TempDir,
    pub(crate) server: Server,
    pub(crate) policy: RetryPolicy,
    pub(crate) token: Option<String>,
    pub(crate) is_offline: bool,
}

impl Machine {
    /// A machine whose hub answers so.
    pub(crate) fn with(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self {
            folder: tempfile::Builder::new().prefix("okibi-hub-").tempdir().unwrap(),
            server: Server::open(handler),
            policy: RetryPolicy {
                connect: Duration::from_secs(5),
                stall: Duration::from_secs(20),
                backoff: Duration::from_millis(1),
                longest_wait: Duration::from_millis(5),
                tries: 5,
            },
            token: None,
            is_offline: false,
        }
    }

    /// A machine with an honest hub.
    pub(crate) fn of(repository: &Repository) -> Self {
        let repository = repository.clone();
        Self::with(move |request| repository.answer(request))
    }

    /// The folder of the cache.
    pub(crate) fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    /// The folder of the repository in it.
    pub(crate) fn repository(&self) -> PathBuf {
        self.cache().join("models--someone--tiny")
    }

    /// The hub as a setting.
    pub(crate) fn hub(&self) -> Hub {
        Hub {
            endpoint: self.server.endpoint(),
            cache: self.cache(),
            token: self.token.clone(),
            is_offline: self.is_offline,
            proxy: None,
        }
    }

    /// Fetches the repository.
    pub(crate) fn fetch(&self) -> Result<Snapshot, ModelError> {
        self.fetch_model(&model(NAME))
    }

    /// Fetches a model.
    pub(crate) fn fetch_model(&self, model: &HubModel) -> Result<Snapshot, ModelError> {
        fetch_at(&self.policy, model, &self.hub(), &|_, _| {}, &|| false)
    }

    /// Fetches until `is_cancelled`.
    pub(crate) fn fetch_until(
        &self,
        is_cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<Snapshot, ModelError> {
        fetch_at(&self.policy, &model(NAME), &self.hub(), &|_, _| {}, is_cancelled)
    }

    /// The blobs, without what is on its way.
    pub(crate) fn blobs(&self) -> Vec<String> {
        let blobs = names_in(&self.repository().join("blobs"));
        blobs
            .into_iter()
            .filter(|name| !name.ends_with(".incomplete"))
            .collect()
    }

    /// Checks that nobody would take anything here for a model, and that nothing lies outside the cache.
    #[track_caller]
    pub(crate) fn assert_nothing_to_see(&self) {
        for name in names_in(self.folder.path()) {
            assert_eq!(name, "cache", "nothing is written outside the cache");
        }
        for name in names_in(&self.cache()) {
            assert!(
                [".locks", "models--someone--tiny"].contains(&name.as_str()),
                "{name} in the cache"
            );
        }
        for name in names_in(&self.repository()) {
            assert_eq!(name, "blobs", "there is no snapshot");
        }
    }
}

/// A model of the hub by its name, as `NAME@REVISION` where one is pinned.
pub(crate) fn model(name: &str) -> HubModel {
    variant(name, Variant::Auto)
}

/// As [`model`], with certain weights.
pub(crate) fn variant(name: &str, variant: Variant) -> HubModel {
    match resolve(name, variant, &Default::default()) {
        Ok(Source::Hub(model)) => model,
        other => panic!("{name} leads to {other:?}"),
    }
}

/// The names in a folder, in order; none where there is no folder.
pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
