//! ONNX messages: the part of the format that the embedded model's graph uses.
//!
//! Large constants go into a data file beside the graph, which ONNX Runtime maps into memory instead of
//! copying it. Field numbers and enum values are those of `onnx.proto`.

use super::protobuf::Message;

/// The file format's version; 10 is what ONNX 1.16 introduced and every ONNX Runtime since 1.18 reads.
const IR_VERSION: i64 = 10;
/// Where a constant may start in the data file: memory can be mapped from there on every system, Windows
/// being the one that asks for more than a page. Smaller constants stay in the graph.
const ALIGNMENT: usize = 64 * 1024;
/// `TensorProto.DataLocation.EXTERNAL`.
const EXTERNAL: i64 = 1;
/// The domain of ONNX Runtime's own operators.
pub(crate) const MICROSOFT: &str = "com.microsoft";

/// Element types of tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ElementType {
    Float = 1,
    Uint8 = 2,
    Int8 = 3,
    Int32 = 6,
    Int64 = 7,
    Float16 = 10,
}

/// A constant of the graph: little-endian elements in row-major order.
#[derive(Debug)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) element_type: ElementType,
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Vec<u8>,
}

impl Tensor {
    fn into_message(self, external: &mut ExternalData) -> Message {
        let mut message = Message::default();
        message.packed_ints(1, &self.shape.iter().map(|&size| size as i64).collect::<Vec<_>>());
        message.int(2, self.element_type as i64);
        message.string(8, &self.name);
        if self.data.len() < ALIGNMENT {
            message.bytes(9, &self.data);
            return message;
        }
        let offset = external.append(&self.data).to_string();
        let length = self.data.len().to_string();
        for (key, value) in [
            ("location", external.file_name),
            ("offset", &offset),
            ("length", &length),
        ] {
            let mut entry = Message::default();
            entry.string(1, key).string(2, value);
            message.message(13, entry);
        }
        message.int(14, EXTERNAL);
        message
    }
}

/// The content of the data file, growing with each constant.
#[derive(Debug)]
struct ExternalData {
    /// As the graph names it: relative to the graph's own folder.
    file_name: &'static str,
    bytes: Vec<u8>,
}

impl ExternalData {
    /// Adds `data` at the next aligned offset, and returns that.
    fn append(&mut self, data: &[u8]) -> usize {
        let offset = self.bytes.len().next_multiple_of(ALIGNMENT);
        self.bytes.resize(offset, 0);
        self.bytes.extend_from_slice(data);
        offset
    }
}

/// The value of a node's attribute.
#[derive(Clone, Debug)]
pub(crate) enum Attribute {
    Float(f32),
    Int(i64),
    Ints(Vec<i64>),
}

/// One operation of the graph.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) operator: &'static str,
    /// Empty for the operators of the standard.
    pub(crate) domain: &'static str,
    /// An empty name leaves an optional input out.
    pub(crate) inputs: Vec<String>,
    pub(crate) outputs: Vec<String>,
    pub(crate) attributes: Vec<(&'static str, Attribute)>,
}

impl Node {
    fn into_message(self, index: usize) -> Message {
        let mut message = Message::default();
        for input in &self.inputs {
            message.string(1, input);
        }
        for output in &self.outputs {
            message.string(2, output);
        }
        message.string(3, &format!("{index}_{}", self.operator));
        message.string(4, self.operator);
        for (name, value) in self.attributes {
            let mut attribute = Message::default();
            attribute.string(1, name);
            match value {
                Attribute::Float(value) => attribute.float(2, value).int(20, 1),
                Attribute::Int(value) => attribute.int(3, value).int(20, 2),
                Attribute::Ints(values) => attribute.packed_ints(8, &values).int(20, 7),
            };
            message.message(5, attribute);
        }
        message.string(7, self.domain);
        message
    }
}

/// One dimension of an input or output.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Dimension {
    Fixed(usize),
    /// Decided by each run; equal names mean equal sizes.
    Named(&'static str),
}

/// An input or output of the whole graph.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) name: &'static str,
    pub(crate) element_type: ElementType,
    pub(crate) shape: Vec<Dimension>,
}

impl Port {
    fn into_message(self) -> Message {
        let mut shape = Message::default();
        for dimension in self.shape {
            let mut message = Message::default();
            match dimension {
                Dimension::Fixed(size) => message.int(1, size as i64),
                Dimension::Named(name) => message.string(2, name),
            };
            shape.message(1, message);
        }
        let mut tensor_type = Message::default();
        tensor_type.int(1, self.element_type as i64).message(2, shape);
        let mut value_type = Message::default();
        value_type.message(1, tensor_type);
        let mut message = Message::default();
        message.string(1, self.name).message(2, value_type);
        message
    }
}

/// A whole graph, its nodes in an order of execution.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) name: &'static str,
    pub(crate) nodes: Vec<Node>,
    pub(crate) tensors: Vec<Tensor>,
    pub(crate) inputs: Vec<Port>,
    pub(crate) outputs: Vec<Port>,
}

/// The two files of a model.
#[derive(Debug)]
pub(crate) struct Model {
    /// The ONNX file.
    pub(crate) graph: Vec<u8>,
    /// What its large constants lie in.
    pub(crate) data: Vec<u8>,
}

impl Graph {
    /// The files of a model with this graph, for the standard operators of version `opset`; `data_file` names
    /// the one that has to stand beside the other.
    pub(crate) fn into_model(self, opset: i64, producer: &str, data_file: &'static str) -> Model {
        let mut external = ExternalData {
            file_name: data_file,
            bytes: Vec::new(),
        };
        let mut graph = Message::default();
        for (index, node) in self.nodes.into_iter().enumerate() {
            graph.message(1, node.into_message(index));
        }
        graph.string(2, self.name);
        for tensor in self.tensors {
            graph.message(5, tensor.into_message(&mut external));
        }
        for port in self.inputs {
            graph.message(11, port.into_message());
        }
        for port in self.outputs {
            graph.message(12, port.into_message());
        }

        let mut model = Message::default();
        model.int(1, IR_VERSION).string(2, producer).message(7, graph);
        for (domain, version) in [("", opset), (MICROSOFT, 1)] {
            let mut operators = Message::default();
            operators.string(1, domain).int(2, version);
            model.message(8, operators);
        }
        Model {
            graph: model.into_bytes(),
            data: external.bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(name: &str, size: usize, value: u8) -> Tensor {
        Tensor {
            name: name.to_owned(),
            element_type: ElementType::Uint8,
            shape: vec![size],
            data: vec![value; size],
        }
    }

    fn contains(bytes: &[u8], part: &[u8]) -> bool {
        bytes.windows(part.len()).any(|window| window == part)
    }

    #[test]
    fn large_constants_lie_aligned_in_the_data_file_and_small_ones_in_the_graph() {
        let tensors = vec![
            tensor("first", ALIGNMENT + 1, 7),
            tensor("small", 3, 8),
            tensor("second", ALIGNMENT, 9),
        ];
        let graph = Graph {
            tensors,
            ..Graph::default()
        };
        let model = graph.into_model(17, "test", "weights");

        assert_eq!(model.data.len(), 3 * ALIGNMENT);
        assert_eq!(model.data[..=ALIGNMENT], [7; ALIGNMENT + 1]);
        assert!(
            model.data[ALIGNMENT + 1..2 * ALIGNMENT]
                .iter()
                .all(|&byte| byte == 0)
        );
        assert_eq!(model.data[2 * ALIGNMENT..], [9; ALIGNMENT]);

        assert!(model.graph.len() < ALIGNMENT, "the graph has no large constant");
        assert!(
            contains(&model.graph, b"small\x4a\x03\x08\x08\x08"),
            "raw_data, field 9"
        );
        assert!(contains(&model.graph, b"\x08location\x12\x07weights"));
        assert!(contains(&model.graph, b"\x06offset\x12\x06131072"));
        assert!(contains(&model.graph, b"\x06length\x12\x0565537"));
    }
}
