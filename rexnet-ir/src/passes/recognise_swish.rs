//! `x * sigmoid(x)` → `silu(x)` and `x * hard_sigmoid(x)` → `hard_swish(x)`, in either order of the factors.

use super::{Pass, Report};
use crate::diagnostic::Diagnostic;
use crate::graph::{Activation, BinaryKind, Function, Graph, NodeId, Op};

pub(super) const PASS: Pass =
    Pass { name: "recognise_swish", summary: "see x * sigmoid(x) as SiLU, likewise hard ones", run };

fn run(graph: &mut Graph, report: &mut Report) -> Result<(), Diagnostic> {
    for id in graph.order() {
        let node = graph.node(id);
        if node.op != Op::Binary(BinaryKind::Mul) {
            continue;
        }
        let (a, b) = (node.operands[0], node.operands[1]);
        let name = node.name.clone();
        let product_with = |x, gate| swish(graph, gate).filter(|_| graph.node(gate).operands[0] == x);
        let (x, function) = if let Some(function) = product_with(a, b) {
            (a, function)
        } else if let Some(function) = product_with(b, a) {
            (b, function)
        } else {
            if [a, b].iter().any(|&factor| swish(graph, factor).is_some()) {
                report.refuse(name, "the sigmoid is of another value than the one it multiplies");
            }
            continue;
        };
        graph.edit().redefine(id, function.into(), &[x])?;
        report.acted_on(name);
    }
    Ok(())
}

/// The product of `x` and the gate, where that is a sigmoid of `x`.
fn swish(graph: &Graph, gate: NodeId) -> Option<Activation> {
    match graph.node(gate).op {
        Op::Unary(Function::Activate(Activation::Sigmoid)) => Some(Activation::Silu),
        Op::Unary(Function::Activate(Activation::HardSigmoid)) => Some(Activation::HardSwish),
        _ => None,
    }
}
