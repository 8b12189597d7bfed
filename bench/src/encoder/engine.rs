//! Who is measured: ours in each precision, and the peers.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::Result;

use super::{
    library::Library,
    lines::{Lines, Peer},
    server::{Route, Server, free_port},
    subject::Subject,
};
use crate::corpus;

/// Names the weights that llama.cpp's server is given for the embedded model's shape.
const GGUF_VARIABLE: &str = "OKIBI_BENCH_GGUF";

/// Names the Python that has sentence-transformers.
const PYTHON_VARIABLE: &str = "OKIBI_BENCH_PYTHON";

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumIter, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum Engine {
    Int8,
    Bf16,
    F32,
    /// ONNX Runtime on the graph of 8-bit integers that Okibi had embedded before it computed by itself.
    OnnxInt8,
    OnnxF32,
    Fastembed,
    SentenceTransformers,
    TextEmbeddingsInference,
    LlamaCpp,
}

/// How an engine is started, or why it cannot be.
pub(crate) enum Launch {
    Ready(Starter),
    Missing(String),
}

/// What starts an engine with so many threads.
pub(crate) enum Starter {
    Library {
        library: Library,
        model: PathBuf,
        packed: Option<PathBuf>,
    },
    Python {
        python: PathBuf,
        folder: PathBuf,
    },
    TextEmbeddingsInference {
        folder: PathBuf,
    },
    LlamaCpp {
        weights: PathBuf,
    },
}

impl Engine {
    /// Its key in the results.
    pub(crate) fn key(self) -> &'static str {
        self.into()
    }

    /// What people call it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Int8 => "Okibi int8",
            Self::Bf16 => "Okibi bf16",
            Self::F32 => "Okibi f32",
            Self::OnnxInt8 => "ONNX Runtime int8",
            Self::OnnxF32 => "ONNX Runtime f32",
            Self::Fastembed => "fastembed",
            Self::SentenceTransformers => "sentence-transformers",
            Self::TextEmbeddingsInference => "text-embeddings-inference",
            Self::LlamaCpp => "llama.cpp",
        }
    }

    /// How it is started with a model. Files that it needs are made.
    pub(crate) fn launch(self, subject: &Subject) -> Result<Launch> {
        let ours = |library: Library| -> Result<Starter> {
            // As the daemon does: those of 32 bits are as large as the model itself.
            let packed = match library {
                Library::F32 => None,
                library => Some(subject.packed(library.into())?),
            };
            Ok(Starter::Library {
                library,
                model: subject.weights()?.file,
                packed,
            })
        };
        let theirs = |library, model| Starter::Library {
            library,
            model,
            packed: None,
        };
        Ok(Launch::Ready(match self {
            Self::Int8 => ours(Library::Int8)?,
            Self::Bf16 => ours(Library::Bf16)?,
            Self::F32 => ours(Library::F32)?,
            Self::OnnxInt8 => match subject.integer_graph()? {
                Some(graph) => theirs(Library::Onnx, graph.file),
                None => return Ok(Launch::Missing("no such graph of this shape".to_owned())),
            },
            Self::OnnxF32 => theirs(Library::Onnx, subject.float_graph()?),
            Self::Fastembed => match subject.integer_graph()? {
                Some(graph) => theirs(Library::Fastembed, graph.file),
                None => {
                    return Ok(Launch::Missing(
                        "runs ONNX Runtime, on the graph of f32".to_owned(),
                    ));
                }
            },
            Self::SentenceTransformers => {
                let python = std::env::var_os(PYTHON_VARIABLE).map_or("python3".into(), PathBuf::from);
                if let Some(reason) = python_lacks(&python) {
                    return Ok(Launch::Missing(reason));
                }
                let folder = subject.float_weights()?.with_file_name("");
                Starter::Python { python, folder }
            }
            Self::TextEmbeddingsInference => {
                if let Some(reason) = path_lacks("text-embeddings-router") {
                    return Ok(Launch::Missing(reason));
                }
                let folder = subject.float_weights()?.with_file_name("");
                Starter::TextEmbeddingsInference { folder }
            }
            Self::LlamaCpp => {
                let weights = std::env::var_os(GGUF_VARIABLE).map(PathBuf::from);
                let reason = match (path_lacks("llama-server"), &weights) {
                    (Some(reason), _) => reason,
                    (None, None) => format!("{GGUF_VARIABLE} names no weights"),
                    (None, Some(_)) if subject.name != "embedded" => {
                        format!("{GGUF_VARIABLE} is of the embedded model's shape")
                    }
                    (None, Some(weights)) if weights.is_file() => {
                        let weights = weights.clone();
                        return Ok(Launch::Ready(Starter::LlamaCpp { weights }));
                    }
                    (None, Some(weights)) => format!("{} is no file", weights.display()),
                };
                return Ok(Launch::Missing(reason));
            }
        }))
    }
}

/// Why a program cannot be run.
fn path_lacks(program: &str) -> Option<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let name = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    let is_there = std::env::split_paths(&path).any(|folder| folder.join(&name).is_file());
    (!is_there).then(|| format!("not installed: no {program} on the PATH"))
}

/// Why a Python cannot run sentence-transformers.
fn python_lacks(python: &std::path::Path) -> Option<String> {
    let mut command = Command::new(python);
    let output = command
        .args(["-c", "import sentence_transformers"])
        .stdin(Stdio::null())
        .output();
    match output {
        Ok(output) if output.status.success() => None,
        Ok(output) => {
            let complaints = String::from_utf8_lossy(&output.stderr);
            let last = complaints.trim().lines().last().unwrap_or_default();
            Some(format!("not installed: {last}"))
        }
        Err(error) => Some(format!("not installed: {}: {error}", python.display())),
    }
}

impl Starter {
    /// Starts it; it has computed once when this returns.
    pub(crate) fn start(&self, threads: usize) -> Result<Box<dyn Peer>> {
        let count = threads.to_string();
        let within = |command: &mut Command| {
            // Of tokenizers, of BLAS, of Rust's peers.
            for name in ["RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"] {
                command.env(name, &count);
            }
        };
        match self {
            Self::Library {
                library,
                model,
                packed,
            } => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["keep", (*library).into()]).arg(model).arg(&count);
                if let Some(packed) = packed {
                    command.arg("--packed").arg(packed);
                }
                within(&mut command);
                Ok(Box::new(Lines::open(&mut command)?))
            }
            Self::Python { python, folder } => {
                let script = corpus::root().join("bench/src/encoder/sentence_transformers.py");
                let mut command = Command::new(python);
                command.arg(script).arg(folder).arg(&count);
                // Nothing is asked of a hub: the folder is whole.
                command.env("HF_HUB_OFFLINE", "1");
                within(&mut command);
                Ok(Box::new(Lines::open(&mut command)?))
            }
            Self::TextEmbeddingsInference { folder } => {
                let (port, metrics) = (free_port()?, free_port()?);
                let mut command = Command::new("text-embeddings-router");
                command.arg("--model-id").arg(folder);
                command.args([
                    "--hostname",
                    "127.0.0.1",
                    "--dtype",
                    "float32",
                    "--pooling",
                    "mean",
                ]);
                command.args([
                    "--port",
                    &port.to_string(),
                    "--prometheus-port",
                    &metrics.to_string(),
                ]);
                command.args([
                    "--max-client-batch-size",
                    "1024",
                    "--tokenization-workers",
                    &count,
                ]);
                within(&mut command);
                let route = Route {
                    path: "/embed",
                    key: "inputs",
                };
                Ok(Box::new(Server::open(&mut command, port, route)?))
            }
            Self::LlamaCpp { weights } => {
                let port = free_port()?;
                let mut command = Command::new("llama-server");
                command.arg("--model").arg(weights);
                command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
                command.args(["--embeddings", "--pooling", "mean"]);
                command.args(["--threads", &count, "--threads-batch", &count]);
                // Room for a batch of each work at once.
                command.args([
                    "--ctx-size",
                    "8192",
                    "--batch-size",
                    "2048",
                    "--ubatch-size",
                    "2048",
                ]);
                let route = Route {
                    path: "/v1/embeddings",
                    key: "input",
                };
                Ok(Box::new(Server::open(&mut command, port, route)?))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_on_the_path_is_named() {
        assert_eq!(
            path_lacks("no-such-program").unwrap(),
            "not installed: no no-such-program on the PATH"
        );
        let reason = python_lacks(std::path::Path::new("/no/such/python")).unwrap();
        assert!(reason.starts_with("not installed: /no/such/python"), "{reason}");
    }
}
