//! One file of the hub, whole and verified, among the blobs of the cache.
//!
//! A blob is named by the hash that the hub has of it. Until its bytes are verified they lie in `HASH.incomplete`, and a try
//! that breaks off leaves them there: the next try, or the next process, asks only for the rest. A file whose hash the
//! listing lacks gets its name from the first answer, and then begins again with what is here under that name.
//!
//! ```text
//!            name known?            bytes here           hash right?
//! listed ──► lock HASH ──► GET from byte N ──► append ──► rename to HASH ──► done
//!               ▲                 │    │                      │
//!               │    name learned ┘    │ broken off           │ wrong, once: throw away
//!               └──────────────────────┴──── retry ◄──────────┘ wrong, twice: give up
//! ```
//!
//! The lock is held from before the first look at `HASH.incomplete` until the rename: other tools of the hub write the same
//! file.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::atomic::Ordering::Relaxed,
    time::Duration,
};

use super::{
    address,
    choice::{RemoteFile, too_long},
    client::{Answer, Client},
    control::Control,
    digest::Digest,
    error::{FetchError, Reason},
    retry::{Retries, RetryPolicy},
};
use crate::{
    error::ModelError,
    lock::{CacheLock, RepositoryLocks},
    safe, space,
};

/// How often a lock that another tool holds is looked at.
const LOCK_INTERVAL: Duration = Duration::from_millis(100);

/// Bytes that are read, hashed and written at once.
const CHUNK: usize = 128 << 10;

/// What every file of one fetch needs.
pub(super) struct Source<'a> {
    /// Asks the hub.
    pub(super) client: &'a Client<'a>,
    /// Counts, and says when to stop.
    pub(super) control: &'a Control,
    /// How patient the fetch is.
    pub(super) policy: &'a RetryPolicy,
    /// The locks of the repository.
    pub(super) locks: &'a RepositoryLocks,
    /// The repository.
    pub(super) repository: &'a str,
    /// The commit.
    pub(super) commit: &'a str,
    /// The folder of the blobs.
    pub(super) blobs: &'a Path,
}

/// One file on its way.
struct Download<'a> {
    source: &'a Source<'a>,
    file: &'a RemoteFile,
    /// The lock of its blob, once the name is known.
    lock: Option<CacheLock>,
    /// The hub's name of its bytes, once that is known.
    blob: Option<String>,
    size: Option<u64>,
    /// Bytes of it that are counted as here.
    counted: u64,
    /// The hash of the first bytes that are here, and how many these are.
    digest: Option<(Digest, u64)>,
}

/// How a try ended that did not fail.
enum End {
    /// The file is whole and verified.
    Done,
    /// Its name is known now; the next try goes on with what is here.
    Named,
    /// All bytes are here, and they are not those of the hub.
    Wrong,
}

/// Returns the path of the blob with a file's bytes, fetching what is missing of it.
pub(super) fn fetch(source: &Source, file: &RemoteFile) -> Result<PathBuf, ModelError> {
    let mut download = Download {
        source,
        file,
        lock: None,
        blob: file.listed.hash.clone(),
        size: file.listed.size,
        counted: 0,
        digest: None,
    };
    if download.size.is_none() {
        tracing::debug!(file = file.listed.name, "the hub does not list its size");
    }
    let mut retries = Retries::new(source.policy, source.control);
    let mut wrong = 0;
    loop {
        if source.control.is_stopped() {
            return Err(ModelError::Cancelled);
        }
        match download.attempt() {
            Ok(End::Done) => return download.blob_path(),
            Ok(End::Named) => {}
            Ok(End::Wrong) => {
                wrong += 1;
                tracing::warn!(
                    file = file.listed.name,
                    "the bytes that came are not those that the hub has"
                );
                download.start_over()?;
                if wrong == 2 {
                    return Err(ModelError::WrongHash {
                        repository: source.repository.to_owned(),
                        file: file.listed.name.clone(),
                    });
                }
            }
            Err(failure) => retries.wait(failure, download.counted)?,
        }
    }
}

impl Download<'_> {
    fn name(&self) -> &str {
        &self.file.listed.name
    }

    fn blob_path(&self) -> Result<PathBuf, ModelError> {
        let blob = self.blob.as_deref().unwrap_or_default();
        if !safe::is_blob_name(blob) {
            let shown: String = blob.chars().take(200).collect();
            let what = format!("the hub's name for the bytes of {}: {shown:?}", self.name());
            return Err(self.source.client.untrusted(what));
        }
        Ok(self.source.blobs.join(blob))
    }

    fn partial_path(&self) -> Result<PathBuf, ModelError> {
        let mut path = self.blob_path()?.into_os_string();
        path.push(".incomplete");
        Ok(path.into())
    }

    /// Takes the lock of the blob, unless this download has it. Returns whether another one had it before.
    fn take_lock(&mut self) -> Result<bool, ModelError> {
        if self.lock.is_some() {
            return Ok(false);
        }
        // Not any text may be a file's name.
        self.blob_path()?;
        let blob = self.blob.clone().unwrap_or_default();
        let locks = self.source.locks;
        let lock = locks.blob(&blob, || {
            // The other tool fetches these very bytes, so they count as progress.
            let length = self.partial_length()?;
            self.count(length);
            self.source.control.pause(LOCK_INTERVAL)
        })?;
        let has_waited = lock.has_waited;
        self.lock = Some(lock);
        Ok(has_waited)
    }

    /// Makes one request, and takes in what comes of it.
    fn attempt(&mut self) -> Result<End, FetchError> {
        let mut from = 0;
        if self.blob.is_some() {
            self.take_lock()?;
            if self.is_here()? {
                return Ok(End::Done);
            }
            from = self.resumable_length()?;
            self.count(from);
            if from > 0 && Some(from) == self.size {
                return self.finish();
            }
        }
        let path = address::of_file(self.source.repository, self.source.commit, self.name());
        let answer = self.source.client.get(&path, from, self.name())?;
        // What is here may be longer than the file by now.
        if answer.status == 416 && from > 0 {
            self.start_over()?;
            return Err(self.transient(Reason::OtherPart));
        }
        if !matches!(answer.status, 200 | 206) {
            return Err(self.source.client.refused(&answer, self.name()));
        }
        let part = answer.part().filter(|_| answer.status == 206);
        let start = part.map_or(0, |(start, _)| start);
        if (answer.status == 206) != part.is_some() || (start != 0 && start != from) {
            self.start_over()?;
            return Err(self.transient(Reason::OtherPart));
        }
        self.check(&answer, part)?;
        if self.blob.is_none() {
            self.blob = answer.facts.etag.clone();
            if self.blob.is_none() {
                return Err(self
                    .source
                    .client
                    .failed(self.name(), Box::new(Reason::NoName))
                    .into());
            }
            // While it waited for the lock, this answer may have gone stale.
            if self.take_lock()? || self.is_here()? || self.resumable_length()? > 0 {
                return Ok(End::Named);
            }
        }
        // A server that cannot send parts begins at the beginning, and so does the file.
        if start != from {
            self.start_over()?;
        }
        self.receive(answer)?;
        self.finish()
    }

    /// Checks that the answer announces what may come.
    fn check(&mut self, answer: &Answer, part: Option<(u64, Option<u64>)>) -> Result<(), ModelError> {
        let client = self.source.client;
        let announced = match part {
            Some((_, whole)) => whole,
            None => answer.length(),
        };
        for size in [announced, answer.facts.size].into_iter().flatten() {
            let limit = self.size.unwrap_or(self.file.limit).min(self.file.limit);
            if size > limit {
                return Err(client.untrusted(too_long(self.name(), size, limit)));
            }
        }
        if let Some(commit) = &answer.facts.commit
            && !commit.eq_ignore_ascii_case(self.source.commit)
        {
            return Err(client.untrusted(format!("the hub sent {} of another commit", self.name())));
        }
        if self.size.is_none() {
            self.size = answer.facts.size.or(announced);
            self.source
                .control
                .total
                .fetch_add(self.size.unwrap_or(0), Relaxed);
        }
        Ok(())
    }

    /// Appends the body to what is here.
    fn receive(&mut self, mut answer: Answer) -> Result<(), FetchError> {
        let path = self.partial_path()?;
        let unwritable = |cause: io::Error| self.unwritable(&path, cause);
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(unwritable)?;
        let mut length = file.metadata().map_err(unwritable)?.len();
        let mut digest = self.digest_of(&path, length)?;
        let mut reader = answer.body.as_reader();
        let mut chunk = vec![0; CHUNK];
        let limit = self.size.unwrap_or(self.file.limit);
        let outcome = loop {
            if self.source.control.is_stopped() {
                break Err(ModelError::Cancelled.into());
            }
            match reader.read(&mut chunk) {
                Ok(0) => break Ok(()),
                Ok(bytes) => {
                    if length + bytes as u64 > limit {
                        break Err(self
                            .source
                            .client
                            .untrusted(format!("more bytes of {} came than it has", self.name()))
                            .into());
                    }
                    if let Err(cause) = file.write_all(&chunk[..bytes]) {
                        break Err(self.unwritable(&path, cause).into());
                    }
                    digest.update(&chunk[..bytes]);
                    length += bytes as u64;
                    self.source.control.fetched.fetch_add(bytes as u64, Relaxed);
                    self.count(length);
                }
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => {
                    break Err(FetchError::transient(
                        self.source.client.failed(self.name(), Box::new(cause)),
                    ));
                }
            }
        };
        self.digest = Some((digest, length));
        if matches!(
            outcome,
            Err(FetchError::Permanent(ModelError::UntrustedRepository { .. }))
        ) {
            self.start_over()?;
        }
        outcome?;
        match self.size {
            Some(size) if length < size => Err(self.transient(Reason::Short { got: length, size })),
            _ => {
                // The blob's name says that it is whole, which must be true after a power cut too. So the bytes reach the
                // disk before the rename does.
                file.sync_all().map_err(|cause| self.unwritable(&path, cause))?;
                Ok(())
            }
        }
    }

    /// Verifies the bytes that are here, and renames the file to its hash.
    fn finish(&mut self) -> Result<End, FetchError> {
        let partial = self.partial_path()?;
        let length = self.partial_length()?;
        let digest = self.digest_of(&partial, length)?;
        if !digest.is(self.blob.as_deref().unwrap_or_default()) {
            return Ok(End::Wrong);
        }
        let path = self.blob_path()?;
        fs::rename(&partial, &path).map_err(|cause| self.unwritable(&path, cause))?;
        Ok(End::Done)
    }

    /// Returns whether the blob is here, with as many bytes as it should have.
    fn is_here(&mut self) -> Result<bool, ModelError> {
        let Ok(metadata) = fs::metadata(self.blob_path()?) else {
            return Ok(false);
        };
        let is_here = metadata.is_file() && self.size.is_none_or(|size| size == metadata.len());
        if is_here {
            self.count(metadata.len());
        }
        Ok(is_here)
    }

    /// Returns the bytes that are here of a file that is not whole yet.
    fn partial_length(&self) -> Result<u64, ModelError> {
        Ok(fs::metadata(self.partial_path()?).map_or(0, |metadata| metadata.len()))
    }

    /// Returns the bytes that the next request can go on after; throws away what is longer than the file may be.
    fn resumable_length(&mut self) -> Result<u64, ModelError> {
        let length = self.partial_length()?;
        if length > self.size.unwrap_or(self.file.limit) {
            self.start_over()?;
            return Ok(0);
        }
        Ok(length)
    }

    /// Throws away what is here of it.
    fn start_over(&mut self) -> Result<(), ModelError> {
        self.digest = None;
        self.count(0);
        let path = self.partial_path()?;
        match fs::remove_file(&path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(self.unwritable(&path, cause)),
            _ => Ok(()),
        }
    }

    /// Returns the hash of the first `length` bytes, which are read only where this download has not hashed them already.
    fn digest_of(&mut self, path: &Path, length: u64) -> Result<Digest, ModelError> {
        if let Some((digest, _)) = self.digest.as_ref().filter(|(_, hashed)| *hashed == length) {
            return Ok(digest.clone());
        }
        let mut digest = Digest::of_name(self.blob.as_deref().unwrap_or_default(), self.size);
        if length > 0 {
            let read = |cause| ModelError::Unreadable {
                path: path.to_owned(),
                source: cause,
            };
            let mut file = File::open(path).map_err(read)?;
            let mut chunk = vec![0; CHUNK];
            loop {
                if self.source.control.is_stopped() {
                    return Err(ModelError::Cancelled);
                }
                match file.read(&mut chunk).map_err(read)? {
                    0 => break,
                    bytes => digest.update(&chunk[..bytes]),
                }
            }
        }
        self.digest = Some((digest.clone(), length));
        Ok(digest)
    }

    /// Counts `length` bytes of the file as here.
    fn count(&mut self, length: u64) {
        let done = &self.source.control.done;
        if length >= self.counted {
            done.fetch_add(length - self.counted, Relaxed);
        } else {
            done.fetch_sub(self.counted - length, Relaxed);
        }
        self.counted = length;
    }

    fn transient(&self, reason: Reason) -> FetchError {
        FetchError::transient(self.source.client.failed(self.name(), Box::new(reason)))
    }

    fn unwritable(&self, path: &Path, cause: io::Error) -> ModelError {
        let missing = self.size.unwrap_or(0).saturating_sub(self.counted);
        space::unwritable(path, missing, cause)
    }
}
