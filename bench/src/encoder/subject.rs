//! The models that are measured, and their files for each peer.

use std::path::{Path, PathBuf};

use anyhow::Result;
use okibi_models::DEFAULT_MODEL;

use crate::{
    daemon::assets,
    report,
    shaped::{self, Form, Numbers, Shape},
};

/// A model that is measured.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    /// What it is, in the table.
    pub(crate) title: &'static str,
    pub(crate) shape: Shape,
    /// How often each peer has its turn with each work.
    pub(crate) turns: usize,
    /// About how many tokens a work has.
    pub(crate) tokens: usize,
    /// Whether one thread and all of them are measured one after the other, because memory is not enough for both.
    pub(crate) is_large: bool,
    /// Real weights for ours, and a real graph of 8-bit integers, where they are there.
    real: Option<Real>,
    /// Where files with random weights are made.
    place: PathBuf,
}

struct Real {
    weights: PathBuf,
    /// The first that is there counts.
    graphs: Vec<PathBuf>,
    tokenizer: PathBuf,
}

/// A model's file.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) file: PathBuf,
    pub(crate) is_random: bool,
}

/// All of them; the large one only where it is wanted.
pub(crate) fn subjects(with_large: bool) -> Result<Vec<Subject>> {
    let place = std::path::absolute(report::target().join("bench-models"))?;
    let [models, peers] = ["models", "peers"].map(|folder| assets().join(folder).join(DEFAULT_MODEL));
    let subject = |name, title, shape| Subject {
        name,
        title,
        shape,
        turns: 5,
        tokens: 512,
        is_large: false,
        real: None,
        place: place.clone(),
    };
    let mut subjects = vec![
        subject("minilm", "MiniLM's shape: 6 layers of 384", shaped::MINILM),
        Subject {
            real: Some(Real {
                weights: models.join("model.safetensors"),
                graphs: [peers, models.clone()]
                    .map(|folder| folder.join("onnx/model.onnx"))
                    .into(),
                tokenizer: models,
            }),
            ..subject(
                "embedded",
                "the embedded model: 12 layers of 384",
                shaped::E5_SMALL,
            )
        },
    ];
    if with_large {
        subjects.push(Subject {
            turns: 2,
            tokens: 256,
            is_large: true,
            ..subject(
                "ruri",
                "ruri-v3-310m's shape: 25 layers of 768",
                shaped::RURI_310M,
            )
        });
    }
    Ok(subjects)
}

impl Subject {
    /// The weights for ours.
    pub(crate) fn weights(&self) -> Result<Source> {
        self.real_or(
            |real| std::slice::from_ref(&real.weights),
            Form::Safetensors,
            "weights",
        )
    }

    /// The weights in floats, as their makers publish them, for peers that read those.
    pub(crate) fn float_weights(&self) -> Result<PathBuf> {
        self.random(Form::Safetensors, "weights")
    }

    /// The graph for ONNX Runtime in floats.
    pub(crate) fn float_graph(&self) -> Result<PathBuf> {
        self.random(Form::Onnx(Numbers::Floats), "f32")
    }

    /// The graph for ONNX Runtime in 8-bit integers, where there is one of such a model.
    pub(crate) fn integer_graph(&self) -> Result<Option<Source>> {
        if self.shape.family != shaped::Family::Bert {
            return Ok(None);
        }
        let form = Form::Onnx(Numbers::Integers);
        self.real_or(|real| &real.graphs, form, "int8").map(Some)
    }

    /// The folder with its tokenizer.
    pub(crate) fn tokenizer(&self) -> PathBuf {
        let real = self.real.as_ref().map(|real| real.tokenizer.clone());
        real.filter(|folder| folder.join("tokenizer.json").is_file())
            .unwrap_or_else(shaped::tiny)
    }

    /// Where packed weights of a kind are kept.
    pub(crate) fn packed(&self, kind: &str) -> Result<PathBuf> {
        let folder = self.place.join("packed");
        std::fs::create_dir_all(&folder)?;
        Ok(folder.join(format!("{}-{kind}", self.name)))
    }

    fn real_or(&self, files: fn(&Real) -> &[PathBuf], form: Form, kind: &str) -> Result<Source> {
        let mut files = self.real.iter().flat_map(files);
        let real = files.find(|file| file.is_file());
        Ok(match real {
            Some(file) => Source {
                file: file.clone(),
                is_random: false,
            },
            None => Source {
                file: self.random(form, kind)?,
                is_random: true,
            },
        })
    }

    fn random(&self, form: Form, kind: &str) -> Result<PathBuf> {
        let name = format!("shaped-like-{}-{kind}", self.name);
        shaped::ensure_as(&self.place, &name, &self.shape, form, &self.tokenizer())
    }
}

/// The last part of a path that says which file it is.
pub(crate) fn short(path: &Path) -> String {
    let parts: Vec<_> = path.components().rev().take(3).collect();
    let short: PathBuf = parts.into_iter().rev().collect();
    short.display().to_string()
}
