//! Windows and whole maps reduced channel by channel, channels in lanes.

use super::borders::Window;
use super::convolution::each_region;
use super::elementwise::bound_or_nan;
use super::node::{ALONE, NodeBuilder, Strides, images};
use crate::loops::{Affine, BinaryOp, BufferId, Expression, KernelBuilder, Role, ValueType};
use crate::target::Target;
use rexnet_ir::graph::{Node, NodeId, Pool2d, PoolKind, TensorType};

/// The mean over the map as a kernel of its own.
pub(super) fn global_average(node: &mut NodeBuilder<'_>, target: &Target, id: NodeId) {
    let operand = node.graph.node(id).operands[0];
    let input = node.value("input", operand, Role::In);
    let output = node.value("output", id, Role::Out);
    squeeze(&mut node.builder, &node.graph.node(operand).ty, input, output, target);
}

/// `output[n][c]` = mean of channel `c`: each row is summed from left to right, then the row sums from top to
/// bottom, then divided.
pub(super) fn squeeze(
    builder: &mut KernelBuilder,
    ty: &TensorType,
    input: BufferId,
    output: BufferId,
    target: &Target,
) {
    let lanes = target.lanes.min(8);
    let strides = Strides::of(ty);
    let (vectors, padded) = (ty.padded_channels() / lanes, ty.padded_channels() as i64);
    // Two sums a vector, and independent vectors to hide the latency of addition.
    let abreast = ((target.registers - 2) / 2).min(4).min(vectors);
    let area = (ty.height() * ty.width()) as f32;
    let group_of = |builder: &mut KernelBuilder, image: &Affine, abreast: usize, first: Affine| {
        let channel = first * lanes as i64;
        let total = builder.registers("total", ValueType::f32(lanes), abreast);
        builder.for_each("y", ty.height(), |builder, y| {
            let row = builder.registers("row", ValueType::f32(lanes), abreast);
            builder.for_each("x", ty.width(), |builder, x| {
                let at = image.clone() * strides.n + y * strides.y + x * strides.x + channel.clone();
                builder.unrolled("v", abreast, |builder, v| {
                    let value = builder.load(input, at + v.clone() * lanes as i64, lanes);
                    let sum = Expression::register(row, v.clone()).binary(BinaryOp::Add, value);
                    builder.set(row, v, sum);
                });
            });
            builder.unrolled("v", abreast, |builder, v| {
                let sum = Expression::register(total, v.clone())
                    .binary(BinaryOp::Add, Expression::register(row, v.clone()));
                builder.set(total, v, sum);
            });
        });
        builder.unrolled("v", abreast, |builder, v| {
            let at = image.clone() * padded + channel + v.clone() * lanes as i64;
            let mean = Expression::register(total, v).binary(BinaryOp::Div, Expression::f32(area, lanes));
            builder.store(output, at, mean);
        });
    };
    let whole = vectors / abreast;
    builder.section(images(ty), ("c", 0..whole as i64), |builder, image, c| {
        group_of(builder, &image, abreast, c * abreast as i64);
    });
    if vectors % abreast > 0 {
        builder.section(images(ty), ALONE, |builder, image, _| {
            let first = Affine::constant((whole * abreast) as i64);
            group_of(builder, &image, vectors % abreast, first);
        });
    }
}

/// The windows of a pooling along y and x.
pub(super) fn windows(pool: &Pool2d, input: &TensorType, output: &TensorType) -> [Window; 2] {
    [0, 1].map(|axis| Window {
        outputs: output.dim(2 + axis),
        inputs: input.dim(2 + axis),
        kernel: pool.kernel[axis],
        stride: pool.stride[axis],
        dilation: pool.dilation[axis],
        pad: pool.pad[axis],
    })
}

/// A window at each position. Taps in the padding do not count; the first tap inside starts the reduction.
pub(super) fn pool(node: &mut NodeBuilder<'_>, target: &Target, id: NodeId, pool: &Pool2d) {
    let Node { operands, ty, .. } = node.graph.node(id).clone();
    let input_ty = node.graph.node(operands[0]).ty.clone();
    let input = node.value("input", operands[0], Role::In);
    let output = node.value("output", id, Role::Out);
    let (from, to) = (Strides::of(&input_ty), Strides::of(&ty));
    let windows = windows(pool, &input_ty, &ty);
    let steps = [windows[0].dilation as i64 * from.y, windows[1].dilation as i64 * from.x];
    let lanes = target.lanes.min(8);
    let builder = &mut node.builder;
    each_region(builder, images(&ty), &windows, |builder, image, y, span_y, span_x| {
        builder.repeat("x", span_x.outputs.start, span_x.outputs.end, false, |builder, x| {
            builder.for_each("c", ty.padded_channels() / lanes, |builder, c| {
                let channel = c * lanes as i64;
                let origin = image.clone() * from.n
                    + (y.clone() * windows[0].stride as i64 + windows[0].origin()) * from.y
                    + (x.clone() * windows[1].stride as i64 + windows[1].origin()) * from.x
                    + channel.clone();
                let result = builder.registers("acc", ValueType::f32(lanes), 1);
                let current = || Expression::register(result, Affine::default());
                if pool.kind == PoolKind::Max {
                    let first =
                        origin.clone() + (span_y.taps.start * steps[0] + span_x.taps.start * steps[1]);
                    let value = builder.load(input, first, lanes);
                    builder.set(result, Affine::default(), value);
                }
                builder.repeat("ky", span_y.taps.start, span_y.taps.end, false, |builder, ky| {
                    builder.repeat("kx", span_x.taps.start, span_x.taps.end, false, |builder, kx| {
                        let value = builder.load(input, origin + ky * steps[0] + kx * steps[1], lanes);
                        let next = match pool.kind {
                            PoolKind::Average => current().binary(BinaryOp::Add, value),
                            PoolKind::Max => bound_or_nan(builder, BinaryOp::Max, current(), value),
                        };
                        builder.set(result, Affine::default(), next);
                    });
                });
                let mut value = current();
                if pool.kind == PoolKind::Average {
                    let taps = (span_y.taps.end - span_y.taps.start) * (span_x.taps.end - span_x.taps.start);
                    value = value.binary(BinaryOp::Div, Expression::f32(taps as f32, lanes));
                }
                let at = image.clone() * to.n + y.clone() * to.y + x * to.x + channel;
                builder.store(output, at, value);
            });
        });
    });
}
