//! One file of the hub, whole and verified, among the blobs of the cache.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::atomic::Ordering::Relaxed,
};

use super::{
    Pace, address,
    choice::{Wanted, too_long},
    client::{Answer, Client, Reason, Trouble},
    digest::Digest,
    safe,
    tries::Tries,
    watch::Watch,
};
use crate::{error::ModelError, space};

/// Bytes that are read, hashed and written at once.
const CHUNK: usize = 128 << 10;

/// What every file of one fetch needs.
pub(super) struct Source<'a> {
    /// Asks the hub.
    pub(super) client: &'a Client<'a>,
    /// Counts, and says when to stop.
    pub(super) watch: &'a Watch,
    /// How patient it is.
    pub(super) pace: &'a Pace,
    /// The repository.
    pub(super) repository: &'a str,
    /// The commit.
    pub(super) commit: &'a str,
    /// The folder of the blobs.
    pub(super) blobs: &'a Path,
}

/// One file on its way.
struct Coming<'a> {
    source: &'a Source<'a>,
    file: &'a Wanted,
    /// The hub's name of its bytes, once that is known.
    blob: Option<String>,
    size: Option<u64>,
    /// Bytes of it that are counted as here.
    counted: u64,
    /// The hash of the first bytes that are here, and how many these are.
    digest: Option<(Digest, u64)>,
}

/// How a try ended that nothing went wrong with.
enum End {
    /// It is whole and what it should be.
    Here,
    /// Its name is known now; the next try goes on with what is here.
    Named,
    /// All bytes are here, and are not those of the hub.
    Wrong,
}

/// Gives the path of the blob with a file's bytes, fetching what is missing of it.
pub(super) fn fetch(source: &Source, file: &Wanted) -> Result<PathBuf, ModelError> {
    let mut coming = Coming {
        source,
        file,
        blob: file.listed.hash.clone(),
        size: file.listed.size,
        counted: 0,
        digest: None,
    };
    if coming.size.is_none() {
        tracing::debug!(file = file.listed.name, "the hub does not list its size");
    }
    let mut tries = Tries::new(source.pace, source.watch);
    let mut wrong = 0;
    loop {
        if source.watch.is_stopped() {
            return Err(ModelError::Cancelled);
        }
        match coming.attempt() {
            Ok(End::Here) => return coming.blob_path(),
            Ok(End::Named) => {}
            Ok(End::Wrong) => {
                wrong += 1;
                tracing::warn!(
                    file = file.listed.name,
                    "what came is not what the hub says it is"
                );
                coming.begin_anew()?;
                if wrong == 2 {
                    return Err(ModelError::WrongHash {
                        repository: source.repository.to_owned(),
                        file: file.listed.name.clone(),
                    });
                }
            }
            Err(trouble) => tries.again(trouble, coming.counted)?,
        }
    }
}

impl Coming<'_> {
    fn name(&self) -> &str {
        &self.file.listed.name
    }

    fn blob_path(&self) -> Result<PathBuf, ModelError> {
        let blob = self.blob.as_deref().unwrap_or_default();
        if !safe::is_blob_name(blob) {
            let shown: String = blob.chars().take(200).collect();
            let what = format!("the hub's name for the bytes of {}: {shown:?}", self.name());
            return Err(self.source.client.unsafe_(what));
        }
        Ok(self.source.blobs.join(blob))
    }

    fn partial_path(&self) -> Result<PathBuf, ModelError> {
        let mut path = self.blob_path()?.into_os_string();
        path.push(".incomplete");
        Ok(path.into())
    }

    /// One request, and what comes of it.
    fn attempt(&mut self) -> Result<End, Trouble> {
        let mut from = 0;
        if self.blob.is_some() {
            if self.is_here()? {
                return Ok(End::Here);
            }
            from = self.partial_length()?;
            self.count(from);
            if from > 0 && Some(from) == self.size {
                return self.finish();
            }
        }
        let path = format!(
            "/{}/resolve/{}/{}",
            self.source.repository,
            self.source.commit,
            address::path(self.name())
        );
        let answer = self.source.client.get(&path, from, self.name())?;
        if answer.status == 416 && from > 0 {
            self.begin_anew()?;
            return Err(self.passing(Reason::OtherPart));
        }
        if !matches!(answer.status, 200 | 206) {
            return Err(self.source.client.refused(&answer, self.name()));
        }
        let part = answer.part().filter(|_| answer.status == 206);
        let start = part.map_or(0, |(start, _)| start);
        if (answer.status == 206) != part.is_some() || (start != 0 && start != from) {
            self.begin_anew()?;
            return Err(self.passing(Reason::OtherPart));
        }
        self.check(&answer, part)?;
        if self.blob.is_none() {
            self.blob = answer.said.etag.clone();
            if self.blob.is_none() {
                return Err(self
                    .source
                    .client
                    .failed(self.name(), Box::new(Reason::NoName))
                    .into());
            }
            if self.is_here()? || self.partial_length()? > 0 {
                return Ok(End::Named);
            }
        }
        // A server that cannot send parts begins at the beginning, and so does the file.
        if start != from {
            self.begin_anew()?;
        }
        self.receive(answer)?;
        self.finish()
    }

    /// Whether what the answer announces may come.
    fn check(&mut self, answer: &Answer, part: Option<(u64, Option<u64>)>) -> Result<(), ModelError> {
        let client = self.source.client;
        let told = match part {
            Some((_, whole)) => whole,
            None => answer.length(),
        };
        for size in [told, answer.said.size].into_iter().flatten() {
            let limit = self.size.unwrap_or(self.file.limit).min(self.file.limit);
            if size > limit {
                return Err(client.unsafe_(too_long(self.name(), size, limit)));
            }
        }
        if let Some(commit) = &answer.said.commit
            && !commit.eq_ignore_ascii_case(self.source.commit)
        {
            return Err(client.unsafe_(format!("the hub sent {} of another commit", self.name())));
        }
        if self.size.is_none() {
            self.size = answer.said.size.or(told);
            self.source.watch.total.fetch_add(self.size.unwrap_or(0), Relaxed);
        }
        Ok(())
    }

    /// Appends the body to what is here.
    fn receive(&mut self, mut answer: Answer) -> Result<(), Trouble> {
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
            if self.source.watch.is_stopped() {
                break Err(ModelError::Cancelled.into());
            }
            match reader.read(&mut chunk) {
                Ok(0) => break Ok(()),
                Ok(bytes) => {
                    if length + bytes as u64 > limit {
                        break Err(self
                            .source
                            .client
                            .unsafe_(format!("more bytes of {} came than it has", self.name()))
                            .into());
                    }
                    if let Err(cause) = file.write_all(&chunk[..bytes]) {
                        break Err(self.unwritable(&path, cause).into());
                    }
                    digest.update(&chunk[..bytes]);
                    length += bytes as u64;
                    self.source.watch.fetched.fetch_add(bytes as u64, Relaxed);
                    self.count(length);
                }
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => {
                    break Err(Trouble::Passing {
                        error: self.source.client.failed(self.name(), Box::new(cause)),
                        wait: None,
                    });
                }
            }
        };
        self.digest = Some((digest, length));
        if matches!(outcome, Err(Trouble::Settled(ModelError::Unsafe { .. }))) {
            self.begin_anew()?;
        }
        outcome?;
        match self.size {
            Some(size) if length < size => Err(self.passing(Reason::Short { got: length, size })),
            _ => {
                // The name says that it is whole; that is to be true after a power cut, too.
                file.sync_all().map_err(|cause| self.unwritable(&path, cause))?;
                Ok(())
            }
        }
    }

    /// Verifies what is here, and gives it its name.
    fn finish(&mut self) -> Result<End, Trouble> {
        let partial = self.partial_path()?;
        let length = self.partial_length()?;
        let digest = self.digest_of(&partial, length)?;
        if !digest.is(self.blob.as_deref().unwrap_or_default()) {
            return Ok(End::Wrong);
        }
        let path = self.blob_path()?;
        fs::rename(&partial, &path).map_err(|cause| self.unwritable(&path, cause))?;
        Ok(End::Here)
    }

    /// Whether the blob is here, with as many bytes as it should have.
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

    fn partial_length(&mut self) -> Result<u64, ModelError> {
        let length = fs::metadata(self.partial_path()?).map_or(0, |metadata| metadata.len());
        if length > self.size.unwrap_or(self.file.limit) {
            self.begin_anew()?;
            return Ok(0);
        }
        Ok(length)
    }

    /// Throws away what is here of it.
    fn begin_anew(&mut self) -> Result<(), ModelError> {
        self.digest = None;
        self.count(0);
        let path = self.partial_path()?;
        match fs::remove_file(&path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(self.unwritable(&path, cause)),
            _ => Ok(()),
        }
    }

    /// The hash of the first `length` bytes, which are read only where that has not been done before.
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
                if self.source.watch.is_stopped() {
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
        let done = &self.source.watch.done;
        if length >= self.counted {
            done.fetch_add(length - self.counted, Relaxed);
        } else {
            done.fetch_sub(self.counted - length, Relaxed);
        }
        self.counted = length;
    }

    fn passing(&self, reason: Reason) -> Trouble {
        Trouble::Passing {
            error: self.source.client.failed(self.name(), Box::new(reason)),
            wait: None,
        }
    }

    fn unwritable(&self, path: &Path, cause: io::Error) -> ModelError {
        let missing = self.size.unwrap_or(0).saturating_sub(self.counted);
        space::unwritable(path, missing, cause)
    }
}
