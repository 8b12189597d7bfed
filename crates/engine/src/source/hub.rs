//! Fetching a catalogue model's files from the hub, or finding them in the cache that mirrors it.
//!
//! The hub's address, cache folder and token come from `HF_ENDPOINT`, `HF_HOME` and `HF_TOKEN`, as every tool of that
//! ecosystem has them; without `HF_HOME` the files go to Okibi's own cache folder, in the hub's own layout.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use hf_hub::{
    Cache, Repo,
    api::{
        Progress,
        sync::{Api, ApiBuilder, ApiError},
    },
};

use crate::{error::LoadError, source::CatalogueEntry};

/// Files that every model needs, beside its ONNX file.
const REQUIRED: [&str; 2] = ["tokenizer.json", "config.json"];

/// Files that say how a model is to be used; a repository may lack them.
const OPTIONAL: [&str; 5] = [
    "tokenizer_config.json",
    "special_tokens_map.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "1_Pooling/config.json",
];

/// At most so often is the download's measure reported.
const REPORT_EVERY: Duration = Duration::from_millis(100);

/// Gives the folder with the files of `entry` (a snapshot in the hub's cache layout), fetching what is missing.
///
/// `on_bytes(done, total)` is called while something is fetched, and not at all when everything is there.
/// Errors: [`LoadError::CacheUnwritable`], [`LoadError::Download`].
pub fn fetch(
    entry: &CatalogueEntry,
    cache_folder: &Path,
    on_bytes: &(dyn Fn(u64, u64) + Sync),
) -> Result<PathBuf, LoadError> {
    let folder = std::env::var_os("HF_HOME")
        .map_or_else(|| cache_folder.to_owned(), |home| PathBuf::from(home).join("hub"));
    let cached = Cache::new(folder.clone()).repo(Repo::model(entry.repository.clone()));
    let wanted: Vec<&str> = REQUIRED
        .into_iter()
        .chain([entry.model_file.as_str()])
        .chain(entry.additional_files.iter().map(String::as_str))
        .collect();
    let is_complete = || wanted.iter().all(|file| cached.get(file).is_some());
    if !is_complete() {
        std::fs::create_dir_all(&folder).map_err(|source| LoadError::CacheUnwritable {
            path: folder.clone(),
            source,
        })?;
        let api = api(&folder).map_err(|error| failed(entry, "", error))?;
        download(entry, &api, &wanted, |file| cached.get(file).is_some(), on_bytes)?;
    }
    let model = cached
        .get(&entry.model_file)
        .ok_or_else(|| LoadError::MissingFile {
            folder: folder.clone(),
            file: entry.model_file.clone(),
        })?;
    let depth = Path::new(&entry.model_file).components().count();
    let folder = model.ancestors().nth(depth).unwrap_or(&model).to_owned();
    Ok(folder)
}

fn api(cache_folder: &Path) -> Result<Api, ApiError> {
    let mut builder = ApiBuilder::new()
        .with_cache_dir(cache_folder.to_owned())
        .with_progress(false);
    if let Ok(endpoint) = std::env::var("HF_ENDPOINT") {
        builder = builder.with_endpoint(endpoint);
    }
    if let Some(token) = std::env::var("HF_TOKEN")
        .ok()
        .filter(|token| !token.trim().is_empty())
    {
        builder = builder.with_token(Some(token.trim().to_owned()));
    }
    builder.build()
}

fn download(
    entry: &CatalogueEntry,
    api: &Api,
    wanted: &[&str],
    is_cached: impl Fn(&str) -> bool,
    on_bytes: &(dyn Fn(u64, u64) + Sync),
) -> Result<(), LoadError> {
    let repository = api.model(entry.repository.clone());
    for file in OPTIONAL.into_iter().filter(|file| !is_cached(file)) {
        match repository.download(file) {
            Ok(_) => {}
            Err(error) if is_not_found(&error) => {}
            Err(error) => return Err(failed(entry, file, error)),
        }
    }
    // The small files that say how to use the model come first; the sizes of the rest make the total.
    let missing: Vec<&str> = wanted.iter().copied().filter(|file| !is_cached(file)).collect();
    let mut total = 0;
    for file in &missing {
        let metadata = api
            .metadata(&repository.url(file))
            .map_err(|error| failed(entry, file, error))?;
        total += metadata.size() as u64;
    }
    let done = Arc::new(AtomicU64::new(0));
    for file in missing {
        let meter = Meter {
            done: Arc::clone(&done),
            total,
            on_bytes,
            reported: None,
        };
        repository
            .download_with_progress(file, meter)
            .map_err(|error| failed(entry, file, error))?;
    }
    Ok(())
}

fn failed(entry: &CatalogueEntry, file: &str, error: ApiError) -> LoadError {
    LoadError::Download {
        repository: entry.repository.clone(),
        file: file.to_owned(),
        source: error.into(),
    }
}

fn is_not_found(error: &ApiError) -> bool {
    matches!(error, ApiError::RequestError(cause) if matches!(**cause, ureq::Error::StatusCode(404)))
}

/// Adds one file's bytes up and reports the sum, not too often.
struct Meter<'a> {
    done: Arc<AtomicU64>,
    total: u64,
    on_bytes: &'a (dyn Fn(u64, u64) + Sync),
    reported: Option<Instant>,
}

impl Progress for Meter<'_> {
    fn init(&mut self, _size: usize, _file: &str) {
        (self.on_bytes)(self.done.load(Ordering::Relaxed), self.total);
    }

    fn update(&mut self, size: usize) {
        let done = self.done.fetch_add(size as u64, Ordering::Relaxed) + size as u64;
        if self.reported.is_none_or(|at| at.elapsed() >= REPORT_EVERY) {
            self.reported = Some(Instant::now());
            (self.on_bytes)(done, self.total);
        }
    }

    fn finish(&mut self) {
        (self.on_bytes)(self.done.load(Ordering::Relaxed), self.total);
    }
}
