//! Elements along one axis made one, and softmax along one axis.
//!
//! Along any axis but the channels these are loops with channels in lanes. Along the channels there are eight partial
//! results first, of the channels that are equal modulo eight, whatever a target's lanes, and then one of those eight and
//! of the channels that are left.

use super::activation::decay;
use super::elementwise::bound_or_nan;
use super::node::{NodeBuilder, Strides};
use super::padding;
use crate::loops::{Affine, BinaryOp, BufferId, Expression, KernelBuilder, RegisterId, Role, ValueType};
use crate::target::Target;
use rexnet_ir::graph::{CHANNEL_PADDING, Node, NodeId, Reduce, ReduceKind, TensorType};

/// What makes one value of two.
fn operation(kind: ReduceKind) -> BinaryOp {
    match kind {
        ReduceKind::Sum | ReduceKind::Mean => BinaryOp::Add,
        ReduceKind::Product => BinaryOp::Mul,
        ReduceKind::Max => BinaryOp::Max,
        ReduceKind::Min => BinaryOp::Min,
    }
}

fn combine(builder: &mut KernelBuilder, op: BinaryOp, a: Expression, b: Expression) -> Expression {
    match op {
        BinaryOp::Min | BinaryOp::Max => bound_or_nan(builder, op, a, b),
        _ => a.binary(op, b),
    }
}

fn register(array: RegisterId) -> Expression {
    Expression::register(array, Affine::default())
}

/// `op` over `count` values from `at` on, `stride` apart; bound to a register.
fn folded(
    builder: &mut KernelBuilder,
    op: BinaryOp,
    (buffer, at, stride): (BufferId, &Affine, i64),
    count: usize,
    lanes: usize,
) -> RegisterId {
    let result = builder.registers("result", ValueType::f32(lanes), 1);
    let first = builder.load(buffer, at.clone(), lanes);
    builder.set(result, Affine::default(), first);
    builder.repeat("k", 1, count as i64, false, |builder, k| {
        let value = builder.load(buffer, at.clone() + k * stride, lanes);
        let value = combine(builder, op, register(result), value);
        builder.set(result, Affine::default(), value);
    });
    result
}

/// `op` over the channels from `at` on, as one lane.
fn over_channels(
    builder: &mut KernelBuilder,
    op: BinaryOp,
    (buffer, at): (BufferId, &Affine),
    channels: usize,
    (partial, lanes): (BufferId, usize),
) -> RegisterId {
    let whole = channels / CHANNEL_PADDING;
    if whole < 2 {
        return folded(builder, op, (buffer, at, 1), channels, 1);
    }
    builder.for_each("part", CHANNEL_PADDING / lanes, |builder, part| {
        let start = at.clone() + part.clone() * lanes as i64;
        let result = folded(builder, op, (buffer, &start, CHANNEL_PADDING as i64), whole, lanes);
        builder.store(partial, part * lanes as i64, register(result));
    });
    let result = folded(builder, op, (partial, &Affine::default(), 1), CHANNEL_PADDING, 1);
    builder.repeat("c", (whole * CHANNEL_PADDING) as i64, channels as i64, false, |builder, c| {
        let value = builder.load(buffer, at.clone() + c, 1);
        let value = combine(builder, op, register(result), value);
        builder.set(result, Affine::default(), value);
    });
    result
}

/// The loops over the places of the axes that are not `axis`, channels in lanes, and the distances in both tensors along
/// `axis`. `body` is given where a vector of the input begins, and one of the output.
fn each_vector(
    builder: &mut KernelBuilder,
    axis: usize,
    (input, output): (&TensorType, &TensorType),
    lanes: usize,
    mut body: impl FnMut(&mut KernelBuilder, Affine, Affine),
) {
    let (from, to) = (Strides::of(input), Strides::of(output));
    let extent = |at: usize| if at == axis { 1 } else { input.dim(at) };
    builder.section(("image", 0..extent(0) as i64), ("y", 0..extent(2) as i64), |builder, n, y| {
        builder.for_each("x", extent(3), |builder, x| {
            let at =
                |strides: &Strides| n.clone() * strides.n + y.clone() * strides.y + x.clone() * strides.x;
            let (source, result) = (at(&from), at(&to));
            if axis == 1 {
                return body(builder, source, result);
            }
            builder.for_each("c", input.padded_channels() / lanes, |builder, c| {
                let c = c * lanes as i64;
                body(builder, source.clone() + c.clone(), result.clone() + c);
            });
        });
    });
}

fn distance(strides: &Strides, axis: usize) -> i64 {
    [strides.n, strides.c, strides.y, strides.x][axis]
}

/// The elements along one axis made one.
pub(super) fn reduce(node: &mut NodeBuilder<'_>, target: &Target, id: NodeId, reduce: &Reduce) {
    let Node { operands, ty, .. } = node.graph.node(id).clone();
    let input_ty = node.graph.node(operands[0]).ty.clone();
    let input = node.value("input", operands[0], Role::In);
    let output = node.value("output", id, Role::Out);
    let partial = (reduce.axis == 1).then(|| node.scratch("partial", CHANNEL_PADDING));
    let (axis, op) = (reduce.axis, operation(reduce.kind));
    let lanes = target.lanes.min(8);
    let count = input_ty.dim(axis);
    let stride = distance(&Strides::of(&input_ty), axis);
    let builder = &mut node.builder;
    each_vector(builder, axis, (&input_ty, &ty), lanes, |builder, source, result| {
        let (folded, lanes) = match partial {
            Some(partial) => (over_channels(builder, op, (input, &source), count, (partial, lanes)), 1),
            None => (folded(builder, op, (input, &source, stride), count, lanes), lanes),
        };
        let mut value = register(folded);
        if reduce.kind == ReduceKind::Mean {
            value = value.binary(BinaryOp::Div, Expression::f32(count as f32, lanes));
        }
        builder.store(output, result, value);
    });
    if axis == 1 {
        padding::clear_always(builder, output, &ty);
    }
}

/// `exp(x - m) / sum(exp(x - m))`.
pub(super) fn softmax(node: &mut NodeBuilder<'_>, target: &Target, id: NodeId, axis: usize) {
    let Node { operands, ty, .. } = node.graph.node(id).clone();
    let input = node.value("input", operands[0], Role::In);
    let output = node.value("output", id, Role::Out);
    let lanes = target.lanes.min(8);
    if axis == 1 {
        softmax_of_channels(node, (input, output), &ty, lanes);
    } else {
        let (count, stride) = (ty.dim(axis), distance(&Strides::of(&ty), axis));
        each_vector(&mut node.builder, axis, (&ty, &ty), lanes, |builder, source, result| {
            let largest = folded(builder, BinaryOp::Max, (input, &source, stride), count, lanes);
            builder.for_each("k", count, |builder, k| {
                let x = builder.load(input, source.clone() + k.clone() * stride, lanes);
                let power = decay(builder, register(largest).binary(BinaryOp::Sub, x), lanes);
                builder.store(output, result.clone() + k * stride, power);
            });
            let sum = folded(builder, BinaryOp::Add, (output, &result, stride), count, lanes);
            builder.for_each("k", count, |builder, k| {
                let place = result.clone() + k * stride;
                let quotient =
                    builder.load(output, place.clone(), lanes).binary(BinaryOp::Div, register(sum));
                builder.store(output, place, quotient);
            });
        });
    }
    padding::clear_always(&mut node.builder, output, &ty);
}

/// A lane goes to all lanes by way of memory.
fn softmax_of_channels(
    node: &mut NodeBuilder<'_>,
    (input, output): (BufferId, BufferId),
    ty: &TensorType,
    lanes: usize,
) {
    let partial = node.scratch("partial", CHANNEL_PADDING);
    let one = node.scratch("one", CHANNEL_PADDING);
    let (channels, vectors) = (ty.channels(), ty.padded_channels() / lanes);
    each_vector(&mut node.builder, 1, (ty, ty), lanes, |builder, source, result| {
        let largest = over_channels(builder, BinaryOp::Max, (input, &source), channels, (partial, lanes));
        builder.store(one, Affine::default(), register(largest));
        builder.for_each("c", vectors, |builder, c| {
            let c = c * lanes as i64;
            let x = builder.load(input, source.clone() + c.clone(), lanes);
            let largest = builder.broadcast(one, Affine::default(), lanes);
            let power = decay(builder, largest.binary(BinaryOp::Sub, x), lanes);
            builder.store(output, result.clone() + c, power);
        });
        let sum = over_channels(builder, BinaryOp::Add, (output, &result), channels, (partial, lanes));
        builder.store(one, Affine::default(), register(sum));
        builder.for_each("c", vectors, |builder, c| {
            let place = result.clone() + c * lanes as i64;
            let sum = builder.broadcast(one, Affine::default(), lanes);
            let quotient = builder.load(output, place.clone(), lanes).binary(BinaryOp::Div, sum);
            builder.store(output, place, quotient);
        });
    });
}
