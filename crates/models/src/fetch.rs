//! Fetching a model from the hub, into the cache that all its tools share.
//!
//! - `listing`, `choice`: which files there are, and which of them are fetched
//! - `client`, `address`: requests
//! - `blob`, `digest`, `tries`: one file, resumed and verified
//! - `lock`, `link`: what others see in the cache
//! - `watch`: progress, and giving up
//! - `safe`: what a repository may name
//!
//! Source: huggingface_hub, "Understand caching" and "Hub API Endpoints".

mod address;
mod blob;
mod choice;
mod client;
mod digest;
mod link;
mod listing;
mod lock;
mod roots;
pub(crate) mod safe;
mod tries;
mod watch;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, atomic::Ordering::Relaxed},
    thread,
    time::Duration,
};

use sysinfo::{MemoryRefreshKind, System};

use self::{
    blob::Source,
    choice::{Choice, Wanted},
    client::{Client, Trouble},
    link::Linking,
    listing::Listing,
    lock::FetchLock,
    tries::Tries,
    watch::Watch,
};
use crate::{
    cache::{Snapshot, files_in, find_here, is_commit, repository_folder},
    error::ModelError,
    library::Hub,
    onnx,
    resolve::HubModel,
    space,
};

/// Files that come at once.
const AT_ONCE: usize = 4;

/// Room that is left on disk for others.
const SPARE: u64 = 64 << 20;

/// How patient a fetch is.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Pace {
    /// How long a connection may take.
    pub connect: Duration,
    /// How long nothing may come.
    pub stall: Duration,
    /// The wait before the second try; each further one is twice as long.
    pub backoff: Duration,
    /// The longest wait, also where the hub asks for a longer one.
    pub longest_wait: Duration,
    /// Tries in a row that get no further.
    pub tries: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            stall: Duration::from_secs(30),
            backoff: Duration::from_millis(500),
            longest_wait: Duration::from_secs(30),
            tries: 5,
        }
    }
}

/// Gives the complete files of a model, fetching what is missing.
///
/// What is here already is not asked for again, down to the first bytes of a file whose download broke off. Each file
/// is verified before anybody sees it. Where another process fetches the same repository, it is waited for.
/// `on_bytes` hears how many bytes of how many are here, `is_cancelled` is asked all the time; both on this thread.
///
/// Errors: every one of [`ModelError`]'s that is about the hub, the cache or the disk; [`ModelError::Cancelled`].
pub fn fetch(
    model: &HubModel,
    hub: &Hub,
    on_bytes: &(dyn Fn(u64, u64) + Sync),
    is_cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<Snapshot, ModelError> {
    fetch_at(&Pace::default(), model, hub, on_bytes, is_cancelled)
}

/// As [`fetch`], at another pace.
///
/// Errors: those of [`fetch`].
#[doc(hidden)]
pub fn fetch_at(
    pace: &Pace,
    model: &HubModel,
    hub: &Hub,
    on_bytes: &(dyn Fn(u64, u64) + Sync),
    is_cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<Snapshot, ModelError> {
    if let Some(snapshot) = find_here(model, hub)? {
        return Ok(snapshot);
    }
    if hub.is_offline {
        return Err(ModelError::Offline {
            repository: model.repository.clone(),
        });
    }
    if !safe::is_revision(&model.revision) {
        return Err(ModelError::NoRevision {
            repository: model.repository.clone(),
            revision: model.revision.clone(),
        });
    }
    let agent = client::agent(pace);
    let client = Client::new(agent.clone(), hub, &model.repository)?;
    let watch = Watch::new(agent);
    let fetch = Fetch {
        pace,
        model,
        hub,
        client: &client,
        watch: &watch,
    };
    watch.over(on_bytes, is_cancelled, || fetch.run())
}

/// One fetch.
struct Fetch<'a> {
    pace: &'a Pace,
    model: &'a HubModel,
    hub: &'a Hub,
    client: &'a Client<'a>,
    watch: &'a Watch,
}

impl Fetch<'_> {
    fn run(&self) -> Result<Snapshot, ModelError> {
        let listing = self.list()?;
        let choice = choice::choose(&listing, self.model, self.client, free_memory())?;
        let folder = repository_folder(self.hub, &self.model.repository);
        let blobs = folder.join("blobs");
        let watch = self.watch;
        watch.total.store(
            choice.files.iter().filter_map(|file| file.listed.size).sum(),
            Relaxed,
        );
        let lock = FetchLock::take(self.hub, &self.model.repository, watch, || {
            // The other one fetches these very files, or some of them.
            let here = choice.files.iter().map(|file| bytes_here(&blobs, file));
            watch.done.store(here.sum(), Relaxed);
        })?;
        watch.done.store(0, Relaxed);
        if lock.has_waited
            && let Some(snapshot) = find_here(self.model, self.hub)?
        {
            watch.done.store(watch.total.load(Relaxed), Relaxed);
            return Ok(snapshot);
        }
        fs::create_dir_all(&blobs).map_err(|cause| space::unwritable(&blobs, 0, cause))?;
        let source = Source {
            client: self.client,
            watch,
            pace: self.pace,
            repository: &self.model.repository,
            commit: &listing.commit,
            blobs: &blobs,
        };
        let mut here = self.fetch_all(&source, &choice.files)?;
        let further = self.named_by(&here, &listing, &choice)?;
        watch
            .total
            .fetch_add(further.iter().filter_map(|file| file.listed.size).sum(), Relaxed);
        here.extend(self.fetch_all(&source, &further)?);
        let snapshot = folder.join("snapshots").join(&listing.commit);
        let linking = Linking::begin(&snapshot)?;
        for (name, blob) in &here {
            linking.link(name, blob)?;
        }
        linking.end()?;
        if !is_commit(&self.model.revision) {
            link::write_ref(&folder, &self.model.revision, &listing.commit)?;
        }
        Ok(Snapshot {
            bytes: files_in(&snapshot).iter().map(|(_, bytes)| bytes).sum(),
            folder: snapshot,
            model_file: choice.model_file,
            commit: listing.commit,
            fetched_bytes: watch.fetched.load(Relaxed),
        })
    }

    /// The hub's list of files.
    fn list(&self) -> Result<Listing, ModelError> {
        let mut tries = Tries::new(self.pace, self.watch);
        loop {
            match listing::ask(self.client, self.model) {
                Ok(listing) => return Ok(listing),
                // Nothing is under way yet that waiting could save.
                Err(Trouble::Passing {
                    error: error @ ModelError::Unreachable { .. },
                    ..
                }) if !self.watch.is_stopped() => return Err(error),
                Err(trouble) => tries.again(trouble, 0)?,
            }
        }
    }

    /// Fetches files, some at once; gives the blob of each.
    fn fetch_all(&self, source: &Source, files: &[Wanted]) -> Result<Vec<(String, PathBuf)>, ModelError> {
        self.check_room(source.blobs, files)?;
        // The largest first: they take longest.
        let mut queue: Vec<&Wanted> = files.iter().collect();
        queue.sort_by_key(|file| file.listed.size);
        let queue = Mutex::new(queue);
        let done = Mutex::new(Vec::new());
        let failed = Mutex::new(None);
        let work = || {
            let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
            while let Some(file) = next() {
                match blob::fetch(source, file) {
                    Ok(blob) => {
                        let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                        done.push((file.listed.name.clone(), blob));
                    }
                    Err(error) => {
                        // The first to fail ends the others, which then only say that they were ended.
                        failed
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .get_or_insert(error);
                        self.watch.stop();
                        return;
                    }
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..AT_ONCE.min(files.len()) {
                scope.spawn(work);
            }
        });
        match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(done.into_inner().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    /// Files that the ONNX file names and that are not named after it.
    fn named_by(
        &self,
        here: &[(String, PathBuf)],
        listing: &Listing,
        choice: &Choice,
    ) -> Result<Vec<Wanted>, ModelError> {
        let Some((_, blob)) = here.iter().find(|(name, _)| *name == choice.model_file) else {
            return Ok(Vec::new());
        };
        let locations = onnx::external_data(blob);
        if let Some(what) = onnx::what_is_wrong(&locations) {
            return Err(self.client.unsafe_(what));
        }
        choice::beside(listing, choice, self.client, locations)
    }

    /// Errors: [`ModelError::NoSpace`].
    fn check_room(&self, blobs: &Path, files: &[Wanted]) -> Result<(), ModelError> {
        let missing = |file: &Wanted| Some(file.listed.size?.saturating_sub(bytes_here(blobs, file)));
        let missing = files.iter().filter_map(missing).fold(0, u64::saturating_add);
        if missing == 0 {
            return Ok(());
        }
        let needed = missing.saturating_add(SPARE);
        match space::free_bytes(blobs) {
            Some(free) if free < needed => Err(ModelError::NoSpace {
                path: self.hub.cache.clone(),
                needed,
                free,
            }),
            _ => Ok(()),
        }
    }
}

/// Bytes of a file that are here, whole or on their way.
fn bytes_here(blobs: &Path, file: &Wanted) -> u64 {
    let Some(hash) = &file.listed.hash else { return 0 };
    let length = |name: &str| fs::metadata(blobs.join(name)).ok().map(|file| file.len());
    length(hash)
        .or_else(|| length(&format!("{hash}.incomplete")))
        .unwrap_or(0)
}

/// The machine's free memory, where it tells.
fn free_memory() -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    Some(system.available_memory()).filter(|bytes| *bytes > 0)
}
