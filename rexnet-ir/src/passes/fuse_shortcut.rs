//! `prefix_add(conv2d(…), x)` or `conv2d(…) + x` → `conv2d(…, x) {shortcut}`.

use super::{Pass, Report};
use crate::diagnostic::Diagnostic;
use crate::graph::{BinaryKind, Conv2d, Graph, NodeId, Op};

pub(super) const PASS: Pass =
    Pass { name: "fuse_shortcut", summary: "add shortcuts where the convolution stores", run };

fn run(graph: &mut Graph, report: &mut Report) -> Result<(), Diagnostic> {
    for id in graph.order() {
        let node = graph.node(id);
        let (a, b) = match (&node.op, node.operands.as_slice()) {
            (Op::Binary(BinaryKind::Add) | Op::PrefixAdd, &[a, b]) => (a, b),
            _ => continue,
        };
        let name = node.name.clone();
        let mut found = can_take(graph, a, b).map(|()| (a, b));
        if node.op == Op::Binary(BinaryKind::Add) && found.is_err() && can_take(graph, b, a).is_ok() {
            found = Ok((b, a));
        }
        match found {
            Ok((conv, shortcut)) => {
                let node = graph.node(conv).clone();
                let Op::Conv2d(attributes) = node.op else { continue };
                let mut operands = node.operands;
                operands.push(shortcut);
                let mut editor = graph.edit();
                editor.redefine(conv, Op::Conv2d(Conv2d { shortcut: true, ..attributes }), &operands)?;
                editor.replace_uses(id, conv);
                editor.swap_names(id, conv);
                report.acted_on(name);
            }
            Err(reason) => report.refuse(name, reason),
        }
    }
    Ok(())
}

/// Whether `conv` can add `shortcut` in its epilogue. An only user cannot lie on a path from the convolution to
/// the shortcut, so no cycle can arise.
fn can_take(graph: &Graph, conv: NodeId, shortcut: NodeId) -> Result<(), String> {
    let node = graph.node(conv);
    let Op::Conv2d(attributes) = &node.op else {
        return Err(format!("{} ({}) is no convolution", node.name, node.op.name()));
    };
    if attributes.shortcut {
        return Err(format!("{} already adds a shortcut", node.name));
    }
    graph.only_user(conv)?;
    if conv == shortcut {
        return Err(format!("{} would be added to itself", node.name));
    }
    let (whole, part) = (&node.ty, &graph.node(shortcut).ty);
    if part.dims[0] != whole.dims[0]
        || part.dims[2..] != whole.dims[2..]
        || graph.node(shortcut).op == Op::Constant
    {
        return Err(format!("{} is broadcast or constant", graph.node(shortcut).name));
    }
    Ok(())
}
