//! The model as an ONNX graph: a post-norm BERT with a 4-bit word embedding and int8 linear layers.
//!
//! Inputs `input_ids` and `attention_mask`, both int64 of shape `[batch, tokens]`; output
//! `last_hidden_state`, f32 of shape `[batch, tokens, hidden]`. Pooling is the caller's.
//!
//! Activations are quantized with a scale of their own for each row (token), so a text's vector does not
//! depend on what else is in the batch.

use anyhow::Result;

use super::onnx::{Attribute, Dimension, ElementType, Graph, MICROSOFT, Node, Port, Tensor};
use super::quantize::{BLOCK, pair_neighbors, requantize, scale_bytes};
use super::weights::{Shape, WeightFile};

/// The version of the standard operators that the graph is written for.
pub(crate) const OPSET: i64 = 17;

/// The value that an output's largest weight is quantized to.
const LARGEST_WEIGHT: f32 = 127.0;

/// Builds the graph from the weight file.
pub(crate) fn graph(weights: &WeightFile) -> Result<Graph> {
    let mut builder = Builder {
        weights,
        shape: weights.shape,
        graph: Graph::default(),
        values: 0,
    };
    builder.graph.name = "multilingual-e5-small";
    for name in ["input_ids", "attention_mask"] {
        let shape = vec![Dimension::Named("batch"), Dimension::Named("tokens")];
        builder.graph.inputs.push(Port {
            name,
            element_type: ElementType::Int64,
            shape,
        });
    }
    let hidden = Dimension::Fixed(builder.shape.hidden);
    builder.graph.outputs.push(Port {
        name: "last_hidden_state",
        element_type: ElementType::Float,
        shape: vec![Dimension::Named("batch"), Dimension::Named("tokens"), hidden],
    });

    builder.constants();
    let mask = builder.cast("attention_mask", ElementType::Int32);
    let mut state = builder.embedding()?;
    for layer in 0..builder.shape.layers {
        state = builder.attention(layer, state, &mask)?;
        state = builder.feed_forward(layer, state)?;
    }
    builder.node("Identity", "", &[&state], "last_hidden_state".to_owned(), vec![]);
    Ok(builder.graph)
}

/// A quantized activation: the names of its uint8 values and of its rows' scales.
struct Quantized {
    values: String,
    scales: String,
}

/// The name that linear layers side by side share, such as `l3.qkv`.
fn joint_name(layer: usize, parts: &[&str]) -> String {
    format!("l{layer}.{}", parts.concat())
}

struct Builder<'a> {
    weights: &'a WeightFile,
    shape: Shape,
    graph: Graph,
    /// How many intermediate values have been named.
    values: usize,
}

impl Builder<'_> {
    /// Small constants that every layer shares.
    fn constants(&mut self) {
        self.floats("one", &[], &[1.0]);
        self.floats("quantized_largest", &[], &[1.0 / 127.0]);
        self.floats("quantized_middle", &[], &[128.5]);
        self.tensor("zero_point", ElementType::Uint8, vec![], vec![128]);
    }

    /// Word, position and token-type embeddings, normalized: f32 `[batch, tokens, hidden]`.
    fn embedding(&mut self) -> Result<String> {
        let Shape {
            hidden,
            vocabulary,
            positions,
            ..
        } = self.shape;
        let blocks = self.weights.blocks("emb.word", vocabulary, hidden)?;
        let packed = blocks.iter().flat_map(pair_neighbors).collect();
        let scales = blocks.iter().flat_map(scale_bytes).collect();
        self.tensor(
            "emb.word",
            ElementType::Uint8,
            vec![vocabulary, hidden / 2],
            packed,
        );
        self.tensor(
            "emb.word.scales",
            ElementType::Float16,
            vec![vocabulary, hidden / BLOCK],
            scales,
        );
        let words = self.value();
        let attributes = vec![
            ("bits", Attribute::Int(4)),
            ("block_size", Attribute::Int(BLOCK as i64)),
            ("gather_axis", Attribute::Int(0)),
            ("quantize_axis", Attribute::Int(1)),
        ];
        self.node(
            "GatherBlockQuantized",
            MICROSOFT,
            &["emb.word", "input_ids", "emb.word.scales"],
            words.clone(),
            attributes,
        );
        let words = self.cast(&words, ElementType::Float);

        // Every token is of type 0, so its embedding is part of each position's.
        let mut table = self.weights.floats("emb.pos", positions * hidden)?;
        let types = self.weights.floats("emb.type", 2 * hidden)?;
        for row in table.chunks_exact_mut(hidden) {
            for (value, addend) in row.iter_mut().zip(&types) {
                *value += addend;
            }
        }
        self.floats("emb.pos", &[positions, hidden], &table);
        self.ints("zero", &[0]);
        let shape = self.standard("Shape", &["input_ids"], vec![]);
        self.ints("tokens_axis", &[1]);
        let tokens = self.standard(
            "Gather",
            &[&shape, "tokens_axis"],
            vec![("axis", Attribute::Int(0))],
        );
        let places = self.standard("Slice", &["emb.pos", "zero", &tokens, "zero"], vec![]);
        let sum = self.standard("Add", &[&words, &places], vec![]);

        let norm = self.norm_weights("emb.ln")?;
        let attributes = vec![("axis", Attribute::Int(-1)), self.epsilon()];
        Ok(self.standard("LayerNormalization", &[&sum, &norm.0, &norm.1], attributes))
    }

    /// Self-attention and its residual: f32 `[batch, tokens, hidden]`.
    fn attention(&mut self, layer: usize, state: String, mask: &str) -> Result<String> {
        let Shape { hidden, heads, .. } = self.shape;
        let input = self.quantize(&state);
        let parts = ["q", "k", "v"];
        let projections = self.product(&input, layer, &parts, hidden, hidden)?;
        let bias = self.bias(layer, &parts, hidden)?;
        let [query, key, value] = self.split(projections);
        let context = self.value();
        let attributes = vec![("num_heads", Attribute::Int(heads as i64))];
        self.node(
            "MultiHeadAttention",
            MICROSOFT,
            &[&query, &key, &value, &bias, mask],
            context.clone(),
            attributes,
        );

        let context = self.quantize(&context);
        let output = self.product(&context, layer, &["ao"], hidden, hidden)?;
        self.add_and_norm(layer, "ao", "aln", &output, &state)
    }

    /// The two feed-forward layers with their residual: f32 `[batch, tokens, hidden]`.
    fn feed_forward(&mut self, layer: usize, state: String) -> Result<String> {
        let Shape {
            hidden, feed_forward, ..
        } = self.shape;
        let input = self.quantize(&state);
        let inner = self.product(&input, layer, &["fi"], hidden, feed_forward)?;
        let bias = self.bias(layer, &["fi"], feed_forward)?;
        let activated = self.value();
        self.node("BiasGelu", MICROSOFT, &[&inner, &bias], activated.clone(), vec![]);

        let activated = self.quantize(&activated);
        let output = self.product(&activated, layer, &["fo"], feed_forward, hidden)?;
        self.add_and_norm(layer, "fo", "oln", &output, &state)
    }

    /// Quantizes each row x around 128: values trunc(127 x / max|x| + 128.5), scale max|x| / 127.
    fn quantize(&mut self, input: &str) -> Quantized {
        let magnitude = self.standard("Abs", &[input], vec![]);
        let largest = self.standard(
            "ReduceMax",
            &[&magnitude],
            vec![
                ("axes", Attribute::Ints(vec![-1])),
                ("keepdims", Attribute::Int(1)),
            ],
        );
        let scales = self.standard("Mul", &[&largest, "quantized_largest"], vec![]);
        let inverse = self.standard("Reciprocal", &[&scales], vec![]);
        let scaled = self.standard("Mul", &[input, &inverse], vec![]);
        let shifted = self.standard("Add", &[&scaled, "quantized_middle"], vec![]);
        let values = self.cast(&shifted, ElementType::Uint8);
        Quantized { values, scales }
    }

    /// The linear layers `parts` without their biases, side by side: f32
    /// `[batch, tokens, parts.len() * outputs]`.
    ///
    /// One wide product costs less to open and to run than several narrow ones, and each output has a scale
    /// of its own either way.
    fn product(
        &mut self,
        input: &Quantized,
        layer: usize,
        parts: &[&str],
        inputs: usize,
        outputs: usize,
    ) -> Result<String> {
        let mut blocks = Vec::new();
        for part in parts {
            let name = format!("l{layer}.{part}.w");
            blocks.extend_from_slice(self.weights.blocks(&name, outputs, inputs)?);
        }
        let outputs = parts.len() * outputs;
        let linear = requantize(&blocks, outputs, LARGEST_WEIGHT);
        let name = joint_name(layer, parts);
        let (weights, scales) = (format!("{name}.w"), format!("{name}.scales"));
        let bytes = linear.values.iter().map(|value| value.cast_unsigned()).collect();
        self.tensor(&weights, ElementType::Int8, vec![inputs, outputs], bytes);
        self.floats(&scales, &[outputs], &linear.scales);
        let product = self.value();
        let operands = [&input.values, &weights, "one", &scales, "zero_point"];
        self.node(
            "MatMulIntegerToFloat",
            MICROSOFT,
            &operands,
            product.clone(),
            vec![],
        );
        Ok(self.standard("Mul", &[&product, &input.scales], vec![]))
    }

    /// The biases of the linear layers `parts`, one after the other; returns the constant's name.
    fn bias(&mut self, layer: usize, parts: &[&str], outputs: usize) -> Result<String> {
        let mut values = Vec::new();
        for part in parts {
            values.extend(self.weights.floats(&format!("l{layer}.{part}.b"), outputs)?);
        }
        let name = joint_name(layer, parts) + ".b";
        self.floats(&name, &[values.len()], &values);
        Ok(name)
    }

    /// `input` cut into equal parts along its last axis.
    fn split<const N: usize>(&mut self, input: String) -> [String; N] {
        let outputs = std::array::from_fn(|_| self.value());
        self.graph.nodes.push(Node {
            operator: "Split",
            domain: "",
            inputs: vec![input],
            outputs: outputs.to_vec(),
            attributes: vec![("axis", Attribute::Int(-1))],
        });
        outputs
    }

    /// `input` plus the bias of `linear` plus `residual`, normalized by `norm`.
    fn add_and_norm(
        &mut self,
        layer: usize,
        linear: &str,
        norm: &str,
        input: &str,
        residual: &str,
    ) -> Result<String> {
        let bias = self.bias(layer, &[linear], self.shape.hidden)?;
        let norm = self.norm_weights(&format!("l{layer}.{norm}"))?;
        let output = self.value();
        let operands = [input, residual, &norm.0, &norm.1, &bias];
        let attributes = vec![self.epsilon()];
        self.node(
            "SkipLayerNormalization",
            MICROSOFT,
            &operands,
            output.clone(),
            attributes,
        );
        Ok(output)
    }

    fn norm_weights(&mut self, name: &str) -> Result<(String, String)> {
        let hidden = self.shape.hidden;
        let names = (format!("{name}.w"), format!("{name}.b"));
        for name in [&names.0, &names.1] {
            let values = self.weights.floats(name, hidden)?;
            self.floats(name, &[hidden], &values);
        }
        Ok(names)
    }

    fn epsilon(&self) -> (&'static str, Attribute) {
        ("epsilon", Attribute::Float(self.shape.layer_norm_epsilon))
    }

    fn cast(&mut self, input: &str, to: ElementType) -> String {
        self.standard("Cast", &[input], vec![("to", Attribute::Int(to as i64))])
    }

    /// Adds an operator of the standard with one output, and returns that output's name.
    fn standard(
        &mut self,
        operator: &'static str,
        inputs: &[&str],
        attributes: Vec<(&'static str, Attribute)>,
    ) -> String {
        let output = self.value();
        self.node(operator, "", inputs, output.clone(), attributes);
        output
    }

    fn node(
        &mut self,
        operator: &'static str,
        domain: &'static str,
        inputs: &[&str],
        output: String,
        attributes: Vec<(&'static str, Attribute)>,
    ) {
        let inputs = inputs.iter().map(|&name| name.to_owned()).collect();
        self.graph.nodes.push(Node {
            operator,
            domain,
            inputs,
            outputs: vec![output],
            attributes,
        });
    }

    /// A name for an intermediate value.
    fn value(&mut self) -> String {
        self.values += 1;
        format!("v{}", self.values)
    }

    fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        let data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensor(name, ElementType::Float, shape.to_vec(), data);
    }

    fn ints(&mut self, name: &str, values: &[i64]) {
        let data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensor(name, ElementType::Int64, vec![values.len()], data);
    }

    fn tensor(&mut self, name: &str, element_type: ElementType, shape: Vec<usize>, data: Vec<u8>) {
        self.graph.tensors.push(Tensor {
            name: name.to_owned(),
            element_type,
            shape,
            data,
        });
    }
}
