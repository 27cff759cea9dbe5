//! Whether two graphs are the same network.

mod tensors;

use super::{Graph, NodeId, Op, Tensor};
use std::collections::{HashMap, HashSet};
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
    /// The node of the first graph that computes otherwise: `first` itself, or who reads it where it is a constant.
    pub layer: String,
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
    weight_differences(a, b)?.into_iter().next().map_or(Ok(()), Err)
}

/// Like [`same`], whatever the weights.
///
/// # Errors
/// As [`same`].
pub fn same_structure(a: &Graph, b: &Graph) -> Result<(), Difference> {
    correspond(a, b, |_, _| None).map(|_| ())
}

/// All tensors that differ between two graphs of one structure, in the order of evaluation.
///
/// # Errors
/// The first difference of the structure.
pub fn weight_differences(a: &Graph, b: &Graph) -> Result<Vec<Difference>, Difference> {
    correspond(a, b, tensors::difference)
}

/// What differs between two tensors, if anything.
type Judge = fn(&Tensor, &Tensor) -> Option<String>;

fn correspond(a: &Graph, b: &Graph, judge: Judge) -> Result<Vec<Difference>, Difference> {
    let whole = |cause: String| {
        let (first, second) = (a.name().to_owned(), b.name().to_owned());
        Difference { layer: first.clone(), first, second, cause }
    };
    for (what, first, second) in
        [("inputs", a.inputs().len(), b.inputs().len()), ("outputs", a.outputs().len(), b.outputs().len())]
    {
        if first != second {
            return Err(whole(format!("they have {first} and {second} {what}")));
        }
    }
    let shapes = |graph: &Graph| graph.outputs().iter().map(|out| out.dims.clone()).collect::<Vec<_>>();
    for (first, second) in shapes(a).into_iter().zip(shapes(b)) {
        if first != second {
            return Err(whole(format!("they have outputs of shapes {first:?} and {second:?}")));
        }
    }
    let mut weights = Vec::new();
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
        if !operands_done {
            stack.push((x, y, true));
            let operands = operand_pairs((a, &shapes_a, x), (b, &shapes_b, y));
            stack.extend(operands.into_iter().rev().map(|(x, y)| (x, y, false)));
            continue;
        }
        compare(a, b, x, y)?;
        if let (Some(p), Some(q)) = (bound(a, x), bound(b, y))
            && let Some(cause) = judge(p, q)
        {
            weights.push(differ(a, b, x, y, cause));
        }
        if let Some(&other) = images.get(&y) {
            return Err(differ(a, b, x, y, format!("{} corresponds to it already", a.node(other).name)));
        }
        pairs.insert(x, y);
        images.insert(y, x);
    }
    Ok(weights)
}

fn bound(graph: &Graph, id: NodeId) -> Option<&Tensor> {
    let node = graph.node(id);
    (node.op == Op::Constant).then(|| graph.constant(&node.name)).flatten()
}

fn differ(a: &Graph, b: &Graph, x: NodeId, y: NodeId, cause: String) -> Difference {
    let reader = if a.node(x).op == Op::Constant { a.users(x).first().copied() } else { None };
    let layer = a.node(reader.unwrap_or(x)).name.clone();
    Difference { first: a.node(x).name.clone(), second: b.node(y).name.clone(), layer, cause }
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
        (node.op.name(), comparable(&node.op).attributes()).hash(&mut hasher);
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
    matches!(node.op, Op::Binary(kind) if kind.commutes()) && same_shape(&node.operands)
}

type Structured<'a> = (&'a Graph, &'a HashMap<NodeId, u64>, NodeId);

/// The operands of two nodes as they correspond. Those of a commutative operator may have changed places: they stay
/// where they are unless that lets more of them be alike, so that whatever differs below is compared with what it
/// was made from.
fn operand_pairs(
    (a, shapes_a, x): Structured<'_>,
    (b, shapes_b, y): Structured<'_>,
) -> Vec<(NodeId, NodeId)> {
    let (first, mut second) = (a.node(x).operands.clone(), b.node(y).operands.clone());
    if first.len() != second.len() {
        // Operands that one of them lacks are further ones; the first is what both compute on, if they do the same.
        let same_operator = a.node(x).op.name() == b.node(y).op.name();
        return first.into_iter().zip(second).take(usize::from(same_operator)).collect();
    }
    let alike = |first: &[NodeId], second: &[NodeId]| {
        first.iter().zip(second).filter(|&(x, y)| shapes_a[x] == shapes_b[y]).count()
    };
    if is_commutative(a, x) && is_commutative(b, y) {
        let crossed: Vec<NodeId> = second.iter().rev().copied().collect();
        if alike(&first, &crossed) > alike(&first, &second) {
            second = crossed;
        }
    }
    first.into_iter().zip(second).collect()
}

fn compare(a: &Graph, b: &Graph, x: NodeId, y: NodeId) -> Result<(), Difference> {
    let (first, second) = (a.node(x), b.node(y));
    let fault = |cause: String| Err(differ(a, b, x, y, cause));
    if first.op.name() != second.op.name() {
        let text = |op: &Op| {
            let attributes: Vec<String> =
                op.attributes().iter().map(|(name, text)| format!("{name}={text}")).collect();
            format!("{} {{{}}}", op.name(), attributes.join(", "))
        };
        return fault(format!("one is {}, the other {}", text(&first.op), text(&second.op)));
    }
    let ops = [&first.op, &second.op].map(comparable);
    if ops[0] != ops[1] {
        return fault(attributes_differ(&ops[0], &ops[1]));
    }
    if first.operands.len() != second.operands.len() {
        return fault(format!("they have {} and {} operands", first.operands.len(), second.operands.len()));
    }
    let constants = first.op == Op::Constant;
    let dims = |dims: &'_ [usize]| if constants { trimmed(dims).to_vec() } else { dims.to_vec() };
    if dims(&first.ty.dims) != dims(&second.ty.dims) {
        return fault(format!("their shapes are {:?} and {:?}", first.ty.dims, second.ty.dims));
    }
    Ok(())
}

/// An operator as it is compared: files hold the epsilon of a batch norm as f32, specs what people write.
fn comparable(op: &Op) -> Op {
    let mut op = op.clone();
    if let Op::BatchNorm(norm) = &mut op
        && let Ok(shortest) = (norm.epsilon as f32).to_string().parse()
    {
        norm.epsilon = shortest;
    }
    op
}

/// The attributes in which two uses of one operator differ.
fn attributes_differ(first: &Op, second: &Op) -> String {
    let (first, second) = (first.attributes(), second.attributes());
    let of = |attributes: &[(&'static str, String)], name| {
        let found = attributes.iter().find(|(other, _)| *other == name);
        found.map_or("absent".to_owned(), |(_, text)| text.clone())
    };
    let mut names: Vec<&str> = first.iter().chain(&second).map(|(name, _)| *name).collect();
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(*name));
    let differing = names.into_iter().filter_map(|name| {
        let (x, y) = (of(&first, name), of(&second, name));
        (x != y).then(|| format!("{name} is {x} in one and {y} in the other"))
    });
    differing.collect::<Vec<_>>().join("; ")
}
