//! `conv2d(pad(x))` → `conv2d(x) {pad}`: convolutions bring their own zeros.

use super::{Pass, Report};
use crate::diagnostic::Diagnostic;
use crate::graph::{Conv2d, Graph, Op};

pub(super) const PASS: Pass = Pass { name: "fuse_pad", summary: "let convolutions pad for themselves", run };

fn run(graph: &mut Graph, report: &mut Report) -> Result<(), Diagnostic> {
    for id in graph.order() {
        let Op::Pad(padding) = graph.node(id).op.clone() else { continue };
        if padding.value != 0.0 {
            report.refuse(&graph.node(id).name, format!("it is of {} instead of zeros", padding.value));
            continue;
        }
        let (name, x) = (graph.node(id).name.clone(), graph.node(id).operands[0]);
        if graph.is_output(id) {
            report.refuse(&name, "it is a network output");
        }
        for user in graph.users(id) {
            let node = graph.node(user);
            let only_as_input = !node.operands[1..].contains(&id);
            match &node.op {
                // A function of the input would be applied to the zeros, too.
                Op::Conv2d(conv) if only_as_input && !conv.gate && conv.input_activation.is_none() => {
                    let mut pad = conv.pad;
                    pad.iter_mut().zip(padding.pad).for_each(|(own, more)| *own += more);
                    let op = Op::Conv2d(Conv2d { pad, ..conv.clone() });
                    let mut operands = node.operands.clone();
                    operands[0] = x;
                    graph.edit().redefine(user, op, &operands)?;
                    report.acted_on(name.clone());
                }
                Op::Conv2d(_) => report.refuse(
                    &name,
                    format!("its user {} applies a gate or function to the zeros, or adds them", node.name),
                ),
                op => {
                    report.refuse(&name, format!("its user {} ({}) is no convolution", node.name, op.name()))
                }
            }
        }
    }
    Ok(())
}
