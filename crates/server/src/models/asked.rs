//! From the name in a request to a model to work with.

use std::{sync::Arc, time::SystemTime};

use okibi_engine::{ModelInfo, Role};
use okibi_protocol::models::{ModelEntry, ModelOrigin, Presence, Variant};

use crate::{
    failure::{Failure, ModelFailure},
    http::ModelName,
    models::{
        Begun, Models, RETRY_AFTER, Slots,
        slot::{Lease, Load, LoadRequest, SlotId, State, UsageGuard},
    },
};

/// A model as a request found it.
enum Found {
    Ready(Lease),
    /// It loads; the guard keeps it from being put to rest before it is used.
    Loading(Load, UsageGuard),
    Resting(SlotId, LoadRequest, UsageGuard),
    Failed(Arc<ModelFailure>),
    /// It is not held.
    Unknown,
}

impl Models {
    /// The model that a request names, or the current one; loads it where that is needed and allowed. With it comes the
    /// role that stood behind its name.
    ///
    /// Errors: a model that is not here, may not be loaded for a request, or cannot be loaded.
    pub(crate) async fn lease(
        self: &Arc<Self>,
        asked: Option<&str>,
    ) -> Result<(Lease, Option<Role>), Failure> {
        let role = asked.and_then(|asked| ModelName::read(asked).role);
        // A model may be put to rest or unloaded between its load and its use, but hardly often.
        for _ in 0..3 {
            let (load, _guard) = match self.find(asked) {
                Found::Ready(lease) => return Ok((lease, role)),
                Found::Loading(load, guard) => (load, guard),
                Found::Failed(failure) => return Err(Failure::Model(failure)),
                Found::Resting(id, request, guard) => match self.begin(&request, false)? {
                    Begun::Ready(_) => match self.lease_of(id) {
                        Some(lease) => return Ok((lease, role)),
                        None => continue,
                    },
                    Begun::Loading(load) => (load, guard),
                },
                Found::Unknown => {
                    let asked = asked.unwrap_or_default();
                    let request = self.on_demand(asked).await?;
                    match self.begin(&request, false)? {
                        Begun::Ready(id) => match self.lease_of(id) {
                            Some(lease) => return Ok((lease, role)),
                            None => continue,
                        },
                        Begun::Loading(load) => {
                            let guard = self.use_of(load.id);
                            match guard {
                                Some(guard) => (load, guard),
                                None => continue,
                            }
                        }
                    }
                }
            };
            let id = load.id;
            load.wait().await.map_err(Failure::Model)?;
            if let Some(lease) = self.lease_of(id) {
                return Ok((lease, role));
            }
        }
        Err(Failure::Model(Arc::new(ModelFailure::interrupted())))
    }

    fn find(&self, asked: Option<&str>) -> Found {
        let slots = self.lock();
        let id = match asked {
            None => slots.current,
            Some(asked) => self.held(&slots, asked),
        };
        let Some(slot) = id.and_then(|id| slots.get(id)) else {
            return Found::Unknown;
        };
        let guard = slot.usage.begin();
        match &slot.state {
            State::Ready(engine) => Found::Ready(Lease {
                id: slot.id,
                engine: Arc::clone(engine),
                guard,
            }),
            State::Loading(load) => Found::Loading(load.clone(), guard),
            State::Failed(failure, at) if at.elapsed() < RETRY_AFTER => Found::Failed(Arc::clone(failure)),
            State::Resting | State::Failed(..) => Found::Resting(slot.id, slot.request.clone(), guard),
        }
    }

    fn lease_of(&self, id: SlotId) -> Option<Lease> {
        let slots = self.lock();
        let slot = slots.get(id)?;
        match &slot.state {
            State::Ready(engine) => Some(Lease {
                id,
                engine: Arc::clone(engine),
                guard: slot.usage.begin(),
            }),
            _ => None,
        }
    }

    fn use_of(&self, id: SlotId) -> Option<UsageGuard> {
        Some(self.lock().get(id)?.usage.begin())
    }

    /// The held model that a name means: the current one goes before others.
    pub(super) fn held(&self, slots: &Slots, asked: &str) -> Option<SlotId> {
        let name = ModelName::read(asked);
        let means = |id: SlotId, further: &[String]| {
            let slot = slots.get(id)?;
            let is_meant = name.means(slot.name(), further) || name.means_exactly(&slot.request.model);
            is_meant.then_some(id)
        };
        if let Some(id) = slots.current.and_then(|id| means(id, &[])) {
            return Some(id);
        }
        let others = slots.list.iter().map(|slot| slot.id);
        others
            .filter_map(|id| means(id, &[]))
            .next()
            .or_else(|| means(slots.current?, &self.options.model_names))
    }

    /// What is to be loaded for a request that names a model which is not held.
    async fn on_demand(self: &Arc<Self>, asked: &str) -> Result<LoadRequest, Failure> {
        let loaded = self.current().map(|info| info.name.clone()).unwrap_or_default();
        let entry = self.listed(asked).await;
        let unknown = || Failure::UnknownModel {
            asked: asked.to_owned(),
            loaded: loaded.clone(),
        };
        let entry = entry.ok_or_else(unknown)?;
        match entry.presence {
            Presence::Here if self.options.load_on_demand => Ok(request_for(&entry)),
            Presence::Here => Err(Failure::NotLoaded { name: entry.name }),
            Presence::Partial | Presence::Absent => Err(Failure::NotHere { name: entry.name }),
        }
    }

    /// The entry of the list that a name means, what is here before what is only known.
    pub(super) async fn listed(self: &Arc<Self>, asked: &str) -> Option<ModelEntry> {
        let library = self.options.library.clone();
        let asked = asked.to_owned();
        let find = move || {
            let name = ModelName::read(&asked);
            // Only what the name can mean is read: clients ask for names that nobody has, over and over.
            let is_meant = |known: &str, repository: Option<&str>| {
                name.means_exactly(known)
                    || repository.is_some_and(|repository| name.means_exactly(repository))
                    || name.means(known, &[])
            };
            let mut entries = okibi_models::inventory_of(&library, &is_meant);
            // A whole name goes before a part of one, and what is here before what is only known.
            let rank = |entry: &ModelEntry| {
                let repository = entry.repository.as_deref().unwrap_or_default();
                let is_here = entry.presence == Presence::Here;
                match () {
                    () if name.means_exactly(&entry.name) => Some((0, !is_here)),
                    () if name.means_exactly(repository) => Some((1, !is_here)),
                    () if name.means(&entry.name, &[]) => Some((2, !is_here)),
                    () => None,
                }
            };
            entries.retain(|entry| rank(entry).is_some());
            entries.sort_by_key(rank);
            entries.into_iter().next()
        };
        tokio::task::spawn_blocking(find).await.ok().flatten()
    }
}

/// A model that can be asked: it is held, or is here and would be loaded.
pub(crate) struct Askable {
    pub(crate) name: String,
    /// Known of one that was loaded since the daemon began.
    pub(crate) info: Option<Arc<ModelInfo>>,
    /// Bytes of its files.
    pub(crate) bytes: u64,
    pub(crate) dimension: Option<usize>,
    pub(crate) max_tokens: Option<usize>,
}

impl Askable {
    /// When its weights were last changed, where that is known.
    pub(crate) fn modified(&self) -> Option<SystemTime> {
        self.info.as_ref().and_then(|info| info.modified)
    }
}

impl From<Arc<ModelInfo>> for Askable {
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

impl From<ModelEntry> for Askable {
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

impl Models {
    /// Every model that can be asked, those that are held first.
    pub(crate) async fn askable(self: &Arc<Self>) -> Vec<Askable> {
        let mut askable: Vec<Askable> = self.infos().into_iter().map(Askable::from).collect();
        if self.options.load_on_demand {
            let library = self.options.library.clone();
            let inventory = tokio::task::spawn_blocking(move || okibi_models::inventory(&library));
            for entry in inventory.await.unwrap_or_default() {
                let is_held = askable
                    .iter()
                    .any(|known| known.name.eq_ignore_ascii_case(&entry.name));
                if entry.presence == Presence::Here && !is_held {
                    askable.push(entry.into());
                }
            }
        }
        askable
    }

    /// The model that a name means, where it can be asked; it is not loaded for that.
    pub(crate) async fn find_askable(self: &Arc<Self>, asked: &str) -> Result<Askable, Failure> {
        let held = {
            let slots = self.lock();
            let slot = self.held(&slots, asked).and_then(|id| slots.get(id));
            slot.and_then(|slot| slot.info.clone())
        };
        if let Some(info) = held {
            return Ok(info.into());
        }
        self.on_demand(asked).await?;
        let entry = self.listed(asked).await;
        entry.map(Askable::from).ok_or_else(|| Failure::UnknownModel {
            asked: asked.to_owned(),
            loaded: String::new(),
        })
    }
}

/// How the engine is asked for a model of the list.
pub(super) fn request_for(entry: &ModelEntry) -> LoadRequest {
    let folder = entry
        .folder
        .clone()
        .filter(|_| entry.origin == ModelOrigin::Folder);
    LoadRequest {
        model: folder.unwrap_or_else(|| entry.name.clone()),
        variant: Variant::Auto,
    }
}
