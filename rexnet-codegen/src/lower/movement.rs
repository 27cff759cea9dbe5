//! Operators that only move elements, one at a time: they stand at the edges of a network, or for shapes that no
//! fusion covered.

use super::node::{ALONE, NodeBuilder, Strides, images};
use super::padding;
use crate::loops::{Affine, BufferId, Expression, KernelBuilder, Role};
use crate::target::Target;
use rexnet_ir::graph::{
    CHANNEL_PADDING, DepthOrder, DepthToSpace, Layout, Node, NodeId, Pad, Reshape, TensorType,
};

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

/// The same elements in row-major order under other extents.
pub(super) fn reshape(node: &mut NodeBuilder<'_>, id: NodeId, reshape: &Reshape) {
    match reshape {
        Reshape::Flatten => flatten(node, id),
        // `[n, c]` and `[n, c, 1, 1]` are stored alike.
        Reshape::Unflatten => relayout(node, id),
        Reshape::To(_) => by_rows(node, id),
    }
}

/// `[n, c, h, w]` to `[n, c·h·w]` in NCHW order.
fn flatten(node: &mut NodeBuilder<'_>, id: NodeId) {
    let Node { operands, ty, .. } = node.graph.node(id).clone();
    let input_ty = node.graph.node(operands[0]).ty.clone();
    let input = node.value("input", operands[0], Role::In);
    let output = node.value("output", id, Role::Out);
    let (h, w) = (input_ty.height() as i64, input_ty.width() as i64);
    let to = Strides { n: Strides::of(&ty).n, c: h * w, y: w, x: 1 };
    copy(&mut node.builder, extents(&input_ty), (input, Strides::of(&input_ty), 0), (output, to, 0));
    clear_padding(&mut node.builder, output, &ty);
}

/// A value around the map.
pub(super) fn pad(node: &mut NodeBuilder<'_>, id: NodeId, Pad { pad, value }: &Pad) {
    let Node { operands, ty, .. } = node.graph.node(id).clone();
    let input_ty = node.graph.node(operands[0]).ty.clone();
    let input = node.value("input", operands[0], Role::In);
    let output = node.value("output", id, Role::Out);
    let lanes = CHANNEL_PADDING;
    node.builder.section(("zero", 0..(ty.stored_elements() / lanes) as i64), ALONE, |builder, at, _| {
        builder.store(output, at * lanes as i64, Expression::f32(*value as f32, lanes));
    });
    let to = Strides::of(&ty);
    let start = pad[0] as i64 * to.y + pad[1] as i64 * to.x;
    copy(&mut node.builder, extents(&input_ty), (input, Strides::of(&input_ty), 0), (output, to, start));
    if *value != 0.0 {
        clear_padding(&mut node.builder, output, &ty);
    }
}

/// `output[i] = input[j]`, where `along[i]` is the distance in the input from one index of axis `i` to the next.
fn gather(node: &mut NodeBuilder<'_>, id: NodeId, along_input: impl Fn(&Strides) -> Vec<i64>) {
    let Node { operands, ty, .. } = node.graph.node(id).clone();
    let along = along_input(&Strides::of(&node.graph.node(operands[0]).ty));
    let stride = |axis: usize| along.get(axis).copied().unwrap_or(0);
    let from = Strides { n: stride(0), c: stride(1), y: stride(2), x: stride(3) };
    let input = node.value("input", operands[0], Role::In);
    let output = node.value("output", id, Role::Out);
    copy(&mut node.builder, extents(&ty), (input, from, 0), (output, Strides::of(&ty), 0));
    clear_padding(&mut node.builder, output, &ty);
}

/// The axes in another order.
pub(super) fn transpose(node: &mut NodeBuilder<'_>, id: NodeId, order: &[usize]) {
    gather(node, id, |input| order.iter().map(|&axis| input.along(axis)).collect());
}

/// Axes of extent 1 repeated, and new ones in front.
pub(super) fn expand(node: &mut NodeBuilder<'_>, id: NodeId) {
    let Node { operands, ty, .. } = node.graph.node(id);
    let own = node.graph.node(operands[0]).ty.dims.clone();
    let front = ty.dims.len() - own.len();
    gather(node, id, |input| {
        let stretched = |axis: usize| if own[axis] == 1 { 0 } else { input.along(axis) };
        (0..front).map(|_| 0).chain((0..own.len()).map(stretched)).collect()
    });
}

/// Any extents to any others: laid out in row-major order first.
fn by_rows(node: &mut NodeBuilder<'_>, id: NodeId) {
    let Node { operands, ty, .. } = node.graph.node(id).clone();
    let input_ty = node.graph.node(operands[0]).ty.clone();
    let input = node.value("input", operands[0], Role::In);
    let output = node.value("output", id, Role::Out);
    let rows = node.shared("row_major", ty.elements());
    let row_major = |ty: &TensorType| Strides::of(&TensorType::nchw(ty.dims.as_slice()));
    let there = (rows, row_major(&input_ty), 0);
    copy(&mut node.builder, extents(&input_ty), (input, Strides::of(&input_ty), 0), there);
    copy(&mut node.builder, extents(&ty), (rows, row_major(&ty), 0), (output, Strides::of(&ty), 0));
    clear_padding(&mut node.builder, output, &ty);
}

/// Channels dealt to blocks of the map; in vectors where whole ones move.
pub(super) fn depth_to_space(node: &mut NodeBuilder<'_>, target: &Target, id: NodeId, depth: &DepthToSpace) {
    let Node { operands, ty, .. } = node.graph.node(id).clone();
    let input_ty = node.graph.node(operands[0]).ty.clone();
    let input = node.value("input", operands[0], Role::In);
    let output = node.value("output", id, Role::Out);
    let (from, to) = (Strides::of(&input_ty), Strides::of(&ty));
    let [bh, bw] = depth.block;
    let channels = ty.channels();
    let (place, channel) = match depth.order {
        DepthOrder::BlockFirst => (channels as i64, 1),
        DepthOrder::ChannelFirst => (1, (bh * bw) as i64),
    };
    let whole = channel == 1 && channels.is_multiple_of(CHANNEL_PADDING);
    let lanes = if whole { target.lanes.min(CHANNEL_PADDING) } else { 1 };
    let builder = &mut node.builder;
    let rows = ("y", 0..input_ty.height() as i64);
    builder.section(images(&ty), rows, |builder, image, y| {
        builder.for_each("dy", bh, |builder, dy| {
            builder.for_each("x", input_ty.width(), |builder, x| {
                builder.for_each("dx", bw, |builder, dx| {
                    builder.for_each("c", channels / lanes, |builder, c| {
                        let c = c * lanes as i64;
                        let block = dy.clone() * (bw as i64 * place) + dx.clone() * place;
                        let source = image.clone() * from.n
                            + y.clone() * from.y
                            + x.clone() * from.x
                            + block
                            + c.clone() * channel;
                        let result = image * to.n
                            + y * (bh as i64 * to.y)
                            + dy * to.y
                            + x * (bw as i64 * to.x)
                            + dx * to.x
                            + c;
                        let value = builder.load(input, source, lanes);
                        builder.store(output, result, value);
                    });
                });
            });
        });
    });
    clear_padding(builder, output, &ty);
}

/// Some elements along one axis.
pub(super) fn slice(node: &mut NodeBuilder<'_>, id: NodeId, axis: usize, start: usize) {
    let Node { operands, ty, .. } = node.graph.node(id).clone();
    let from = Strides::of(&node.graph.node(operands[0]).ty);
    let input = node.value("input", operands[0], Role::In);
    let output = node.value("output", id, Role::Out);
    let skipped = start as i64 * from.along(axis);
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
        let place = (output, to, done * to.along(axis));
        copy(&mut node.builder, extents(operand_ty), (input, Strides::of(operand_ty), 0), place);
        done += operand_ty.dim(axis) as i64;
    }
    clear_padding(&mut node.builder, output, &ty);
}
