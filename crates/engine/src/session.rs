//! The model's ONNX session: token ids in, pooled vectors out.

use ort::{
    environment::Environment,
    session::{Session as Library, SessionInputValue, builder::GraphOptimizationLevel},
    value::{DynValue, Tensor, TensorElementType},
};

use okibi_models::{ModelError, ModelFiles};

use crate::{
    device::{Device, DevicePreference},
    error::{Cause, EmbedError, LoadError},
    pooling::{Pooling, pool},
};

/// Inputs this code knows how to fill.
const KNOWN_INPUTS: [&str; 4] = ["input_ids", "attention_mask", "token_type_ids", "position_ids"];

/// Outputs that hold token or text vectors, the best first; a model's only output is taken whatever its name.
const KNOWN_OUTPUTS: [&str; 4] = [
    "last_hidden_state",
    "token_embeddings",
    "sentence_embedding",
    "text_embeds",
];

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
    device: Device,
    library: Library,
    output: String,
    pooling: Pooling,
    pad_id: u32,
}

impl Session {
    /// Opens the model. `threads` compute one run together; `preference` says which device computes, if it is
    /// available.
    ///
    /// Errors: [`LoadError::Model`] for a file that is broken or wants inputs this code does not know.
    pub fn open(
        environment: &Environment,
        files: &ModelFiles,
        threads: usize,
        preference: DevicePreference,
    ) -> Result<Self, LoadError> {
        let broken = |source: Cause| LoadError::Model {
            path: files.model.clone(),
            source,
        };
        std::fs::File::open(&files.model).map_err(|source| ModelError::Unreadable {
            path: files.model.clone(),
            source,
        })?;
        let (library, device) =
            open_on(environment, files, threads, preference).map_err(|error| broken(error.into()))?;
        for input in library.inputs() {
            let is_i64 = input.dtype().tensor_type() == Some(TensorElementType::Int64);
            if !KNOWN_INPUTS.contains(&input.name()) || !is_i64 {
                let known = KNOWN_INPUTS.join(", ");
                return Err(broken(
                    format!("its input {:?} is not one of {known} (int64)", input.name()).into(),
                ));
            }
        }
        let outputs: Vec<&str> = library.outputs().iter().map(|output| output.name()).collect();
        let output = KNOWN_OUTPUTS
            .into_iter()
            .find(|known| outputs.contains(known))
            .or(if let [only] = outputs.as_slice() {
                Some(*only)
            } else {
                None
            })
            .ok_or_else(|| broken(format!("its outputs {outputs:?} hold no vectors").into()))?
            .to_owned();
        Ok(Self {
            device,
            library,
            output,
            pooling: files.pooling,
            pad_id: files.pad_id,
        })
    }

    /// What computes it.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Runs the model on texts as token ids, padded to the longest.
    ///
    /// Gives for each either its vector (dimension values) or those of all its tokens (tokens × dimension values).
    /// Errors: the runtime's, and [`EmbedError::NoTokenVectors`] where the model pools by itself.
    pub fn run(&mut self, texts: &[(&[u32], Output)]) -> Result<Vec<Vec<f32>>, Cause> {
        let width = texts.iter().map(|(ids, _)| ids.len()).max().unwrap_or(0);
        let shape = [texts.len(), width];
        let filled = |fill: &dyn Fn(usize, Option<u32>) -> i64| -> ort::Result<DynValue> {
            let values = texts
                .iter()
                .flat_map(|(ids, _)| (0..width).map(|at| fill(at, ids.get(at).copied())))
                .collect::<Vec<i64>>();
            Ok(Tensor::from_array((shape, values))?.into_dyn())
        };
        let pad = i64::from(self.pad_id);
        let mut inputs: Vec<(String, SessionInputValue<'_>)> =
            Vec::with_capacity(self.library.inputs().len());
        for input in self.library.inputs() {
            let value = match input.name() {
                "input_ids" => filled(&|_, id| id.map_or(pad, i64::from)),
                "attention_mask" => filled(&|_, id| i64::from(id.is_some())),
                "position_ids" => filled(&|at, _| at as i64),
                _ => filled(&|_, _| 0),
            }?;
            inputs.push((input.name().to_owned(), value.into()));
        }
        let outputs = self.library.run(inputs)?;
        let (shape, values) = outputs[self.output.as_str()].try_extract_tensor::<f32>()?;
        match shape[..] {
            [count, dimension] if count as usize == texts.len() && dimension > 0 => {
                if texts.iter().any(|(_, output)| *output == Output::Tokens) {
                    return Err(EmbedError::NoTokenVectors.into());
                }
                Ok(values
                    .chunks_exact(dimension as usize)
                    .map(<[f32]>::to_vec)
                    .collect())
            }
            [count, tokens, dimension]
                if count as usize == texts.len() && tokens as usize == width && dimension > 0 =>
            {
                let dimension = dimension as usize;
                Ok(values
                    .chunks_exact(width * dimension)
                    .zip(texts)
                    .map(|(rows, (ids, output))| {
                        let rows = &rows[..ids.len() * dimension];
                        match output {
                            Output::Text => pool(self.pooling, rows, dimension),
                            Output::Tokens => rows.to_vec(),
                        }
                    })
                    .collect())
            }
            _ => Err(format!("its output {:?} has the unusable shape {shape:?}", self.output).into()),
        }
    }
}

/// Opens the model on the first device that takes it.
fn open_on(
    environment: &Environment,
    files: &ModelFiles,
    threads: usize,
    preference: DevicePreference,
) -> ort::Result<(Library, Device)> {
    let mut candidates = preference.candidates().into_iter();
    loop {
        let device = candidates.next().unwrap_or_default();
        match build(environment, files, threads, device) {
            Err(error) if device != Device::Cpu => {
                tracing::warn!(device = device.name(), %error, "the device does not take the model");
            }
            outcome => return outcome.map(|library| (library, device)),
        }
    }
}

fn build(
    environment: &Environment,
    files: &ModelFiles,
    threads: usize,
    device: Device,
) -> ort::Result<Library> {
    let builder = Library::builder(environment)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(threads)?
        // Threads wait for the next part of a run spinning, which is a quarter faster; a daemon that waits for the next
        // query must not burn a core, so they stop with the run.
        .with_intra_op_spinning(true)?
        .with_config_entry("session.force_spinning_stop", "1")?
        // Without VNNI, x86 CPUs add int8 products up in 16 bits and cut what does not fit: vectors would
        // depend on the CPU. This costs a tenth of the speed there, and nothing elsewhere.
        .with_precise_qmm()?;
    device.configure(builder)?.commit_from_file(&files.model)
}
