//! A graph → a model file.

mod fields;
mod operators;
mod primitive;

use super::import::MAX_MODEL_BYTES;
use super::messages::{Attribute, GraphMessage, Model, Node, OperatorSet, data_type};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Location};
use crate::graph::{BinaryKind, Coordinates, Graph, NodeId, Op};
use crate::weights;
use fields::{float_tensor, int, value_info};
use primitive::primitive;
use prost::Message;
use std::collections::{HashMap, HashSet};

/// The version of the standard operators that is written, and the format's version that goes with it.
const OPSET: (i64, i64) = (17, 8);
/// The same where an interpolation needs it.
const LATER_OPSET: (i64, i64) = (19, 9);

/// Writes a verified graph as an ONNX model of operator set 17, or 19 where it has interpolations that 17 lacks, always the same bytes for the same graph. What the
/// passes fused is written out in primitive operators. Values are named after their nodes, the network's results
/// after its outputs; tensors keep their names.
///
/// # Errors
/// `RX0302` for each constant without a tensor, `RX0902` when the file would be longer than 2 GiB.
pub fn export(graph: &Graph) -> Result<Vec<u8>, Diagnostics> {
    let graph = primitive(graph)?;
    check_constants(&graph)?;
    let mut writer = Writer::new(&graph);
    for id in graph.order() {
        writer.node(id);
    }
    let (opset, ir_version) = writer.opset;
    let message = writer.finish();
    let model = Model {
        ir_version: Some(ir_version),
        producer_name: Some("rexnet".to_owned()),
        graph: Some(message),
        opset_import: vec![OperatorSet { domain: Some(String::new()), version: Some(opset) }],
        ..Model::default()
    };
    check_size(model.encoded_len())?;
    Ok(model.encode_to_vec())
}

/// Every constant has a tensor, and together they fit a file.
fn check_constants(graph: &Graph) -> Result<(), Diagnostics> {
    let tensors = weights::bound(graph)?;
    let bytes = tensors.iter().fold(0usize, |sum, (_, tensor)| sum.saturating_add(4 * tensor.len()));
    Ok(check_size(bytes)?)
}

fn check_size(bytes: usize) -> Result<(), Diagnostic> {
    if bytes < MAX_MODEL_BYTES {
        return Ok(());
    }
    Err(Diagnostic::new(Code::OnnxUnsupported, Location::None, "the model would be longer than 2 GiB")
        .with_help("write the weights as safetensors"))
}

/// The versions that have all that the graph needs.
fn opset(graph: &Graph) -> (i64, i64) {
    let is_later = |id: NodeId| match &graph.node(id).op {
        Op::Resize(resize) => resize.antialias || resize.coordinates == Coordinates::HalfPixelSymmetric,
        _ => false,
    };
    if graph.order().into_iter().any(is_later) { LATER_OPSET } else { OPSET }
}

struct Writer<'a> {
    graph: &'a Graph,
    /// The versions of the standard operators and of the format.
    opset: (i64, i64),
    /// The names of the values.
    names: HashMap<NodeId, String>,
    /// The names of the outputs.
    outputs: Vec<String>,
    taken: HashSet<String>,
    /// The names of small tensors that are arguments of operators, by dimensions and content.
    arguments: HashMap<(Vec<i64>, Vec<u8>), String>,
    message: GraphMessage,
}

impl<'a> Writer<'a> {
    fn new(graph: &'a Graph) -> Self {
        let name = if graph.name().is_empty() { "network" } else { graph.name() };
        let mut writer = Self {
            graph,
            opset: opset(graph),
            names: HashMap::new(),
            outputs: Vec::new(),
            taken: HashSet::new(),
            arguments: HashMap::new(),
            message: GraphMessage { name: Some(name.to_owned()), ..GraphMessage::default() },
        };
        let order = graph.order();
        let (leaves, inner): (Vec<NodeId>, Vec<NodeId>) =
            order.into_iter().partition(|&id| matches!(graph.node(id).op, Op::Input | Op::Constant));
        // The names that users see come first; whoever comes later gives way.
        for id in leaves {
            writer.name(id, &graph.node(id).name);
        }
        for output in graph.outputs() {
            let name = match writer.names.get(&output.node) {
                Some(own) if *own == output.name => own.clone(),
                Some(_) => writer.unique(&output.name),
                None if output.dims != graph.node(output.node).ty.dims => writer.unique(&output.name),
                None => writer.name(output.node, &output.name),
            };
            writer.outputs.push(name);
        }
        for id in inner {
            if !writer.names.contains_key(&id) {
                writer.name(id, &graph.node(id).name);
            }
        }
        writer
    }

    fn name(&mut self, id: NodeId, wanted: &str) -> String {
        let name = self.unique(wanted);
        self.names.insert(id, name.clone());
        name
    }

    fn unique(&mut self, wanted: &str) -> String {
        let wanted = if wanted.is_empty() { "value" } else { wanted };
        let mut name = wanted.to_owned();
        let mut number = 2u64;
        while !self.taken.insert(name.clone()) {
            name = format!("{wanted}.{number}");
            number += 1;
        }
        name
    }

    fn node(&mut self, id: NodeId) {
        let node = self.graph.node(id);
        match &node.op {
            Op::Input => self.message.input.push(value_info(&self.names[&id], &node.ty.dims)),
            Op::Constant => {
                if let Some(tensor) = self.graph.constant(&node.name) {
                    self.message.initializer.push(float_tensor(&self.names[&id], tensor));
                }
            }
            op => {
                let mut inputs: Vec<String> =
                    node.operands.iter().map(|operand| self.names[operand].clone()).collect();
                let (kind, attributes) = self.operator(id, op, &mut inputs);
                let output = self.names[&id].clone();
                match op {
                    Op::Binary(own) if own.is_truth() => {
                        let truth = self.unique(&format!("{output}.truth"));
                        self.push(kind, inputs, truth.clone(), attributes);
                        self.push("Cast", vec![truth], output, vec![int("to", data_type::FLOAT as usize)]);
                    }
                    Op::Binary(BinaryKind::Keep) => {
                        let truth = self.unique(&format!("{output}.truth"));
                        let to = vec![int("to", data_type::BOOL as usize)];
                        let value = inputs.swap_remove(0);
                        self.push("Cast", inputs, truth.clone(), to);
                        let zero = self.float(0.0);
                        self.push(kind, vec![truth, value, zero], output, attributes);
                    }
                    _ => self.push(kind, inputs, output, attributes),
                }
            }
        }
    }

    fn push(&mut self, kind: &str, input: Vec<String>, output: String, attribute: Vec<Attribute>) {
        self.message.node.push(Node {
            input,
            name: Some(output.clone()),
            output: vec![output],
            op_type: Some(kind.to_owned()),
            attribute,
            ..Node::default()
        });
    }

    /// The outputs. A value that is an input or has an output's name already gets an `Identity` for each other one, and
    /// one that users see under other extents a `Reshape`.
    fn finish(mut self) -> GraphMessage {
        for (output, name) in self.graph.outputs().iter().zip(std::mem::take(&mut self.outputs)) {
            self.message.output.push(value_info(&name, &output.dims));
            let own = self.names[&output.node].clone();
            if output.dims != self.graph.node(output.node).ty.dims {
                let dims = self.integers(&output.dims);
                self.push("Reshape", vec![own, dims], name, Vec::new());
            } else if own != name {
                self.push("Identity", vec![own], name, Vec::new());
            }
        }
        self.message
    }
}
