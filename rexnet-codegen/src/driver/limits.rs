//! What a source may ask for, checked before it costs anything.

use super::{Request, Source};
use crate::plan::MAX_PACKED_BYTES;
use rexnet_ir::diagnostic::{Code, Diagnostic, Diagnostics, Location};
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

/// Refuses a network that is fixed to other extents than are wanted.
pub(super) fn check_extents(graph: &Graph, request: &Request) -> Result<(), Diagnostics> {
    let code = match request.source {
        Source::Onnx { .. } => Code::OnnxUnsupported,
        Source::Spec(_) | Source::Network(_) | Source::Graph(_) => Code::RunArguments,
    };
    let mut faults = Diagnostics::default();
    for input in graph.inputs().into_iter().map(|id| graph.node(id)) {
        let location = || Location::Name(input.name.clone());
        if let Some(wanted) = request.batch.filter(|&wanted| wanted != input.ty.batch()) {
            let cause = format!("the model is fixed to a batch of {}, {wanted} is wanted", input.ty.batch());
            let help = "export the model again with a dynamic first extent";
            faults.push(Diagnostic::new(code, location(), cause).with_help(help));
        }
        // The importer has bound those of a model.
        let size = [input.ty.height(), input.ty.width()];
        let wanted = request.sizes.size.filter(|_| code == Code::RunArguments);
        if let Some(wanted) = wanted.filter(|&wanted| wanted != size) {
            let cause = format!("its height and width are fixed to {size:?}, {wanted:?} is wanted");
            faults.push(Diagnostic::new(code, location(), cause));
        }
    }
    if code == Code::RunArguments {
        for (name, _) in &request.sizes.bindings {
            let cause = "only models of ONNX have free extents with names";
            let fault = Diagnostic::new(code, Location::Name(name.clone()), cause);
            faults.push(fault.with_help("give a height and a width, or arguments of the spec"));
        }
    }
    faults.into_result(())
}
