//! ONNX messages: the part of the format that the embedded model's graph uses.
//!
//! Field numbers and enum values are those of `onnx.proto`.

use super::protobuf::Message;

/// The file format's version; 10 is what ONNX 1.16 introduced and every ONNX Runtime since 1.18 reads.
const IR_VERSION: i64 = 10;
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
    fn into_message(self) -> Message {
        let mut message = Message::default();
        message.packed_ints(1, &self.shape.iter().map(|&size| size as i64).collect::<Vec<_>>());
        message.int(2, self.element_type as i64);
        message.string(8, &self.name);
        message.bytes(9, &self.data);
        message
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

impl Graph {
    /// The bytes of an ONNX file with this graph, for the standard operators of version `opset`.
    pub(crate) fn into_model(self, opset: i64, producer: &str) -> Vec<u8> {
        let mut graph = Message::default();
        for (index, node) in self.nodes.into_iter().enumerate() {
            graph.message(1, node.into_message(index));
        }
        graph.string(2, self.name);
        for tensor in self.tensors {
            graph.message(5, tensor.into_message());
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
        model.into_bytes()
    }
}
