//! The well-known models: one table of names, exports and facts.
//!
//! It says what a repository does not: which export goes with a name whose own repository has none, and pooling and
//! prompts where the export's files are silent. What the files say goes before it.

use std::fmt::Write as _;

use crate::{DEFAULT_MODEL, files::Pooling};

/// Names proposed for an unknown one.
const SUGGESTIONS: usize = 3;

/// A well-known model.
#[derive(Debug, PartialEq)]
pub struct KnownModel {
    /// Its name: its makers' repository.
    pub name: &'static str,
    /// The repository with the ONNX export.
    pub repository: &'static str,
    /// The ONNX file of 32-bit floats, where it is not `onnx/model.onnx`.
    pub model_file: Option<&'static str>,
    /// Further files that the ONNX file refers to and that are not named after it.
    pub further_files: &'static [&'static str],
    /// How token vectors become one.
    pub pooling: Pooling,
    /// What is put before a text that is searched for.
    pub query: Option<&'static str>,
    /// What is put before a text that is to be found.
    pub document: Option<&'static str>,
    /// Length of a vector.
    pub dimension: usize,
    /// Tokens of a text that it reads.
    pub max_tokens: usize,
    /// Millions of weights; four bytes each make about the size of the 32-bit files.
    pub millions: u32,
    /// Its licence: an SPDX identifier, or the name its makers give it.
    pub licence: &'static str,
    /// Its languages as BCP 47 codes; `mul` for a hundred or so.
    pub languages: &'static [&'static str],
    /// What it is good for, in English.
    pub good_for_en: &'static str,
    /// What it is good for, in Japanese.
    pub good_for_ja: &'static str,
}

impl KnownModel {
    /// Bytes of its 32-bit weights, about.
    pub fn bytes(&self) -> u64 {
        u64::from(self.millions) * 4_000_000
    }

    fn short(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(self.name)
    }
}

/// What most rows have in common.
const USUAL: KnownModel = KnownModel {
    name: "",
    repository: "",
    model_file: None,
    further_files: &[],
    pooling: Pooling::Mean,
    query: None,
    document: None,
    dimension: 0,
    max_tokens: 512,
    millions: 0,
    licence: "Apache-2.0",
    languages: &["en"],
    good_for_en: "",
    good_for_ja: "",
};

const RURI: KnownModel = KnownModel {
    query: Some("検索クエリ: "),
    document: Some("検索文書: "),
    max_tokens: 8192,
    languages: &["ja"],
    ..USUAL
};

const E5: KnownModel = KnownModel {
    query: Some("query: "),
    document: Some("passage: "),
    licence: "MIT",
    languages: &["mul", "ja", "en"],
    ..USUAL
};

const BGE: KnownModel = KnownModel {
    pooling: Pooling::Cls,
    licence: "MIT",
    ..USUAL
};

const ARCTIC: KnownModel = KnownModel {
    pooling: Pooling::Cls,
    query: Some("Represent this sentence for searching relevant passages: "),
    ..USUAL
};

/// Sources: each model's card on the hub, and the catalogue of fastembed 7.5 for files and pooling.
static KNOWN: &[KnownModel] = &[
    KnownModel {
        name: "cl-nagoya/ruri-v3-30m",
        repository: "onnx-community/ruri-v3-30m-ONNX",
        dimension: 256,
        millions: 37,
        good_for_en: "Japanese search on small machines: quick, and reads long texts",
        good_for_ja: "小さなマシンでの日本語検索。速く、長い文章も読めます",
        ..RURI
    },
    KnownModel {
        name: "cl-nagoya/ruri-v3-70m",
        repository: "onnx-community/ruri-v3-70m-ONNX",
        dimension: 384,
        millions: 70,
        good_for_en: "Japanese search, a little better than 30m and still quick",
        good_for_ja: "日本語検索。30m より精度が高く、まだ高速です",
        ..RURI
    },
    KnownModel {
        name: "cl-nagoya/ruri-v3-130m",
        repository: "onnx-community/ruri-v3-130m-ONNX",
        dimension: 512,
        millions: 132,
        good_for_en: "Japanese search, a good balance of quality and speed",
        good_for_ja: "日本語検索。精度と速さのバランスが良いモデルです",
        ..RURI
    },
    KnownModel {
        name: "cl-nagoya/ruri-v3-310m",
        repository: "onnx-community/ruri-v3-310m-ONNX",
        dimension: 768,
        millions: 315,
        good_for_en: "Japanese search, the best of its family; wants a fast machine",
        good_for_ja: "日本語検索。シリーズで最も高精度ですが、速いマシンが必要です",
        ..RURI
    },
    KnownModel {
        name: "intfloat/multilingual-e5-small",
        repository: "intfloat/multilingual-e5-small",
        dimension: 384,
        millions: 118,
        good_for_en: "Search in a hundred languages; the embedded model in its full precision",
        good_for_ja: "約 100 言語の検索。内蔵モデルの元の精度版です",
        ..E5
    },
    KnownModel {
        name: "intfloat/multilingual-e5-base",
        repository: "intfloat/multilingual-e5-base",
        dimension: 768,
        millions: 278,
        good_for_en: "Search in a hundred languages, better than small",
        good_for_ja: "約 100 言語の検索。small より高精度です",
        ..E5
    },
    KnownModel {
        name: "intfloat/multilingual-e5-large",
        repository: "Qdrant/multilingual-e5-large-onnx",
        model_file: Some("model.onnx"),
        dimension: 1024,
        millions: 560,
        good_for_en: "Search in a hundred languages, the best of its family; large",
        good_for_ja: "約 100 言語の検索。シリーズで最も高精度な大型モデルです",
        ..E5
    },
    KnownModel {
        name: "BAAI/bge-m3",
        repository: "BAAI/bge-m3",
        further_files: &["onnx/Constant_7_attr__value"],
        pooling: Pooling::Cls,
        dimension: 1024,
        max_tokens: 8192,
        millions: 568,
        licence: "MIT",
        languages: &["mul", "ja", "en"],
        good_for_en: "Search in a hundred languages and in long texts, without prompts; large",
        good_for_ja: "約 100 言語と長い文章の検索。プロンプト不要の大型モデルです",
        ..USUAL
    },
    KnownModel {
        name: "google/embeddinggemma-300m",
        repository: "onnx-community/embeddinggemma-300m-ONNX",
        query: Some("task: search result | query: "),
        document: Some("title: none | text: "),
        dimension: 768,
        max_tokens: 2048,
        millions: 308,
        licence: "Gemma",
        languages: &["mul", "ja", "en"],
        good_for_en: "Search in a hundred languages, made for small devices",
        good_for_ja: "約 100 言語の検索。小型デバイス向けに作られたモデルです",
        ..USUAL
    },
    KnownModel {
        name: "Snowflake/snowflake-arctic-embed-l-v2.0",
        repository: "Snowflake/snowflake-arctic-embed-l-v2.0",
        pooling: Pooling::Cls,
        query: Some("query: "),
        dimension: 1024,
        max_tokens: 8192,
        millions: 568,
        languages: &["mul", "ja", "en"],
        good_for_en: "Search in many languages and in long texts; large",
        good_for_ja: "多言語と長い文章の検索。大型モデルです",
        ..USUAL
    },
    KnownModel {
        name: "Snowflake/snowflake-arctic-embed-m-v2.0",
        repository: "Snowflake/snowflake-arctic-embed-m-v2.0",
        pooling: Pooling::Cls,
        query: Some("query: "),
        dimension: 768,
        max_tokens: 8192,
        millions: 305,
        languages: &["mul", "ja", "en"],
        good_for_en: "Search in many languages and in long texts",
        good_for_ja: "多言語と長い文章の検索に使えます",
        ..USUAL
    },
    KnownModel {
        name: "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
        repository: "Xenova/paraphrase-multilingual-MiniLM-L12-v2",
        dimension: 384,
        max_tokens: 128,
        millions: 118,
        languages: &["mul", "ja", "en"],
        good_for_en: "Likeness of short sentences in fifty languages",
        good_for_ja: "約 50 言語の短い文の類似度",
        ..USUAL
    },
    KnownModel {
        name: "sentence-transformers/paraphrase-multilingual-mpnet-base-v2",
        repository: "Xenova/paraphrase-multilingual-mpnet-base-v2",
        dimension: 768,
        max_tokens: 128,
        millions: 278,
        languages: &["mul", "ja", "en"],
        good_for_en: "Likeness of short sentences in fifty languages, better than MiniLM",
        good_for_ja: "約 50 言語の短い文の類似度。MiniLM より高精度です",
        ..USUAL
    },
    KnownModel {
        name: "sentence-transformers/all-MiniLM-L6-v2",
        repository: "Qdrant/all-MiniLM-L6-v2-onnx",
        model_file: Some("model.onnx"),
        dimension: 384,
        max_tokens: 256,
        millions: 23,
        good_for_en: "English likeness, very small and very quick",
        good_for_ja: "英語の類似度。とても小さく、とても高速です",
        ..USUAL
    },
    KnownModel {
        name: "sentence-transformers/all-MiniLM-L12-v2",
        repository: "Xenova/all-MiniLM-L12-v2",
        dimension: 384,
        max_tokens: 128,
        millions: 33,
        good_for_en: "English likeness, small and quick",
        good_for_ja: "英語の類似度。小さく高速です",
        ..USUAL
    },
    KnownModel {
        name: "sentence-transformers/all-mpnet-base-v2",
        repository: "Xenova/all-mpnet-base-v2",
        dimension: 768,
        max_tokens: 384,
        millions: 109,
        good_for_en: "English likeness, better than MiniLM",
        good_for_ja: "英語の類似度。MiniLM より高精度です",
        ..USUAL
    },
    KnownModel {
        name: "Alibaba-NLP/gte-base-en-v1.5",
        repository: "Alibaba-NLP/gte-base-en-v1.5",
        pooling: Pooling::Cls,
        dimension: 768,
        max_tokens: 8192,
        millions: 137,
        good_for_en: "English search in long texts",
        good_for_ja: "英語の長い文章の検索",
        ..USUAL
    },
    KnownModel {
        name: "Alibaba-NLP/gte-large-en-v1.5",
        repository: "Alibaba-NLP/gte-large-en-v1.5",
        pooling: Pooling::Cls,
        dimension: 1024,
        max_tokens: 8192,
        millions: 434,
        good_for_en: "English search in long texts; large",
        good_for_ja: "英語の長い文章の検索。大型モデルです",
        ..USUAL
    },
    KnownModel {
        name: "BAAI/bge-small-en-v1.5",
        repository: "Xenova/bge-small-en-v1.5",
        dimension: 384,
        millions: 33,
        good_for_en: "English search, small and quick",
        good_for_ja: "英語の検索。小さく高速です",
        ..BGE
    },
    KnownModel {
        name: "BAAI/bge-base-en-v1.5",
        repository: "Xenova/bge-base-en-v1.5",
        dimension: 768,
        millions: 109,
        good_for_en: "English search",
        good_for_ja: "英語の検索",
        ..BGE
    },
    KnownModel {
        name: "BAAI/bge-large-en-v1.5",
        repository: "Xenova/bge-large-en-v1.5",
        dimension: 1024,
        millions: 335,
        good_for_en: "English search; large",
        good_for_ja: "英語の検索。大型モデルです",
        ..BGE
    },
    KnownModel {
        name: "nomic-ai/nomic-embed-text-v1.5",
        repository: "nomic-ai/nomic-embed-text-v1.5",
        query: Some("search_query: "),
        document: Some("search_document: "),
        dimension: 768,
        max_tokens: 8192,
        millions: 137,
        good_for_en: "English search in long texts; vectors can be cut short",
        good_for_ja: "英語の長い文章の検索。ベクトルを短く切って使えます",
        ..USUAL
    },
    KnownModel {
        name: "mixedbread-ai/mxbai-embed-large-v1",
        repository: "mixedbread-ai/mxbai-embed-large-v1",
        pooling: Pooling::Cls,
        query: Some("Represent this sentence for searching relevant passages: "),
        dimension: 1024,
        millions: 335,
        good_for_en: "English search; large",
        good_for_ja: "英語の検索。大型モデルです",
        ..USUAL
    },
    KnownModel {
        name: "Snowflake/snowflake-arctic-embed-xs",
        repository: "Snowflake/snowflake-arctic-embed-xs",
        dimension: 384,
        millions: 23,
        good_for_en: "English search, very small and very quick",
        good_for_ja: "英語の検索。とても小さく、とても高速です",
        ..ARCTIC
    },
    KnownModel {
        name: "Snowflake/snowflake-arctic-embed-s",
        repository: "Snowflake/snowflake-arctic-embed-s",
        dimension: 384,
        millions: 33,
        good_for_en: "English search, small and quick",
        good_for_ja: "英語の検索。小さく高速です",
        ..ARCTIC
    },
    KnownModel {
        name: "Snowflake/snowflake-arctic-embed-m",
        repository: "Snowflake/snowflake-arctic-embed-m",
        dimension: 768,
        millions: 109,
        good_for_en: "English search",
        good_for_ja: "英語の検索",
        ..ARCTIC
    },
    KnownModel {
        name: "jinaai/jina-embeddings-v2-base-code",
        repository: "jinaai/jina-embeddings-v2-base-code",
        dimension: 768,
        max_tokens: 8192,
        millions: 161,
        good_for_en: "Search in source code, in thirty programming languages",
        good_for_ja: "ソースコードの検索 (約 30 のプログラミング言語)",
        ..USUAL
    },
];

/// Every well-known model, in the order in which they are shown.
pub fn known() -> &'static [KnownModel] {
    KNOWN
}

/// The model of this name, whole or by the part behind the owner where only one has it; case is ignored.
pub(crate) fn find(name: &str) -> Option<&'static KnownModel> {
    let whole = KNOWN.iter().find(|known| known.name.eq_ignore_ascii_case(name));
    whole.or_else(|| {
        let mut by_short = KNOWN
            .iter()
            .filter(|known| known.short().eq_ignore_ascii_case(name));
        by_short.next().filter(|_| by_short.next().is_none())
    })
}

/// The model that a repository has the export of.
pub(crate) fn of_repository(repository: &str) -> Option<&'static KnownModel> {
    KNOWN
        .iter()
        .find(|known| known.repository.eq_ignore_ascii_case(repository))
}

/// Names less like an unknown one are no help.
const LIKE: f64 = 0.75;

/// Names like an unknown one, the nearest first; of two equally near ones the embedded model, which is here.
pub(crate) fn nearest(name: &str) -> Vec<String> {
    let wanted = name.to_lowercase();
    let likeness = |known: &str| {
        let known = known.to_lowercase();
        let short = known.rsplit('/').next().unwrap_or(&known);
        strsim::jaro_winkler(&wanted, &known).max(strsim::jaro_winkler(&wanted, short))
    };
    let mut near: Vec<(f64, &str)> = std::iter::once(DEFAULT_MODEL)
        .chain(KNOWN.iter().map(|known| known.name))
        .filter(|known| !known.eq_ignore_ascii_case(name))
        .map(|name| (likeness(name), name))
        .filter(|(likeness, _)| *likeness > LIKE)
        .collect();
    near.sort_by(|one, other| other.0.total_cmp(&one.0));
    let names = near.into_iter().take(SUGGESTIONS);
    names.map(|(_, name)| name.to_owned()).collect()
}

/// The table as Markdown, for the documentation.
pub fn known_markdown() -> String {
    let mut text = String::from(
        "| name | export | dimensions | tokens | weights, about | languages | license |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for known in KNOWN {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| `{}` | `{}` | {} | {} | {} MB | {} | {} |",
            known.name,
            known.repository,
            known.dimension,
            known.max_tokens,
            known.bytes() / 1_000_000,
            known.languages.join(", "),
            known.licence,
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
            assert_eq!(find(asked).map(|known| known.name), Some(found));
        }
        assert_eq!(find("bge"), None);
    }

    #[test]
    fn names_that_are_like_none_have_no_neighbours() {
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
        for (at, known) in KNOWN.iter().enumerate() {
            assert!(known.dimension > 0 && known.millions > 0, "{}", known.name);
            assert!(
                !known.good_for_en.is_empty() && !known.good_for_ja.is_empty(),
                "{}",
                known.name
            );
            let same = |other: &&KnownModel| other.short().eq_ignore_ascii_case(known.short());
            assert_eq!(
                KNOWN.iter().position(|other| same(&other)),
                Some(at),
                "{}",
                known.name
            );
        }
    }

    #[test]
    fn files_and_pooling_are_those_of_fastembeds_catalogue() {
        let mut compared = 0;
        for info in TextEmbedding::list_supported_models() {
            let Some(known) = of_repository(&info.model_code) else {
                continue;
            };
            let file = known.model_file.unwrap_or("onnx/model.onnx");
            if info.model_file != file {
                continue;
            }
            compared += 1;
            assert_eq!(known.dimension, info.dim, "{}", known.name);
            let is_cls = TextEmbedding::get_default_pooling_method(&info.model)
                .is_some_and(|pooling| matches!(pooling, fastembed::Pooling::Cls));
            assert_eq!(known.pooling == Pooling::Cls, is_cls, "{}", known.name);
            let beside = format!("{file}_data");
            for further in info.additional_files.iter().filter(|further| **further != beside) {
                assert!(
                    known.further_files.contains(&further.as_str()),
                    "{}: {further}",
                    known.name
                );
            }
        }
        assert!(compared > 15, "{compared}");
    }
}
