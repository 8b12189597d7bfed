//! Reads as much of the format as is needed: names, shapes, and where weights lie. The weights are stepped over.
//!
//! Source: onnx.proto of the ONNX project; "Encoding" of Protocol Buffers.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

use super::{
    external::ExternalData,
    signature::{Port, Signature},
};

/// Protocol Buffers end here; nobody can open a longer file.
const LONGEST: u64 = 2 << 30;

/// Messages within messages that are looked into: as many as the format's own readers.
const DEEPEST: usize = 100;

/// Dimensions of a shape that are read; nothing that is looked for has more.
const MOST_DIMENSIONS: usize = 8;

/// Inputs and outputs each that are kept; an honest graph has some hundred.
const MOST_PORTS: usize = 4096;

/// Longest text that is read.
const LONGEST_TEXT: u64 = 4096;

/// A message of the format, with the numbers of the fields that lead to what is read.
#[derive(Clone, Copy)]
enum Message {
    Model,
    /// The model's own graph, whose inputs and outputs are the model's.
    MainGraph,
    /// A graph inside of a node.
    Graph,
    Node,
    Attribute,
    Tensor,
    SparseTensor,
    Function,
    TrainingInfo,
    /// A key and its value.
    Entry,
    /// A value that goes into the graph.
    Input,
    /// A value that comes out of it.
    Output,
    Type,
    TensorType,
    Shape,
    /// A dimension of a shape.
    Length,
}

impl Message {
    /// What the field of this number holds, where it leads on.
    fn field(self, number: u64) -> Option<Self> {
        match (self, number) {
            (Self::Model, 7) => Some(Self::MainGraph),
            (Self::Attribute, 6 | 11) | (Self::TrainingInfo, 1 | 2) => Some(Self::Graph),
            (Self::Model, 20) => Some(Self::TrainingInfo),
            (Self::Model, 25) => Some(Self::Function),
            (Self::MainGraph | Self::Graph, 1) | (Self::Function, 7) => Some(Self::Node),
            (Self::MainGraph | Self::Graph, 5) | (Self::Attribute, 5 | 10) | (Self::SparseTensor, 1 | 2) => {
                Some(Self::Tensor)
            }
            (Self::MainGraph | Self::Graph, 15) | (Self::Attribute, 22 | 23) => Some(Self::SparseTensor),
            (Self::MainGraph, 11) => Some(Self::Input),
            (Self::MainGraph, 12) => Some(Self::Output),
            (Self::Input | Self::Output, 2) => Some(Self::Type),
            (Self::Type, 1) => Some(Self::TensorType),
            (Self::TensorType, 2) => Some(Self::Shape),
            (Self::Shape, 1) => Some(Self::Length),
            (Self::Node, 5) | (Self::Function, 11) => Some(Self::Attribute),
            (Self::Tensor, 13) => Some(Self::Entry),
            _ => None,
        }
    }
}

/// What an ONNX file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OnnxFile {
    /// The files beside it with weights of it.
    pub(crate) external: ExternalData,
    /// What goes into its graph and comes out.
    graph: Signature,
    /// Whether it could be read to its end.
    is_whole: bool,
}

impl OnnxFile {
    /// Returns what goes into its graph and comes out; `None` where that could not be read.
    pub(crate) fn signature(&self) -> Option<&Signature> {
        (self.is_whole && !self.graph.outputs.is_empty()).then_some(&self.graph)
    }
}

/// Reads what an ONNX file of this length says, as far as it can be read.
pub(super) fn read(path: &Path, length: u64) -> OnnxFile {
    let mut found = Found::default();
    if length > LONGEST {
        return OnnxFile::default();
    }
    let outcome = File::open(path).and_then(|file| {
        let mut reader = Reader {
            input: BufReader::with_capacity(16 << 10, file),
            at: 0,
            port: Port::default(),
            found: &mut found,
        };
        reader.message(Message::Model, length, 0)
    });
    if let Err(cause) = &outcome {
        tracing::debug!(path = %path.display(), %cause, "the ONNX file is incomplete or broken");
    }
    OnnxFile {
        external: ExternalData::new(found.locations),
        graph: found.graph,
        is_whole: outcome.is_ok(),
    }
}

/// What has been found so far.
#[derive(Default)]
struct Found {
    locations: BTreeSet<String>,
    graph: Signature,
}

struct Reader<'a> {
    input: BufReader<File>,
    at: u64,
    /// The input or output that is being read.
    port: Port,
    found: &'a mut Found,
}

impl Reader<'_> {
    /// Reads a message up to byte `end`.
    fn message(&mut self, message: Message, end: u64, depth: usize) -> io::Result<()> {
        if depth > DEEPEST {
            return Err(malformed());
        }
        let (mut is_location, mut value) = (false, None);
        let mut length_of = None;
        match message {
            Message::Input | Message::Output => self.port = Port::default(),
            Message::Shape => self.port.shape = Some(Vec::new()),
            _ => {}
        }
        while self.at < end {
            let key = self.number(end)?;
            match key & 7 {
                0 => {
                    let number = self.number(end)?;
                    if matches!((message, key >> 3), (Message::Length, 1)) {
                        length_of = usize::try_from(number).ok().filter(|length| *length > 0);
                    }
                }
                1 => self.skip(8, end)?,
                5 => self.skip(4, end)?,
                3 => self.group(end, depth + 1)?,
                2 => {
                    let length = self.number(end)?;
                    let inner = self
                        .at
                        .checked_add(length)
                        .filter(|inner| *inner <= end)
                        .ok_or_else(malformed)?;
                    match (message, message.field(key >> 3), key >> 3) {
                        (_, Some(field), _) => self.message(field, inner, depth + 1)?,
                        (Message::Entry, None, 1) => {
                            is_location = self.text(length)?.as_deref() == Some("location")
                        }
                        (Message::Entry, None, 2) => value = self.text(length)?,
                        (Message::Input | Message::Output, None, 1) => {
                            self.port.name = self.text(length)?.unwrap_or_default();
                        }
                        _ => self.skip(length, end)?,
                    }
                }
                _ => return Err(malformed()),
            }
        }
        if is_location && let Some(value) = value {
            // `./weights` and `weights` are one file.
            let value = value.strip_prefix("./").unwrap_or(&value);
            self.found.locations.insert(value.to_owned());
        }
        match message {
            Message::Input => keep(&mut self.found.graph.inputs, &mut self.port),
            Message::Output => keep(&mut self.found.graph.outputs, &mut self.port),
            Message::Length => {
                if let Some(shape) = self
                    .port
                    .shape
                    .as_mut()
                    .filter(|shape| shape.len() < MOST_DIMENSIONS)
                {
                    shape.push(length_of);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Steps over a group: an old kind of message, which ends with a key of its own.
    fn group(&mut self, end: u64, depth: usize) -> io::Result<()> {
        if depth > DEEPEST {
            return Err(malformed());
        }
        loop {
            match self.number(end)? & 7 {
                0 => {
                    self.number(end)?;
                }
                1 => self.skip(8, end)?,
                5 => self.skip(4, end)?,
                2 => {
                    let length = self.number(end)?;
                    self.skip(length, end)?;
                }
                3 => self.group(end, depth + 1)?,
                4 => return Ok(()),
                _ => return Err(malformed()),
            }
        }
    }

    fn number(&mut self, end: u64) -> io::Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            if self.at >= end {
                return Err(malformed());
            }
            let mut byte = [0];
            self.input.read_exact(&mut byte)?;
            self.at += 1;
            number |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] < 0x80 {
                return Ok(number);
            }
        }
        Err(malformed())
    }

    fn skip(&mut self, length: u64, end: u64) -> io::Result<()> {
        let to = self
            .at
            .checked_add(length)
            .filter(|to| *to <= end)
            .ok_or_else(malformed)?;
        self.input
            .seek_relative(i64::try_from(length).map_err(|_| malformed())?)?;
        self.at = to;
        Ok(())
    }

    /// A text; one that is too long for a name is cut, which leads nowhere either.
    fn text(&mut self, length: u64) -> io::Result<Option<String>> {
        let mut bytes = vec![0; usize::try_from(length.min(LONGEST_TEXT)).unwrap_or(0)];
        self.input.read_exact(&mut bytes)?;
        self.at += bytes.len() as u64;
        let rest = length - bytes.len() as u64;
        self.skip(rest, self.at.saturating_add(rest))?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

/// Adds what was read of an input or output.
fn keep(ports: &mut Vec<Port>, port: &mut Port) {
    if ports.len() < MOST_PORTS {
        ports.push(std::mem::take(port));
    }
}

fn malformed() -> io::Error {
    io::Error::from(io::ErrorKind::InvalidData)
}
