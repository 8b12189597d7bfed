//! ONNX files with random weights: the part of the format that a transformer's graph needs.
//!
//! The set-up's writer holds a whole model in memory; this one generates weights while it writes them. Field numbers
//! and enum values are those of `onnx.proto`.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use anyhow::{Context, Result};

/// The file format's version, that of ONNX 1.16.
const IR_VERSION: i64 = 10;

/// The version of the standard operators.
const OPSET: i64 = 17;

/// Where a weight may start in the data file: memory can be mapped from there on every system.
const ALIGNMENT: u64 = 64 * 1024;

/// The domain of ONNX Runtime's own operators.
const MICROSOFT: &str = "com.microsoft";

/// `TensorProto.DataType`: f32.
pub(crate) const FLOAT: i64 = 1;
/// `TensorProto.DataType`: i8.
const INT8: i64 = 3;
/// `TensorProto.DataType`: i32.
pub(crate) const INT32: i64 = 6;
/// `TensorProto.DataType`: i64.
pub(crate) const INT64: i64 = 7;

/// The largest magnitude of a weight.
pub(crate) const LARGEST: f32 = 0.02;

/// The largest magnitude of a weight as an integer.
const LARGEST_INTEGER: f32 = 127.0;

/// Where the random numbers begin.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// One dimension of an input or output.
#[derive(Clone, Copy)]
pub(crate) enum Dimension {
    Fixed(usize),
    /// Decided by each run; equal names mean equal sizes.
    Named(&'static str),
}

/// A graph under construction: nodes in an order of execution.
pub(crate) struct Graph {
    data_file: &'static str,
    nodes: Message,
    tensors: Message,
    ports: Message,
    /// How many names have been given.
    names: usize,
    weights: Vec<Weight>,
    /// Length of the data file.
    data_bytes: u64,
}

/// A random weight of the data file.
struct Weight {
    offset: u64,
    count: usize,
    element: Element,
}

#[derive(Clone, Copy)]
enum Element {
    Float,
    Int8,
}

impl Element {
    fn bytes(self) -> usize {
        match self {
            Self::Float => size_of::<f32>(),
            Self::Int8 => size_of::<i8>(),
        }
    }

    /// Its `TensorProto.DataType`.
    fn number(self) -> i64 {
        match self {
            Self::Float => FLOAT,
            Self::Int8 => INT8,
        }
    }

    fn write(self, file: &mut impl Write, value: f32) -> std::io::Result<()> {
        match self {
            Self::Float => file.write_all(&value.to_le_bytes()),
            Self::Int8 => file.write_all(&((value / LARGEST * LARGEST_INTEGER) as i8).to_le_bytes()),
        }
    }
}

impl Graph {
    /// An empty one, whose random weights will lie in `data_file` beside it.
    pub(crate) fn new(data_file: &'static str) -> Self {
        Self {
            data_file,
            nodes: Message::default(),
            tensors: Message::default(),
            ports: Message::default(),
            names: 0,
            weights: Vec::new(),
            data_bytes: 0,
        }
    }

    /// Length of the data file.
    pub(crate) fn data_bytes(&self) -> u64 {
        self.data_bytes
    }

    /// Adds an input of the whole graph.
    pub(crate) fn input(&mut self, name: &str, element: i64, shape: &[Dimension]) {
        self.ports.message(11, &port(name, element, shape));
    }

    /// Adds an output of the whole graph.
    pub(crate) fn output(&mut self, name: &str, element: i64, shape: &[Dimension]) {
        self.ports.message(12, &port(name, element, shape));
    }

    /// Adds `count` f32 ones; returns the constant's name.
    pub(crate) fn ones(&mut self, count: usize) -> String {
        self.constant(FLOAT, &vec![1_f32.to_le_bytes(); count])
    }

    /// Adds the scales that `count` columns of [`integers`](Self::integers) have; returns the constant's name.
    pub(crate) fn scales(&mut self, count: usize) -> String {
        self.constant(FLOAT, &vec![(LARGEST / LARGEST_INTEGER).to_le_bytes(); count])
    }

    /// Adds one i64; returns the constant's name.
    pub(crate) fn number(&mut self, value: i64) -> String {
        self.constant(INT64, &[value.to_le_bytes()])
    }

    fn constant<const BYTES: usize>(&mut self, element: i64, values: &[[u8; BYTES]]) -> String {
        let name = self.name();
        let mut tensor = tensor(&name, element, &[values.len()]);
        tensor.bytes(9, values.as_flattened());
        self.tensors.message(5, &tensor);
        name
    }

    /// Adds a random f32 weight; returns the constant's name.
    pub(crate) fn weight(&mut self, shape: &[usize]) -> String {
        self.random(Element::Float, shape)
    }

    /// Adds a random weight of 8-bit integers around 0; returns the constant's name.
    pub(crate) fn integers(&mut self, shape: &[usize]) -> String {
        self.random(Element::Int8, shape)
    }

    fn random(&mut self, element: Element, shape: &[usize]) -> String {
        let count: usize = shape.iter().product();
        let offset = self.data_bytes.next_multiple_of(ALIGNMENT);
        let length = (count * element.bytes()) as u64;
        self.weights.push(Weight {
            offset,
            count,
            element,
        });
        self.data_bytes = offset + length;
        let name = self.name();
        let mut tensor = tensor(&name, element.number(), shape);
        for (key, value) in [
            ("location", self.data_file.to_owned()),
            ("offset", offset.to_string()),
            ("length", length.to_string()),
        ] {
            let mut entry = Message::default();
            entry.string(1, key).string(2, &value);
            tensor.message(13, &entry);
        }
        // `TensorProto.DataLocation.EXTERNAL`.
        tensor.int(14, 1);
        self.tensors.message(5, &tensor);
        name
    }

    /// Adds an operator of the standard; returns its output's name.
    pub(crate) fn standard(
        &mut self,
        operator: &str,
        inputs: &[&str],
        attributes: &[(&str, Attribute)],
    ) -> String {
        let output = self.name();
        self.node(operator, "", inputs, &[&output], attributes);
        output
    }

    /// Adds one of ONNX Runtime's own operators; an empty name leaves an optional input out.
    pub(crate) fn microsoft(
        &mut self,
        operator: &str,
        inputs: &[&str],
        attributes: &[(&str, Attribute)],
    ) -> String {
        let output = self.name();
        self.node(operator, MICROSOFT, inputs, &[&output], attributes);
        output
    }

    /// `input` cut into `N` equal parts along its last axis.
    pub(crate) fn split<const N: usize>(&mut self, input: &str) -> [String; N] {
        let outputs: [String; N] = std::array::from_fn(|_| self.name());
        let names: Vec<&str> = outputs.iter().map(String::as_str).collect();
        self.node("Split", "", &[input], &names, &[("axis", Attribute::Int(-1))]);
        outputs
    }

    /// `input` in 8-bit integers, as it is at each run: its values, their scale, and which of them is zero.
    pub(crate) fn quantize(&mut self, input: &str) -> [String; 3] {
        let outputs: [String; 3] = std::array::from_fn(|_| self.name());
        let names: Vec<&str> = outputs.iter().map(String::as_str).collect();
        self.node("DynamicQuantizeLinear", "", &[input], &names, &[]);
        outputs
    }

    /// Gives `value` the name of an output of the whole graph.
    pub(crate) fn publish(&mut self, value: &str, output: &str) {
        self.node("Identity", "", &[value], &[output], &[]);
    }

    fn node(
        &mut self,
        operator: &str,
        domain: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: &[(&str, Attribute)],
    ) {
        let mut node = Message::default();
        for input in inputs {
            node.string(1, input);
        }
        for output in outputs {
            node.string(2, output);
        }
        node.string(4, operator);
        for (name, value) in attributes {
            let mut attribute = Message::default();
            attribute.string(1, name);
            match value {
                Attribute::Float(value) => attribute.float(2, *value).int(20, 1),
                Attribute::Int(value) => attribute.int(3, *value).int(20, 2),
            };
            node.message(5, &attribute);
        }
        node.string(7, domain);
        self.nodes.message(1, &node);
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("v{}", self.names)
    }

    /// The ONNX file.
    pub(crate) fn file(&self, name: &str) -> Vec<u8> {
        let mut graph = Message::default();
        graph.0.extend_from_slice(&self.nodes.0);
        graph.string(2, name);
        graph.0.extend_from_slice(&self.tensors.0);
        graph.0.extend_from_slice(&self.ports.0);
        let mut model = Message::default();
        model
            .int(1, IR_VERSION)
            .string(2, "okibi-bench")
            .message(7, &graph);
        for (domain, version) in [("", OPSET), (MICROSOFT, 1)] {
            let mut operators = Message::default();
            operators.string(1, domain).int(2, version);
            model.message(8, &operators);
        }
        model.0
    }

    /// Writes the data file: every weight in turn, the same values in every run.
    pub(crate) fn write_data(&self, path: &Path) -> Result<()> {
        let write = || -> std::io::Result<()> {
            let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
            let mut written = 0_u64;
            let mut random = Random::new();
            for weight in &self.weights {
                file.write_all(&vec![0_u8; (weight.offset - written) as usize])?;
                for _ in 0..weight.count {
                    weight.element.write(&mut file, random.next())?;
                }
                written = weight.offset + (weight.count * weight.element.bytes()) as u64;
            }
            file.flush()
        };
        write().with_context(|| format!("write {}", path.display()))
    }
}

/// The value of a node's attribute.
#[derive(Clone, Copy)]
pub(crate) enum Attribute {
    Float(f32),
    Int(i64),
}

fn port(name: &str, element: i64, shape: &[Dimension]) -> Message {
    let mut dimensions = Message::default();
    for dimension in shape {
        let mut message = Message::default();
        match *dimension {
            Dimension::Fixed(size) => message.int(1, size as i64),
            Dimension::Named(name) => message.string(2, name),
        };
        dimensions.message(1, &message);
    }
    let (mut tensor, mut value, mut port) = (Message::default(), Message::default(), Message::default());
    tensor.int(1, element).message(2, &dimensions);
    value.message(1, &tensor);
    port.string(1, name).message(2, &value);
    port
}

/// The head of a constant.
fn tensor(name: &str, element: i64, shape: &[usize]) -> Message {
    let mut message = Message::default();
    for &size in shape {
        message.int(1, size as i64);
    }
    message.int(2, element).string(8, name);
    message
}

/// Numbers without a pattern: xorshift (Marsaglia, 2003), shifts 13, 7, 17.
pub(crate) struct Random(u64);

impl Random {
    /// The same numbers in every run.
    pub(crate) fn new() -> Self {
        Self(SEED)
    }

    /// The next value, between -[`LARGEST`] and [`LARGEST`].
    pub(crate) fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let signed = (self.0 >> 32) as u32;
        (signed.cast_signed() as f32) / (i32::MAX as f32) * LARGEST
    }
}

/// A protobuf message under construction. Source: the protobuf encoding guide.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn int(&mut self, field: u64, value: i64) -> &mut Self {
        self.varint(field << 3);
        self.varint(value.cast_unsigned());
        self
    }

    fn float(&mut self, field: u64, value: f32) -> &mut Self {
        self.varint((field << 3) | 5);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn bytes(&mut self, field: u64, value: &[u8]) -> &mut Self {
        self.varint((field << 3) | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    fn string(&mut self, field: u64, value: &str) -> &mut Self {
        self.bytes(field, value.as_bytes())
    }

    fn message(&mut self, field: u64, value: &Self) -> &mut Self {
        self.bytes(field, &value.0)
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}
