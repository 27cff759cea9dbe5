//! A model file → a graph.

use super::attributes::Attributes;
use super::constant::{Constant, Elements, ExternalFiles, TensorFault, read};
use super::functions;
use super::messages::{GraphMessage, Model, Node, TensorMessage, ValueInfo, data_type};
use super::operators;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Location};
use crate::graph::{Graph, NodeId, Op, Tensor};
use prost::Message;
use std::collections::{HashMap, HashSet, VecDeque};

/// The largest model file that is read, in bytes: what protobuf allows.
pub const MAX_MODEL_BYTES: usize = 2 << 30;
/// The first and last version of the standard operators that are covered.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=28;

/// How to import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportOptions {
    /// What a dynamic first extent of an input becomes; at least 1.
    pub batch: usize,
}

/// What a name stands for while importing.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A value that the network computes.
    Node(NodeId),
    /// A value known now; the name is that of the tensor.
    Constant(String, Constant),
    /// The result of a node that was refused: whoever uses it is not at fault.
    Unknown,
}

/// Reads a model. `external` gives the content of a file beside the model; it is called with plain relative
/// paths only.
///
/// # Errors
/// All that is found: `RX0901` when the file does not read, `RX0902` for each node, attribute or extent that is
/// not covered, `RX0903` for each inconsistency, `RX0904` for external data, `RX0905` for a quantised model.
pub fn import(
    file: &[u8],
    external: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    options: &ImportOptions,
) -> Result<Graph, Diagnostics> {
    if file.len() > MAX_MODEL_BYTES {
        return Err(Diagnostic::new(Code::OnnxFormat, Location::None, "the file is longer than 2 GiB").into());
    }
    let model = Model::decode(file).map_err(|error| {
        Diagnostic::new(Code::OnnxFormat, Location::None, format!("the file is no ONNX model: {error}"))
            .with_help("give a complete .onnx file")
    })?;
    let Some(message) = model.graph else {
        return Err(Diagnostic::new(Code::OnnxFormat, Location::None, "the file has no graph")
            .with_help("give a complete .onnx file")
            .into());
    };
    let opset = opset(&model.opset_import)?;
    let mut importer = Importer {
        graph: Graph::new(
            message.name.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| "onnx".to_owned()),
        ),
        values: HashMap::new(),
        faults: Diagnostics::default(),
        opset,
        files: ExternalFiles { read: external, cache: HashMap::new() },
    };
    importer.refuse_whole_model(&message, &model.functions);
    importer.leaves(&message, options);
    let names: Vec<(String, &ValueInfo)> =
        message.output.iter().map(|output| (output.name.clone().unwrap_or_default(), output)).collect();
    match functions::inline(message.node, &model.functions) {
        Ok(nodes) => importer.nodes(nodes),
        Err(cause) => importer.fault(Code::OnnxUnsupported, "functions", cause),
    }
    for (name, _) in &names {
        importer.output(name);
    }
    let Importer { mut graph, faults, .. } = importer;
    faults.into_result(())?;
    graph.edit().remove_dead();
    graph.verify()?;
    Ok(graph)
}

/// The version of the standard operators.
fn opset(imports: &[super::messages::OperatorSet]) -> Result<i64, Diagnostic> {
    let standard = imports.iter().find(|set| matches!(set.domain.as_deref(), None | Some("" | "ai.onnx")));
    match standard.and_then(|set| set.version) {
        Some(version) if OPSETS.contains(&version) => Ok(version),
        Some(version) => Err(Diagnostic::new(
            Code::OnnxUnsupported,
            Location::None,
            format!("operator set {version} is not within {} to {}", OPSETS.start(), OPSETS.end()),
        )
        .with_help("export the model again with another opset_version")),
        None => Err(Diagnostic::new(
            Code::OnnxInvalid,
            Location::None,
            "the model imports no standard operator set",
        )),
    }
}

pub(super) struct Importer<'a> {
    pub(super) graph: Graph,
    pub(super) values: HashMap<String, Value>,
    faults: Diagnostics,
    pub(super) opset: i64,
    files: ExternalFiles<'a>,
}

impl Importer<'_> {
    pub(super) fn fault(&mut self, code: Code, name: &str, cause: impl Into<String>) {
        self.faults.push(Diagnostic::new(code, Location::Name(name.to_owned()), cause));
    }

    fn refuse_whole_model(&mut self, message: &GraphMessage, functions: &[super::messages::Function]) {
        const QUANTISED: &[&str] = &[
            "QuantizeLinear",
            "DequantizeLinear",
            "DynamicQuantizeLinear",
            "QLinearConv",
            "QLinearMatMul",
            "ConvInteger",
            "MatMulInteger",
        ];
        let of_functions = functions.iter().flat_map(|function| &function.node);
        let quantised = message.node.iter().chain(of_functions).find(|node| {
            node.op_type.as_deref().is_some_and(|op| QUANTISED.contains(&op) || op.starts_with("QLinear"))
        });
        if let Some(node) = quantised {
            let (name, op) = (node_name(node), node.op_type.clone().unwrap_or_default());
            self.fault(Code::OnnxQuantised, &name, format!("{op} belongs to a quantised model"));
        } else if let Some(annotation) = message.quantization_annotation.first() {
            let name = annotation.tensor_name.clone().unwrap_or_default();
            self.fault(Code::OnnxQuantised, &name, "the tensor carries quantisation parameters");
        }
        for sparse in &message.sparse_initializer {
            let name = sparse.values.as_ref().and_then(|values| values.name.clone()).unwrap_or_default();
            self.fault(Code::OnnxUnsupported, &name, "sparse initialisers are not covered");
        }
    }

    /// Reads a stored tensor, reporting what is wrong with it.
    pub(super) fn tensor(&mut self, name: &str, tensor: &TensorMessage) -> Option<Constant> {
        match read(tensor, &mut self.files) {
            Ok(constant) => Some(constant),
            Err(fault) => {
                let (code, cause) = match fault {
                    TensorFault::Invalid(cause) => (Code::OnnxInvalid, cause),
                    TensorFault::Unsupported(cause) => (Code::OnnxUnsupported, cause),
                    TensorFault::External(cause) => (Code::OnnxExternal, cause),
                };
                self.fault(code, name, cause);
                None
            }
        }
    }

    /// Initialisers and inputs. An initialiser that is also listed as an input is a constant.
    fn leaves(&mut self, message: &GraphMessage, options: &ImportOptions) {
        for tensor in &message.initializer {
            let name = tensor.name.clone().unwrap_or_default();
            let value =
                self.tensor(&name, tensor).map_or(Value::Unknown, |c| Value::Constant(name.clone(), c));
            self.define(&name, value);
        }
        for input in &message.input {
            let name = input.name.clone().unwrap_or_default();
            if matches!(self.values.get(&name), Some(Value::Constant(..) | Value::Unknown)) {
                continue;
            }
            let value = match input_dims(input, options) {
                Ok(dims) => match self.graph.edit().input(name.clone(), &dims) {
                    Ok(id) => Value::Node(id),
                    Err(fault) => {
                        self.fault(Code::OnnxInvalid, &name, fault.cause);
                        Value::Unknown
                    }
                },
                Err(cause) => {
                    self.fault(Code::OnnxUnsupported, &name, cause);
                    Value::Unknown
                }
            };
            self.define(&name, value);
        }
    }

    pub(super) fn define(&mut self, name: &str, value: Value) {
        if name.is_empty() {
            self.fault(Code::OnnxInvalid, "", "a value has no name");
        } else if self.values.insert(name.to_owned(), value).is_some() {
            self.fault(Code::OnnxInvalid, name, "the name is defined twice");
        }
    }

    /// All nodes, each after those that define its inputs, whatever their order in the file.
    fn nodes(&mut self, nodes: Vec<Node>) {
        let mut defined_by: HashMap<&str, usize> = HashMap::new();
        for (index, node) in nodes.iter().enumerate() {
            for output in node.output.iter().filter(|output| !output.is_empty()) {
                if self.values.contains_key(output) || defined_by.insert(output, index).is_some() {
                    self.faults.push(Diagnostic::new(
                        Code::OnnxInvalid,
                        Location::Name(output.clone()),
                        "the name is defined twice",
                    ));
                }
            }
        }
        let mut waiting: Vec<usize> = Vec::with_capacity(nodes.len());
        let mut users: HashMap<usize, Vec<usize>> = HashMap::new();
        for (index, node) in nodes.iter().enumerate() {
            let needed: HashSet<usize> =
                node.input.iter().filter_map(|input| defined_by.get(input.as_str()).copied()).collect();
            for &definer in &needed {
                users.entry(definer).or_default().push(index);
            }
            waiting.push(needed.len());
        }
        let mut ready: VecDeque<usize> = (0..nodes.len()).filter(|&index| waiting[index] == 0).collect();
        let mut done = 0;
        while let Some(index) = ready.pop_front() {
            done += 1;
            self.node(&nodes[index]);
            for &user in users.get(&index).map_or(&[][..], Vec::as_slice) {
                waiting[user] -= 1;
                if waiting[user] == 0 {
                    ready.push_back(user);
                }
            }
        }
        if done < nodes.len() {
            let stuck = waiting.iter().position(|&count| count > 0).unwrap_or(0);
            self.fault(Code::OnnxInvalid, &node_name(&nodes[stuck]), "the node is part of a cycle");
        }
    }

    fn node(&mut self, node: &Node) {
        let name = node_name(node);
        let op = node.op_type.clone().unwrap_or_default();
        let describe = |cause: &str, opset: i64| format!("{op} (opset {opset}): {cause}");
        let known = match node.domain.as_deref() {
            None | Some("" | "ai.onnx") => operators::find(&op),
            Some(_) => None,
        };
        let mut inputs = Vec::with_capacity(node.input.len());
        let mut unknown = false;
        for input in &node.input {
            if input.is_empty() {
                inputs.push(None);
                continue;
            }
            match self.values.get(input) {
                Some(Value::Unknown) => unknown = true,
                Some(value) => inputs.push(Some(value.clone())),
                None => {
                    self.fault(Code::OnnxInvalid, &name, format!("its input {input:?} is never defined"));
                    unknown = true;
                }
            }
        }
        let outcome = match known {
            None => {
                let domain =
                    node.domain.as_deref().filter(|domain| !domain.is_empty() && *domain != "ai.onnx");
                let cause = domain.map_or("the operator is not supported".to_owned(), |domain| {
                    format!("operators of domain {domain} are not supported")
                });
                Err(cause)
            }
            Some(operator) => match Attributes::of(node).unknown(operator.attributes) {
                Some(attribute) => Err(format!("attribute {attribute} is not known")),
                None if unknown => Ok(None),
                None => {
                    let mut call = operators::Call {
                        importer: self,
                        name: node.output.first().cloned().unwrap_or_default(),
                        inputs,
                        attributes: Attributes::of(node),
                        outputs: node.output.iter().filter(|output| !output.is_empty()).count(),
                    };
                    (operator.import)(&mut call).map(Some)
                }
            },
        };
        let results = match outcome {
            Ok(Some(results)) => results,
            Ok(None) => Vec::new(),
            Err(cause) => {
                let cause = describe(&cause, self.opset);
                self.fault(Code::OnnxUnsupported, &name, cause);
                Vec::new()
            }
        };
        let refused = results.is_empty();
        let mut results = results.into_iter();
        for output in node.output.iter().filter(|output| !output.is_empty()) {
            let value = results.next();
            if value.is_none() && !refused {
                let cause = describe(&format!("its output {output:?} is not supported"), self.opset);
                self.fault(Code::OnnxUnsupported, &name, cause);
            }
            // Names were checked for duplicates before.
            self.values.insert(output.clone(), value.unwrap_or(Value::Unknown));
        }
    }

    fn output(&mut self, name: &str) {
        match self.values.get(name) {
            Some(&Value::Node(id)) if self.graph.node(id).op == Op::Constant => {
                self.fault(Code::OnnxUnsupported, name, "the output is a constant");
            }
            Some(&Value::Node(id)) => {
                if self.graph.outputs().iter().any(|output| output.name == name) {
                    self.fault(Code::OnnxInvalid, name, "two outputs have this name");
                } else {
                    self.graph.edit().output(name, id);
                }
            }
            Some(Value::Constant(..)) => self.fault(Code::OnnxUnsupported, name, "the output is a constant"),
            Some(Value::Unknown) => {}
            None => self.fault(Code::OnnxInvalid, name, "the output is never defined"),
        }
    }

    /// A value as a node of the graph; constants become constant nodes, shared by name.
    pub(super) fn node_of(&mut self, value: &Value) -> Result<NodeId, String> {
        match value {
            Value::Node(id) => Ok(*id),
            Value::Constant(name, constant) => self.constant_node(name, constant),
            Value::Unknown => Err("an input is not known".to_owned()),
        }
    }

    /// A constant node of that name, or the one that already holds this very tensor.
    pub(super) fn constant_node(&mut self, name: &str, constant: &Constant) -> Result<NodeId, String> {
        let Elements::Floats(floats) = &constant.elements else {
            return Err("an integer tensor is used as data".to_owned());
        };
        let dims = if constant.dims.is_empty() { vec![1] } else { constant.dims.clone() };
        let tensor =
            Tensor::new(dims, floats.clone()).ok_or("a tensor's length does not fit its dimensions")?;
        if let Some(id) = self.graph.find(name)
            && self.graph.constant(name) == Some(&tensor)
        {
            return Ok(id);
        }
        self.graph.edit().bound_constant(name, tensor).map_err(|fault| fault.cause)
    }
}

/// A node's own name, else that of its first output.
fn node_name(node: &Node) -> String {
    let own = node.name.as_deref().filter(|name| !name.is_empty());
    own.or(node.output.first().map(String::as_str)).unwrap_or("unnamed node").to_owned()
}

fn input_dims(input: &ValueInfo, options: &ImportOptions) -> Result<Vec<usize>, String> {
    let tensor =
        input.r#type.as_ref().and_then(|ty| ty.tensor_type.as_ref()).ok_or("the input is no tensor")?;
    match tensor.elem_type.unwrap_or(0) {
        data_type::FLOAT => {}
        other => return Err(format!("the input is of type {}, not float", data_type::name(other))),
    }
    let shape = tensor.shape.as_ref().ok_or("the input has no shape")?;
    shape
        .dim
        .iter()
        .enumerate()
        .map(|(axis, dim)| match (dim.dim_value, dim.dim_param.as_deref()) {
            (Some(extent), _) if extent > 0 => {
                usize::try_from(extent).map_err(|_| format!("extent {extent} is too large"))
            }
            (Some(extent), _) if extent < 0 => Err(format!("the extent {extent} of axis {axis} is negative")),
            _ if axis == 0 => Ok(options.batch),
            (_, name) => {
                Err(format!("axis {axis} is dynamic ({}); only the batch may be", name.unwrap_or("unnamed")))
            }
        })
        .collect()
}
