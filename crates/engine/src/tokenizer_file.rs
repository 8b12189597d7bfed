//! Reads `tokenizer.json`, and keeps the slow part of it in a form that opens in milliseconds.
//!
//! The vocabulary of a multilingual Unigram model is some 15 MB of JSON; parsing and sorting it takes longer than all the rest of
//! a start. So it is done once, and the result is kept under the hash of the file that it was made from.
//!
//! ```text
//! tokenizer.json ──► Parts + Unigram ──► Library
//!                          │                ▲
//!                          ▼                │
//!              cache: tokenizers/HASH ──────┘
//! ```
//!
//! The kept file: [`MAGIC`]; a BLAKE3 hash of what follows; the length of the JSON (u64, little-endian); the JSON of everything
//! but the model; the model.

use std::{fs, path::Path};

use okibi_models::ModelError;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use tokenizers::{
    AddedToken, DecoderWrapper, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper,
    TokenizerBuilder, TokenizerImpl,
};

use crate::{
    digests::Digests,
    error::LoadError,
    kept,
    unigram::{AnyModel, Unigram},
};

/// The library's tokenizer, with our own model where that is faster.
pub(crate) type Library =
    TokenizerImpl<AnyModel, NormalizerWrapper, PreTokenizerWrapper, PostProcessorWrapper, DecoderWrapper>;

/// What a kept file begins with: its format and the version of that.
const MAGIC: &[u8] = b"okibi tokenizer 1\n";

/// The folder of kept files, in the cache folder.
const FOLDER: &str = "tokenizers";

/// The version of `tokenizer.json` that the library reads.
const VERSION: &str = "1.0";

/// A tokenizer's JSON, each part as it stands there. What is said about cutting and padding is left out: the engine does both.
#[derive(Deserialize, Serialize)]
struct Parts<'a> {
    version: Option<String>,
    #[serde(borrow)]
    added_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    normalizer: Option<&'a RawValue>,
    #[serde(borrow)]
    pre_tokenizer: Option<&'a RawValue>,
    #[serde(borrow)]
    post_processor: Option<&'a RawValue>,
    #[serde(borrow)]
    decoder: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing)]
    model: Option<&'a RawValue>,
}

/// Opens a tokenizer by what is kept of it in `cache_folder`, or by its file, of which the slow part is then kept.
///
/// Errors: [`ModelError::Unreadable`], [`LoadError::Tokenizer`].
pub(crate) fn open(path: &Path, cache_folder: &Path) -> Result<Library, LoadError> {
    let broken = |source| LoadError::Tokenizer {
        path: path.to_owned(),
        source,
    };
    // A file that cannot be read is an error below.
    let hash = Digests::open(cache_folder).of(path).map(|(hash, _)| hash).ok();
    let place = hash.and_then(|hash| kept::place(cache_folder, FOLDER, hash.to_hex().as_str(), path));
    if let Some(library) = place.as_deref().and_then(read_kept) {
        return Ok(library);
    }
    let bytes = fs::read(path).map_err(|source| ModelError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let parts: Parts<'_> = serde_json::from_slice(&bytes).map_err(|error| broken(error.into()))?;
    let model = parts.model.ok_or_else(|| broken("it has no model".into()))?;
    let model: AnyModel = serde_json::from_str(model.get()).map_err(|error| broken(error.into()))?;
    // The file may have changed since its hash was taken.
    if let (AnyModel::Unigram(unigram), Some(place)) = (&model, place)
        && hash == Some(blake3::hash(&bytes))
        && let Err(error) = keep(&place, &parts, unigram)
    {
        tracing::debug!(%error, file = %place.display(), "the tokenizer is not kept");
    }
    library(model, &parts).map_err(broken)
}

fn keep(place: &Path, parts: &Parts<'_>, model: &Unigram) -> std::io::Result<()> {
    let json = serde_json::to_vec(parts)?;
    let mut content = (json.len() as u64).to_le_bytes().to_vec();
    content.extend(json);
    model.write(&mut content);
    let hash = blake3::hash(&content);
    okibi_files::write_atomically(place, &[MAGIC, hash.as_bytes(), &content].concat())
}

/// Opens a kept file; `None` where there is none, or another version's, or a damaged one.
fn read_kept(place: &Path) -> Option<Library> {
    let bytes = fs::read(place).ok()?;
    let (hash, content) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<32>()?;
    if blake3::hash(content) != *hash {
        return None;
    }
    let (length, rest) = content.split_first_chunk()?;
    let (json, model) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    let parts: Parts<'_> = serde_json::from_slice(json).ok()?;
    library(AnyModel::Unigram(Unigram::read(model)?), &parts).ok()
}

/// Puts a tokenizer together, as the library does when it reads the file.
fn library(model: AnyModel, parts: &Parts<'_>) -> tokenizers::Result<Library> {
    if let Some(version) = parts.version.as_deref().filter(|version| *version != VERSION) {
        return Err(format!("its version is {version:?}, and {VERSION:?} is read").into());
    }
    let mut library = TokenizerBuilder::new()
        .with_model(model)
        .with_normalizer(part(parts.normalizer)?)
        .with_pre_tokenizer(part(parts.pre_tokenizer)?)
        .with_post_processor(part(parts.post_processor)?)
        .with_decoder(part(parts.decoder)?)
        .build()?;
    let added: Option<Vec<AddedToken>> = part(parts.added_tokens)?;
    library.add_tokens(added.unwrap_or_default())?;
    Ok(library)
}

fn part<T: DeserializeOwned>(json: Option<&RawValue>) -> serde_json::Result<Option<T>> {
    json.map(|json| serde_json::from_str(json.get())).transpose()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn tiny() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/tiny-ruri/tokenizer.json")
    }

    fn ids(library: &Library) -> Vec<u32> {
        let text = "<s>熾火が朝まで残る理由 <mask>An ember\u{3000}🔥</s>";
        library.encode_fast(text, true).unwrap().get_ids().to_vec()
    }

    /// The only kept file.
    fn kept_in(cache: &Path) -> PathBuf {
        let hash = blake3::hash(&fs::read(tiny()).unwrap());
        cache.join(FOLDER).join(hash.to_hex().as_str())
    }

    #[test]
    fn a_kept_tokenizer_gives_the_tokens_of_the_library() {
        let cache = tempfile::tempdir().unwrap();
        let reference = tokenizers::Tokenizer::from_file(tiny()).unwrap();
        let expected = reference
            .encode_fast("<s>熾火が朝まで残る理由 <mask>An ember\u{3000}🔥</s>", true)
            .unwrap();
        let first = open(&tiny(), cache.path()).unwrap();
        assert!(kept_in(cache.path()).is_file());
        let kept = read_kept(&kept_in(cache.path())).unwrap();
        for library in [first, kept] {
            assert_eq!(ids(&library), expected.get_ids());
            assert_eq!(library.get_vocab_size(true), reference.get_vocab_size(true));
        }
    }

    #[test]
    fn a_damaged_kept_file_is_made_again() {
        let cache = tempfile::tempdir().unwrap();
        let expected = ids(&open(&tiny(), cache.path()).unwrap());
        let place = kept_in(cache.path());
        let whole = fs::read(&place).unwrap();
        for at in [0, MAGIC.len(), MAGIC.len() + 40, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(&place, damaged).unwrap();
            assert!(read_kept(&place).is_none(), "byte {at}");
            assert_eq!(ids(&open(&tiny(), cache.path()).unwrap()), expected);
            assert_eq!(fs::read(&place).unwrap(), whole);
        }
    }

    #[test]
    fn a_changed_tokenizer_is_not_taken_for_the_kept_one() {
        let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = folder.path().join("tokenizer.json");
        fs::copy(tiny(), &path).unwrap();
        let before = open(&path, cache.path()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let mut changed: serde_json::Value = serde_json::from_str(&text).unwrap();
        changed["added_tokens"][0]["content"] = "another".into();
        fs::write(&path, changed.to_string()).unwrap();
        let after = open(&path, cache.path()).unwrap();
        assert_ne!(after.token_to_id("another"), before.token_to_id("another"));
    }

    #[test]
    fn without_a_cache_nothing_is_kept_and_broken_files_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokenizer.json");
        let reason = |content: &str| {
            fs::write(&path, content).unwrap();
            let error = open(&path, Path::new("")).err().unwrap();
            format!("{error:?}")
        };
        assert!(reason("{}").contains("no model"));
        assert!(reason("{").contains("EOF"));
        let old = r#"{"version":"0.9","model":{"type":"Unigram","unk_id":0,"vocab":[["a",0.0]]}}"#;
        assert!(reason(old).contains("0.9"));
        assert!(open(&tiny(), Path::new("")).is_ok());
    }
}
