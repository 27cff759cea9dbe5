//! `activate(conv2d(…))` → `conv2d(…) {activation}`, likewise for dense layers.

use super::{Pass, Report};
use crate::diagnostic::Diagnostic;
use crate::graph::{Activation, Function, Graph, NodeId, Op};

pub(super) const PASS: Pass =
    Pass { name: "fuse_activation", summary: "apply activations where the value is produced", run };

fn run(graph: &mut Graph, report: &mut Report) -> Result<(), Diagnostic> {
    for id in graph.order() {
        let node = graph.node(id);
        let Op::Unary(Function::Activate(function)) = node.op else { continue };
        let (name, producer) = (node.name.clone(), node.operands[0]);
        match with_activation(graph, producer, function) {
            Ok(op) => {
                let operands = graph.node(producer).operands.clone();
                let mut editor = graph.edit();
                editor.redefine(producer, op, &operands)?;
                editor.replace_uses(id, producer);
                editor.swap_names(id, producer);
                report.acted_on(name);
            }
            Err(reason) => report.refuse(name, reason),
        }
    }
    Ok(())
}

fn with_activation(graph: &Graph, producer: NodeId, function: Activation) -> Result<Op, String> {
    let node = graph.node(producer);
    let mut op = node.op.clone();
    let slot = match &mut op {
        Op::Conv2d(conv) if conv.shortcut => {
            return Err(format!("{} already adds a shortcut", node.name));
        }
        Op::Conv2d(conv) => &mut conv.activation,
        Op::Dense(dense) => &mut dense.activation,
        other => return Err(format!("{} ({}) has no epilogue", node.name, other.name())),
    };
    if slot.is_some() {
        return Err(format!("{} already has an activation", node.name));
    }
    graph.only_user(producer)?;
    *slot = Some(function);
    Ok(op)
}
