//! What a source may ask for, checked before it costs anything.

use crate::plan::MAX_PACKED_BYTES;
use rexnet_ir::diagnostic::{Code, Diagnostic, Location};
use rexnet_ir::graph::{Graph, Op};

/// The longest weights file that is read, in bytes.
pub const MAX_WEIGHTS_BYTES: usize = 4 << 30;
/// The most nodes of a graph that is compiled: what is done for each looks at all others.
pub const MAX_NODES: usize = 1 << 14;

fn too_large(graph: &Graph, cause: String) -> Diagnostic {
    Diagnostic::new(Code::GraphTooLarge, Location::Name(graph.name().to_owned()), cause)
}

/// Refuses a graph of too many nodes.
pub(super) fn check_length(graph: &Graph) -> Result<(), Diagnostic> {
    if graph.len() <= MAX_NODES {
        return Ok(());
    }
    Err(too_large(graph, format!("it has {} nodes, more than {MAX_NODES}", graph.len())))
}

/// Refuses to draw more than could be packed.
pub(super) fn check_drawn(graph: &Graph) -> Result<(), Diagnostic> {
    let constants = graph.order().into_iter().map(|id| graph.node(id)).filter(|node| node.op == Op::Constant);
    let missing = constants.filter(|node| graph.constant(&node.name).is_none());
    let bytes = missing.map(|node| 4 * node.ty.elements()).fold(0, usize::saturating_add);
    if bytes <= MAX_PACKED_BYTES {
        return Ok(());
    }
    let cause = format!("its weights are {bytes} bytes, more than 4 GiB");
    Err(too_large(graph, cause).with_help("make the network narrower"))
}
