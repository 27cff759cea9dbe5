//! Convolutions in more than one group that are not depthwise: one output channel at a time, scalar.
//!
//! Groups need not begin at a multiple of the lanes, so no vector of output channels reads one group's inputs.

use super::activation;
use super::convolution::{each_region, optional, windows};
use super::node::{ALONE, NodeBuilder, Strides, images};
use super::tile::each_tile;
use super::{PackedTensor, Packing, padding};
use crate::loops::{BinaryOp, Expression, Role, ValueType};
use rexnet_ir::graph::{Conv2d, Node, NodeId};

/// Independent sums in flight.
const COLUMNS: usize = 4;

/// The sum runs from the bias over the taps in row-major order, then the group's channels.
pub(super) fn grouped(node: &mut NodeBuilder<'_>, id: NodeId, conv: &Conv2d) {
    let graph = node.graph;
    let Node { operands, ty, .. } = graph.node(id).clone();
    let filter_ty = graph.node(operands[1]).ty.clone();
    let [window_y, window_x] = windows(conv, node, id);
    let (_, shortcut) = optional(conv, &operands);
    let shortcut_ty = shortcut.map(|shortcut| graph.node(shortcut).ty.clone());

    let input = node.value("input", operands[0], Role::In);
    let shortcut = shortcut.map(|shortcut| node.value("shortcut", shortcut, Role::In));
    let tensor = PackedTensor {
        packing: Packing::Rows {
            weight: node.constant_name(operands[1]),
            bias: conv.bias.then(|| node.constant_name(operands[2])),
        },
        elements: ty.channels() + filter_ty.elements(),
    };
    let weights = node.packed("weights", tensor);
    let output = node.value("output", id, Role::Out);

    let (from, to) = (Strides::of(&graph.node(operands[0]).ty), Strides::of(&ty));
    let (channels, outputs) = (filter_ty.channels() as i64, ty.channels() / conv.groups);
    let row = (filter_ty.elements() / ty.channels() + 1) as i64;
    let builder = &mut node.builder;
    each_region(builder, images(&ty), &[window_y, window_x], |builder, image, y, span_y, span_x| {
        builder.for_each("group", conv.groups, |builder, group| {
            builder.for_each("m", outputs, |builder, m| {
                let m = group.clone() * outputs as i64 + m;
                let width = (span_x.outputs.end - span_x.outputs.start) as usize;
                each_tile(builder, "x", width, COLUMNS.min(width), |builder, columns, first| {
                    let x = first + span_x.outputs.start;
                    let sums = builder.registers("acc", ValueType::f32(1), columns);
                    let bias = builder.bind("bias", builder.load(weights, m.clone() * row, 1));
                    builder.unrolled("r", columns, |builder, r| builder.set(sums, r, bias));
                    let origin = image.clone() * from.n
                        + (y.clone() * window_y.stride as i64 + window_y.origin()) * from.y
                        + (x.clone() * window_x.stride as i64 + window_x.origin()) * from.x
                        + group.clone() * (channels * from.c);
                    builder.repeat("ky", span_y.taps.start, span_y.taps.end, false, |builder, ky| {
                        builder.repeat("kx", span_x.taps.start, span_x.taps.end, false, |builder, kx| {
                            builder.for_each("k", channels as usize, |builder, k| {
                                let step = ky.clone() * (window_x.kernel as i64 * channels)
                                    + kx.clone() * channels
                                    + k.clone()
                                    + 1;
                                let w = builder.bind("w", builder.load(weights, m.clone() * row + step, 1));
                                let at = origin
                                    + ky * (window_y.dilation as i64 * from.y)
                                    + kx * (window_x.dilation as i64 * from.x)
                                    + k * from.c;
                                builder.unrolled("r", columns, |builder, r| {
                                    let at = at + r.clone() * (window_x.stride as i64 * from.x);
                                    let sum = Expression::register(sums, r.clone());
                                    let sum = builder.load(input, at, 1).fma(w, sum);
                                    builder.set(sums, r, sum);
                                });
                            });
                        });
                    });
                    builder.unrolled("r", columns, |builder, r| {
                        let mut value = Expression::register(sums, r.clone());
                        if let Some(function) = conv.activation {
                            value = activation::apply(builder, function, value, 1);
                        }
                        let at = image.clone() * to.n + y.clone() * to.y + (x + r) * to.x + m.clone();
                        builder.store(output, at, value);
                    });
                });
            });
        });
    });
    padding::clear_always(builder, output, &ty);
    if let (Some(shortcut), Some(shortcut_ty)) = (shortcut, shortcut_ty) {
        let strides = Strides::of(&shortcut_ty);
        let pixels = (ty.batch() * ty.height() * ty.width()) as i64;
        builder.section(("pixel", 0..pixels), ALONE, |builder, pixel, _| {
            builder.for_each("c", shortcut_ty.channels(), |builder, c| {
                let at = pixel.clone() * to.x + c.clone();
                let value = builder.load(output, at.clone(), 1);
                let sum = value.binary(BinaryOp::Add, builder.load(shortcut, pixel * strides.x + c, 1));
                builder.store(output, at, sum);
            });
        });
    }
}
