//! `conv1x1(activate(x * gate))` → `conv1x1(x) {gate, input_activation}`: the gate is applied to the rows that
//! the projection is about to read, so that the gated tensor is never stored.

use super::{Pass, Report};
use crate::diagnostic::Diagnostic;
use crate::graph::{Activation, BinaryKind, Conv2d, Function, Graph, NodeId, Op};

pub(super) const PASS: Pass =
    Pass { name: "fuse_gate", summary: "apply squeeze-excite gates where the projection reads", run };

fn run(graph: &mut Graph, report: &mut Report) -> Result<(), Diagnostic> {
    for id in graph.order() {
        if graph.node(id).op != Op::Binary(BinaryKind::Mul) {
            continue;
        }
        let name = graph.node(id).name.clone();
        match find(graph, id) {
            Ok((conv, input_activation)) => {
                let (x, gate) = (graph.node(id).operands[0], graph.node(id).operands[1]);
                let node = graph.node(conv).clone();
                let Op::Conv2d(attributes) = node.op else { continue };
                let at = 2 + usize::from(attributes.bias);
                let mut operands = node.operands;
                operands[0] = x;
                operands.insert(at, gate);
                let op = Op::Conv2d(Conv2d { gate: true, input_activation, ..attributes });
                graph.edit().redefine(conv, op, &operands)?;
                report.acted_on(name);
            }
            Err(reason) => report.refuse(name, reason),
        }
    }
    Ok(())
}

/// A convolution in more groups is not computed pixel by pixel, which is where a gate is applied.
pub const MOST_GROUPS: usize = 8;

/// The convolution that reads the product, and the activation between them.
fn find(graph: &Graph, product: NodeId) -> Result<(NodeId, Option<Activation>), String> {
    let [x, gate] = [0, 1].map(|operand| graph.node(graph.node(product).operands[operand]));
    if gate.ty.dims != [x.ty.batch(), x.ty.channels(), 1, 1] {
        return Err(format!("{} is not one value a channel", gate.name));
    }
    let mut user = graph.only_user(product)?;
    let mut activation = None;
    if let Op::Unary(Function::Activate(function)) = graph.node(user).op {
        activation = Some(function);
        user = graph.only_user(user)?;
    }
    let node = graph.node(user);
    let Op::Conv2d(conv) = &node.op else {
        return Err(format!("its user {} ({}) is no convolution", node.name, node.op.name()));
    };
    let kernel = &graph.node(node.operands[1]).ty.dims[2..];
    let few_groups = conv.groups == 1 || conv.groups <= MOST_GROUPS && conv.groups < x.ty.channels();
    if kernel != [1, 1] || conv.pad != [0; 4] || conv.stride != [1, 1] || !few_groups {
        return Err(format!("its user {} is not a pointwise convolution", node.name));
    }
    if conv.gate || conv.input_activation.is_some() {
        return Err(format!("its user {} already has a gate", node.name));
    }
    if node.operands[1..].contains(&product) {
        return Err(format!("{} uses it in another role", node.name));
    }
    Ok((user, activation))
}
