//! Weights files bound to the constants of a graph.

use super::names::{Translated, translate};
use super::{Entry, Scheme, StateDict};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Location};
use crate::graph::{Graph, Op, Tensor};
use crate::spec::Network;
use bytes::Bytes;

/// What a weights file held beside the tensors that were bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// How the file names layers.
    pub scheme: Scheme,
    /// Tensors of the file that the network does not use, by the file's names; counters of training steps
    /// (`num_batches_tracked`) are not listed.
    pub unused: Vec<String>,
}

/// Binds every constant of the graph to the tensor of its name in a weights file of any form that [`StateDict::read`]
/// knows. Half-precision tensors are widened, f64 ones rounded, whenever they are read: the graph keeps `file`. Of a
/// `network` the file may have the names of any [`Scheme`]: the one that finds the most tensors is taken. Extents of 1 at
/// the end do not count, so that a 1×1 convolution may be a dense layer.
///
/// # Errors
/// Those of [`StateDict::read`]. All mismatches at once: `RX0302` for each missing tensor, `RX0303` for each wrong
/// shape, `RX0304` for each element type that is not a float. The graph is unchanged then.
pub fn load(graph: &mut Graph, network: Option<&Network>, file: &Bytes) -> Result<Loaded, Diagnostics> {
    let weights = StateDict::read(file)?;
    let needed: Vec<(String, Vec<usize>)> = graph
        .order()
        .into_iter()
        .map(|id| graph.node(id))
        .filter(|node| node.op == Op::Constant)
        .map(|node| (node.name.clone(), node.ty.dims.clone()))
        .collect();
    let names: Vec<&str> = needed.iter().map(|(name, _)| name.as_str()).collect();
    let Translated { scheme, tensors: weights, unused } = translate(network, weights, &names);
    let mut faults = Diagnostics::default();
    let mut bound = Vec::with_capacity(needed.len());
    for (name, dims) in &needed {
        match weights.get(name) {
            None => faults.push(missing(name, &weights)),
            Some(entry) if !alike(entry.dims(), dims) => faults.push(
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
            Some(Entry::Float(tensor)) => bound.push((name, tensor.reshaped(dims.as_slice()))),
        }
    }
    faults.into_result(())?;
    for (name, tensor) in bound {
        if let Some(tensor) = tensor {
            graph.edit().bind(name, tensor)?;
        }
    }
    let unused = unused.into_iter().filter(|name| !name.ends_with("num_batches_tracked")).collect();
    Ok(Loaded { scheme, unused })
}

/// Whether extents are the same but for ones at the end.
fn alike(a: &[usize], b: &[usize]) -> bool {
    let trimmed = |dims: &[usize]| dims.iter().rposition(|&extent| extent != 1).map_or(0, |last| last + 1);
    a[..trimmed(a)] == b[..trimmed(b)]
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
