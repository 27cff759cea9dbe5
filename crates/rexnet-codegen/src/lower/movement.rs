//! Operators that only move elements, one at a time: they stand at the edges of a network, or for shapes that no
//! fusion covered.

use super::node::{ALONE, NodeBuilder, Strides};
use super::padding;
use crate::loops::{Affine, BufferId, Expression, KernelBuilder, Role};
use rexnet_ir::graph::{CHANNEL_PADDING, Layout, Node, NodeId, TensorType};

/// `output[to(n, c, y, x)] = input[from(n, c, y, x)]` for a box of indices.
fn copy(
    builder: &mut KernelBuilder,
    extents: [usize; 4],
    (input, from, from_start): (BufferId, Strides, i64),
    (output, to, to_start): (BufferId, Strides, i64),
) {
    let [images, _, rows, _] = extents.map(|extent| extent as i64);
    builder.section(("image", 0..images), ("y", 0..rows), |builder, n, y| {
        builder.for_each("x", extents[3], |builder, x| {
            builder.for_each("c", extents[1], |builder, c| {
                let at = |strides: &Strides, start: i64| -> Affine {
                    n.clone() * strides.n
                        + c.clone() * strides.c
                        + y.clone() * strides.y
                        + x.clone() * strides.x
                        + start
                };
                let value = builder.load(input, at(&from, from_start), 1);
                builder.store(output, at(&to, to_start), value);
            });
        });
    });
}

fn extents(ty: &TensorType) -> [usize; 4] {
    [ty.batch(), ty.channels(), ty.height(), ty.width()]
}

fn clear_padding(builder: &mut KernelBuilder, buffer: BufferId, ty: &TensorType) {
    if ty.layout == Layout::Nhwc8 {
        padding::clear_always(builder, buffer, ty);
    }
}

/// The same tensor in another layout.
pub(super) fn relayout(node: &mut NodeBuilder<'_>, id: NodeId) {
    let Node { operands, ty, .. } = node.graph.node(id).clone();
    let from = Strides::of(&node.graph.node(operands[0]).ty);
    let input = node.value("input", operands[0], Role::In);
    let output = node.value("output", id, Role::Out);
    copy(&mut node.builder, extents(&ty), (input, from, 0), (output, Strides::of(&ty), 0));
    clear_padding(&mut node.builder, output, &ty);
}

/// `[n, c, h, w]` to `[n, c·h·w]` in NCHW order.
pub(super) fn flatten(node: &mut NodeBuilder<'_>, id: NodeId) {
    let Node { operands, ty, .. } = node.graph.node(id).clone();
    let input_ty = node.graph.node(operands[0]).ty.clone();
    let input = node.value("input", operands[0], Role::In);
    let output = node.value("output", id, Role::Out);
    let (h, w) = (input_ty.height() as i64, input_ty.width() as i64);
    let to = Strides { n: Strides::of(&ty).n, c: h * w, y: w, x: 1 };
    copy(&mut node.builder, extents(&input_ty), (input, Strides::of(&input_ty), 0), (output, to, 0));
    clear_padding(&mut node.builder, output, &ty);
}

/// Zeros around the map.
pub(super) fn pad(node: &mut NodeBuilder<'_>, id: NodeId, pad: [usize; 4]) {
    let Node { operands, ty, .. } = node.graph.node(id).clone();
    let input_ty = node.graph.node(operands[0]).ty.clone();
    let input = node.value("input", operands[0], Role::In);
    let output = node.value("output", id, Role::Out);
    let lanes = CHANNEL_PADDING;
    node.builder.section(("zero", 0..(ty.stored_elements() / lanes) as i64), ALONE, |builder, at, _| {
        builder.store(output, at * lanes as i64, Expression::f32(0.0, lanes));
    });
    let to = Strides::of(&ty);
    let start = pad[0] as i64 * to.y + pad[1] as i64 * to.x;
    copy(&mut node.builder, extents(&input_ty), (input, Strides::of(&input_ty), 0), (output, to, start));
}

/// Some elements along one axis.
pub(super) fn slice(node: &mut NodeBuilder<'_>, id: NodeId, axis: usize, start: usize) {
    let Node { operands, ty, .. } = node.graph.node(id).clone();
    let from = Strides::of(&node.graph.node(operands[0]).ty);
    let input = node.value("input", operands[0], Role::In);
    let output = node.value("output", id, Role::Out);
    let skipped = start as i64 * along(&from, axis);
    copy(&mut node.builder, extents(&ty), (input, from, skipped), (output, Strides::of(&ty), 0));
    clear_padding(&mut node.builder, output, &ty);
}

/// Tensors one after the other along one axis.
pub(super) fn concat(node: &mut NodeBuilder<'_>, id: NodeId, axis: usize) {
    let Node { operands, ty, .. } = node.graph.node(id).clone();
    let mut inputs: Vec<(NodeId, BufferId)> = Vec::new();
    for (index, &operand) in operands.iter().enumerate() {
        if inputs.iter().all(|&(other, _)| other != operand) {
            let buffer = node.value(&format!("input{index}"), operand, Role::In);
            inputs.push((operand, buffer));
        }
    }
    let output = node.value("output", id, Role::Out);
    let to = Strides::of(&ty);
    let mut done = 0;
    for &operand in &operands {
        let operand_ty = &node.graph.node(operand).ty;
        let Some(&(_, input)) = inputs.iter().find(|&&(other, _)| other == operand) else { continue };
        let place = (output, to, done * along(&to, axis));
        copy(&mut node.builder, extents(operand_ty), (input, Strides::of(operand_ty), 0), place);
        done += operand_ty.dim(axis) as i64;
    }
    clear_padding(&mut node.builder, output, &ty);
}

fn along(strides: &Strides, axis: usize) -> i64 {
    [strides.n, strides.c, strides.y, strides.x][axis]
}
