//! Fetching a model from the hub, into the cache that all its tools share.
//!
//! - `listing`, `choice`: which files there are, and which of them are fetched
//! - `client`, `address`, `roots`, `error`: requests
//! - `blob`, `digest`, `retry`: one file, resumed and verified
//! - `link`: what others see in the cache
//! - `control`: progress, and giving up
//!
//! The order is what makes a fetch safe beside others: the list of files, the fetch's lock, the blobs, and only then the
//! links and the branch's commit. Whatever breaks off before the links leaves nothing that looks like a model.
//!
//! Source: huggingface_hub, "Understand caching" and "Hub API Endpoints".

mod address;
mod blob;
mod choice;
mod client;
mod control;
mod digest;
mod error;
mod link;
mod listing;
mod retry;
mod roots;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::Ordering::Relaxed,
    thread,
    time::Duration,
};

use parking_lot::Mutex;
use serde_json::Value;
use sysinfo::{MemoryRefreshKind, System};

#[doc(hidden)]
pub use self::retry::RetryPolicy;
use self::{
    blob::Source,
    choice::{Choice, OwnWeights, RemoteFile},
    client::Client,
    control::Control,
    error::FetchError,
    link::Linking,
    listing::Listing,
    retry::Retries,
};
use crate::{
    cache::{Snapshot, files_in, find_here, is_commit, repository_folder},
    error::ModelError,
    families,
    library::Hub,
    lock::RepositoryLocks,
    onnx,
    pipeline::{MODULES_FILE, files_of_modules},
    resolve::HubModel,
    safe, space,
};

/// Files that come at once.
const AT_ONCE: usize = 4;

/// How often a lock that another process holds is looked at.
const LOCK_INTERVAL: Duration = Duration::from_millis(100);

/// Room that is left on disk for others.
const SPARE: u64 = 64 << 20;

/// Returns the complete files of a model, fetching what is missing.
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
    fetch_at(&RetryPolicy::default(), model, hub, on_bytes, is_cancelled)
}

/// As [`fetch`], with another policy.
///
/// Errors: those of [`fetch`].
#[doc(hidden)]
pub fn fetch_at(
    policy: &RetryPolicy,
    model: &HubModel,
    hub: &Hub,
    on_bytes: &(dyn Fn(u64, u64) + Sync),
    is_cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<Snapshot, ModelError> {
    if let Some(snapshot) = find_here(model, hub)? {
        return Ok(snapshot);
    }
    with_hub(policy, model, hub, |fetch| {
        fetch.control.run(on_bytes, is_cancelled, || fetch.run())
    })
}

/// Has `work` ask the hub for a model.
fn with_hub<T>(
    policy: &RetryPolicy,
    model: &HubModel,
    hub: &Hub,
    work: impl FnOnce(&Fetch) -> Result<T, ModelError>,
) -> Result<T, ModelError> {
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
    let agent = client::agent(policy, hub)?;
    let client = Client::new(agent.clone(), hub, &model.repository)?;
    let control = Control::new(agent);
    work(&Fetch {
        policy,
        model,
        hub,
        client: &client,
        control: &control,
    })
}

/// What the hub says of a model before anything of it is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnHub {
    /// Bytes of the files that would be fetched, as far as the hub says.
    pub bytes: u64,
    /// Whether Okibi computes the network itself; else ONNX Runtime does.
    pub is_own: bool,
    /// The license that the repository's card names.
    pub license: Option<String>,
    /// The network's family, such as `bert`.
    pub family: Option<String>,
}

/// Asks the hub for a model, and fetches nothing but small files that say what would be.
///
/// Errors: those of [`fetch`] that are about the hub, and about which files would be fetched.
pub fn look_up(model: &HubModel, hub: &Hub) -> Result<OnHub, ModelError> {
    // Somebody waits for the answer before a button.
    let policy = &RetryPolicy {
        tries: 2,
        ..RetryPolicy::default()
    };
    with_hub(policy, model, hub, |fetch| {
        let listing = fetch.list()?;
        let own = fetch.own_weights(&listing)?;
        let is_own = own.is_some();
        let choice = choice::choose(&listing, model, own, fetch.client, free_memory())?;
        Ok(OnHub {
            bytes: choice.files.iter().filter_map(|file| file.listed.size).sum(),
            is_own,
            license: listing.license,
            family: listing.family,
        })
    })
}

/// One fetch.
struct Fetch<'a> {
    policy: &'a RetryPolicy,
    model: &'a HubModel,
    hub: &'a Hub,
    client: &'a Client<'a>,
    control: &'a Control,
}

impl Fetch<'_> {
    fn run(&self) -> Result<Snapshot, ModelError> {
        let listing = self.list()?;
        let own = self.own_weights(&listing)?;
        let choice = choice::choose(&listing, self.model, own, self.client, free_memory())?;
        let folder = repository_folder(self.hub, &self.model.repository);
        let blobs = folder.join("blobs");
        let control = self.control;
        control.total.store(
            choice.files.iter().filter_map(|file| file.listed.size).sum(),
            Relaxed,
        );
        let locks = RepositoryLocks::of(self.hub, &self.model.repository);
        let lock = locks.fetch(|| {
            // The other fetch is of these very files, or some of them.
            let here = choice.files.iter().map(|file| bytes_here(&blobs, file));
            control.done.store(here.sum(), Relaxed);
            control.pause(LOCK_INTERVAL)
        })?;
        control.done.store(0, Relaxed);
        // Most often the other fetch has made what this one came for.
        if lock.has_waited
            && let Some(snapshot) = find_here(self.model, self.hub)?
        {
            control.done.store(control.total.load(Relaxed), Relaxed);
            return Ok(snapshot);
        }
        fs::create_dir_all(&blobs).map_err(|cause| space::unwritable(&blobs, 0, cause))?;
        let source = Source {
            client: self.client,
            control,
            policy: self.policy,
            locks: &locks,
            repository: &self.model.repository,
            commit: &listing.commit,
            blobs: &blobs,
        };
        let mut here = self.fetch_all(&source, &choice.files)?;
        let further = self.named_by(&here, &listing, &choice)?;
        control
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
            fetched_bytes: control.fetched.load(Relaxed),
        })
    }

    /// Returns the hub's list of files.
    fn list(&self) -> Result<Listing, ModelError> {
        let mut retries = Retries::new(self.policy, self.control);
        loop {
            match listing::ask(self.client, self.model) {
                Ok(listing) => return Ok(listing),
                // Nothing is under way yet that waiting could save, and a user without a network should hear that at once.
                Err(FetchError::Transient {
                    error: error @ ModelError::Unreachable { .. },
                    ..
                }) if !self.control.is_stopped() => return Err(error),
                Err(failure) => retries.wait(failure, 0)?,
            }
        }
    }

    /// Returns the makers' own weights, where the repository has them and Okibi computes the network.
    fn own_weights(&self, listing: &Listing) -> Result<Option<OwnWeights>, ModelError> {
        let names: Vec<&str> = listing.files.iter().map(|file| file.name.as_str()).collect();
        let own = families::own_weights(&names).filter(|_| self.model.takes_own());
        let Some(file) = own.filter(|_| names.contains(&"config.json")) else {
            return Ok(None);
        };
        let config: Value = serde_json::from_slice(&self.read(listing, "config.json")?).unwrap_or_default();
        if !families::is_computed(&config) {
            return Ok(None);
        }
        let shards = if file == families::INDEX {
            let list = self.read(listing, file)?;
            families::files_in_index(&list).map_err(|what| self.client.untrusted(what))?
        } else {
            Vec::new()
        };
        Ok(Some(OwnWeights { file, shards }))
    }

    /// Reads a small file before anything is fetched, since it says what is.
    fn read(&self, listing: &Listing, name: &str) -> Result<Vec<u8>, ModelError> {
        let mut retries = Retries::new(self.policy, self.control);
        loop {
            match self
                .client
                .get_small(&listing.commit, name, choice::LONGEST_CONFIGURATION)
            {
                Ok(bytes) => return Ok(bytes),
                Err(failure) => retries.wait(failure, 0)?,
            }
        }
    }

    /// Fetches files, some at once; returns each name with its blob.
    fn fetch_all(&self, source: &Source, files: &[RemoteFile]) -> Result<Vec<(String, PathBuf)>, ModelError> {
        self.check_room(source.blobs, files)?;
        // The largest first: they take longest.
        let mut queue: Vec<&RemoteFile> = files.iter().collect();
        queue.sort_by_key(|file| file.listed.size);
        let queue = Mutex::new(queue);
        let done = Mutex::new(Vec::new());
        let failed = Mutex::new(None);
        // The first to fail ends the others, which then only say that they were ended.
        let fail = |error| {
            failed.lock().get_or_insert(error);
            self.control.stop();
        };
        let work = || {
            let next = || queue.lock().pop();
            while let Some(file) = next() {
                match blob::fetch(source, file) {
                    Ok(blob) => done.lock().push((file.listed.name.clone(), blob)),
                    Err(error) => return fail(error),
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..AT_ONCE.min(files.len()) {
                if let Err(source) = thread::Builder::new().spawn_scoped(scope, work) {
                    fail(ModelError::Thread { source });
                }
            }
        });
        match failed.into_inner() {
            Some(error) => Err(error),
            None => Ok(done.into_inner()),
        }
    }

    /// Returns the files that the ONNX file's graph and the list of modules name and that were not chosen for their
    /// names.
    fn named_by(
        &self,
        here: &[(String, PathBuf)],
        listing: &Listing,
        choice: &Choice,
    ) -> Result<Vec<RemoteFile>, ModelError> {
        let blob_of = |wanted: &str| {
            let blob = here.iter().find(|(name, _)| name == wanted);
            blob.map(|(_, blob)| blob)
        };
        let mut further = Vec::new();
        if let Some(blob) = blob_of(&choice.model_file).filter(|_| choice.model_file.ends_with(".onnx")) {
            let file = onnx::read(blob);
            if let Some(what) = file.external.what_is_wrong() {
                return Err(self.client.untrusted(what));
            }
            further = choice::beside(listing, choice, self.client, &file.external)?;
        }
        if let Some(modules) = blob_of(MODULES_FILE).and_then(|blob| fs::read(blob).ok()) {
            let of_modules = choice::of_modules(listing, choice, self.client, &files_of_modules(&modules))?;
            for file in of_modules {
                if further.iter().all(|other| other.listed.name != file.listed.name) {
                    further.push(file);
                }
            }
        }
        Ok(further)
    }

    /// Errors: [`ModelError::NoSpace`].
    fn check_room(&self, blobs: &Path, files: &[RemoteFile]) -> Result<(), ModelError> {
        let missing = |file: &RemoteFile| Some(file.listed.size?.saturating_sub(bytes_here(blobs, file)));
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

/// Returns the bytes of a file that are here, whole or on their way.
fn bytes_here(blobs: &Path, file: &RemoteFile) -> u64 {
    let Some(hash) = &file.listed.hash else { return 0 };
    let length = |name: &str| fs::metadata(blobs.join(name)).ok().map(|file| file.len());
    length(hash)
        .or_else(|| length(&format!("{hash}.incomplete")))
        .unwrap_or(0)
}

/// Returns the machine's free memory, where the system says it.
fn free_memory() -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    Some(system.available_memory()).filter(|bytes| *bytes > 0)
}
