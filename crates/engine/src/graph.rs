//! A graph of ONNX: token ids in, vectors of texts or of their tokens out.

use std::{borrow::Cow, sync::Arc};

use half::{bf16, f16};
use ort::{
    environment::Environment,
    session::{Session as Library, SessionInputValue, builder::GraphOptimizationLevel},
    value::{DynValue, Outlet, Shape, Tensor, TensorElementType},
};

use okibi_models::{ChosenOutput, Feature, Holds, ModelError, ModelFiles, Port, Signature};

use crate::{
    device::{Device, DevicePreference},
    error::{Cause, EmbedError, LoadError},
    sequence::Sequence,
    weights::ExternalWeights,
};

/// Inputs this code knows how to fill.
const KNOWN_INPUTS: [&str; 4] = ["input_ids", "attention_mask", "token_type_ids", "position_ids"];

/// What a graph gives for a batch, one of each text.
pub(crate) enum Given {
    /// Vectors of texts.
    Texts(Vec<Vec<f32>>),
    /// Vectors of tokens, without those of the padding, and the length of one.
    Tokens(Vec<Vec<f32>>, usize),
}

/// A graph, open and ready to run.
pub(crate) struct Graph {
    device: Device,
    library: Library,
    weights: ExternalWeights,
    output: ChosenOutput,
    pad_id: u32,
    first_position: usize,
}

/// Whether the runtime says, in the words of the system below it, that it got no more memory.
fn is_out_of_memory(message: &str) -> bool {
    const WORDS: [&str; 5] = [
        "bad_alloc",
        "bad allocation",
        "Failed to allocate memory",
        "Cannot allocate memory",
        "not enough memory",
    ];
    let message = message.to_lowercase();
    WORDS.iter().any(|words| message.contains(&words.to_lowercase()))
}

impl Graph {
    /// Opens a model's graph. `threads` compute one run together; `preference` says which device computes, if it is
    /// available.
    ///
    /// Errors: [`LoadError::Model`] for a file that is broken, [`ModelError::Unsupported`] for a graph that wants inputs
    /// this code does not know or gives no vectors.
    pub(crate) fn open(
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
        let mut weights = ExternalWeights::open(files)?;
        let copies = weights.take_copies();
        let mut opened = open_on(environment, files, &copies, threads, preference);
        if opened.is_err() && !copies.is_empty() {
            // The runtime takes fewer kinds of files from memory than from the disk.
            weights = ExternalWeights::watched(files)?;
            opened = open_on(environment, files, &[], threads, preference);
        }
        drop(copies);
        let (library, device) = opened.map_err(|error| match is_out_of_memory(&error.to_string()) {
            true => LoadError::OutOfMemory {
                path: files.model.clone(),
                source: error.into(),
            },
            false => broken(error.into()),
        })?;
        let graph = Signature {
            inputs: library.inputs().iter().map(port).collect(),
            outputs: library.outputs().iter().map(port).collect(),
        };
        let output = files.choose_output(&graph)?;
        for input in library.inputs() {
            if !KNOWN_INPUTS.contains(&input.name()) || whole_numbers(input).is_none() {
                return Err(LoadError::Source(ModelError::Unsupported {
                    path: files.model.clone(),
                    feature: Feature::Input(format!("{:?} ({})", input.name(), input.dtype())),
                }));
            }
        }
        Ok(Self {
            device,
            library,
            weights,
            output,
            pad_id: files.pad_id,
            first_position: files.first_position,
        })
    }

    /// What computes it.
    pub(crate) fn device(&self) -> Device {
        self.device
    }

    /// The graph's output that vectors are taken from.
    pub(crate) fn output(&self) -> &ChosenOutput {
        &self.output
    }

    /// Runs the graph on texts, padded to the longest, and gives what it holds: vectors of texts, or of tokens.
    ///
    /// With `wants_tokens` it gives those of tokens, where the graph has both.
    /// Errors: the runtime's, and [`EmbedError::NoTokenVectors`] where the graph pools by itself.
    pub(crate) fn run(&mut self, texts: &[&Sequence], wants_tokens: bool) -> Result<Given, Cause> {
        let width = texts.iter().map(|text| text.ids.len()).max().unwrap_or(0);
        let shape = [texts.len(), width];
        let filled = |input: &Outlet, fill: &dyn Fn(usize, Option<u32>) -> i64| -> ort::Result<DynValue> {
            let values = texts
                .iter()
                .flat_map(|text| (0..width).map(|at| fill(at, text.ids.get(at).copied())));
            match whole_numbers(input) {
                // An id of a vocabulary, and a position in a text, are far below the limit.
                Some(TensorElementType::Int32) => {
                    let values: Vec<i32> = values.map(|value| value as i32).collect();
                    Ok(Tensor::from_array((shape, values))?.into_dyn())
                }
                _ => Ok(Tensor::from_array((shape, values.collect::<Vec<i64>>()))?.into_dyn()),
            }
        };
        let (pad, first_position) = (i64::from(self.pad_id), self.first_position);
        let mut inputs: Vec<(String, SessionInputValue<'_>)> =
            Vec::with_capacity(self.library.inputs().len());
        for input in self.library.inputs() {
            let value = match input.name() {
                "input_ids" => filled(input, &|_, id| id.map_or(pad, i64::from)),
                "attention_mask" => filled(input, &|_, id| i64::from(id.is_some())),
                "position_ids" => filled(input, &|at, _| (first_position + at) as i64),
                _ => filled(input, &|_, _| 0),
            }?;
            inputs.push((input.name().to_owned(), value.into()));
        }
        self.weights.check()?;
        let outputs = self.library.run(inputs)?;
        self.weights.check()?;
        let name = match (&self.output.of_tokens, wants_tokens) {
            (Some(of_tokens), true) => of_tokens,
            (None, true) => return Err(EmbedError::NoTokenVectors.into()),
            (_, false) => &self.output.name,
        };
        let (shape, values) = numbers(&outputs[name.as_str()])?;
        let is_whole = *name == self.output.name;
        match shape[..] {
            [count, dimension]
                if count as usize == texts.len()
                    && dimension > 0
                    && is_whole
                    && self.output.holds != Holds::Tokens =>
            {
                if wants_tokens {
                    return Err(EmbedError::NoTokenVectors.into());
                }
                let each = values.chunks_exact(dimension as usize);
                Ok(Given::Texts(each.map(<[f32]>::to_vec).collect()))
            }
            [count, tokens, dimension]
                if count as usize == texts.len()
                    && tokens as usize == width
                    && dimension > 0
                    && !(is_whole && self.output.holds == Holds::Texts) =>
            {
                let dimension = dimension as usize;
                let each = values.chunks_exact(width * dimension).zip(texts);
                let rows = each.map(|(rows, text)| rows[..text.ids.len() * dimension].to_vec());
                Ok(Given::Tokens(rows.collect(), dimension))
            }
            _ => Err(format!("its output {name:?} has the unusable shape {shape:?}").into()),
        }
    }
}

/// Returns an input or output as the choice of an output sees it.
fn port(outlet: &Outlet) -> Port {
    let shape = outlet.dtype().tensor_shape();
    Port {
        name: outlet.name().to_owned(),
        shape: shape.map(|shape| shape.iter().map(|length| usize::try_from(*length).ok()).collect()),
    }
}

/// Returns the type of an input that takes whole numbers.
fn whole_numbers(input: &Outlet) -> Option<TensorElementType> {
    let kinds = [TensorElementType::Int64, TensorElementType::Int32];
    input.dtype().tensor_type().filter(|kind| kinds.contains(kind))
}

/// Returns the shape and the values of an output, whatever kind of numbers it has.
fn numbers(output: &DynValue) -> Result<(Shape, Cow<'_, [f32]>), Cause> {
    fn converted<'a, T: Copy>(
        (shape, values): (&Shape, &[T]),
        convert: impl Fn(T) -> f32,
    ) -> (Shape, Cow<'a, [f32]>) {
        (
            shape.clone(),
            values.iter().map(|value| convert(*value)).collect(),
        )
    }
    Ok(match output.dtype().tensor_type() {
        Some(TensorElementType::Float16) => converted(output.try_extract_tensor::<f16>()?, f16::to_f32),
        Some(TensorElementType::Bfloat16) => converted(output.try_extract_tensor::<bf16>()?, bf16::to_f32),
        Some(TensorElementType::Float64) => {
            converted(output.try_extract_tensor::<f64>()?, |value| value as f32)
        }
        _ => {
            let (shape, values) = output.try_extract_tensor::<f32>()?;
            (shape.clone(), Cow::Borrowed(values))
        }
    })
}

/// Opens the model on the first device that takes it.
fn open_on(
    environment: &Environment,
    files: &ModelFiles,
    copies: &[(String, Arc<[u8]>)],
    threads: usize,
    preference: DevicePreference,
) -> ort::Result<(Library, Device)> {
    let mut candidates = preference.candidates().into_iter();
    loop {
        let device = candidates.next().unwrap_or_default();
        match build(environment, files, copies, threads, device) {
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
    copies: &[(String, Arc<[u8]>)],
    threads: usize,
    device: Device,
) -> ort::Result<Library> {
    let mut builder = Library::builder(environment)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(threads)?
        // Threads wait for the next part of a run spinning, which is a quarter faster; a daemon that waits for the next
        // query must not burn a core, so they stop with the run.
        .with_intra_op_spinning(true)?
        .with_config_entry("session.force_spinning_stop", "1")?
        // Without VNNI, x86 CPUs add int8 products up in 16 bits and cut what does not fit: vectors would
        // depend on the CPU. This costs a tenth of the speed there, and nothing elsewhere.
        .with_precise_qmm()?;
    for (name, bytes) in copies {
        builder = builder.with_external_initializer_file_in_memory(name, Arc::clone(bytes))?;
    }
    device.configure(builder)?.commit_from_file(&files.model)
}
