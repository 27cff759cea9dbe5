//! A model file → a graph.

use super::check::Checking;
use super::constant::{Constant, EXTERNAL, Elements, ExternalFiles, TensorFault, placeholder, read};
use super::extents::{Extents, ImportOptions};
use super::faults::Faults;
use super::messages::{
    Function, GraphMessage, Model, Node, OperatorSet, TensorMessage, ValueInfo, data_type,
};
use super::nodes::node_name;
use super::{functions, limits, operators};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Location};
use crate::file_kind::FileKind;
use crate::graph::{Graph, NodeId, Op};
use bytes::Bytes;
use prost::Message;
use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// The largest model file that is read, in bytes: what protobuf allows.
pub const MAX_MODEL_BYTES: usize = 2 << 30;
/// The first and last version of the standard operators that are covered.
pub(super) const OPSETS: RangeInclusive<i64> = 1..=28;
/// How many elements may be computed while importing, beyond some copies of the stored ones.
const COMPUTED_ELEMENTS: usize = 1 << 20;

/// How many elements may be computed for each tensor whose content is not read.
const UNREAD_ELEMENTS: usize = 1 << 22;

/// What a name stands for.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A value that the network computes.
    Node(NodeId),
    /// One with its axes in another order: axis `i` is that axis of the node which stands at `i`.
    Transposed(NodeId, Arc<[usize]>),
    /// The elements of one in row-major order under extents that no tensor of the graph has: more than four, or none.
    Split(NodeId, Arc<[usize]>),
    /// Truth values that the network computes, as 1 and 0.
    Truth(NodeId),
    /// One without its fractions, of an integer type: floats that only a cast takes.
    Whole(NodeId),
    /// The parts of one that the network computes.
    Sequence(Parts),
    /// Where a maximum pooling found its values.
    Maxima(Maxima),
    /// A value known now; the name is that of the tensor.
    Constant(Arc<str>, Constant),
    /// The result of a node that was refused: whoever uses it is not at fault.
    Unknown,
}

/// A tensor cut along an axis; the sizes, all positive, make up its extent.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) whole: NodeId,
    /// The extents of the whole.
    pub(super) dims: Arc<[usize]>,
    pub(super) axis: usize,
    pub(super) sizes: Arc<[usize]>,
    /// Whether the parts, of one element each then, have the axis at all.
    pub(super) keeps_axis: bool,
}

/// The places of a map that a maximum pooling chose.
#[derive(Clone, Debug)]
pub(super) struct Maxima {
    /// What was pooled.
    pub(super) map: NodeId,
    /// Its extents.
    pub(super) dims: Arc<[usize]>,
    /// Along each axis of the map.
    pub(super) windows: operators::Windows,
}

/// Reads a model. `external` gives the content of a file beside the model; it is called with plain relative
/// paths only.
///
/// Large weights stay where they are: the graph keeps the files' content and reads it on demand. Memory stays within a
/// small multiple of the files' length, and time is linear in it: what a few bytes could
/// multiply is counted and refused beyond a limit.
///
/// # Errors
/// All that is found: `RX0901` when the file does not read, `RX0902` for each node, attribute or extent that is
/// not covered, `RX0903` for each inconsistency, `RX0904` for external data, `RX0905` for a quantised model.
pub fn import(
    file: impl Into<Bytes>,
    external: &mut dyn FnMut(&str) -> Result<Bytes, String>,
    options: &ImportOptions,
) -> Result<Graph, Diagnostics> {
    let model = decode(file.into())?;
    let Importer { mut graph, faults, .. } = Importer::read(model, external, options, None)?;
    faults.finish()?;
    graph.edit().remove_dead();
    graph.verify()?;
    Ok(graph)
}

/// The names of a model's inputs, without those that are initialisers.
///
/// # Errors
/// `RX0901` when the file does not read.
pub fn input_names(file: impl Into<Bytes>) -> Result<Vec<String>, Diagnostic> {
    let graph = decode(file.into())?.graph.ok_or_else(|| unreadable("the file has no graph"))?;
    let initialised: HashSet<&str> =
        graph.initializer.iter().filter_map(|tensor| tensor.name.as_deref()).collect();
    let names = graph.input.iter().filter_map(|input| input.name.clone());
    Ok(names.filter(|name| !initialised.contains(name.as_str())).collect())
}

fn whole(code: Code, cause: impl Into<String>) -> Diagnostic {
    Diagnostic::new(code, Location::None, cause)
}

fn unreadable(cause: impl Into<String>) -> Diagnostic {
    whole(Code::OnnxFormat, cause).with_help("give a complete .onnx file")
}

pub(super) fn decode(file: Bytes) -> Result<Model, Diagnostic> {
    if file.len() > MAX_MODEL_BYTES {
        return Err(unreadable("the file is longer than 2 GiB"));
    }
    if limits::decoded_bytes(&file) > limits::allowed_bytes(file.len()) {
        return Err(unreadable("the file consists of empty messages, more than any model has"));
    }
    let length = file.len();
    let beginning = file.slice(..length.min(1 << 16));
    match Model::decode(file.clone()) {
        Ok(model) if model.graph.is_some() => Ok(model),
        result => Err(match (FileKind::of(&beginning), limits::needed_bytes(&file), result) {
            (Some(kind), _, _) if kind.what != "an ONNX model" => {
                let cause = format!("the file is no ONNX model but {}", kind.what);
                whole(Code::OnnxFormat, cause).with_help(kind.way_out)
            }
            (_, Some(needed), _) => unreadable(format!(
                "the file is no ONNX model, or only the beginning of one: it has {length} bytes, {needed} are needed"
            )),
            (_, None, Err(error)) => unreadable(format!("the file is no ONNX model: {error}")),
            (_, None, Ok(_)) => unreadable("the file has no graph"),
        }),
    }
}

/// The version of the standard operators, where one is imported.
pub(super) fn standard_version(imports: &[OperatorSet]) -> Option<i64> {
    let standard = |set: &&OperatorSet| matches!(set.domain.as_deref(), None | Some("" | "ai.onnx"));
    imports.iter().find(standard).and_then(|set| set.version)
}

fn opset(imports: &[OperatorSet]) -> Result<i64, Diagnostic> {
    match standard_version(imports) {
        Some(version) if OPSETS.contains(&version) => Ok(version),
        Some(version) => {
            let (first, last) = (OPSETS.start(), OPSETS.end());
            let cause = format!("operator set {version} is not within {first} to {last}");
            let help = "export the model again with another opset_version";
            Err(whole(Code::OnnxUnsupported, cause).with_help(help))
        }
        None => {
            // A model of other operators alone is well formed.
            let code = if imports.is_empty() { Code::OnnxInvalid } else { Code::OnnxUnsupported };
            Err(whole(code, "the model imports no standard operator set"))
        }
    }
}

pub(super) struct Importer<'a> {
    pub(super) graph: Graph,
    pub(super) values: HashMap<String, Value>,
    pub(super) faults: Faults,
    /// What is found about each node, where nothing but that is asked for.
    pub(super) checking: Option<Checking>,
    /// The extents that the model states of values between its nodes and of its outputs; negative where it leaves one open.
    pub(super) declared: HashMap<String, Vec<i64>>,
    /// The constant nodes of named constants.
    bound: HashMap<Arc<str>, NodeId>,
    /// The nodes that depend on no input.
    pub(super) without_input: HashSet<NodeId>,
    /// How many elements may still be computed.
    allowance: usize,
    files: ExternalFiles<'a>,
}

impl<'a> Importer<'a> {
    /// Brings in a whole model as far as it is covered; the faults tell the rest.
    pub(super) fn read(
        model: Model,
        external: &'a mut dyn FnMut(&str) -> Result<Bytes, String>,
        options: &ImportOptions,
        checking: Option<Checking>,
    ) -> Result<Self, Diagnostic> {
        let mut message = model.graph.ok_or_else(|| unreadable("the file has no graph"))?;
        let opset = opset(&model.opset_import)?;
        let name = message.name.take().filter(|name| !name.is_empty()).unwrap_or_else(|| "onnx".to_owned());
        let mut importer = Importer {
            graph: Graph::new(name),
            values: HashMap::new(),
            faults: Faults::default(),
            checking,
            declared: declared(&message),
            bound: HashMap::new(),
            without_input: HashSet::new(),
            allowance: COMPUTED_ELEMENTS,
            files: ExternalFiles { read: external, cache: HashMap::new(), allowance: 0 },
        };
        importer.refuse_whole_model(&message, &model.functions);
        importer.refuse_arithmetic_on_bytes(&message);
        importer.leaves(&message, options);
        let outputs = message.output.iter().map(|output| output.name.clone().unwrap_or_default());
        let outputs: Vec<String> = outputs.collect();
        let inlined = functions::inline(message.node, &model.functions, opset);
        for (call, cause) in inlined.refused {
            importer.refuse(&call, opset, &cause);
            importer.end_node(&call, opset, false);
            importer.forget(&call);
        }
        importer.nodes(&inlined.nodes, &outputs);
        importer.outputs(&outputs);
        Ok(importer)
    }

    pub(super) fn fault(&mut self, code: Code, name: &str, cause: impl AsRef<str>) {
        self.faults.push(code, name, cause.as_ref());
    }

    /// Counts elements that are about to be computed.
    pub(super) fn charge(&mut self, elements: usize) -> Result<(), String> {
        let rest = self.allowance.checked_sub(elements);
        self.allowance = rest.ok_or("what is computed from constants alone is too large")?;
        Ok(())
    }

    fn refuse_whole_model(&mut self, message: &GraphMessage, functions: &[Function]) {
        let of_functions = functions.iter().flat_map(|function| &function.node);
        let quantised = message.node.iter().chain(of_functions).find(|node| operators::is_quantised(node));
        if let Some(node) = quantised {
            let op = node.op_type.as_deref().unwrap_or("");
            if self.checking.is_none() {
                self.fault(
                    Code::OnnxQuantised,
                    node_name(node),
                    format!("{op} belongs to a quantised model"),
                );
            }
        } else if let Some(annotation) = message.quantization_annotation.first() {
            let name = annotation.tensor_name.as_deref().unwrap_or("");
            self.fault(Code::OnnxQuantised, name, "the tensor carries quantisation parameters");
        }
        for sparse in &message.sparse_initializer {
            let name = sparse.values.as_ref().and_then(|values| values.name.as_deref()).unwrap_or("");
            self.fault(Code::OnnxUnsupported, name, "sparse initialisers are not supported");
            self.define(name, Value::Unknown);
        }
        if message.output.is_empty() {
            self.fault(Code::OnnxInvalid, "graph", "the graph has no output");
        }
    }

    /// Bytes are read as floats, so nothing but a cast may take them: arithmetic on bytes wraps.
    fn refuse_arithmetic_on_bytes(&mut self, message: &GraphMessage) {
        let is_bytes = |input: &&ValueInfo| {
            let tensor = input.r#type.as_ref().and_then(|ty| ty.tensor_type.as_ref());
            tensor.and_then(|tensor| tensor.elem_type) == Some(data_type::UINT8)
        };
        let bytes: HashSet<&str> =
            message.input.iter().filter(is_bytes).filter_map(|input| input.name.as_deref()).collect();
        if bytes.is_empty() {
            return;
        }
        let takes_bytes = |node: &&Node| node.input.iter().any(|input| bytes.contains(input.as_str()));
        let is_cast = |node: &Node| matches!(node.op_type.as_deref(), Some("Cast" | "Shape"));
        let faults: Vec<String> = message
            .node
            .iter()
            .filter(takes_bytes)
            .filter(|node| !is_cast(node))
            .map(|node| node_name(node).to_owned())
            .collect();
        for name in faults {
            self.fault(Code::OnnxUnsupported, &name, "it takes an input of type uint8; a Cast to float may");
        }
        let outputs = message.output.iter().filter_map(|output| output.name.as_deref());
        let direct: Vec<&str> = outputs.filter(|name| bytes.contains(name)).collect();
        for name in direct {
            self.fault(Code::OnnxUnsupported, name, "the output is an input of type uint8");
        }
    }

    /// Reads a stored tensor, reporting what is wrong with it.
    pub(super) fn tensor(&mut self, name: &str, tensor: &TensorMessage) -> Option<Constant> {
        if self.checking.is_some() && tensor.data_location == Some(EXTERNAL) {
            let placeholder = placeholder(tensor)?;
            self.allowance += placeholder.len().min(UNREAD_ELEMENTS);
            return Some(placeholder);
        }
        let (code, cause) = match read(tensor, &mut self.files) {
            Ok(constant) => {
                if matches!(constant.elements(), Elements::Floats(_)) {
                    self.allowance += 4 * constant.len();
                }
                return Some(constant);
            }
            Err(TensorFault::Invalid(cause)) => (Code::OnnxInvalid, cause),
            Err(TensorFault::Unsupported(cause)) => (Code::OnnxUnsupported, cause),
            Err(TensorFault::External(cause)) => (Code::OnnxExternal, cause),
        };
        self.fault(code, name, cause);
        None
    }

    /// Initialisers and inputs. An initialiser that is also listed as an input is a constant.
    fn leaves(&mut self, message: &GraphMessage, options: &ImportOptions) {
        for tensor in &message.initializer {
            let name = tensor.name.as_deref().unwrap_or("");
            let constant = self.tensor(name, tensor);
            self.define(name, constant.map_or(Value::Unknown, |c| Value::Constant(name.into(), c)));
        }
        let is_given = |input: &&ValueInfo| !self.values.contains_key(input.name.as_deref().unwrap_or(""));
        let extents = Extents::new(&message.input.iter().filter(is_given).collect::<Vec<_>>(), options);
        for (name, cause) in &extents.faults {
            self.fault(Code::RunArguments, name, cause);
        }
        let mut seen = HashSet::new();
        for input in &message.input {
            let name = input.name.as_deref().unwrap_or("");
            if !seen.insert(name) {
                self.fault(Code::OnnxInvalid, name, "two inputs have this name");
            } else if !self.values.contains_key(name) {
                let value = self.input(name, &extents);
                self.define(name, value);
            }
        }
        if !self.values.values().any(|value| !matches!(value, Value::Constant(..))) {
            self.fault(Code::OnnxUnsupported, "graph", "the graph has no input");
        }
    }

    fn input(&mut self, name: &str, extents: &Extents<'_>) -> Value {
        let dims = extents.dims(name);
        match dims.and_then(|dims| self.graph.edit().input(name, &dims).map_err(|fault| fault.cause)) {
            Ok(id) => Value::Node(id),
            Err(cause) => {
                self.fault(Code::OnnxUnsupported, name, cause);
                Value::Unknown
            }
        }
    }

    fn define(&mut self, name: &str, value: Value) {
        if name.is_empty() {
            self.fault(Code::OnnxInvalid, "", "a value has no name");
        } else if self.values.insert(name.to_owned(), value).is_some() {
            self.fault(Code::OnnxInvalid, name, "the name is defined twice");
        }
    }

    fn outputs(&mut self, names: &[String]) {
        let mut seen = HashSet::new();
        for name in names {
            if !seen.insert(name) {
                self.fault(Code::OnnxInvalid, name, "two outputs have this name");
                continue;
            }
            if let Some(mut value) = self.values.get(name).cloned()
                && let Err(cause) = self.settle(name, &mut value)
            {
                self.fault(Code::OnnxUnsupported, name, cause);
            }
            // What was computed from constants alone stays a node where it is an answer.
            let computed = self.graph.find(name).filter(|id| self.without_input.contains(id));
            match self.values.get(name) {
                Some(Value::Constant(..)) if let Some(id) = computed => {
                    self.graph.edit().output(name, id);
                }
                Some(&(Value::Node(id) | Value::Truth(id))) if self.graph.node(id).op != Op::Constant => {
                    self.graph.edit().output(name, id);
                }
                Some(Value::Split(id, dims)) if self.graph.node(*id).op != Op::Constant => {
                    self.graph.edit().output_as(name, *id, dims.to_vec());
                }
                Some(Value::Node(_) | Value::Truth(_) | Value::Split(..) | Value::Constant(..)) => {
                    self.fault(Code::OnnxUnsupported, name, "the output is a constant");
                }
                Some(Value::Sequence(_)) => {
                    self.fault(Code::OnnxUnsupported, name, "the output is a sequence");
                }
                Some(Value::Whole(..)) => {
                    self.fault(Code::OnnxUnsupported, name, "the output is computed and of integers");
                }
                Some(Value::Maxima(_)) => {
                    self.fault(Code::OnnxUnsupported, name, "the output is a list of places of maxima");
                }
                Some(Value::Transposed(..) | Value::Unknown) => {}
                None => self.fault(Code::OnnxInvalid, name, "the output is never defined"),
            }
        }
    }

    /// A value as a node of the graph; constants become constant nodes, one a name.
    pub(super) fn node_of(&mut self, value: &Value) -> Result<NodeId, String> {
        match value {
            Value::Node(id) => Ok(*id),
            Value::Constant(name, constant) => {
                if let Some(&id) = self.bound.get(name) {
                    return Ok(id);
                }
                let id = self.constant_node(name, constant)?;
                self.bound.insert(name.clone(), id);
                Ok(id)
            }
            Value::Transposed(..)
            | Value::Split(..)
            | Value::Truth(_)
            | Value::Whole(_)
            | Value::Sequence(_)
            | Value::Maxima(_)
            | Value::Unknown => Err("an input is not known".to_owned()),
        }
    }

    /// A new constant node.
    pub(super) fn constant_node(&mut self, name: &str, constant: &Constant) -> Result<NodeId, String> {
        let Elements::Floats(floats) = constant.elements() else {
            return Err("an integer tensor is used as data".to_owned());
        };
        let dims = if constant.dims().is_empty() { vec![1] } else { constant.dims().to_vec() };
        let tensor = floats.reshaped(dims).ok_or("a tensor's length does not fit its dimensions")?;
        self.graph.edit().bound_constant(name, tensor).map_err(|fault| fault.cause)
    }
}

/// The extents of values that the model states.
fn declared(message: &GraphMessage) -> HashMap<String, Vec<i64>> {
    let extents = |value: &ValueInfo| {
        let shape = value.r#type.as_ref()?.tensor_type.as_ref()?.shape.as_ref()?;
        let extents = shape.dim.iter().map(|dim| dim.dim_value.unwrap_or(-1)).collect();
        Some((value.name.clone()?, extents))
    };
    message.value_info.iter().chain(&message.output).filter_map(extents).collect()
}
