//! From the name in a request to a model to work with.

use std::{sync::Arc, time::SystemTime};

use okibi_engine::ModelInfo;
use okibi_models::Library;
use okibi_protocol::{
    method::InputType,
    model_ref::ModelRef,
    models::{ModelEntry, ModelOrigin, Presence, Variant},
};

use crate::{
    failure::{Failure, ModelFailure},
    models::{
        lease::Lease,
        loading::Models,
        request::{LoadRequest, Purpose},
    },
};

impl Models {
    /// The model that a request names, or the current one, loaded where that is needed and allowed; with the role that
    /// stood behind its name.
    ///
    /// Errors: a model that is not here, may not be loaded for a request, or cannot be loaded.
    pub(crate) async fn lease(
        self: &Arc<Self>,
        asked: Option<&str>,
    ) -> Result<(Lease, Option<InputType>), Failure> {
        let asked = asked.map(read_name).transpose()?;
        let load = match (self.join(asked.as_ref()), &asked) {
            (Some(load), _) => load,
            (None, Some(asked)) => {
                let entry = self.on_demand(asked).await?;
                self.begin(&LoadRequest::for_entry(&entry), Purpose::Request)
            }
            // The callers look first whether there is a current model.
            (None, None) => return Err(ModelFailure::interrupted().into()),
        };
        let lease = load.wait().await.map_err(Failure::Model)?;
        Ok((lease, asked.and_then(|asked| asked.role)))
    }

    /// What is to be loaded for a request that names a model which is not held.
    async fn on_demand(self: &Arc<Self>, asked: &ModelRef) -> Result<ModelEntry, Failure> {
        let entry = self.listed(asked).await.ok_or_else(|| self.unknown(asked))?;
        match entry.presence {
            Presence::Here if self.load_on_demand => Ok(entry),
            Presence::Here => Err(Failure::NotLoaded { name: entry.name }),
            Presence::Partial | Presence::Absent => Err(Failure::NotHere { name: entry.name }),
        }
    }

    /// The failure of a request for a model that is neither held nor listed.
    pub(super) fn unknown(&self, asked: &ModelRef) -> Failure {
        Failure::UnknownModel {
            asked: asked.to_string(),
            loaded: self.current().map(|info| info.name.clone()).unwrap_or_default(),
        }
    }

    /// The entry of the list that a reference means; the list knows no revisions.
    pub(super) async fn listed(self: &Arc<Self>, asked: &ModelRef) -> Option<ModelEntry> {
        if asked.revision.is_some() {
            return None;
        }
        let (library, asked) = (self.library.clone(), asked.clone());
        let find = move || find_in_list(&library, &asked);
        // A thread that dies has logged why, and the model is not found.
        tokio::task::spawn_blocking(find).await.ok().flatten()
    }

    /// What is on this machine, then what is only known; none if the thread that looks dies.
    pub(super) async fn inventory(self: &Arc<Self>) -> Vec<ModelEntry> {
        let library = self.library.clone();
        let inventory = tokio::task::spawn_blocking(move || okibi_models::inventory(&library));
        inventory.await.unwrap_or_default()
    }

    /// Every model that a request may name, those that are held first.
    pub(crate) async fn available(self: &Arc<Self>) -> Vec<AvailableModel> {
        let mut available: Vec<AvailableModel> = self.infos().into_iter().map(AvailableModel::from).collect();
        if self.load_on_demand {
            for entry in self.inventory().await {
                let is_held = available
                    .iter()
                    .any(|known| known.name.eq_ignore_ascii_case(&entry.name));
                if entry.presence == Presence::Here && !is_held {
                    available.push(entry.into());
                }
            }
        }
        available
    }

    /// The model that a name means, where a request may name it; it is not loaded for that.
    pub(crate) async fn find_available(self: &Arc<Self>, asked: &str) -> Result<AvailableModel, Failure> {
        let asked = read_name(asked)?;
        let held = {
            let slots = self.slots.lock();
            let slot = slots.find_for_request(&asked, &self.model_names);
            slot.and_then(|slot| slot.info.clone())
        };
        if let Some(info) = held {
            return Ok(info.into());
        }
        Ok(self.on_demand(&asked).await?.into())
    }
}

/// Reads the name of a model in a request.
pub(super) fn read_name(text: &str) -> Result<ModelRef, Failure> {
    ModelRef::read(text).map_err(|why| Failure::invalid("model", why.to_string()))
}

/// The entry that a reference means: a whole name goes before a part of one, and what is here before what is only
/// known.
fn find_in_list(library: &Library, asked: &ModelRef) -> Option<ModelEntry> {
    let rank = |name: &str, repository: Option<&str>| match () {
        () if asked.name.eq_ignore_ascii_case(name) => Some(0),
        () if repository.is_some_and(|repository| asked.name.eq_ignore_ascii_case(repository)) => Some(1),
        () if asked.means(name) => Some(2),
        () => None,
    };
    // Only what the name can mean is read: clients ask for names that nobody has, over and over.
    let is_meant = |name: &str, repository: Option<&str>| rank(name, repository).is_some();
    let entries = okibi_models::inventory_of(library, &is_meant).into_iter();
    let ranked = entries.filter_map(|entry| {
        let rank = rank(&entry.name, entry.repository.as_deref())?;
        Some(((rank, entry.presence != Presence::Here), entry))
    });
    Some(ranked.min_by_key(|(rank, _)| *rank)?.1)
}

impl LoadRequest {
    /// How the engine is asked for a model of the list.
    pub(super) fn for_entry(entry: &ModelEntry) -> Self {
        let folder = entry
            .folder
            .clone()
            .filter(|_| entry.origin == ModelOrigin::Folder);
        Self {
            model: folder.unwrap_or_else(|| entry.name.clone()),
            variant: Variant::Auto,
        }
    }
}

/// A model that a request may name: it is held, or is on this machine and would be loaded.
pub(crate) struct AvailableModel {
    pub(crate) name: String,
    /// Known of one that was loaded since the daemon began.
    pub(crate) info: Option<Arc<ModelInfo>>,
    /// Bytes of its files.
    pub(crate) bytes: u64,
    pub(crate) dimension: Option<usize>,
    pub(crate) max_tokens: Option<usize>,
}

impl AvailableModel {
    /// When its weights were last changed, where that is known.
    pub(crate) fn modified(&self) -> Option<SystemTime> {
        self.info.as_ref().and_then(|info| info.modified)
    }
}

impl From<Arc<ModelInfo>> for AvailableModel {
    fn from(info: Arc<ModelInfo>) -> Self {
        Self {
            name: info.name.clone(),
            bytes: info.weight_bytes,
            dimension: Some(info.dimension),
            max_tokens: Some(info.max_tokens),
            info: Some(info),
        }
    }
}

impl From<ModelEntry> for AvailableModel {
    fn from(entry: ModelEntry) -> Self {
        Self {
            name: entry.name,
            info: None,
            bytes: entry.size_bytes.map_or(0, |bytes| bytes.0),
            dimension: entry.dimension,
            max_tokens: entry.max_tokens,
        }
    }
}
