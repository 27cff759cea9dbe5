//! The f64 reference evaluator: what a graph means, written for clearness.
//!
//! Every operator is a direct sum over its definition, in f64, on NCHW arrays, whatever the layout says.

mod operators;
mod rounding;

pub use rounding::{Rounding, roundings};

use crate::graph::{Graph, NodeId, Op};
use std::collections::HashMap;

/// An f64 array in NCHW order.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// The extents.
    pub dims: Vec<usize>,
    /// The elements, row-major.
    pub data: Vec<f64>,
}

impl Array {
    /// An array of the given extents.
    ///
    /// # Panics
    /// When the number of elements differs.
    pub fn new(dims: Vec<usize>, data: Vec<f64>) -> Self {
        assert_eq!(dims.iter().product::<usize>(), data.len());
        Self { dims, data }
    }

    /// The extent of an axis, 1 past the last.
    pub fn dim(&self, axis: usize) -> usize {
        self.dims.get(axis).copied().unwrap_or(1)
    }
}

/// Evaluates a verified graph. `inputs` are NCHW, in the order of [`Graph::inputs`]; the result is the value of
/// every node that is not a constant, by identity.
///
/// # Errors
/// The name of the first constant without a tensor, or of the input whose length does not fit.
pub fn evaluate(graph: &Graph, inputs: &[&[f32]]) -> Result<HashMap<NodeId, Array>, String> {
    let mut values = HashMap::new();
    evaluate_each(graph, inputs, |id, array| {
        values.insert(id, array.clone());
    })?;
    Ok(values)
}

/// Evaluates a verified graph and returns its outputs in order; intermediate values are dropped after their
/// last use.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_outputs(graph: &Graph, inputs: &[&[f32]]) -> Result<Vec<Array>, String> {
    evaluate_each(graph, inputs, |_, _| {})
}

fn evaluate_each(
    graph: &Graph,
    inputs: &[&[f32]],
    visit: impl FnMut(NodeId, &Array),
) -> Result<Vec<Array>, String> {
    let compute = |id: NodeId, operands: &[&Array]| {
        let node = graph.node(id);
        Array::new(node.ty.dims.clone(), operators::evaluate(&node.op, operands, &node.ty.dims))
    };
    evaluate_with(graph, inputs, compute, visit)
}

/// Evaluates a verified graph, its operators by `compute`.
fn evaluate_with(
    graph: &Graph,
    inputs: &[&[f32]],
    mut compute: impl FnMut(NodeId, &[&Array]) -> Array,
    mut visit: impl FnMut(NodeId, &Array),
) -> Result<Vec<Array>, String> {
    let order = graph.order();
    let last_use: HashMap<NodeId, usize> = order
        .iter()
        .enumerate()
        .flat_map(|(time, &id)| graph.node(id).operands.iter().map(move |&operand| (operand, time)))
        .collect();
    let input_ids = graph.inputs();
    let mut values: HashMap<NodeId, Array> = HashMap::new();
    for (time, &id) in order.iter().enumerate() {
        let node = graph.node(id);
        let widen = |data: &[f32]| data.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
        let array = match &node.op {
            Op::Input => {
                let position = input_ids.iter().position(|&input| input == id);
                let data = position.and_then(|position| inputs.get(position)).copied().unwrap_or(&[]);
                if data.len() != node.ty.elements() {
                    return Err(node.name.clone());
                }
                Array::new(node.ty.dims.clone(), widen(data))
            }
            Op::Constant => {
                let tensor = graph.constant(&node.name).ok_or_else(|| node.name.clone())?;
                Array::new(node.ty.dims.clone(), widen(&tensor.data()))
            }
            _ => {
                let operands: Vec<&Array> = node.operands.iter().map(|operand| &values[operand]).collect();
                compute(id, &operands)
            }
        };
        if node.op != Op::Constant {
            visit(id, &array);
        }
        values.insert(id, array);
        for operand in &node.operands {
            if last_use[operand] == time && !graph.is_output(*operand) {
                values.remove(operand);
            }
        }
    }
    Ok(graph.outputs().iter().map(|output| values[&output.node].clone()).collect())
}

/// The value of one operator on the given operands; used to fold constants.
pub(crate) fn evaluate_operator(op: &Op, operands: &[&Array], dims: &[usize]) -> Array {
    Array::new(dims.to_vec(), operators::evaluate(op, operands, dims))
}
