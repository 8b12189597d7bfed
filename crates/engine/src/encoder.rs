//! A network that Okibi computes itself, from its makers' weights.

use std::path::{Path, PathBuf};

pub use okibi_encoder::Precision;
use okibi_encoder::{
    OpenError, Options, RunError,
    families::ConfigError,
    proof::{self, Agreement},
    weights::WeightsError,
};
use okibi_models::{Feature, ModelError, ModelFiles, Network, Wanted};
use okibi_protocol::models::Variant;

use crate::{
    device::{Device, DevicePreference},
    error::{Cause, EmbedError, LoadError},
    kept,
    sequence::Sequence,
};

/// The folder of packed weights, in the cache folder: a file for each model and precision.
const PACKED_FOLDER: &str = "packed";

/// What computes a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// Okibi itself where it knows the network and has the makers' weights, else ONNX Runtime.
    #[default]
    Auto,
    /// ONNX Runtime, which needs an export.
    Onnx,
}

impl Backend {
    /// Which weights are taken where the model's file is not named, in order of preference. Only ONNX Runtime computes on
    /// other devices; a model without an export is computed on the CPU all the same, and the device is missed.
    pub(crate) fn wanted(self, device: DevicePreference) -> &'static [Wanted<'static>] {
        match (self, device) {
            (Self::Auto, DevicePreference::Auto | DevicePreference::Only(Device::Cpu)) => {
                &[Wanted::Best, Wanted::Onnx]
            }
            (Self::Auto, DevicePreference::Only(_)) => &[Wanted::Onnx, Wanted::Best],
            (Self::Onnx, _) => &[Wanted::Onnx],
        }
    }
}

/// The precision that a variant asks for; `None` where the model decides. There are no weights of our own for the others,
/// which a folder's user may ask for all the same.
pub(crate) fn precision(variant: Variant) -> Option<Precision> {
    match variant {
        Variant::Bf16 => Some(Precision::Bf16),
        Variant::Int8 => Some(Precision::Int8),
        Variant::Fp32 => Some(Precision::F32),
        Variant::Auto | Variant::Fp16 | Variant::Q4 => None,
    }
}

/// A precision's name, in what a space's id is a hash of: it stays.
pub(crate) fn name(precision: Precision) -> &'static str {
    match precision {
        Precision::F32 => "f32",
        Precision::Bf16 => "bf16",
        Precision::Int8 => "int8",
    }
}

/// Asked by any of the threads that compute, between blocks of rows: whether nobody wants the result any more.
pub(crate) type IsUnwanted<'a> = &'a (dyn Fn() -> bool + Sync);

/// An encoder, open and ready to run.
pub(crate) struct Encoder {
    library: okibi_encoder::Encoder,
}

impl Encoder {
    /// Opens a model's weights. `threads` compute one run together; packed weights are kept in `cache_folder`.
    ///
    /// Errors: [`LoadError::Model`] for a file that is broken, [`ModelError::Unsupported`] for a part that is not
    /// computed, [`ModelError::Unreadable`].
    pub(crate) fn open(
        files: &ModelFiles,
        threads: usize,
        precision: Precision,
        cache_folder: &Path,
    ) -> Result<Self, LoadError> {
        let cache = packed_file(files, precision, cache_folder);
        let options = Options {
            config: &files.config_file,
            weights: &files.model,
            precision,
            threads,
            cache: cache.as_deref(),
            kernel: None,
        };
        let library =
            okibi_encoder::Encoder::open(&options).map_err(|error| load_error(error, &files.model))?;
        let (kernel, packed) = (library.kernel().name(), library.packed_state());
        tracing::debug!(kernel, threads, ?packed, "the encoder is open");
        Ok(Self { library })
    }

    /// Compares it with another precision of the same model on texts of token ids.
    ///
    /// Errors: those of a run.
    pub(crate) fn compare(&mut self, other: &mut Self, texts: &[&[u32]]) -> Result<Agreement, Cause> {
        Ok(proof::prove(
            &mut self.library,
            &mut other.library,
            texts,
            &|| false,
        )?)
    }

    /// Length of a token's vector.
    pub(crate) fn dimension(&self) -> usize {
        self.library.description().hidden
    }

    /// How exactly it is computed.
    pub(crate) fn precision(&self) -> Precision {
        self.library.precision()
    }

    /// Returns the vectors of the tokens of each text, one after the other.
    ///
    /// Errors: the encoder's; [`EmbedError::WeightsChanged`]; [`EmbedError::Stopped`] where nobody wants them any more.
    pub(crate) fn run(
        &mut self,
        texts: &[&Sequence],
        is_unwanted: IsUnwanted<'_>,
    ) -> Result<Vec<Vec<f32>>, Cause> {
        let ids: Vec<&[u32]> = texts.iter().map(|text| text.ids.as_slice()).collect();
        self.library.run(&ids, is_unwanted).map_err(|error| match error {
            RunError::FileChanged { path } => EmbedError::WeightsChanged { path }.into(),
            RunError::BrokenOff => EmbedError::Stopped.into(),
            other => other.into(),
        })
    }
}

/// Returns the file of the cache folder for a model's packed weights. Those of 32 bits are not
/// kept: they are as large as the model itself.
fn packed_file(files: &ModelFiles, precision: Precision, cache_folder: &Path) -> Option<PathBuf> {
    if precision == Precision::F32 {
        return None;
    }
    let model = blake3::hash(files.model.as_os_str().as_encoded_bytes()).to_hex();
    let file = format!("{}-{}", &model[..16], name(precision));
    kept::place(cache_folder, PACKED_FOLDER, &file, &files.model)
}

/// Checks whether all that a model's configuration says is computed here; nothing of another network's.
///
/// Errors: as [`Encoder::open`]'s about the configuration.
pub(crate) fn check(files: &ModelFiles) -> Result<(), LoadError> {
    if files.pipeline.network != Network::Encoder {
        return Ok(());
    }
    let path = &files.config_file;
    let text = std::fs::read_to_string(path).map_err(|source| ModelError::Unreadable {
        path: path.clone(),
        source,
    })?;
    match okibi_encoder::families::read(&text) {
        Ok(_) => Ok(()),
        Err(source) => {
            let path = path.clone();
            Err(load_error(OpenError::Config { path, source }, &files.model))
        }
    }
}

/// Puts an error of the encoder among those of loads: what is not computed is told from what is broken.
fn load_error(error: OpenError, weights: &Path) -> LoadError {
    let unsupported = |path: &Path, what: String| {
        ModelError::Unsupported {
            path: path.to_owned(),
            feature: Feature::Network(what),
        }
        .into()
    };
    match error {
        OpenError::Unreadable { path, source }
        | OpenError::Weights(WeightsError::Unreadable { path, source }) => {
            ModelError::Unreadable { path, source }.into()
        }
        OpenError::Config { path, source } => match source {
            ConfigError::UnknownFamily { family } => unsupported(&path, format!("the network {family:?}")),
            ConfigError::Unsupported { key, value } => unsupported(&path, format!("{key} = {value}")),
            broken => ModelError::Configuration {
                path,
                reason: broken.to_string(),
            }
            .into(),
        },
        OpenError::Weights(WeightsError::NumberType { name, found }) => {
            unsupported(weights, format!("{name} with numbers of the type {found}"))
        }
        OpenError::Weights(WeightsError::Foreign { name }) => {
            unsupported(weights, format!("the tensor {name}"))
        }
        other => LoadError::Model {
            path: weights.to_owned(),
            source: other.into(),
        },
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_models_and_the_encoder_know_the_same_networks() {
        let known: Vec<&str> = okibi_encoder::families::known().collect();
        assert_eq!(known, okibi_models::COMPUTED);
    }
}
