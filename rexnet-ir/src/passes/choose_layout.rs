//! Everything inside the network is channels-last and padded to 8; the users' layout stands at its edges only.
//!
//! A convolution that sums over all channels reads an input as it is; any other reader of an input, and any
//! output whose two layouts differ, gets a `relayout`.

use super::{Pass, Report};
use crate::diagnostic::Diagnostic;
use crate::graph::{Graph, Layout, NodeId, Op, Relayout};

pub(super) const PASS: Pass =
    Pass { name: "choose_layout", summary: "lay tensors out channels-last, convert at the edges only", run };

fn run(graph: &mut Graph, report: &mut Report) -> Result<(), Diagnostic> {
    for id in graph.order() {
        if !matches!(graph.node(id).op, Op::Input | Op::Constant | Op::Relayout(_)) {
            graph.edit().set_layout(id, Layout::Nhwc8);
            report.acted_on(graph.node(id).name.clone());
        }
    }
    for id in graph.order() {
        let node = graph.node(id).clone();
        if matches!(node.op, Op::Input | Op::Constant | Op::Relayout(_)) {
            continue;
        }
        let mut operands = node.operands.clone();
        for (place, operand) in operands.iter_mut().enumerate() {
            let source = graph.node(*operand);
            let is_data =
                source.op == Op::Input || source.op == Op::Constant && needs_layout(&node.op, place);
            if is_data && !reads_any_layout(&node.op, place) {
                report.refuse(&node.name, format!("{} is read through a relayout", source.name));
                *operand = relayout(graph, *operand, Layout::Nhwc8)?;
            }
        }
        if operands != node.operands {
            graph.edit().redefine(id, node.op, &operands)?;
        }
    }
    let outputs = graph.outputs().to_vec();
    for (index, output) in outputs.iter().enumerate() {
        let ty = &graph.node(output.node).ty;
        let first = outputs[..index].iter().all(|other| other.node != output.node);
        if first && ty.layout == Layout::Nhwc8 && ty.layouts_coincide() {
            continue;
        }
        // An output that is an input, or another output too, is copied: each has a buffer of the user's.
        let source = output.node;
        let converted =
            relayout_anew(graph, source, Layout::Nchw, &format!("{}.output", graph.node(source).name))?;
        graph.edit().set_output(index, converted);
    }
    Ok(())
}

/// Whether a constant in this place is a tensor like any other, not a weight that is packed.
fn needs_layout(op: &Op, place: usize) -> bool {
    match op {
        Op::Conv2d(conv) => place == 0 || place >= 2 + usize::from(conv.bias),
        Op::Dense(_) | Op::SqueezeExcite(_) | Op::BatchNorm(_) => place == 0,
        _ => true,
    }
}

/// Whether the kernel of this operator reads the users' layout in this place.
fn reads_any_layout(op: &Op, place: usize) -> bool {
    matches!(op, Op::Conv2d(conv) if place == 0 && conv.groups == 1 && !conv.gate && conv.input_activation.is_none())
}

/// The tensor in another layout; one conversion serves all readers.
fn relayout(graph: &mut Graph, id: NodeId, layout: Layout) -> Result<NodeId, Diagnostic> {
    let existing =
        graph.users(id).into_iter().find(|&user| graph.node(user).op == Op::Relayout(Relayout { layout }));
    match existing {
        Some(user) => Ok(user),
        None => relayout_anew(graph, id, layout, &format!("{}.{}", graph.node(id).name, layout.name())),
    }
}

fn relayout_anew(graph: &mut Graph, id: NodeId, layout: Layout, name: &str) -> Result<NodeId, Diagnostic> {
    let mut editor = graph.edit();
    let converted = editor.add(Op::Relayout(Relayout { layout }), &[id], name)?;
    editor.set_layout(converted, layout);
    Ok(converted)
}
