//! What f32 can promise of the values of a network.

use super::argument;
use rexnet_ir::diagnostic::Diagnostic;
use rexnet_ir::graph::{Graph, NodeId};
use rexnet_ir::reference::{self, Rounding};
use std::collections::HashMap;

/// Of the outputs of a graph, in order.
///
/// # Errors
/// `RX0706` where the reference has no value.
pub(super) fn of_outputs(graph: &Graph, inputs: &[&[f32]]) -> Result<Vec<Rounding>, Diagnostic> {
    let of_nodes = of_nodes(graph, inputs, &|id| graph.is_output(id))?;
    Ok(graph.outputs().iter().filter_map(|output| of_nodes.get(&output.node).cloned()).collect())
}

/// Of the wanted nodes, by identity.
///
/// # Errors
/// As [`of_outputs`].
pub(super) fn of_nodes(
    graph: &Graph,
    inputs: &[&[f32]],
    wanted: &dyn Fn(NodeId) -> bool,
) -> Result<HashMap<NodeId, Rounding>, Diagnostic> {
    reference::roundings(graph, inputs, wanted)
        .map_err(|name| argument(&name, "the reference has no value for it".to_owned()))
}
