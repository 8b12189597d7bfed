//! The tiny model, its reference, broken copies, and one that loads as long as a test wants.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::binary::repository;

/// A text and its vector.
#[derive(Clone, Debug, Deserialize)]
pub struct Entry {
    /// The text. Where no kind is named, a prompt is part of it.
    pub text: String,
    /// `query`, `document` or `passage`, where the text was embedded with that prompt of the model.
    #[serde(default)]
    pub kind: Option<String>,
    /// Its tokens, special ones included.
    pub tokens: usize,
    /// Its vector, of unit length.
    pub vector: Vec<f32>,
}

/// The folder of the tiny model (64 dimensions, prompts, 8192 tokens), which loads in a moment.
pub fn tiny() -> PathBuf {
    repository().join("tests/data/tiny-ruri")
}

/// Texts and vectors of the tiny model.
pub fn tiny_reference() -> Vec<Entry> {
    entries("tiny-ruri/reference.json")
}

/// Texts of 3 to 8,000 tokens and the tiny model's vectors of them; the text is without its prompt.
pub fn tiny_reference_of_lengths() -> Vec<Entry> {
    entries("tiny-ruri/reference-lengths.json")
}

/// Texts and vectors of the embedded model.
pub fn embedded_reference() -> Vec<Entry> {
    entries("multilingual-e5-small-q4-reference.json")
}

fn entries(file: &str) -> Vec<Entry> {
    let text = fs::read_to_string(repository().join("tests/data").join(file)).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Copies the tiny model to `folder`, which is made; returns it.
pub fn copy_tiny(folder: &Path) -> PathBuf {
    copy(&tiny(), folder);
    folder.to_owned()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Texts of mixed lengths, all different; `seed` makes other ones.
pub fn mixed_texts(count: usize, seed: usize) -> Vec<String> {
    let words = [
        "検索",
        "daemon",
        "窓",
        "ember",
        "埋め込み",
        "search",
        "クエリ",
        "port",
    ];
    (0..count)
        .map(|index| {
            let mut state = (seed * 1_000_003 + index + 1) as u64;
            let mut next = |below: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 33) % below
            };
            let length = 1 + next(if index % 7 == 0 { 60 } else { 10 });
            let text: Vec<&str> = (0..length)
                .map(|_| words[next(words.len() as u64) as usize])
                .collect();
            format!("{seed}/{index} {}", text.join(" "))
        })
        .collect()
}

#[cfg(unix)]
pub use stuck::StuckModel;

#[cfg(unix)]
mod stuck {
    use std::{
        ffi::CString,
        fs::{self, OpenOptions},
        io::Write,
        os::unix::{ffi::OsStrExt, fs::OpenOptionsExt},
        path::{Path, PathBuf},
    };

    use super::{copy_tiny, tiny};
    use crate::limit::eventually;

    /// A copy of the tiny model whose tokenizer is a named pipe: a load waits in the tokenizer stage until the test
    /// feeds it.
    pub struct StuckModel {
        folder: PathBuf,
        pipe: PathBuf,
    }

    impl StuckModel {
        /// Makes one in `folder`.
        pub fn make(folder: &Path) -> Self {
            let folder = copy_tiny(folder);
            let pipe = folder.join("tokenizer.json");
            fs::remove_file(&pipe).unwrap();
            let path = CString::new(pipe.as_os_str().as_bytes()).unwrap();
            // SAFETY: the path is a string that ends with a null byte and lives as long as the call.
            let made = unsafe { libc::mkfifo(path.as_ptr(), 0o600) };
            assert_eq!(made, 0, "{}", std::io::Error::last_os_error());
            Self { folder, pipe }
        }

        /// The model's folder.
        pub fn folder(&self) -> &Path {
            &self.folder
        }

        /// Waits until a load waits for the tokenizer, and returns the open pipe.
        async fn reader(&self) -> fs::File {
            // Without a reader, an open that does not wait is refused.
            eventually("a load waits for its tokenizer", || {
                OpenOptions::new()
                    .write(true)
                    .custom_flags(libc::O_NONBLOCK)
                    .open(&self.pipe)
                    .ok()
            })
            .await
        }

        /// Waits until a load is in the tokenizer stage, and keeps it there as long as the answer lives.
        pub async fn hold(&self) -> fs::File {
            self.reader().await
        }

        /// Gives one load the real tokenizer, so that it continues.
        pub async fn feed(&self) {
            let probe = self.reader().await;
            let pipe = self.pipe.clone();
            let write = tokio::task::spawn_blocking(move || {
                // A second, waiting end to write with; the first keeps the reader from seeing an end in between.
                let mut file = OpenOptions::new().write(true).open(pipe)?;
                drop(probe);
                file.write_all(&fs::read(tiny().join("tokenizer.json"))?)
            });
            write.await.unwrap().unwrap();
        }
    }
}
