//! `op(constant, …)` → `constant`, computed in f64 and rounded once.

use super::{Pass, Report};
use crate::diagnostic::Diagnostic;
use crate::graph::{Graph, Op, Tensor};
use crate::reference::{Array, evaluate_operator};

pub(super) const PASS: Pass =
    Pass { name: "fold_constants", summary: "compute operators on constants at compile time", run };

fn run(graph: &mut Graph, report: &mut Report) -> Result<(), Diagnostic> {
    for id in graph.order() {
        let node = graph.node(id);
        let on_constants = !node.operands.is_empty()
            && node.operands.iter().all(|&operand| graph.node(operand).op == Op::Constant);
        if !on_constants {
            continue;
        }
        let name = node.name.clone();
        if graph.is_output(id) {
            report.refuse(name, "it is a network output");
            continue;
        }
        let operands: Option<Vec<Array>> = (0..node.operands.len())
            .map(|operand| {
                let tensor = graph.constant_operand(id, operand)?;
                let data = tensor.data().iter().map(|&x| f64::from(x)).collect();
                Some(Array::new(tensor.dims().to_vec(), data))
            })
            .collect();
        let Some(operands) = operands else {
            report.refuse(name, "an operand has no tensor yet");
            continue;
        };
        let operands: Vec<&Array> = operands.iter().collect();
        let value = evaluate_operator(&node.op, &operands, &node.ty.dims);
        let rounded: Vec<f32> = value.data.iter().map(|&x| x as f32).collect();
        if let Some(tensor) = Tensor::new(value.dims, rounded) {
            let mut editor = graph.edit();
            let folded = editor.bound_constant(format!("{name}.folded"), tensor)?;
            editor.replace_uses(id, folded);
            report.acted_on(name);
        }
    }
    Ok(())
}
