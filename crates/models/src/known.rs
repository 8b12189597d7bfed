//! The well-known models: names, exports and facts, from the table in `known.toml`.
//!
//! The table says what a repository does not: which export goes with a name whose own repository has none, and pooling
//! and prompts where the files do not give them. What the files say goes before it.

use std::{collections::BTreeMap, fmt::Write as _, sync::LazyLock};

use okibi_protocol::models::DEFAULT_MODEL;
use serde::Deserialize;

use crate::{pipeline::PoolingMode, prompts::Prompts};

/// Names proposed for an unknown one.
const SUGGESTIONS: usize = 3;

/// A well-known model.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownModel {
    /// Its name: its makers' repository.
    pub name: String,
    /// A repository with an ONNX export, where its makers' own has none, or none that is as good.
    pub export: Option<String>,
    /// Whether only the export is fetched.
    #[serde(default)]
    pub only_export: bool,
    /// The ONNX file of 32-bit floats, where it is not `onnx/model.onnx`.
    pub model_file: Option<String>,
    /// Files that this ONNX file refers to and that are not named after it, so that they come along with it and not
    /// only when its graph has been read.
    #[serde(default)]
    pub further_files: Vec<String>,
    /// How token vectors become one.
    #[serde(default)]
    pub pooling: PoolingMode,
    /// What is put before a text that is searched for.
    pub query: Option<String>,
    /// What is put before a text that is to be found.
    pub document: Option<String>,
    /// Length of a vector.
    pub dimension: usize,
    /// Tokens of a text that it reads.
    #[serde(default = "usual_tokens")]
    pub max_tokens: usize,
    /// Millions of weights; four bytes each make about the size of the 32-bit files.
    pub millions: u32,
    /// Its license: an SPDX identifier, or the name its makers give it.
    #[serde(default = "usual_license")]
    pub license: String,
    /// Its languages as BCP 47 codes; `mul` for a hundred or so.
    #[serde(default = "usual_languages")]
    pub languages: Vec<String>,
    /// What it is good for, in English.
    pub good_for_en: String,
    /// What it is good for, in Japanese.
    pub good_for_ja: String,
}

fn usual_tokens() -> usize {
    512
}

fn usual_license() -> String {
    "Apache-2.0".into()
}

fn usual_languages() -> Vec<String> {
    vec!["en".into()]
}

impl KnownModel {
    /// Returns the size of its 32-bit weights in bytes, about.
    pub fn bytes(&self) -> u64 {
        u64::from(self.millions) * 4_000_000
    }

    /// Returns what is put before its texts.
    pub(crate) fn prompts(&self) -> Prompts {
        let roles = [("query", &self.query), ("document", &self.document)];
        let named = roles
            .into_iter()
            .filter_map(|(name, prompt)| Some((name.to_owned(), prompt.clone()?)));
        Prompts::new(named.collect::<BTreeMap<_, _>>(), None)
    }

    /// Returns the repository that the model is fetched from, where its makers' own weights are good enough.
    pub fn repository(&self) -> &str {
        match &self.export {
            Some(export) if self.only_export => export,
            _ => &self.name,
        }
    }

    /// Returns whether a repository holds this model: its makers' own, or the export.
    fn is_in(&self, repository: &str) -> bool {
        [Some(&self.name), self.export.as_ref()]
            .into_iter()
            .flatten()
            .any(|own| own.eq_ignore_ascii_case(repository))
    }

    fn short(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }
}

/// Returns every well-known model, in the order in which they are shown.
pub fn known() -> &'static [KnownModel] {
    #[derive(Deserialize)]
    struct Table {
        model: Vec<KnownModel>,
    }
    static KNOWN: LazyLock<Vec<KnownModel>> = LazyLock::new(|| {
        let table: Table = toml::from_str(include_str!("known.toml")).expect("a test reads the table");
        table.model
    });
    &KNOWN
}

/// Returns the model of this name, whole or by the part behind the owner where only one has it; case is ignored.
pub(crate) fn find(name: &str) -> Option<&'static KnownModel> {
    let whole = known().iter().find(|known| known.name.eq_ignore_ascii_case(name));
    whole.or_else(|| {
        let mut by_short = known()
            .iter()
            .filter(|known| known.short().eq_ignore_ascii_case(name));
        by_short.next().filter(|_| by_short.next().is_none())
    })
}

/// Returns the model that a repository holds.
pub(crate) fn of_repository(repository: &str) -> Option<&'static KnownModel> {
    known().iter().find(|known| known.is_in(repository))
}

/// Names less similar to an unknown one than this are not proposed.
const LIKE: f64 = 0.75;

/// Returns names like an unknown one, the nearest first; of two equally near ones the embedded model, which is here.
pub(crate) fn nearest(name: &str) -> Vec<String> {
    let wanted = name.to_lowercase();
    let likeness = |known: &str| {
        let known = known.to_lowercase();
        let short = known.rsplit('/').next().unwrap_or(&known);
        strsim::jaro_winkler(&wanted, &known).max(strsim::jaro_winkler(&wanted, short))
    };
    let mut near: Vec<(f64, &str)> = std::iter::once(DEFAULT_MODEL)
        .chain(known().iter().map(|known| known.name.as_str()))
        .filter(|known| !known.eq_ignore_ascii_case(name))
        .map(|name| (likeness(name), name))
        .filter(|(likeness, _)| *likeness > LIKE)
        .collect();
    near.sort_by(|one, other| other.0.total_cmp(&one.0));
    let names = near.into_iter().take(SUGGESTIONS);
    names.map(|(_, name)| name.to_owned()).collect()
}

/// Returns the table as Markdown, for the documentation.
pub fn known_markdown() -> String {
    let mut text = String::from(
        "| name | ONNX export | dimensions | tokens | weights, about | languages | license |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for known in known() {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| `{}` | `{}` | {} | {} | {} MB | {} | {} |",
            known.name,
            known.export.as_deref().unwrap_or(&known.name),
            known.dimension,
            known.max_tokens,
            known.bytes() / 1_000_000,
            known.languages.join(", "),
            known.license,
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use fastembed::TextEmbedding;

    use super::*;

    #[test]
    fn names_are_found_whole_or_by_their_last_part_in_any_case() {
        for (asked, found) in [
            ("baai/BGE-M3", "BAAI/bge-m3"),
            ("bge-m3", "BAAI/bge-m3"),
            ("ruri-v3-30m", "cl-nagoya/ruri-v3-30m"),
        ] {
            assert_eq!(find(asked).map(|known| known.name.as_str()), Some(found));
        }
        assert_eq!(find("bge"), None);
    }

    #[test]
    fn names_that_are_like_none_have_no_neighbors() {
        for (asked, near) in [
            ("multilingual-e5-smal", DEFAULT_MODEL),
            ("ruri", "cl-nagoya/ruri-v3-30m"),
            ("bge-m", "BAAI/bge-m3"),
        ] {
            assert_eq!(nearest(asked).first().map(String::as_str), Some(near), "{asked}");
        }
        for asked in ["xyzzy", "gpt-4o", "stable-diffusion", "モデル"] {
            assert_eq!(nearest(asked), [""; 0], "{asked}");
        }
    }

    #[test]
    fn rows_are_whole_and_names_are_unique() {
        for (at, known) in known().iter().enumerate() {
            assert!(known.dimension > 0 && known.millions > 0, "{}", known.name);
            assert!(
                !known.good_for_en.is_empty() && !known.good_for_ja.is_empty(),
                "{}",
                known.name
            );
            let same = |other: &&KnownModel| other.short().eq_ignore_ascii_case(known.short());
            assert_eq!(
                super::known().iter().position(|other| same(&other)),
                Some(at),
                "{}",
                known.name
            );
        }
    }

    #[test]
    fn files_and_pooling_are_those_of_fastembeds_catalog() {
        let mut compared = 0;
        for info in TextEmbedding::list_supported_models() {
            let Some(known) = of_repository(&info.model_code) else {
                continue;
            };
            let file = known.model_file.as_deref().unwrap_or("onnx/model.onnx");
            if info.model_file != file {
                continue;
            }
            compared += 1;
            assert_eq!(known.dimension, info.dim, "{}", known.name);
            let is_cls = TextEmbedding::get_default_pooling_method(&info.model)
                .is_some_and(|pooling| matches!(pooling, fastembed::Pooling::Cls));
            assert_eq!(known.pooling == PoolingMode::Cls, is_cls, "{}", known.name);
            let beside = format!("{file}_data");
            for further in info.additional_files.iter().filter(|further| **further != beside) {
                assert!(known.further_files.contains(further), "{}: {further}", known.name);
            }
        }
        assert!(compared > 15, "{compared}");
    }
}
