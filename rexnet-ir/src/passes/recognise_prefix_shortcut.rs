//! `concat(slice(y, 0..k) + x, slice(y, k..))` along the channels → `prefix_add(y, x)` (ReXNet, section 4:
//! `y[:, :k] += x`).

use super::{Pass, Report};
use crate::diagnostic::Diagnostic;
use crate::graph::{BinaryKind, Concat, Graph, NodeId, Op, Slice};

pub(super) const PASS: Pass = Pass {
    name: "recognise_prefix_shortcut",
    summary: "see slice, add and concat as a shortcut into the first channels",
    run,
};

fn run(graph: &mut Graph, report: &mut Report) -> Result<(), Diagnostic> {
    for id in graph.order() {
        let node = graph.node(id);
        if node.op != Op::Concat(Concat { axis: 1 }) {
            continue;
        }
        let name = node.name.clone();
        match find(graph, id) {
            Ok((whole, part)) => {
                graph.edit().redefine(id, Op::PrefixAdd, &[whole, part])?;
                report.acted_on(name);
            }
            Err(reason) => report.refuse(name, reason),
        }
    }
    Ok(())
}

/// The tensor `y` and the shortcut `x`.
fn find(graph: &Graph, concat: NodeId) -> Result<(NodeId, NodeId), String> {
    let channels_of = |id: NodeId| match &graph.node(id).op {
        Op::Slice(Slice { axis: 1, start, end }) => Some((graph.node(id).operands[0], *start, *end)),
        _ => None,
    };
    let &[sum, rest] = graph.node(concat).operands.as_slice() else {
        return Err("it does not join two parts".to_owned());
    };
    let Some((whole, split, end)) = channels_of(rest) else {
        return Err("its second part is no slice of channels".to_owned());
    };
    if graph.node(sum).op != Op::Binary(BinaryKind::Add) {
        return Err("its first part is no sum".to_owned());
    }
    let (a, b) = (graph.node(sum).operands[0], graph.node(sum).operands[1]);
    let is_prefix = |id| channels_of(id) == Some((whole, 0, split));
    let part = match (is_prefix(a), is_prefix(b)) {
        (true, _) => b,
        (_, true) => a,
        _ => return Err("neither term of the sum is the first channels of the same tensor".to_owned()),
    };
    if end != graph.node(whole).ty.channels() {
        return Err("the two slices do not cover the tensor".to_owned());
    }
    if graph.node(part).ty.dims != graph.node(sum).ty.dims {
        return Err("the shortcut is broadcast".to_owned());
    }
    Ok((whole, part))
}
