//! The operators that are imported: one row each, with the inputs and attributes that it may have. Elementwise functions
//! have theirs in the graph's table.

mod activation;
mod broadcast;
mod conversion;
mod convolution;
mod elementwise;
mod gather;
mod indexing;
mod layer;
mod logic;
mod loss;
mod pad;
mod pooling;
mod power;
mod reduction;
mod resize;
mod scatter;
mod sequence;
mod shape;
mod transposed_convolution;
mod unpool;
mod view;
mod window;

pub(super) use pooling::Windows;
pub(super) use view::View;

use super::attributes::Attributes;
use super::constant::{Constant, Elements};
use super::import::{Importer, Value};
use super::messages::Node;
use crate::graph::{Function, NodeId, Op, TensorType};
use std::collections::HashSet;
use std::ops::RangeInclusive;

/// The longest list of axes, extents, pads or parts, and the most inputs of a node.
const MAX_LIST: usize = 64;

/// A node on its way into the graph.
pub(super) struct Call<'i, 'a, 'f> {
    pub(super) importer: &'i mut Importer<'f>,
    /// The name of the first output; results are named after it.
    pub(super) name: String,
    /// The inputs; `None` for one that is left out.
    pub(super) inputs: Vec<Option<Value>>,
    pub(super) attributes: Attributes<'a>,
    /// The outputs as the node lists them; a name may be empty.
    pub(super) outputs: &'a [String],
    /// Every name that some node or the graph's outputs use.
    pub(super) used: &'a HashSet<&'a str>,
    /// The version of the standard operators.
    pub(super) opset: i64,
    /// The operator's name.
    pub(super) kind: &'a str,
}

/// How an operator is imported. The error says what of it is not covered.
pub(super) struct Operator {
    name: &'static str,
    inputs: RangeInclusive<usize>,
    attributes: &'static [&'static str],
    pub(super) import: for<'i, 'a, 'f, 'c> fn(&'c mut Call<'i, 'a, 'f>) -> Result<Vec<Value>, String>,
}

macro_rules! operators {
    ($($name:literal ($inputs:expr) [$($attribute:literal),*] => $import:path;)*) => {
        const OPERATORS: &[Operator] = &[
            $(Operator { name: $name, inputs: $inputs, attributes: &[$($attribute),*], import: $import },)*
        ];
    };
}

operators! {
    "Abs" (1..=1) [] => activation::abs;
    "And" (2..=2) ["axis", "broadcast"] => logic::and;
    "Add" (2..=2) ["axis", "broadcast"] => elementwise::add;
    "AveragePool" (1..=1) ["auto_pad", "ceil_mode", "count_include_pad", "dilations", "kernel_shape", "pads", "strides"] => pooling::average;
    "BatchNormalization" (5..=5) ["epsilon", "is_test", "momentum", "spatial", "training_mode"] => convolution::batch_normalization;
    "Cast" (1..=1) ["to", "saturate", "round_mode"] => shape::cast;
    "CastLike" (2..=2) ["saturate", "round_mode"] => conversion::cast_like;
    "Ceil" (1..=1) [] => conversion::ceil;
    "Celu" (1..=1) ["alpha"] => activation::celu;
    "Clip" (1..=3) ["max", "min"] => elementwise::clip;
    "Concat" (1..=MAX_LIST) ["axis"] => indexing::concat;
    "Constant" (0..=0) ["value", "value_float", "value_floats", "value_int", "value_ints"] => shape::constant;
    "ConstantOfShape" (1..=1) ["value"] => shape::constant_of_shape;
    "Conv" (2..=3) ["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"] => convolution::conv;
    "ConvTranspose" (2..=3) ["auto_pad", "dilations", "group", "kernel_shape", "output_padding", "output_shape", "pads", "strides"] => transposed_convolution::conv_transpose;
    "DepthToSpace" (1..=1) ["blocksize", "mode"] => resize::depth_to_space;
    "Div" (2..=2) ["axis", "broadcast"] => elementwise::div;
    "Dropout" (1..=3) ["is_test", "ratio", "seed"] => elementwise::dropout;
    "Equal" (2..=2) ["axis", "broadcast"] => logic::equal;
    "Expand" (2..=2) [] => conversion::expand;
    "Flatten" (1..=1) ["axis"] => shape::flatten;
    "Floor" (1..=1) [] => conversion::floor;
    "Gather" (2..=2) ["axis"] => gather::gather;
    "GatherElements" (2..=2) ["axis"] => gather::gather_elements;
    "GatherND" (2..=2) ["batch_dims"] => gather::gather_nd;
    "Gelu" (1..=1) ["approximate"] => activation::gelu;
    "Gemm" (2..=3) ["alpha", "beta", "broadcast", "transA", "transB"] => layer::gemm;
    "GlobalAveragePool" (1..=1) [] => pooling::global_average;
    "GlobalMaxPool" (1..=1) [] => pooling::global_max;
    "Greater" (2..=2) ["axis", "broadcast"] => logic::greater;
    "GreaterOrEqual" (2..=2) [] => logic::greater_or_equal;
    "Hardmax" (1..=1) ["axis"] => reduction::hardmax;
    "HardSigmoid" (1..=1) ["alpha", "beta"] => activation::hard_sigmoid;
    "Identity" (1..=1) [] => elementwise::identity;
    "IsInf" (1..=1) ["detect_negative", "detect_positive"] => logic::is_inf;
    "IsNaN" (1..=1) [] => logic::is_nan;
    "Less" (2..=2) ["axis", "broadcast"] => logic::less;
    "LessOrEqual" (2..=2) [] => logic::less_or_equal;
    "LRN" (1..=1) ["alpha", "beta", "bias", "size"] => reduction::local_response_normalization;
    "MatMul" (2..=2) [] => layer::matmul;
    "Max" (1..=MAX_LIST) [] => elementwise::max;
    "MaxPool" (1..=1) ["auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "storage_order", "strides"] => pooling::max;
    "LogSoftmax" (1..=1) ["axis"] => reduction::log_softmax;
    "LpNormalization" (1..=1) ["axis", "p"] => reduction::lp_normalization;
    "MaxUnpool" (2..=3) ["kernel_shape", "pads", "strides"] => unpool::max_unpool;
    "Mean" (1..=MAX_LIST) [] => elementwise::mean;
    "MeanVarianceNormalization" (1..=1) ["axes"] => reduction::mean_variance_normalization;
    "Min" (1..=MAX_LIST) [] => elementwise::min;
    "Mish" (1..=1) [] => activation::mish;
    "Mod" (2..=2) ["fmod"] => conversion::modulo;
    "Mul" (2..=2) ["axis", "broadcast"] => elementwise::mul;
    "Neg" (1..=1) [] => activation::neg;
    "NegativeLogLikelihoodLoss" (2..=3) ["ignore_index", "reduction"] => loss::negative_log_likelihood;
    "Not" (1..=1) [] => logic::not;
    "Or" (2..=2) ["axis", "broadcast"] => logic::or;
    "PRelu" (2..=2) [] => activation::prelu;
    "Pad" (1..=4) ["mode", "paddings", "pads", "value"] => pad::pad;
    "Pow" (2..=2) [] => power::pow;
    "Range" (3..=3) [] => conversion::range;
    "Reciprocal" (1..=1) [] => activation::reciprocal;
    "ReduceL1" (1..=2) ["axes", "keepdims", "noop_with_empty_axes"] => reduction::l1;
    "ReduceL2" (1..=2) ["axes", "keepdims", "noop_with_empty_axes"] => reduction::l2;
    "ReduceLogSum" (1..=2) ["axes", "keepdims", "noop_with_empty_axes"] => reduction::log_sum;
    "ReduceLogSumExp" (1..=2) ["axes", "keepdims", "noop_with_empty_axes"] => reduction::log_sum_exp;
    "ReduceMax" (1..=2) ["axes", "keepdims", "noop_with_empty_axes"] => reduction::max;
    "ReduceMean" (1..=2) ["axes", "keepdims", "noop_with_empty_axes"] => reduction::mean;
    "ReduceMin" (1..=2) ["axes", "keepdims", "noop_with_empty_axes"] => reduction::min;
    "ReduceProd" (1..=2) ["axes", "keepdims", "noop_with_empty_axes"] => reduction::product;
    "ReduceSum" (1..=2) ["axes", "keepdims", "noop_with_empty_axes"] => reduction::sum;
    "ReduceSumSquare" (1..=2) ["axes", "keepdims", "noop_with_empty_axes"] => reduction::sum_of_squares;
    "Reshape" (1..=2) ["allowzero", "shape"] => shape::reshape;
    "Resize" (1..=4) [
        "antialias", "axes", "coordinate_transformation_mode", "cubic_coeff_a", "exclude_outside",
        "extrapolation_value", "keep_aspect_ratio_policy", "mode", "nearest_mode"
    ] => resize::resize;
    "ReverseSequence" (2..=2) ["batch_axis", "time_axis"] => gather::reverse_sequence;
    "Scatter" (3..=3) ["axis"] => scatter::scatter_elements;
    "ScatterElements" (3..=3) ["axis", "reduction"] => scatter::scatter_elements;
    "ScatterND" (3..=3) ["reduction"] => scatter::scatter_nd;
    "Selu" (1..=1) ["alpha", "gamma"] => activation::selu;
    "SequenceAt" (2..=2) [] => sequence::sequence_at;
    "Shape" (1..=1) ["start", "end"] => shape::shape;
    "Shrink" (1..=1) ["bias", "lambd"] => activation::shrink;
    "Size" (1..=1) [] => shape::size;
    "Softmax" (1..=1) ["axis"] => reduction::softmax;
    "SoftmaxCrossEntropyLoss" (2..=3) ["ignore_index", "reduction"] => loss::cross_entropy;
    "Softsign" (1..=1) [] => activation::softsign;
    "SpaceToDepth" (1..=1) ["blocksize"] => resize::space_to_depth;
    "Slice" (1..=5) ["axes", "ends", "starts"] => indexing::slice;
    "Split" (1..=2) ["axis", "num_outputs", "split"] => indexing::split;
    "SplitToSequence" (1..=2) ["axis", "keepdims"] => sequence::split_to_sequence;
    "Squeeze" (1..=2) ["axes"] => shape::squeeze;
    "Sub" (2..=2) ["axis", "broadcast"] => elementwise::sub;
    "Sum" (1..=MAX_LIST) [] => elementwise::sum;
    "Swish" (1..=1) ["alpha"] => activation::swish;
    "ThresholdedRelu" (1..=1) ["alpha"] => activation::thresholded_relu;
    "Tile" (2..=2) [] => gather::tile;
    "Transpose" (1..=1) ["perm"] => indexing::transpose;
    "Trilu" (1..=2) ["upper"] => gather::trilu;
    "Unsqueeze" (1..=2) ["axes"] => shape::unsqueeze;
    "Upsample" (1..=2) ["height_scale", "mode", "scales", "width_scale"] => resize::upsample;
    "Where" (3..=3) [] => logic::select;
    "Xor" (2..=2) ["axis", "broadcast"] => logic::xor;
}

/// The operators that are elementwise functions of the graph's table, and those among them that have a parameter.
const FUNCTION: Operator =
    Operator { name: "", inputs: 1..=1, attributes: &[], import: activation::function };
const FUNCTION_WITH_PARAMETER: Operator = Operator { attributes: &["alpha"], ..FUNCTION };

fn function(name: &str) -> Option<&'static Operator> {
    match Function::from_onnx(name)? {
        Function::Activate(function) if function.parameter().is_some() => Some(&FUNCTION_WITH_PARAMETER),
        _ => Some(&FUNCTION),
    }
}

impl Operator {
    /// Whether the axes of an input may be in another order than those of its node.
    pub(super) fn takes_transposed(&self) -> bool {
        matches!(self.name, "Identity" | "ScatterND" | "Transpose")
    }

    /// Whether the result's elements are the inputs', whatever they are.
    pub(super) fn moves(&self) -> bool {
        matches!(
            self.name,
            "Concat"
                | "Expand"
                | "Flatten"
                | "Gather"
                | "GatherElements"
                | "GatherND"
                | "Reshape"
                | "Shape"
                | "Size"
                | "Slice"
                | "Split"
                | "Squeeze"
                | "Tile"
                | "Transpose"
                | "Unsqueeze"
        )
    }

    /// Whether an input may have more axes than a tensor of the graph, and what happens then.
    pub(super) fn many_axes(&self) -> ManyAxes {
        match self.name {
            // A function of the graph's table has no row, and no name, of its own.
            "" | "Abs" | "Cast" | "CastLike" | "Celu" | "Clip" | "HardSigmoid" | "Mish" | "Neg"
            | "Reciprocal" | "Selu" | "Softsign" | "Swish" => ManyAxes::Elementwise,
            "Add" | "AveragePool" | "Concat" | "Conv" | "ConvTranspose" | "Div" | "Dropout" | "Expand"
            | "Flatten" | "Gather" | "GatherElements" | "GatherND" | "GlobalAveragePool"
            | "GlobalMaxPool" | "Identity" | "Max" | "MaxPool" | "MaxUnpool" | "Mean" | "Min" | "Mul"
            | "Pad" | "Reshape" | "ReverseSequence" | "Scatter" | "ScatterElements" | "ScatterND"
            | "Shape" | "Size" | "Slice" | "Split" | "SplitToSequence" | "Squeeze" | "Sub" | "Sum"
            | "Tile" | "Transpose" | "Trilu" | "Unsqueeze" => ManyAxes::Own,
            _ => ManyAxes::Refused,
        }
    }

    /// Why an input cannot be one of this operator: only few take what is no tensor of the graph.
    pub(super) fn misfit(&self, input: &Value) -> Option<&'static str> {
        match (input, self.name) {
            (
                Value::Split(..),
                "Flatten" | "Identity" | "Reshape" | "Shape" | "Size" | "Squeeze" | "Transpose" | "Unsqueeze",
            ) => None,
            (Value::Split(_, dims), _) if dims.is_empty() => {
                Some("is a computed single number, which is supported only to be reshaped or as an output")
            }
            (Value::Split(..), _) if self.many_axes() != ManyAxes::Refused => None,
            (Value::Split(..), _) => Some("is of a rank above 4, which is not supported here"),
            (Value::Truth(_), "And" | "Cast" | "Equal" | "Identity" | "Not" | "Or" | "Where" | "Xor") => None,
            (Value::Truth(_), _) if self.moves() => None,
            (Value::Truth(_), _) => Some("is a truth value, which is a number only behind a Cast"),
            (Value::Whole(_), "Cast" | "Identity") => None,
            (Value::Whole(_), _) => Some("is computed and of integers, which only a Cast takes"),
            (Value::Sequence(_), "Identity" | "SequenceAt") => None,
            (Value::Sequence(_), _) => {
                Some("is a sequence, which is supported only as an input of SequenceAt")
            }
            (Value::Maxima(_), "Identity" | "MaxUnpool") => None,
            (Value::Maxima(_), _) => {
                Some("is a list of places of maxima, which is supported only as an input of MaxUnpool")
            }
            _ => None,
        }
    }
}

/// What an operator does with a tensor of more axes than one of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ManyAxes {
    /// It treats each element alone, so the axes do not matter.
    Elementwise,
    /// It knows the axes.
    Own,
    /// It takes none.
    Refused,
}

/// The operator of a node, if it is one of the standard domain that is covered.
pub(super) fn find(node: &Node) -> Option<&'static Operator> {
    let standard = matches!(node.domain.as_deref(), None | Some("" | "ai.onnx"));
    let name = node.op_type.as_deref().filter(|_| standard)?;
    OPERATORS.iter().find(|operator| operator.name == name).or_else(|| function(name))
}

/// Whether a node's operator, number of inputs and attributes are covered.
pub(super) fn check(node: &Node, opset: i64) -> Result<(), String> {
    let Some(operator) = find(node) else {
        let domain = node.domain.as_deref().filter(|domain| !matches!(*domain, "" | "ai.onnx"));
        return Err(domain.map_or("the operator is not supported".to_owned(), |domain| {
            format!("operators of domain {domain} are not supported")
        }));
    };
    Attributes::of(node).check(operator.attributes, opset)?;
    let given = node.input.len();
    if !operator.inputs.contains(&given) {
        let (least, most) = (operator.inputs.start(), operator.inputs.end());
        return Err(format!("it has {given} inputs, {least} to {most} are known"));
    }
    Ok(())
}

/// Whether a node calculates on quantised values.
pub(super) fn is_quantised(node: &Node) -> bool {
    const OPERATORS: &[&str] =
        &["QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "ConvInteger", "MatMulInteger"];
    node.op_type.as_deref().is_some_and(|op| OPERATORS.contains(&op) || op.starts_with("QLinear"))
}

impl Call<'_, '_, '_> {
    /// Whether an output after the first is used.
    pub(super) fn others_used(&self) -> bool {
        self.outputs.iter().skip(1).any(|name| !name.is_empty() && self.used.contains(name.as_str()))
    }

    /// Counts elements that are about to be computed.
    pub(super) fn charge(&mut self, elements: usize) -> Result<(), String> {
        self.importer.charge(elements)
    }

    /// An input, if it is given.
    pub(super) fn optional(&self, place: usize) -> Option<&Value> {
        self.inputs.get(place).and_then(Option::as_ref)
    }

    pub(super) fn input(&self, place: usize) -> Result<&Value, String> {
        self.optional(place).ok_or_else(|| format!("input {place} is missing"))
    }

    /// An input as a node.
    pub(super) fn data(&mut self, place: usize) -> Result<NodeId, String> {
        let value = self.input(place)?.clone();
        self.importer.node_of(&value)
    }

    /// An input that must be known now.
    pub(super) fn known(&self, place: usize) -> Result<&Constant, String> {
        match self.input(place)? {
            Value::Constant(_, constant) => Ok(constant),
            _ => Err(format!("input {place} must be a constant")),
        }
    }

    /// The integers of an input that may be left out; a short list, or a single one.
    pub(super) fn known_integers(&self, place: usize) -> Result<Option<Vec<i64>>, String> {
        if self.optional(place).is_none() {
            return Ok(None);
        }
        let constant = self.known(place)?;
        if constant.dims().len() > 1 || constant.len() > MAX_LIST {
            return Err(format!("input {place} is no list of at most {MAX_LIST} numbers"));
        }
        Ok(Some(constant.as_integers()?.to_vec()))
    }

    /// A list that older versions have as an attribute and newer ones as an input.
    pub(super) fn integers(&self, attribute: &str, place: usize) -> Result<Option<Vec<i64>>, String> {
        match self.attributes.ints(attribute)? {
            Some(_) if self.optional(place).is_some() => {
                Err(format!("{attribute} is given as an attribute and as an input"))
            }
            Some(list) if list.len() > MAX_LIST => {
                Err(format!("attribute {attribute} has more than {MAX_LIST} numbers"))
            }
            Some(list) => Ok(Some(list.to_vec())),
            None => self.known_integers(place),
        }
    }

    /// A number that older versions have as an attribute and newer ones as an input.
    pub(super) fn number(&self, attribute: &str, place: usize) -> Result<Option<f64>, String> {
        match (self.attributes.has(attribute), self.optional(place)) {
            (true, Some(_)) => Err(format!("{attribute} is given as an attribute and as an input")),
            (true, None) => Ok(Some(f64::from(self.attributes.float(attribute, 0.0)?))),
            (false, Some(_)) => self.known(place)?.scalar().map(Some),
            (false, None) => Ok(None),
        }
    }

    pub(super) fn type_of(&self, id: NodeId) -> &TensorType {
        &self.importer.graph.node(id).ty
    }

    /// Adds an operator, named after the call's first output.
    pub(super) fn add(&mut self, op: Op, operands: &[NodeId]) -> Result<NodeId, String> {
        let name = self.name.clone();
        self.add_named(op, operands, &name)
    }

    pub(super) fn add_named(&mut self, op: Op, operands: &[NodeId], name: &str) -> Result<NodeId, String> {
        let importer = &mut *self.importer;
        let id = importer.graph.edit().add(op, operands, name).map_err(|fault| fault.cause)?;
        // What depends on no input is computed at compile time: its cost counts as that of a constant.
        let node_of = |id: &NodeId| importer.graph.node(*id);
        if operands.iter().all(|id| node_of(id).op == Op::Constant || importer.without_input.contains(id)) {
            let node = node_of(&id);
            let taps = match &node.op {
                Op::Conv2d(_) | Op::Dense(_) => node_of(&operands[1]).ty.dims[1..].iter().product(),
                Op::Pool2d(pool) => pool.kernel[0].saturating_mul(pool.kernel[1]),
                _ => 1,
            };
            let cost = node.ty.elements().saturating_mul(taps);
            importer.without_input.insert(id);
            importer.charge(cost)?;
        }
        Ok(id)
    }

    /// Adds an operator that is a step on the way, named after the call and the step.
    pub(super) fn add_step(&mut self, step: &str, op: Op, operands: &[NodeId]) -> Result<NodeId, String> {
        let name = format!("{}.{step}", self.name);
        self.add_named(op, operands, &name)
    }

    /// A constant made while importing, as a node; its elements are charged already.
    pub(super) fn made(
        &mut self,
        suffix: &str,
        dims: Vec<usize>,
        floats: Vec<f32>,
    ) -> Result<NodeId, String> {
        let constant = Constant::new(dims, Elements::floats(floats))?;
        let name = format!("{}.{suffix}", self.name);
        self.importer.constant_node(&name, &constant)
    }

    pub(super) fn node(id: NodeId) -> Result<Vec<Value>, String> {
        Ok(vec![Value::Node(id)])
    }

    /// The value whose axes are those of the node in that order.
    pub(super) fn transposed(id: NodeId, order: Vec<usize>) -> Result<Vec<Value>, String> {
        let value = if order.is_sorted() { Value::Node(id) } else { Value::Transposed(id, order.into()) };
        Ok(vec![value])
    }

    pub(super) fn constant(&self, constant: Constant) -> Result<Vec<Value>, String> {
        Ok(vec![Value::Constant(self.name.as_str().into(), constant)])
    }
}

/// The most axes that a tensor has on the way from one that the graph can hold to another.
const MAX_AXES: usize = 8;

/// An input as a node, and the places there of its axes.
fn in_order(call: &mut Call<'_, '_, '_>, place: usize) -> Result<(NodeId, Vec<usize>), String> {
    if let Value::Transposed(id, order) = call.input(place)? {
        return Ok((*id, order.to_vec()));
    }
    let id = call.data(place)?;
    Ok((id, (0..call.type_of(id).dims.len()).collect()))
}

/// A counted-from-the-end axis as a place among `rank`.
pub(super) fn axis(axis: i64, rank: usize) -> Result<usize, String> {
    let place = if axis < 0 { axis + rank as i64 } else { axis };
    match usize::try_from(place) {
        Ok(place) if place < rank => Ok(place),
        _ => Err(format!("there is no axis {axis} in rank {rank}")),
    }
}

/// The places of axes, each given once.
pub(super) fn axes(given: &[i64], rank: usize) -> Result<Vec<usize>, String> {
    let places: Vec<usize> = given.iter().map(|&at| axis(at, rank)).collect::<Result<_, _>>()?;
    let mut sorted = places.clone();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() < places.len() {
        return Err(format!("an axis is given twice among {given:?}"));
    }
    Ok(places)
}
