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
            let value = combine(builder, kind, a, b, lanes);
            builder.store(output, at, value);
        });
    });
    // The channel padding of both operands is zero.
    if kind.evaluate(0.0, 0.0) != 0.0 {
        padding::clear_always(builder, output, &ty);
    }
}

/// `a` and `b` under the operator.
fn combine(
    builder: &mut KernelBuilder,
    kind: BinaryKind,
    a: Expression,
    b: Expression,
    lanes: usize,
) -> Expression {
    let constant = |value: f32| Expression::f32(value, lanes);
    match kind {
        BinaryKind::Add => a.binary(BinaryOp::Add, b),
        BinaryKind::Sub => a.binary(BinaryOp::Sub, b),
        BinaryKind::Mul => a.binary(BinaryOp::Mul, b),
        BinaryKind::Div => a.binary(BinaryOp::Div, b),
        BinaryKind::Maximum => bound_or_nan(builder, BinaryOp::Max, a, b),
        BinaryKind::Minimum => bound_or_nan(builder, BinaryOp::Min, a, b),
        BinaryKind::Power => power(builder, a, b, lanes),
        BinaryKind::Less => a.binary(BinaryOp::Less, b).select(constant(1.0), constant(0.0)),
        BinaryKind::LessOrEqual => {
            let (a, b) = (builder.bind("a", a), builder.bind("b", b));
            let at_most = b.clone().binary(BinaryOp::Less, a.clone()).select(constant(0.0), constant(1.0));
            a.binary(BinaryOp::Unordered, b).select(constant(0.0), at_most)
        }
        BinaryKind::Equal => {
            let (a, b) = (builder.bind("a", a), builder.bind("b", b));
            unless_equal(&a, &b, constant(0.0), constant(1.0))
        }
        BinaryKind::Keep => {
            let (a, b) = (builder.bind("a", a), builder.bind("b", b));
            unless_equal(&b, &constant(0.0), a, constant(0.0))
        }
    }
}

/// `equal` where `x` and `y` are, elsewhere, where one is NaN, too, `otherwise`. All are used several times.
fn unless_equal(x: &Expression, y: &Expression, otherwise: Expression, equal: Expression) -> Expression {
    let less = |x: &Expression, y: &Expression| x.clone().binary(BinaryOp::Less, y.clone());
    let unordered = x.clone().binary(BinaryOp::Unordered, y.clone());
    let equal = unordered.select(otherwise.clone(), equal);
    less(x, y).select(otherwise.clone(), less(y, x).select(otherwise, equal))
}

/// `exp(b * log(|a|))`, negative where `a` is and `b` is odd. One to any power is one, and so is anything to the power of zero.
fn power(builder: &mut KernelBuilder, a: Expression, b: Expression, lanes: usize) -> Expression {
    let constant = |value: f32| Expression::f32(value, lanes);
    let less = |a: &Expression, b: &Expression| a.clone().binary(BinaryOp::Less, b.clone());
    let (a, b) = (builder.bind("a", a), builder.bind("b", b));
    let minus = constant(0.0).binary(BinaryOp::Sub, a.clone());
    let size = builder.bind("size", minus.binary(BinaryOp::Max, a.clone()));
    let log = evaluate(builder, Function::Log, size.clone(), lanes);
    let exponent = builder.bind("exponent", log.binary(BinaryOp::Mul, b.clone()));
    let result = evaluate(builder, Function::Exp, exponent, lanes);
    let result = builder.bind("result", result);
    let half = builder.bind("half", b.clone().binary(BinaryOp::Mul, constant(0.5)));
    let whole_half = evaluate(builder, Function::Round, half.clone(), lanes);
    let whole_half = builder.bind("whole_half", whole_half);
    let whole = evaluate(builder, Function::Round, b.clone(), lanes);
    let whole = builder.bind("whole", whole);
    let odd = constant(0.0).binary(BinaryOp::Sub, result.clone());
    let signed = builder.bind("signed", unless_equal(&half, &whole_half, odd, result.clone()));
    let of_negative = unless_equal(&b, &whole, constant(f32::NAN), signed);
    let of_negative = builder.bind("of_negative", of_negative);
    // Minus infinity has powers that are no integers: its own size's.
    let finite = less(&constant(f32::NEG_INFINITY), &a).select(of_negative.clone(), result.clone());
    let finite = builder.bind("finite", finite);
    let finite = builder.bind("finite", unless_equal(&b, &whole, finite, of_negative));
    let result = builder.bind("result", less(&a, &constant(0.0)).select(finite, result));
    let result = builder.bind("result", unless_equal(&b, &constant(0.0), result, constant(1.0)));
    unless_equal(&a, &constant(1.0), result, constant(1.0))
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
