//! Depthwise convolution: each channel by a filter of its own, channels in lanes.

use super::activation;
use super::columns::{PANEL, split};
use super::convolution::{each_region, pack, windows};
use super::node::{NodeBuilder, Strides};
use super::padding;
use super::tile::{each_tile, rows_per_tile};
use crate::loops::{BinaryOp, Expression, Role, ValueType};
use crate::target::Target;
use rexnet_ir::graph::{Conv2d, Node, NodeId};

/// One output row at a time, a few columns in registers; the sum runs from the bias over the taps in row-major
/// order.
pub(super) fn depthwise(node: &mut NodeBuilder<'_>, target: &Target, id: NodeId, conv: &Conv2d) {
    let graph = node.graph;
    let Node { operands, ty, .. } = graph.node(id).clone();
    let windows = windows(conv, node, id);
    let [window_y, window_x] = windows;
    let input = node.value("input", operands[0], Role::In);
    let shortcut_node = conv.shortcut.then(|| operands.last().copied()).flatten();
    let shortcut_ty = shortcut_node.map(|shortcut| graph.node(shortcut).ty.clone());
    let shortcut = shortcut_node.map(|shortcut| node.value("shortcut", shortcut, Role::In));
    let weights = pack(node, &operands, conv.bias);
    let output = node.value("output", id, Role::Out);

    let (from, to) = (Strides::of(&graph.node(operands[0]).ty), Strides::of(&ty));
    let shortcut_channels = shortcut_ty.as_ref().map_or(0, |ty| ty.padded_channels());
    let taps = window_y.kernel * window_x.kernel;
    let blocks = split(ty.channels(), taps, shortcut_channels, target.lanes, 1);
    let most_columns = target.most_sums().min(8);

    let builder = &mut node.builder;
    builder.for_each("image", ty.batch(), |builder, image| {
        each_region(builder, &windows, |builder, y, span_y, span_x| {
            for block in &blocks {
                let lanes = block.lanes;
                builder.for_each("c", block.iterations, |builder, group| {
                    builder.for_each("part", block.parts, |builder, part| {
                        let in_panel = part * lanes as i64;
                        let channel = group.clone() * PANEL as i64 + in_panel.clone() + block.channel;
                        let panel =
                            group * block.panel_stride + in_panel + (block.panel_start + block.lane_start);
                        let width = (span_x.outputs.end - span_x.outputs.start) as usize;
                        let columns = rows_per_tile(width, most_columns);
                        each_tile(builder, "x", width, columns, |builder, columns, first| {
                            let x = first + span_x.outputs.start;
                            let sums = builder.registers("acc", ValueType::f32(lanes), columns);
                            let bias = builder.bind("bias", builder.load(weights, panel.clone(), lanes));
                            builder.unrolled("r", columns, |builder, r| builder.set(sums, r, bias));
                            let origin = image.clone() * from.n
                                + (y.clone() * window_y.stride as i64 + window_y.origin()) * from.y
                                + (x.clone() * window_x.stride as i64 + window_x.origin()) * from.x
                                + channel.clone();
                            builder.repeat("ky", span_y.taps.start, span_y.taps.end, false, |builder, ky| {
                                builder.repeat(
                                    "kx",
                                    span_x.taps.start,
                                    span_x.taps.end,
                                    false,
                                    |builder, kx| {
                                        let tap = ky.clone() * window_x.kernel as i64 + kx.clone() + 1;
                                        let at = panel.clone() + tap * block.panel_width;
                                        let w = builder.bind("w", builder.load(weights, at, lanes));
                                        let at = origin
                                            + ky * (window_y.dilation as i64 * from.y)
                                            + kx * (window_x.dilation as i64 * from.x);
                                        builder.unrolled("r", columns, |builder, r| {
                                            let at = at + r.clone() * (window_x.stride as i64 * from.x);
                                            let sum = Expression::register(sums, r.clone());
                                            let sum = builder.load(input, at, lanes).fma(w, sum);
                                            builder.set(sums, r, sum);
                                        });
                                    },
                                );
                            });
                            builder.unrolled("r", columns, |builder, r| {
                                let place = |strides: &Strides| {
                                    image.clone() * strides.n
                                        + y.clone() * strides.y
                                        + (x.clone() + r.clone()) * strides.x
                                        + channel.clone()
                                };
                                let mut value = Expression::register(sums, r.clone());
                                if let Some(function) = conv.activation {
                                    value = activation::apply(builder, function, value, lanes);
                                }
                                if let (Some(buffer), Some(ty), true) =
                                    (shortcut, &shortcut_ty, block.shortcut)
                                {
                                    let at = place(&Strides::of(ty));
                                    value = value.binary(BinaryOp::Add, builder.load(buffer, at, lanes));
                                }
                                builder.store(output, place(&to), value);
                            });
                        });
                    });
                });
            }
        });
    });
    padding::clear(builder, output, &ty, conv.activation);
}
