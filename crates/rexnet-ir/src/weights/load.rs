//! Weights files bound to the constants of a graph.

use super::{Entry, StateDict};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Location};
use crate::graph::{Graph, Op, Tensor};
use bytes::Bytes;

/// What a weights file held beside the tensors that were bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Tensors of the file that the network does not use; counters of training steps
    /// (`num_batches_tracked`) are not listed.
    pub unused: Vec<String>,
}

/// Binds every constant of the graph to the tensor of its name in a weights file of any form that [`StateDict::read`]
/// knows. Half-precision tensors are widened, f64 ones rounded, whenever they are read: the graph keeps `file`.
///
/// # Errors
/// Those of [`StateDict::read`]. All mismatches at once: `RX0302` for each missing tensor, `RX0303` for each wrong
/// shape, `RX0304` for each element type that is not a float. The graph is unchanged then.
pub fn load(graph: &mut Graph, file: &Bytes) -> Result<Loaded, Diagnostics> {
    let weights = StateDict::read(file)?;
    let needed: Vec<(String, Vec<usize>)> = graph
        .order()
        .into_iter()
        .map(|id| graph.node(id))
        .filter(|node| node.op == Op::Constant)
        .map(|node| (node.name.clone(), node.ty.dims.clone()))
        .collect();
    let mut faults = Diagnostics::default();
    let mut bound = Vec::with_capacity(needed.len());
    for (name, dims) in &needed {
        match weights.get(name) {
            None => faults.push(missing(name, &weights)),
            Some(entry) if entry.dims() != dims => faults.push(
                Diagnostic::new(
                    Code::WeightsShape,
                    Location::Name(name.clone()),
                    format!("the file has shape {:?}, the network needs {dims:?}", entry.dims()),
                )
                .with_help("check the width, the depth and the number of classes"),
            ),
            Some(Entry::Other { element, .. }) => faults.push(
                Diagnostic::new(
                    Code::WeightsType,
                    Location::Name(name.clone()),
                    format!("elements of type {element} cannot be used as weights"),
                )
                .with_help("store the tensor as F32, F16 or BF16"),
            ),
            Some(Entry::Float(tensor)) => bound.push((name, tensor)),
        }
    }
    faults.into_result(())?;
    for (name, tensor) in bound {
        graph.edit().bind(name, tensor.clone())?;
    }
    let unused = weights
        .names()
        .filter(|name| graph.constant(name).is_none() && !name.ends_with("num_batches_tracked"))
        .map(str::to_owned)
        .collect();
    Ok(Loaded { unused })
}

/// The graph's constants with their tensors, in the graph's order.
///
/// # Errors
/// `RX0302` for each constant without a tensor.
pub fn bound(graph: &Graph) -> Result<Vec<(&str, &Tensor)>, Diagnostics> {
    let mut faults = Diagnostics::default();
    let mut tensors = Vec::new();
    for node in graph.order().into_iter().map(|id| graph.node(id)).filter(|node| node.op == Op::Constant) {
        match graph.constant(&node.name) {
            Some(tensor) => tensors.push((node.name.as_str(), tensor)),
            None => faults.push(
                Diagnostic::new(
                    Code::WeightsMissing,
                    Location::Name(node.name.clone()),
                    "the constant has no tensor",
                )
                .with_help("give weights, or seed them"),
            ),
        }
    }
    faults.into_result(tensors)
}

fn missing(name: &str, weights: &StateDict) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        Code::WeightsMissing,
        Location::Name(name.to_owned()),
        "the file has no tensor of this name",
    );
    let alike = |other: &str| {
        let prefix = other.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
        let suffix = other.bytes().rev().zip(name.bytes().rev()).take_while(|(a, b)| a == b).count();
        (prefix + suffix).min(name.len())
    };
    let nearest = weights
        .names()
        .filter(|other| 2 * alike(other) >= name.len())
        .max_by_key(|other| (alike(other), std::cmp::Reverse(*other)));
    match nearest {
        Some(nearest) => diagnostic.with_help(format!("the nearest name in the file is {nearest}")),
        None => diagnostic.with_help("the weights seem to belong to another network"),
    }
}
