//! A repository as the hub has it.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::server::{Reply, Request};

/// The commit it is at.
pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Its name.
pub(crate) const NAME: &str = "someone/tiny";

/// A repository: its files.
#[derive(Clone, Debug)]
pub(crate) struct Repository {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// Where the large files lie; on the hub itself where there is nothing.
    pub(crate) elsewhere: Option<String>,
}

impl Repository {
    /// The real tiny model.
    pub(crate) fn tiny() -> Self {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/tiny-ruri"));
        let names = [
            "1_Pooling/config.json",
            "config.json",
            "config_sentence_transformers.json",
            "modules.json",
            "onnx/model.onnx",
            "onnx/model_quantized.onnx",
            "sentence_bert_config.json",
            "special_tokens_map.json",
            "tokenizer.json",
            "tokenizer_config.json",
        ];
        let files = names.map(|name| (name.to_owned(), fs::read(folder.join(name)).unwrap()));
        Self::of(files)
    }

    /// A small repository with weights of so many bytes, each unlike the one before.
    pub(crate) fn with_weights(bytes: usize) -> Self {
        Self::of([
            ("README.md".into(), b"# tiny".to_vec()),
            ("config.json".into(), b"{}".to_vec()),
            ("tokenizer.json".into(), br#"{"version":"1.0"}"#.to_vec()),
            ("onnx/model.onnx".into(), noise(bytes)),
        ])
    }

    fn of(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        Self {
            files: files.into_iter().collect(),
            elsewhere: None,
        }
    }

    /// Adds a file.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.insert(name.into(), content.into());
        self
    }

    /// Takes a file away.
    #[must_use]
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.files.remove(name);
        self
    }

    /// The bytes of a file.
    pub(crate) fn file(&self, name: &str) -> &[u8] {
        &self.files[name]
    }

    /// The hub's list of its files.
    pub(crate) fn list(&self) -> Value {
        let siblings: Vec<Value> = self
            .files
            .iter()
            .map(|(name, content)| {
                let mut sibling =
                    json!({"rfilename": name, "size": content.len(), "blobId": git_hash(content)});
                if is_large(name) {
                    sibling["lfs"] =
                        json!({"sha256": sha256(content), "size": content.len(), "pointerSize": 130});
                }
                sibling
            })
            .collect();
        json!({"id": NAME, "sha": COMMIT, "siblings": siblings})
    }

    /// What an honest hub answers.
    pub(crate) fn answer(&self, request: &Request) -> Reply {
        if request.path.starts_with("/api/models/") {
            return Reply::new(200, self.list().to_string());
        }
        let name = request
            .path
            .rsplit_once(COMMIT)
            .map_or("", |(_, file)| file.trim_start_matches('/'));
        let Some(content) = self.files.get(name) else {
            return Reply::empty(404).with("X-Error-Code", "EntryNotFound");
        };
        if request.path.starts_with("/bytes/") {
            return part(content, request.from);
        }
        if is_large(name) {
            let elsewhere = self.elsewhere.as_deref().unwrap_or_default();
            return Reply::empty(302)
                .with("Location", format!("{elsewhere}/bytes/{COMMIT}/{name}"))
                .with("X-Repo-Commit", COMMIT)
                .with("X-Linked-ETag", format!("\"{}\"", sha256(content)))
                .with("X-Linked-Size", content.len())
                .with("ETag", "\"of the redirect\"");
        }
        part(content, request.from)
            .with("X-Repo-Commit", COMMIT)
            .with("ETag", format!("W/\"{}\"", git_hash(content)))
    }
}

/// A file, or its end.
pub(crate) fn part(content: &[u8], from: Option<usize>) -> Reply {
    let all = content.len();
    match from {
        None => Reply::new(200, content),
        Some(from) if from >= all => Reply::empty(416).with("Content-Range", format!("bytes */{all}")),
        Some(from) => {
            Reply::new(206, &content[from..]).with("Content-Range", format!("bytes {from}-{}/{all}", all - 1))
        }
    }
}

/// Whether the hub keeps a file apart from git.
pub(crate) fn is_large(name: &str) -> bool {
    name.contains(".onnx") || name == "tokenizer.json"
}

/// The name of a file's bytes among the blobs.
pub(crate) fn blob(name: &str, content: &[u8]) -> String {
    if is_large(name) {
        sha256(content)
    } else {
        git_hash(content)
    }
}

pub(crate) fn sha256(content: &[u8]) -> String {
    hex(&Sha256::digest(content))
}

fn git_hash(content: &[u8]) -> String {
    let mut hash = Sha1::new_with_prefix(format!("blob {}\0", content.len()));
    hash.update(content);
    hex(&hash.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes without a pattern, the same every time.
pub(crate) fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..bytes).map(|_| next()).collect()
}
