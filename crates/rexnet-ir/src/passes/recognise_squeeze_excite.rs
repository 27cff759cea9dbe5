//! `x * sigmoid(conv1x1(f(conv1x1(global_average_pool(x)))))` → `x * squeeze_excite(x)`.

use super::{Pass, Report};
use crate::diagnostic::Diagnostic;
use crate::graph::{Activate, Activation, Conv2d, Graph, NodeId, Op, SqueezeExcite, Tensor};

pub(super) const PASS: Pass = Pass {
    name: "recognise_squeeze_excite",
    summary: "see the layers of a squeeze-excite gate as one operator",
    run,
};

struct Gate {
    x: NodeId,
    sigmoid: NodeId,
    reduce: NodeId,
    expand: NodeId,
    activation: Activation,
}

fn run(graph: &mut Graph, report: &mut Report) -> Result<(), Diagnostic> {
    for id in graph.order() {
        let node = graph.node(id);
        if node.op != Op::Mul {
            continue;
        }
        let name = node.name.clone();
        let (x, gate) = (node.operands[0], node.operands[1]);
        // Only a product of a map with one value a channel is a candidate.
        if graph.node(x).ty.dims.len() != 4 || graph.node(gate).ty.dims[2..] != [1, 1] {
            continue;
        }
        match find_gate(graph, x, gate) {
            Ok(found) => {
                insert(graph, &found)?;
                report.acted_on(name);
            }
            Err(reason) => report.refuse(name, reason),
        }
    }
    Ok(())
}

fn find_gate(graph: &Graph, x: NodeId, gate: NodeId) -> Result<Gate, String> {
    let not = |id: NodeId, what: &str| Err(format!("{} is not {what}", graph.node(id).name));
    let operand = |id: NodeId| graph.node(id).operands[0];

    let sigmoid = gate;
    if graph.node(sigmoid).op != Op::Activate(Activate { function: Activation::Sigmoid }) {
        return not(sigmoid, "a sigmoid");
    }
    let expand = operand(sigmoid);
    if !is_layer(graph, expand) {
        return not(expand, "a plain 1×1 convolution");
    }
    let middle = operand(expand);
    let Op::Activate(Activate { function: activation }) = graph.node(middle).op else {
        return not(middle, "an activation between the two layers");
    };
    let reduce = operand(middle);
    if !is_layer(graph, reduce) {
        return not(reduce, "a plain 1×1 convolution");
    }
    let pool = operand(reduce);
    if graph.node(pool).op != Op::GlobalAveragePool {
        return not(pool, "a global average");
    }
    if operand(pool) != x {
        return Err(format!(
            "it scales {}, but pools {}",
            graph.node(x).name,
            graph.node(operand(pool)).name
        ));
    }
    for inner in [sigmoid, expand, middle, reduce, pool] {
        graph.only_user(inner)?;
    }
    Ok(Gate { x, sigmoid, reduce, expand, activation })
}

/// Whether it is a 1×1 convolution of a 1×1 map and nothing more, with constant weights.
fn is_layer(graph: &Graph, id: NodeId) -> bool {
    let node = graph.node(id);
    let Op::Conv2d(conv) = &node.op else { return false };
    let weight = graph.node(node.operands[1]);
    *conv == Conv2d { bias: conv.bias, ..Conv2d::pointwise() }
        && weight.op == Op::Constant
        && weight.ty.dims[2..] == [1, 1]
        && (!conv.bias || graph.node(node.operands[2]).op == Op::Constant)
}

fn insert(graph: &mut Graph, gate: &Gate) -> Result<(), Diagnostic> {
    let mut operands = vec![gate.x];
    for layer in [gate.reduce, gate.expand] {
        let node = graph.node(layer).clone();
        let bias = match node.operands.get(2) {
            Some(&bias) => bias,
            None => {
                let channels = node.ty.channels();
                let zeros: Option<Tensor> = Tensor::new([channels], vec![0.0; channels]);
                match zeros {
                    Some(zeros) => graph.edit().bound_constant(format!("{}.bias", node.name), zeros)?,
                    None => return Ok(()),
                }
            }
        };
        operands.extend([node.operands[1], bias]);
    }
    let mut editor = graph.edit();
    editor.redefine(gate.sigmoid, Op::SqueezeExcite(SqueezeExcite { activation: gate.activation }), &operands)
}
