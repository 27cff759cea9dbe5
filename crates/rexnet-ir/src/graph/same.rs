//! Whether two graphs are the same network.

use super::{Graph, NodeId, Op, Tensor};
use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

/// How far two weights may be apart, as a part of the greatest magnitude in their tensors: exporters fold batch
/// norms in f32.
pub const WEIGHT_TOLERANCE: f32 = 1e-5;

/// The first place where two graphs part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The node of the first graph.
    pub first: String,
    /// The node of the second graph.
    pub second: String,
    /// What differs.
    pub cause: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} and {}: {}", self.first, self.second, self.cause)
    }
}

/// Whether two verified graphs are isomorphic: the same operators with the same attributes between the same
/// outputs and inputs, names apart, and weights within [`WEIGHT_TOLERANCE`]. Weights are compared where both are
/// bound. Run the passes on both before: this compares structure, not meaning.
///
/// # Errors
/// The first difference, in the order of evaluation.
pub fn same(a: &Graph, b: &Graph) -> Result<(), Difference> {
    correspond(a, b, weights_differ)
}

/// Like [`same`], whatever the weights.
///
/// # Errors
/// As [`same`].
pub fn same_structure(a: &Graph, b: &Graph) -> Result<(), Difference> {
    correspond(a, b, |_, _| None)
}

/// What differs between two tensors, if anything.
type Judge = fn(&Tensor, &Tensor) -> Option<String>;

fn correspond(a: &Graph, b: &Graph, judge: Judge) -> Result<(), Difference> {
    let whole = |cause: String| Difference { first: a.name().to_owned(), second: b.name().to_owned(), cause };
    for (what, first, second) in
        [("inputs", a.inputs().len(), b.inputs().len()), ("outputs", a.outputs().len(), b.outputs().len())]
    {
        if first != second {
            return Err(whole(format!("they have {first} and {second} {what}")));
        }
    }
    let (shapes_a, shapes_b) = (structures(a), structures(b));
    let mut pairs: HashMap<NodeId, NodeId> = HashMap::new();
    let mut images: HashMap<NodeId, NodeId> = HashMap::new();
    let roots = a.outputs().iter().map(|o| o.node).zip(b.outputs().iter().map(|o| o.node));
    // Inputs correspond by position; operands are compared before their users, so that the first difference in
    // the order of evaluation is the one that is named.
    let mut stack: Vec<(NodeId, NodeId, bool)> =
        roots.chain(a.inputs().into_iter().zip(b.inputs())).map(|(x, y)| (x, y, false)).collect();
    stack.reverse();
    while let Some((x, y, operands_done)) = stack.pop() {
        if let Some(&partner) = pairs.get(&x) {
            if partner != y {
                return Err(differ(
                    a,
                    b,
                    x,
                    y,
                    format!("it already corresponds to {}", b.node(partner).name),
                ));
            }
            continue;
        }
        let operands = ordered_operands(a, &shapes_a, x).into_iter().zip(ordered_operands(b, &shapes_b, y));
        let same_count = a.node(x).operands.len() == b.node(y).operands.len();
        if !operands_done && same_count {
            stack.push((x, y, true));
            let mut operands: Vec<_> = operands.map(|(x, y)| (x, y, false)).collect();
            operands.reverse();
            stack.extend(operands);
            continue;
        }
        compare(a, b, x, y, judge)?;
        if let Some(&other) = images.get(&y) {
            return Err(differ(a, b, x, y, format!("{} corresponds to it already", a.node(other).name)));
        }
        pairs.insert(x, y);
        images.insert(y, x);
    }
    Ok(())
}

fn differ(a: &Graph, b: &Graph, x: NodeId, y: NodeId, cause: String) -> Difference {
    Difference { first: a.node(x).name.clone(), second: b.node(y).name.clone(), cause }
}

/// Extents without ones at the end of a constant's: `[m, k]` is `[m, k, 1, 1]`.
fn trimmed(dims: &[usize]) -> &[usize] {
    let ones = dims.iter().rev().take_while(|&&extent| extent == 1).count();
    &dims[..dims.len() - ones]
}

/// A hash of each node's structure down to the leaves, weights apart.
fn structures(graph: &Graph) -> HashMap<NodeId, u64> {
    let mut structures = HashMap::new();
    for id in graph.order() {
        let node = graph.node(id);
        let mut hasher = DefaultHasher::new();
        (node.op.name(), node.op.attributes()).hash(&mut hasher);
        let mut operands: Vec<u64> = node.operands.iter().map(|operand| structures[operand]).collect();
        if is_commutative(graph, id) {
            operands.sort_unstable();
        }
        operands.hash(&mut hasher);
        if node.op == Op::Constant { trimmed(&node.ty.dims) } else { &node.ty.dims }.hash(&mut hasher);
        structures.insert(id, hasher.finish());
    }
    structures
}

fn is_commutative(graph: &Graph, id: NodeId) -> bool {
    let node = graph.node(id);
    let same_shape = |operands: &[NodeId]| graph.node(operands[0]).ty.dims == graph.node(operands[1]).ty.dims;
    matches!(node.op, Op::Add | Op::Mul) && same_shape(&node.operands)
}

/// The operands; those of a commutative operator in the order of their structure.
fn ordered_operands(graph: &Graph, structures: &HashMap<NodeId, u64>, id: NodeId) -> Vec<NodeId> {
    let mut operands = graph.node(id).operands.clone();
    if is_commutative(graph, id) {
        operands.sort_by_key(|operand| structures[operand]);
    }
    operands
}

fn compare(a: &Graph, b: &Graph, x: NodeId, y: NodeId, judge: Judge) -> Result<(), Difference> {
    let (first, second) = (a.node(x), b.node(y));
    let fault = |cause: String| Err(differ(a, b, x, y, cause));
    if first.op != second.op {
        let text = |op: &Op| {
            let attributes: Vec<String> =
                op.attributes().iter().map(|(name, text)| format!("{name}={text}")).collect();
            format!("{} {{{}}}", op.name(), attributes.join(", "))
        };
        return fault(format!("one is {}, the other {}", text(&first.op), text(&second.op)));
    }
    if first.operands.len() != second.operands.len() {
        return fault(format!("they have {} and {} operands", first.operands.len(), second.operands.len()));
    }
    let constants = first.op == Op::Constant;
    let dims = |dims: &'_ [usize]| if constants { trimmed(dims).to_vec() } else { dims.to_vec() };
    if dims(&first.ty.dims) != dims(&second.ty.dims) {
        return fault(format!("their shapes are {:?} and {:?}", first.ty.dims, second.ty.dims));
    }
    if let (true, Some(p), Some(q)) = (constants, a.constant(&first.name), b.constant(&second.name))
        && let Some(cause) = judge(p, q)
    {
        return fault(cause);
    }
    Ok(())
}

fn weights_differ(a: &Tensor, b: &Tensor) -> Option<String> {
    let (a, b) = (a.data(), b.data());
    let magnitude = a.iter().chain(&*b).fold(0f32, |most, x| most.max(x.abs()));
    let differ = |x: f32, y: f32| {
        let both_nan = x.is_nan() && y.is_nan();
        // Written so that a NaN on one side differs.
        let close = (x - y).abs() <= WEIGHT_TOLERANCE * magnitude;
        !(close || both_nan || x == y)
    };
    let (at, (x, y)) = a.iter().zip(&*b).enumerate().find(|&(_, (&x, &y))| differ(x, y))?;
    Some(format!("element {at} is {x:?} in one and {y:?} in the other"))
}
