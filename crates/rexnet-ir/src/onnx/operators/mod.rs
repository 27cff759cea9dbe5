//! The operators that are imported: one row each, with the attributes that it may have.

mod convolution;
mod elementwise;
mod indexing;
mod layer;
mod pooling;
mod shape;

use super::attributes::Attributes;
use super::constant::Constant;
use super::import::{Importer, Value};
use crate::graph::{NodeId, Op, TensorType};

/// A node on its way into the graph.
pub(super) struct Call<'i, 'a, 'f> {
    pub(super) importer: &'i mut Importer<'f>,
    /// The name of the first output; results are named after it.
    pub(super) name: String,
    /// The inputs; `None` for one that is left out.
    pub(super) inputs: Vec<Option<Value>>,
    pub(super) attributes: Attributes<'a>,
    /// How many outputs are used.
    pub(super) outputs: usize,
}

/// How an operator is imported. The error says what of it is not covered.
pub(super) struct Operator {
    pub(super) name: &'static str,
    pub(super) attributes: &'static [&'static str],
    pub(super) import: for<'i, 'a, 'f, 'c> fn(&'c mut Call<'i, 'a, 'f>) -> Result<Vec<Value>, String>,
}

macro_rules! operators {
    ($($name:literal [$($attribute:literal),*] => $import:path;)*) => {
        const OPERATORS: &[Operator] = &[
            $(Operator { name: $name, attributes: &[$($attribute),*], import: $import },)*
        ];
    };
}

operators! {
    "Add" [] => elementwise::add;
    "AveragePool" ["auto_pad", "ceil_mode", "count_include_pad", "dilations", "kernel_shape", "pads", "strides"] => pooling::average;
    "BatchNormalization" ["epsilon", "momentum", "training_mode", "spatial"] => convolution::batch_normalization;
    "Cast" ["to", "saturate", "round_mode"] => shape::cast;
    "Clip" ["min", "max"] => elementwise::clip;
    "Concat" ["axis"] => indexing::concat;
    "Constant" ["value", "value_float", "value_floats", "value_int", "value_ints"] => shape::constant;
    "ConstantOfShape" ["value"] => shape::constant_of_shape;
    "Conv" ["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"] => convolution::conv;
    "Div" [] => elementwise::div;
    "Dropout" ["ratio", "seed"] => elementwise::dropout;
    "Flatten" ["axis"] => shape::flatten;
    "Gather" ["axis"] => indexing::gather;
    "Gemm" ["alpha", "beta", "transA", "transB"] => layer::gemm;
    "GlobalAveragePool" [] => pooling::global_average;
    "GlobalMaxPool" [] => pooling::global_max;
    "Identity" [] => elementwise::identity;
    "MatMul" [] => layer::matmul;
    "Max" [] => elementwise::max;
    "MaxPool" ["auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "storage_order", "strides"] => pooling::max;
    "Min" [] => elementwise::min;
    "Mul" [] => elementwise::mul;
    "Pad" ["mode", "pads", "value"] => convolution::pad;
    "ReduceMean" ["axes", "keepdims", "noop_with_empty_axes"] => pooling::reduce_mean;
    "Relu" [] => elementwise::relu;
    "Reshape" ["allowzero"] => shape::reshape;
    "Shape" ["start", "end"] => shape::shape;
    "Sigmoid" [] => elementwise::sigmoid;
    "Slice" ["axes", "ends", "starts"] => indexing::slice;
    "Split" ["axis", "num_outputs", "split"] => indexing::split;
    "Squeeze" ["axes"] => shape::squeeze;
    "Sub" [] => elementwise::sub;
    "Swish" ["alpha"] => elementwise::swish;
    "Transpose" ["perm"] => indexing::transpose;
    "Unsqueeze" ["axes"] => shape::unsqueeze;
}

/// The operator of that name in the standard domain.
pub(super) fn find(name: &str) -> Option<&'static Operator> {
    OPERATORS.iter().find(|operator| operator.name == name)
}

impl Call<'_, '_, '_> {
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
            Value::Node(_) | Value::Unknown => Err(format!("input {place} must be a constant")),
        }
    }

    /// The integers of an input that may be left out.
    pub(super) fn known_integers(&self, place: usize) -> Result<Option<Vec<i64>>, String> {
        match self.optional(place) {
            None => Ok(None),
            Some(_) => Ok(Some(self.known(place)?.as_integers()?.to_vec())),
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
        self.importer.graph.edit().add(op, operands, name).map_err(|fault| fault.cause)
    }

    /// A constant made while importing, as a node.
    pub(super) fn made(
        &mut self,
        suffix: &str,
        dims: Vec<usize>,
        floats: Vec<f32>,
    ) -> Result<NodeId, String> {
        let constant = Constant { dims, elements: super::constant::Elements::Floats(floats.into()) };
        let name = format!("{}.{suffix}", self.name);
        self.importer.constant_node(&name, &constant)
    }

    pub(super) fn node(id: NodeId) -> Result<Vec<Value>, String> {
        Ok(vec![Value::Node(id)])
    }

    pub(super) fn constant(&self, constant: Constant) -> Result<Vec<Value>, String> {
        Ok(vec![Value::Constant(self.name.clone(), constant)])
    }
}

/// A counted-from-the-end axis as a place among `rank`.
pub(super) fn axis(axis: i64, rank: usize) -> Result<usize, String> {
    let place = if axis < 0 { axis + rank as i64 } else { axis };
    match usize::try_from(place) {
        Ok(place) if place < rank => Ok(place),
        _ => Err(format!("there is no axis {axis} in rank {rank}")),
    }
}
