//! `x * g(conv1x1(f(conv1x1(global_average_pool(x)))))` → `x * squeeze_excite(x)`, where `g` is the sigmoid or
//! the hard sigmoid, also where the layers are dense ones between a flatten and an unflatten.

use super::{Pass, Report};
use crate::diagnostic::Diagnostic;
use crate::graph::{
    Activation, BinaryKind, Conv2d, Function, Graph, NodeId, Op, Reshape, SqueezeExcite, Tensor,
};

pub(super) const PASS: Pass = Pass {
    name: "recognise_squeeze_excite",
    summary: "see the layers of a squeeze-excite gate as one operator",
    run,
};

struct Gate {
    x: NodeId,
    /// The last function, or what reshapes it.
    gate: NodeId,
    reduce: NodeId,
    expand: NodeId,
    activation: Activation,
    last: Activation,
}

fn run(graph: &mut Graph, report: &mut Report) -> Result<(), Diagnostic> {
    for id in graph.order() {
        let node = graph.node(id);
        if node.op != Op::Binary(BinaryKind::Mul) {
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
    // `[n, c]` and `[n, c, 1, 1]` are the same values.
    let mut reshapes = Vec::new();
    let mut values = |id: NodeId| {
        let reshape = matches!(graph.node(id).op, Op::Reshape(Reshape::Flatten | Reshape::Unflatten));
        if reshape {
            reshapes.push(id);
        }
        if reshape { operand(id) } else { id }
    };

    let sigmoid = values(gate);
    let last = match graph.node(sigmoid).op {
        Op::Unary(Function::Activate(last @ (Activation::Sigmoid | Activation::HardSigmoid))) => last,
        _ => return not(sigmoid, "a sigmoid"),
    };
    let expand = values(operand(sigmoid));
    if !is_layer(graph, expand) {
        return not(expand, "a plain 1×1 convolution or dense layer");
    }
    let middle = values(operand(expand));
    let Op::Unary(Function::Activate(activation)) = graph.node(middle).op else {
        return not(middle, "an activation between the two layers");
    };
    let reduce = values(operand(middle));
    if !is_layer(graph, reduce) {
        return not(reduce, "a plain 1×1 convolution or dense layer");
    }
    let pool = values(operand(reduce));
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
    for inner in [sigmoid, expand, middle, reduce, pool].into_iter().chain(reshapes) {
        graph.only_user(inner)?;
    }
    Ok(Gate { x, gate, reduce, expand, activation, last })
}

/// Whether it is a 1×1 convolution or a dense layer and nothing more, with constant weights.
fn is_layer(graph: &Graph, id: NodeId) -> bool {
    let node = graph.node(id);
    let plain = match &node.op {
        Op::Conv2d(conv) => *conv == Conv2d { bias: conv.bias, ..Conv2d::pointwise() },
        Op::Dense(dense) => dense.activation.is_none(),
        _ => false,
    };
    plain
        && node.operands[1..].iter().all(|&weight| graph.node(weight).op == Op::Constant)
        && graph.node(node.operands[1]).ty.dims[2..].iter().all(|&extent| extent == 1)
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
    let op = SqueezeExcite { activation: gate.activation, gate: gate.last };
    editor.redefine(gate.gate, Op::SqueezeExcite(op), &operands)
}
