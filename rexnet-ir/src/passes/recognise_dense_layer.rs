//! `flatten(conv1x1(x))` → `dense(flatten(x))` where the map is a single pixel: a classifier written as a
//! convolution.

use super::{Pass, Report};
use crate::diagnostic::Diagnostic;
use crate::graph::{Conv2d, Dense, Graph, NodeId, Op, Reshape};

pub(super) const PASS: Pass = Pass {
    name: "recognise_dense_layer",
    summary: "see a 1×1 convolution of one pixel as a dense layer",
    run,
};

fn run(graph: &mut Graph, report: &mut Report) -> Result<(), Diagnostic> {
    for id in graph.order() {
        if graph.node(id).op != Op::Reshape(Reshape::Flatten) {
            continue;
        }
        let conv = graph.node(id).operands[0];
        let (flatten, name) = (graph.node(id).name.clone(), graph.node(conv).name.clone());
        // Only what flattens a convolution is a candidate.
        let Op::Conv2d(attributes) = graph.node(conv).op.clone() else { continue };
        match layer(graph, conv, &attributes) {
            Ok(dense) => {
                let mut operands = graph.node(conv).operands.clone();
                let mut editor = graph.edit();
                operands[0] =
                    editor.add(Op::Reshape(Reshape::Flatten), &operands[..1], format!("{name}.flatten"))?;
                editor.redefine(id, Op::Dense(dense), &operands)?;
                report.acted_on(flatten);
            }
            Err(reason) => report.refuse(flatten, reason),
        }
    }
    Ok(())
}

fn layer(graph: &Graph, conv: NodeId, attributes: &Conv2d) -> Result<Dense, String> {
    let node = graph.node(conv);
    graph.only_user(conv)?;
    if graph.node(node.operands[0]).ty.dims[2..] != [1, 1]
        || graph.node(node.operands[1]).ty.dims[2..] != [1, 1]
    {
        return Err(format!("{} sees more than one pixel", node.name));
    }
    let plain = Conv2d { bias: attributes.bias, ..Conv2d::pointwise() };
    if *attributes != plain {
        return Err(format!("{} does more than a dense layer", node.name));
    }
    Ok(Dense { bias: attributes.bias, activation: None })
}
