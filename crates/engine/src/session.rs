//! The model's ONNX session: token ids in, pooled vectors out.

use ort::{
    environment::Environment,
    session::{Session as Library, SessionInputValue, builder::GraphOptimizationLevel},
    value::{DynValue, Tensor, TensorElementType},
};

use crate::{
    error::{Cause, LoadError},
    pooling::Pooling,
    source::ModelFiles,
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

/// A model, open and ready to run. Not shared between threads: it belongs to the engine's own.
pub struct Session {
    library: Library,
    output: String,
    pooling: Pooling,
    pad_id: u32,
}

impl Session {
    /// Opens the model. `threads` compute one run together.
    ///
    /// Errors: [`LoadError::Model`] for a file that is broken or wants inputs this code does not know.
    pub fn open(environment: &Environment, files: &ModelFiles, threads: usize) -> Result<Self, LoadError> {
        let broken = |source: Cause| LoadError::Model {
            path: files.model.clone(),
            source,
        };
        std::fs::File::open(&files.model).map_err(|source| LoadError::Unreadable {
            path: files.model.clone(),
            source,
        })?;
        let library = build(environment, files, threads).map_err(|error| broken(error.into()))?;
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
            .ok_or_else(|| broken(format!("none of its outputs {outputs:?} holds vectors").into()))?
            .to_owned();
        Ok(Self {
            library,
            output,
            pooling: files.pooling,
            pad_id: files.pad_id,
        })
    }

    /// Runs one batch: pads `texts` (token ids, none empty) to the longest and pools each. The vectors are as the
    /// model gives them, not normalised.
    ///
    /// Errors: what the runtime says.
    pub fn run(&mut self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>, Cause> {
        let width = texts.iter().map(|ids| ids.len()).max().unwrap_or(0);
        let shape = [texts.len(), width];
        let filled = |fill: &dyn Fn(usize, Option<u32>) -> i64| -> ort::Result<DynValue> {
            let values = texts
                .iter()
                .flat_map(|ids| (0..width).map(|at| fill(at, ids.get(at).copied())))
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
            [count, dimension] if count as usize == texts.len() && dimension > 0 => Ok(values
                .chunks_exact(dimension as usize)
                .map(<[f32]>::to_vec)
                .collect()),
            [count, tokens, dimension]
                if count as usize == texts.len() && tokens as usize == width && dimension > 0 =>
            {
                let dimension = dimension as usize;
                Ok(values
                    .chunks_exact(width * dimension)
                    .zip(texts)
                    .map(|(rows, ids)| self.pooling.pool(&rows[..ids.len() * dimension], dimension))
                    .collect())
            }
            _ => Err(format!("its output {:?} has the unusable shape {shape:?}", self.output).into()),
        }
    }
}

fn build(environment: &Environment, files: &ModelFiles, threads: usize) -> ort::Result<Library> {
    Library::builder(environment)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(threads)?
        // A daemon that waits must not burn a core between two queries.
        .with_intra_op_spinning(false)?
        // Without VNNI, x86 processors add int8 products up in 16 bits and cut what does not fit: vectors would
        // depend on the processor. This costs a tenth of the speed there, and nothing elsewhere.
        .with_precise_qmm()?
        .commit_from_file(&files.model)
}
