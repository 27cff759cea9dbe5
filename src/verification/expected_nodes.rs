//! Intermediate values that another engine computed, beside the network's.

use super::closeness::Closeness;
use super::compare::Difference;
use super::{argument, rounding};
use rexnet_ir::diagnostic::Diagnostics;
use rexnet_ir::graph::{Graph, NodeId, Op};
use rexnet_ir::reference;
use std::collections::{HashMap, HashSet};
use std::fmt;

/// A value that another engine computed.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpectedValue {
    /// What the network calls it: the name of a node of a spec, of a value of an ONNX model, of an output.
    pub name: String,
    /// The extents, in NCHW order.
    pub dims: Vec<usize>,
    /// The elements, row-major.
    pub data: Vec<f32>,
}

/// The expected values beside the f64 reference, evaluated on the network as its source says it.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpectedNodes {
    /// In the order of computation.
    pub compared: Vec<ExpectedNode>,
    /// The names that are no node's.
    pub unknown: Vec<String>,
    /// The nodes of which one must differ: the first of `compared` that does, and those before it that nothing expected
    /// stands between. In the order of computation; empty when all agree.
    pub suspects: Vec<String>,
}

/// One expected value beside the reference's.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpectedNode {
    /// The node of the source's graph.
    pub node: String,
    /// Its operator.
    pub operator: &'static str,
    /// Its extents.
    pub dims: Vec<usize>,
    /// The extents that are expected.
    pub expected_dims: Vec<usize>,
    /// How close the expected value is to the reference's; `None` where the shapes differ.
    pub closeness: Option<Closeness>,
    /// The outcome.
    pub difference: Difference,
}

impl ExpectedNodes {
    /// The first that differs, in the order of computation.
    pub fn first_divergent(&self) -> Option<&ExpectedNode> {
        self.compared.iter().find(|node| !node.difference.passed())
    }
}

impl fmt::Display for ExpectedNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.closeness.is_some() {
            return self.difference.fmt(f);
        }
        write!(f, "its shape is {:?}, expected is {:?}", self.dims, self.expected_dims)
    }
}

/// # Errors
/// `RX0706` when no name is a node's.
pub(super) fn compare(
    source: &Graph,
    expected: &[ExpectedValue],
    input: &[f32],
) -> Result<ExpectedNodes, Diagnostics> {
    let of_output = |name: &str| source.outputs().iter().find(|output| output.name == name).map(|o| o.node);
    let find = |name: &str| {
        let of_node = source.find(name).filter(|&id| source.node(id).op != Op::Constant);
        of_node.or_else(|| of_output(name))
    };
    let known = |value: &&ExpectedValue| find(&value.name).is_some();
    let unknown: Vec<String> =
        expected.iter().filter(|value| !known(value)).map(|value| value.name.clone()).collect();
    if unknown.len() == expected.len() {
        let first: Vec<&str> = unknown.iter().take(3).map(String::as_str).collect();
        let cause = format!("none of the expected values is one of the network: {}", first.join(", "));
        let help = "`rexnetc dump NET` lists the names of the network's values";
        return Err(argument("expected nodes", cause).with_help(help).into());
    }
    let values = reference::evaluate(source, &[input])
        .map_err(|name| argument(&name, "the reference has no value for it".to_owned()))?;
    let wanted_of = |id: NodeId| {
        let wanted = expected.iter().find(|value| find(&value.name) == Some(id))?;
        Some((wanted, values.get(&id)?, dims_of(source, &wanted.name, id)))
    };
    let is_far = |&id: &NodeId| {
        wanted_of(id).is_some_and(|(wanted, exact, dims)| {
            dims == wanted.dims && !Difference::of_node(&wanted.data, &exact.data).passed()
        })
    };
    let far: HashSet<NodeId> = source.order().into_iter().filter(is_far).collect();
    let rounded = match far.is_empty() {
        true => HashMap::new(),
        false => rounding::of_nodes(source, &[input], &|id| far.contains(&id))?,
    };
    let of = |id: NodeId| {
        let node = source.node(id);
        let (wanted, exact, dims) = wanted_of(id)?;
        let same_shape = dims == wanted.dims;
        let (closeness, difference) = if same_shape {
            let difference = match rounded.get(&id) {
                Some(rounding) => Difference::of_rounded_node(&wanted.data, &exact.data, rounding),
                None => Difference::of_node(&wanted.data, &exact.data),
            };
            (Some(Closeness::new(&wanted.data, &exact.data)), difference)
        } else {
            (None, Difference::of_shapes(&exact.data))
        };
        let compared = ExpectedNode {
            node: node.name.clone(),
            operator: node.op.name(),
            dims,
            expected_dims: wanted.dims.clone(),
            closeness,
            difference,
        };
        Some((id, compared))
    };
    let compared: Vec<(NodeId, ExpectedNode)> = source.order().into_iter().filter_map(of).collect();
    let suspects = suspects(source, &compared);
    Ok(ExpectedNodes { compared: compared.into_iter().map(|(_, node)| node).collect(), unknown, suspects })
}

/// The extents of a node's value under the name of an output, or of the node.
fn dims_of(source: &Graph, name: &str, id: NodeId) -> Vec<usize> {
    let output = source.outputs().iter().find(|output| output.name == name && output.node == id);
    output.map_or(&source.node(id).ty.dims, |output| &output.dims).clone()
}

/// From the first that differs back to what agrees.
fn suspects(source: &Graph, compared: &[(NodeId, ExpectedNode)]) -> Vec<String> {
    let Some((first, _)) = compared.iter().find(|(_, node)| !node.difference.passed()) else {
        return Vec::new();
    };
    let agrees = |id: NodeId| {
        compared.iter().any(|(other, node)| *other == id && node.difference.passed())
            || matches!(source.node(id).op, Op::Input | Op::Constant)
    };
    let (mut found, mut waiting) = (HashSet::new(), vec![*first]);
    while let Some(id) = waiting.pop() {
        if !agrees(id) && found.insert(id) {
            waiting.extend(&source.node(id).operands);
        }
    }
    let order = source.order().into_iter().filter(|id| found.contains(id));
    order.map(|id| source.node(id).name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::seeded_input;
    use super::*;
    use rexnet_codegen::driver::{self, Request, Weights};

    #[test]
    fn the_first_layer_that_differs_is_between_what_agrees() -> Result<(), Diagnostics> {
        let text = "rexnet(width = 0.25, size = 32, classes = 10)";
        let mut described = driver::describe(&Request::new(text, Weights::Own))?;
        described.bind(&Weights::Seeded(1))?;
        let graph = described.graph;
        let input = seeded_input(3 * 32 * 32, 1);
        let values =
            reference::evaluate(&graph, &[&input]).map_err(|name| argument(&name, "no value".to_owned()))?;
        let order: Vec<NodeId> = graph.order().into_iter().filter(|id| values.contains_key(id)).collect();
        let expected = |every: usize, broken: usize| -> Vec<ExpectedValue> {
            let shift = |at: usize| if at >= broken { 1.0 } else { 0.0 };
            let of = |(at, id): (usize, &NodeId)| ExpectedValue {
                name: graph.node(*id).name.clone(),
                dims: values[id].dims.clone(),
                data: values[id].data.iter().map(|&value| value as f32 + shift(at)).collect(),
            };
            order.iter().enumerate().step_by(every).map(of).collect()
        };
        let name = |at: usize| graph.node(order[at]).name.clone();

        let all = compare(&graph, &expected(1, usize::MAX), &input)?;
        assert!(all.first_divergent().is_none() && all.suspects.is_empty());
        for broken in [1, 30, order.len() - 1] {
            let found = compare(&graph, &expected(1, broken), &input)?;
            assert_eq!(found.first_divergent().map(|node| &node.node), Some(&name(broken)));
            assert_eq!(found.suspects, [name(broken)]);
        }
        let sparse = compare(&graph, &expected(5, 31), &input)?;
        assert_eq!(sparse.first_divergent().map(|node| &node.node), Some(&name(35)));
        assert!(sparse.suspects.len() > 1 && sparse.suspects.contains(&name(35)), "{:?}", sparse.suspects);

        let mut strangers = expected(40, usize::MAX);
        strangers[1].name = "stranger".to_owned();
        strangers[2].dims.push(1);
        let found = compare(&graph, &strangers, &input)?;
        assert_eq!(found.unknown, ["stranger"]);
        assert!(found.first_divergent().is_some_and(|node| node.closeness.is_none()));
        strangers.drain(2..);
        strangers.remove(0);
        assert!(compare(&graph, &strangers, &input).is_err());
        Ok(())
    }
}
