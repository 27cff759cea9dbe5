//! `clip(x, 0, 6)` → `relu6(x)`; `clip(x, 0, ∞)` → `relu(x)`.

use super::{Pass, Report};
use crate::diagnostic::Diagnostic;
use crate::graph::{Activation, Function, Graph, Op};

pub(super) const PASS: Pass =
    Pass { name: "recognise_relu6", summary: "see clips from 0 to 6 as ReLU6, from 0 up as ReLU", run };

fn run(graph: &mut Graph, report: &mut Report) -> Result<(), Diagnostic> {
    for id in graph.order() {
        let node = graph.node(id);
        let Op::Unary(Function::Clip { min, max }) = node.op else { continue };
        let (name, operand) = (node.name.clone(), node.operands[0]);
        let function = match (min, max) {
            (0.0, 6.0) => Activation::Relu6,
            (0.0, max) if max >= f64::from(f32::MAX) => Activation::Relu,
            (min, max) => {
                report.refuse(name, format!("its bounds are {min} and {max}"));
                continue;
            }
        };
        graph.edit().redefine(id, function.into(), &[operand])?;
        report.acted_on(name);
    }
    Ok(())
}
