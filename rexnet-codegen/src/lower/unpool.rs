//! What a maximum pooling left, put back where its windows had found it.

use super::borders::Window;
use super::node::{NodeBuilder, Strides};
use crate::loops::{Affine, BinaryOp, Expression, Role, ValueType};
use crate::target::Target;
use rexnet_ir::graph::{MaxUnpool, Node, NodeId, TensorType};

/// The windows of the pooling along y and x.
pub(super) fn windows(unpool: &MaxUnpool, pooled: &TensorType, map: &TensorType) -> [Window; 2] {
    [0, 1].map(|axis| Window {
        outputs: pooled.dim(2 + axis),
        inputs: map.dim(2 + axis),
        kernel: unpool.kernel[axis],
        stride: unpool.stride[axis],
        dilation: unpool.dilation[axis],
        pad: unpool.pad[axis],
    })
}

/// Zeros, then for each window in reading order its value at the first of its largest elements.
pub(super) fn max_unpool(node: &mut NodeBuilder<'_>, target: &Target, id: NodeId, unpool: &MaxUnpool) {
    let Node { operands, ty, .. } = node.graph.node(id).clone();
    let pooled_ty = node.graph.node(operands[0]).ty.clone();
    let pooled = node.value("pooled", operands[0], Role::In);
    let map = if operands[0] == operands[1] { pooled } else { node.value("map", operands[1], Role::In) };
    let output = node.value("output", id, Role::Out);
    let (from, to) = (Strides::of(&pooled_ty), Strides::of(&ty));
    let windows = windows(unpool, &pooled_ty, &ty);
    let lanes = target.lanes.min(8);
    let spans = windows.map(|window| window.spans());
    let builder = &mut node.builder;
    let vectors = ("c", 0..(ty.padded_channels() / lanes) as i64);
    builder.section(("image", 0..ty.batch() as i64), vectors, |builder, image, c| {
        let channel = c * lanes as i64;
        let of_map = image.clone() * to.n + channel.clone();
        builder.for_each("place", ty.height() * ty.width(), |builder, place| {
            builder.store(output, of_map.clone() + place * to.x, Expression::f32(0.0, lanes));
        });
        for span_y in &spans[0] {
            builder.repeat("y", span_y.outputs.start, span_y.outputs.end, false, |builder, y| {
                for span_x in spans[1].iter().filter(|span| !span.taps.is_empty() && !span_y.taps.is_empty())
                {
                    builder.repeat("x", span_x.outputs.start, span_x.outputs.end, false, |builder, x| {
                        let [down, across] = [
                            y.clone() * windows[0].stride as i64 + windows[0].origin(),
                            x.clone() * windows[1].stride as i64 + windows[1].origin(),
                        ];
                        let origin = of_map.clone() + down * to.y + across * to.x;
                        let steps = [windows[0].dilation as i64 * to.y, windows[1].dilation as i64 * to.x];
                        let largest = builder.registers("largest", ValueType::f32(lanes), 1);
                        let free = builder.registers("free", ValueType::f32(lanes), 1);
                        let register = |array| Expression::register(array, Affine::default());
                        builder.set(largest, Affine::default(), Expression::f32(f32::NEG_INFINITY, lanes));
                        builder.repeat("ky", span_y.taps.start, span_y.taps.end, false, |builder, ky| {
                            builder.repeat("kx", span_x.taps.start, span_x.taps.end, false, |builder, kx| {
                                let at = origin.clone() + ky * steps[0] + kx * steps[1];
                                let value = builder.load(map, at, lanes);
                                let larger = value.binary(BinaryOp::Max, register(largest));
                                builder.set(largest, Affine::default(), larger);
                            });
                        });
                        let at = image.clone() * from.n + y.clone() * from.y + x * from.x + channel.clone();
                        let value = builder.load(pooled, at, lanes);
                        let value = builder.bind("value", value);
                        builder.set(free, Affine::default(), Expression::f32(1.0, lanes));
                        builder.repeat("ky", span_y.taps.start, span_y.taps.end, false, |builder, ky| {
                            builder.repeat("kx", span_x.taps.start, span_x.taps.end, false, |builder, kx| {
                                let at = origin.clone() + ky * steps[0] + kx * steps[1];
                                let tap = builder.load(map, at.clone(), lanes);
                                let tap = builder.bind("tap", tap);
                                let zero = || Expression::f32(0.0, lanes);
                                let less = tap.clone().binary(BinaryOp::Less, register(largest));
                                let unordered = tap.binary(BinaryOp::Unordered, register(largest));
                                let chosen = less.select(zero(), unordered.select(zero(), register(free)));
                                let chosen = builder.bind("chosen", chosen);
                                let kept = builder.load(output, at.clone(), lanes);
                                let is_chosen = zero().binary(BinaryOp::Less, chosen.clone());
                                builder.store(output, at, is_chosen.select(value.clone(), kept));
                                let rest = register(free).binary(BinaryOp::Sub, chosen);
                                builder.set(free, Affine::default(), rest);
                            });
                        });
                    });
                }
            });
        }
    });
}
