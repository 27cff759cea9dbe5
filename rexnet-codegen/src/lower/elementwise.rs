//! Operators that treat each element alone, on stored tensors with their padding.

use super::function::evaluate;
use super::node::{ALONE, NodeBuilder, Strides, images};
use super::padding;
use crate::loops::{BinaryOp, Expression, KernelBuilder, Role};
use crate::target::Target;
use rexnet_ir::graph::{BinaryKind, Function, Node, NodeId};

/// A function of one operand.
pub(super) fn unary(node: &mut NodeBuilder<'_>, target: &Target, id: NodeId, function: Function) {
    let Node { operands, ty, .. } = node.graph.node(id).clone();
    let input = node.value("input", operands[0], Role::In);
    let output = node.value("output", id, Role::Out);
    let lanes = target.lanes.min(8);
    let builder = &mut node.builder;
    builder.section(("i", 0..(ty.stored_elements() / lanes) as i64), ALONE, |builder, i, _| {
        let at = i * lanes as i64;
        let value = builder.load(input, at.clone(), lanes);
        let value = evaluate(builder, function, value, lanes);
        builder.store(output, at, value);
    });
    if !function.preserves_zero() {
        padding::clear_always(builder, output, &ty);
    }
}

/// A sum, product or the like of two tensors of one shape, or of a map with one value a channel.
pub(super) fn binary(node: &mut NodeBuilder<'_>, target: &Target, id: NodeId, kind: BinaryKind) {
    let Node { operands, ty, .. } = node.graph.node(id).clone();
    let [a, b] = [operands[0], operands[1]];
    let b_ty = node.graph.node(b).ty.clone();
    let same = b_ty.dims == ty.dims;
    let left = node.value("left", a, Role::In);
    let right = if a == b { left } else { node.value("right", b, Role::In) };
    let output = node.value("output", id, Role::Out);
    let lanes = target.lanes.min(8);
    let strides = Strides::of(&ty);
    let builder = &mut node.builder;
    let pixels = ("pixel", 0..(ty.height() * ty.width()) as i64);
    builder.section(images(&ty), pixels, |builder, image, pixel| {
        builder.for_each("c", ty.padded_channels() / lanes, |builder, c| {
            let channel = c * lanes as i64;
            let at = image.clone() * strides.n + pixel.clone() * strides.x + channel.clone();
            let of_image = if b_ty.batch() == 1 { 0 } else { strides.x };
            let other = if same { at.clone() } else { image.clone() * of_image + channel };
            let (a, b) = (builder.load(left, at.clone(), lanes), builder.load(right, other, lanes));
            let value = combine(builder, kind, a, b);
            builder.store(output, at, value);
        });
    });
    // The channel padding of both operands is zero.
    if kind.evaluate(0.0, 0.0) != 0.0 {
        padding::clear_always(builder, output, &ty);
    }
}

/// `a` and `b` under the operator.
fn combine(builder: &mut KernelBuilder, kind: BinaryKind, a: Expression, b: Expression) -> Expression {
    match kind {
        BinaryKind::Add => a.binary(BinaryOp::Add, b),
        BinaryKind::Sub => a.binary(BinaryOp::Sub, b),
        BinaryKind::Mul => a.binary(BinaryOp::Mul, b),
        BinaryKind::Div => a.binary(BinaryOp::Div, b),
        BinaryKind::Maximum => bound_or_nan(builder, BinaryOp::Max, a, b),
        BinaryKind::Minimum => bound_or_nan(builder, BinaryOp::Min, a, b),
    }
}

/// The smaller or larger of two values, NaN where one is: their sum carries it.
pub(super) fn bound_or_nan(
    builder: &mut KernelBuilder,
    op: BinaryOp,
    a: Expression,
    b: Expression,
) -> Expression {
    let (a, b) = (builder.bind("a", a), builder.bind("b", b));
    let unordered = a.clone().binary(BinaryOp::Unordered, b.clone());
    unordered.select(a.clone().binary(BinaryOp::Add, b.clone()), a.binary(op, b))
}

/// `a`, with `b` added to its first channels.
pub(super) fn prefix_add(node: &mut NodeBuilder<'_>, target: &Target, id: NodeId) {
    let Node { operands, ty, .. } = node.graph.node(id).clone();
    let [a, b] = [operands[0], operands[1]];
    let (whole, part) = (ty.padded_channels(), node.graph.node(b).ty.padded_channels());
    let left = node.value("left", a, Role::In);
    let right = if a == b { left } else { node.value("right", b, Role::In) };
    let output = node.value("output", id, Role::Out);
    let lanes = target.lanes.min(8);
    let builder = &mut node.builder;
    let pixels = (ty.batch() * ty.height() * ty.width()) as i64;
    builder.section(("pixel", 0..pixels), ALONE, |builder, pixel, _| {
        builder.for_each("c", part / lanes, |builder, c| {
            let at = pixel.clone() * whole as i64 + c.clone() * lanes as i64;
            let other = pixel.clone() * part as i64 + c * lanes as i64;
            let sum = builder
                .load(left, at.clone(), lanes)
                .binary(BinaryOp::Add, builder.load(right, other, lanes));
            builder.store(output, at, sum);
        });
        builder.repeat("c", (part / lanes) as i64, (whole / lanes) as i64, false, |builder, c| {
            let at = pixel * whole as i64 + c * lanes as i64;
            let value = builder.load(left, at.clone(), lanes);
            builder.store(output, at, value);
        });
    });
}
