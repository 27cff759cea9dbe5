//! `x * sigmoid(x)` → `silu(x)`, in either order of the factors.

use super::{Pass, Report};
use crate::diagnostic::Diagnostic;
use crate::graph::{Activate, Activation, Graph, Op};

pub(super) const PASS: Pass = Pass { name: "recognise_silu", summary: "see x * sigmoid(x) as SiLU", run };

fn run(graph: &mut Graph, report: &mut Report) -> Result<(), Diagnostic> {
    const SIGMOID: Op = Op::Activate(Activate { function: Activation::Sigmoid });
    for id in graph.order() {
        let node = graph.node(id);
        if node.op != Op::Mul {
            continue;
        }
        let (a, b) = (node.operands[0], node.operands[1]);
        let name = node.name.clone();
        let is_sigmoid_of = |gate, x| graph.node(gate).op == SIGMOID && graph.node(gate).operands[0] == x;
        let x = if is_sigmoid_of(b, a) {
            a
        } else if is_sigmoid_of(a, b) {
            b
        } else {
            if [a, b].iter().any(|&factor| graph.node(factor).op == SIGMOID) {
                report.refuse(name, "the sigmoid is of another value than the one it multiplies");
            }
            continue;
        };
        graph.edit().redefine(id, Op::Activate(Activate { function: Activation::Silu }), &[x])?;
        report.acted_on(name);
    }
    Ok(())
}
