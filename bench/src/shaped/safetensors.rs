//! A file of safetensors with random weights, generated while it is written. Source: the format's description.

use std::{
    fs::{self, File},
    io::{BufWriter, Read, Write},
    path::Path,
};

use anyhow::{Context, Result};
use serde_json::{Map, json};

use crate::onnx::Random;

/// The header's length is a multiple of this, filled with spaces.
const ALIGNMENT: usize = 8;

/// Tensors of 32-bit floats, in the order of the file.
#[derive(Default)]
pub(super) struct Tensors {
    entries: Map<String, serde_json::Value>,
    values: Vec<(usize, Values)>,
    bytes: u64,
}

#[derive(Clone, Copy)]
enum Values {
    Random,
    Ones,
}

impl Tensors {
    /// Adds a weight.
    pub(super) fn weight(&mut self, name: &str, shape: &[usize]) {
        self.add(name, shape, Values::Random);
    }

    /// Adds a product of `inputs` to `outputs`, with its bias.
    pub(super) fn product(&mut self, name: &str, outputs: usize, inputs: usize) {
        self.weight(&format!("{name}.weight"), &[outputs, inputs]);
        self.weight(&format!("{name}.bias"), &[outputs]);
    }

    /// Adds a norm's scales.
    pub(super) fn scales(&mut self, name: &str, width: usize) {
        self.add(&format!("{name}.weight"), &[width], Values::Ones);
    }

    /// Adds a norm, with its bias.
    pub(super) fn norm(&mut self, name: &str, width: usize) {
        self.scales(name, width);
        self.weight(&format!("{name}.bias"), &[width]);
    }

    fn add(&mut self, name: &str, shape: &[usize], values: Values) {
        let count: usize = shape.iter().product();
        let begin = self.bytes;
        self.bytes += (count * size_of::<f32>()) as u64;
        let entry = json!({ "dtype": "F32", "shape": shape, "data_offsets": [begin, self.bytes] });
        self.entries.insert(name.to_owned(), entry);
        self.values.push((count, values));
    }

    /// Bytes of all values.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn header(&self) -> Result<Vec<u8>> {
        let mut text = serde_json::to_vec(&self.entries)?;
        text.resize(text.len().next_multiple_of(ALIGNMENT), b' ');
        let mut header = (text.len() as u64).to_le_bytes().to_vec();
        header.append(&mut text);
        Ok(header)
    }

    /// Whether the file is these tensors, whole.
    pub(super) fn are_in(&self, path: &Path) -> Result<bool> {
        let header = self.header()?;
        let mut present = vec![0; header.len()];
        let is_there = fs::metadata(path).is_ok_and(|file| file.len() == header.len() as u64 + self.bytes)
            && File::open(path).is_ok_and(|mut file| file.read_exact(&mut present).is_ok());
        Ok(is_there && present == header)
    }

    /// Writes the file.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let header = self.header()?;
        let write = || -> std::io::Result<()> {
            let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
            file.write_all(&header)?;
            let mut random = Random::new();
            for &(count, values) in &self.values {
                for _ in 0..count {
                    let value = match values {
                        Values::Random => random.next(),
                        Values::Ones => 1.0,
                    };
                    file.write_all(&value.to_le_bytes())?;
                }
            }
            file.flush()
        };
        write().with_context(|| format!("write {}", path.display()))
    }
}
