//! A model, ready to compute: token ids in, pooled vectors out.

use std::path::Path;

use ort::environment::Environment;

use okibi_models::{ChosenOutput, Holds, ModelFiles, Network, Precisions};

use crate::{
    device::{Device, DevicePreference},
    encoder::{Encoder, IsUnwanted, Precision},
    error::{Cause, LoadError},
    graph::{Given, Graph},
    layers::Layers,
    pooling::{Pooling, pool},
    proof,
    sequence::Sequence,
    table::Table,
    tokenizer::Tokenizer,
};

/// What is wanted of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Output {
    /// One vector for the whole.
    #[default]
    Text,
    /// One for each of its tokens.
    Tokens,
}

/// A model, open and ready to run. Not shared between threads: it belongs to the engine's own.
pub struct Session {
    network: Source,
    pooling: Pooling,
    layers: Layers,
    /// Length of a text's vector, where the model's files say it.
    dimension: Option<usize>,
}

/// What vectors come from.
enum Source {
    Graph(Box<Graph>),
    Encoder(Box<Encoder>),
    Table(Table),
}

impl Session {
    /// Opens a model that ONNX Runtime computes. `threads` compute one run together; `preference` says which device
    /// computes, if it is available.
    ///
    /// Errors: [`LoadError::Model`] for a file that is broken; those of a model that is not supported
    /// ([`ModelError::Unsupported`](okibi_models::ModelError::Unsupported)) or whose files are missing.
    pub fn of_graph(
        environment: &Environment,
        files: &ModelFiles,
        threads: usize,
        preference: DevicePreference,
    ) -> Result<Self, LoadError> {
        let graph = Graph::open(environment, files, threads, preference)?;
        Self::new(Source::Graph(Box::new(graph)), files)
    }

    /// Opens a model that is computed here: a network of [`Network::Encoder`], in this precision, or a table. What is made
    /// of its weights is kept in `cache_folder` for the next time.
    ///
    /// Errors: as [`Session::of_graph`].
    pub fn of_weights(
        files: &ModelFiles,
        threads: usize,
        precision: Precision,
        cache_folder: &Path,
    ) -> Result<Self, LoadError> {
        let network = match files.pipeline.network {
            Network::Table => Source::Table(Table::load(&files.model)?),
            Network::Encoder | Network::Graph => {
                Source::Encoder(Box::new(Encoder::open(files, threads, precision, cache_folder)?))
            }
        };
        Self::new(network, files)
    }

    /// Decides on the precision of a network that was opened exactly, for whose model nobody has: see [`proof`].
    ///
    /// Errors: [`LoadError`].
    pub(crate) fn settle_precision(
        mut self,
        files: &ModelFiles,
        tokenizer: &Tokenizer,
        threads: usize,
        known: Precisions,
        cache_folder: &Path,
    ) -> Result<Self, LoadError> {
        self.network = match self.network {
            Source::Encoder(exact) => {
                let settled = proof::settle(*exact, files, tokenizer, threads, known, cache_folder)?;
                Source::Encoder(Box::new(settled))
            }
            other => other,
        };
        Ok(self)
    }

    fn new(network: Source, files: &ModelFiles) -> Result<Self, LoadError> {
        let has_layers = match &network {
            Source::Graph(graph) => graph.output().holds != Holds::Texts,
            Source::Encoder(_) | Source::Table(_) => true,
        };
        Ok(Self {
            network,
            pooling: files.pipeline.pooling.clone(),
            layers: if has_layers {
                Layers::load(&files.pipeline)?
            } else {
                Layers::default()
            },
            dimension: files.pipeline.dimension(),
        })
    }

    /// What computes it.
    pub fn device(&self) -> Device {
        match &self.network {
            Source::Graph(graph) => graph.device(),
            Source::Encoder(_) | Source::Table(_) => Device::Cpu,
        }
    }

    /// Whether a batch's shorter texts cost as much as its longest.
    pub(crate) fn pads(&self) -> bool {
        matches!(self.network, Source::Graph(_))
    }

    /// The graph's output that vectors are taken from, where there is a graph.
    pub fn output(&self) -> Option<&ChosenOutput> {
        match &self.network {
            Source::Graph(graph) => Some(graph.output()),
            Source::Encoder(_) | Source::Table(_) => None,
        }
    }

    /// How exactly the network is computed, where it is computed here.
    pub fn precision(&self) -> Option<Precision> {
        match &self.network {
            Source::Encoder(encoder) => Some(encoder.precision()),
            Source::Graph(_) | Source::Table(_) => None,
        }
    }

    /// Runs the model on texts.
    ///
    /// Gives for each either its vector (dimension values) or those of all its tokens (tokens × the network's dimension).
    /// Errors: the runtime's, and [`EmbedError::NoTokenVectors`](crate::EmbedError::NoTokenVectors) where the model pools
    /// by itself.
    pub fn run(&mut self, texts: &[(&Sequence, Output)]) -> Result<Vec<Vec<f32>>, Cause> {
        self.run_while(texts, &|| false)
    }

    /// As [`Session::run`], and where our own encoder computes, a run that nobody wants any more ends soon with
    /// [`EmbedError::Stopped`](crate::EmbedError::Stopped).
    pub(crate) fn run_while(
        &mut self,
        texts: &[(&Sequence, Output)],
        is_unwanted: IsUnwanted<'_>,
    ) -> Result<Vec<Vec<f32>>, Cause> {
        let mut results = vec![Vec::new(); texts.len()];
        for wanted in [Output::Text, Output::Tokens] {
            let places: Vec<usize> = (0..texts.len()).filter(|at| texts[*at].1 == wanted).collect();
            if places.is_empty() {
                continue;
            }
            let wanted_texts: Vec<&Sequence> = places.iter().map(|at| texts[*at].0).collect();
            for (at, vector) in places
                .into_iter()
                .zip(self.run_for(wanted, &wanted_texts, is_unwanted)?)
            {
                results[at] = vector;
            }
        }
        Ok(results)
    }

    fn run_for(
        &mut self,
        wanted: Output,
        texts: &[&Sequence],
        is_unwanted: IsUnwanted<'_>,
    ) -> Result<Vec<Vec<f32>>, Cause> {
        let given = match &mut self.network {
            Source::Graph(graph) => graph.run(texts, wanted == Output::Tokens)?,
            Source::Encoder(encoder) => Given::Tokens(encoder.run(texts, is_unwanted)?, encoder.dimension()),
            Source::Table(table) => {
                let rows = texts.iter().map(|text| table.rows(&text.ids));
                Given::Tokens(rows.collect::<Result<_, _>>()?, table.dimension())
            }
        };
        let vectors = match given {
            Given::Texts(vectors) => vectors,
            Given::Tokens(rows, _) if wanted == Output::Tokens => return Ok(rows),
            Given::Tokens(rows, dimension) => {
                let each = rows.iter().zip(texts);
                let pooled = each.map(|(rows, text)| pool(&self.pooling, rows, dimension, text.left_out));
                pooled
                    .map(|pooled| self.layers.apply(pooled))
                    .collect::<Result<_, _>>()?
            }
        };
        match (vectors.first().map(Vec::len), self.dimension) {
            (Some(found), Some(expected)) if found != expected => {
                Err(format!("its vectors have {found} values, and the modules give {expected}").into())
            }
            _ => Ok(vectors),
        }
    }
}
