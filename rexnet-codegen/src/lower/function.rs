//! Elementwise functions that are operators of their own as expressions of the loop language.

use super::activation::{at_least, at_most, decay, exponential, magnitude};
use crate::loops::{BinaryOp, Expression, KernelBuilder};
use rexnet_ir::graph::Function;

/// `function(value)`. NaN passes through every function.
pub(super) fn evaluate(
    builder: &mut KernelBuilder,
    function: Function,
    value: Expression,
    lanes: usize,
) -> Expression {
    match function {
        Function::Activate(function) => super::activation::apply(builder, function, value, lanes),
        Function::Clip { min, max } => at_most(max as f32, at_least(min as f32, value, lanes), lanes),
        Function::Exp => exponential(builder, value, lanes),
        Function::Log => logarithm(builder, value, lanes),
        Function::Sqrt => square_root(builder, value, lanes),
        Function::Sign => sign(builder, value, lanes),
        Function::Round => rounded(builder, value, lanes),
        Function::Floor => {
            let value = builder.bind("value", value);
            let nearest = rounded(builder, value.clone(), lanes);
            let nearest = builder.bind("nearest", nearest);
            let below = nearest.clone().binary(BinaryOp::Sub, Expression::f32(1.0, lanes));
            value.binary(BinaryOp::Less, nearest.clone()).select(below, nearest)
        }
        Function::Ceil => {
            let value = builder.bind("value", value);
            let nearest = rounded(builder, value.clone(), lanes);
            let nearest = builder.bind("nearest", nearest);
            let above = nearest.clone().binary(BinaryOp::Add, Expression::f32(1.0, lanes));
            nearest.clone().binary(BinaryOp::Less, value).select(above, nearest)
        }
        Function::Erf => error_function(builder, value, lanes),
        Function::Atan => arc_tangent(builder, value, lanes),
    }
}

/// Zero, of either sign, and NaN are their own.
fn sign(builder: &mut KernelBuilder, value: Expression, lanes: usize) -> Expression {
    let constant = |value: f32| Expression::f32(value, lanes);
    let value = builder.bind("value", value);
    let negative = value.clone().binary(BinaryOp::Less, constant(0.0));
    let positive = constant(0.0).binary(BinaryOp::Less, value.clone());
    positive.select(constant(1.0), negative.select(constant(-1.0), value))
}

/// The nearest integer, the even one of two: a sum with 2^23 has no fraction, and from there on no number has one.
fn rounded(builder: &mut KernelBuilder, value: Expression, lanes: usize) -> Expression {
    let constant = |value: f32| Expression::f32(value, lanes);
    const NO_FRACTION: f32 = 8_388_608.0;
    let value = builder.bind("value", value);
    let size = magnitude(builder, value.clone(), lanes);
    let shifted = builder.bind("shifted", size.clone().binary(BinaryOp::Add, constant(NO_FRACTION)));
    let integer = builder.bind("integer", shifted.binary(BinaryOp::Sub, constant(NO_FRACTION)));
    let minus = constant(0.0).binary(BinaryOp::Sub, integer.clone());
    let negative = value.clone().binary(BinaryOp::Less, constant(0.0));
    let small = size.binary(BinaryOp::Less, constant(NO_FRACTION));
    small.select(negative.select(minus, integer), value)
}

/// `value * factor` where `holds`, else `value`; bound.
fn scaled_if(
    builder: &mut KernelBuilder,
    holds: &Expression,
    value: &Expression,
    factor: f32,
    lanes: usize,
) -> Expression {
    let scaled = value.clone().binary(BinaryOp::Mul, Expression::f32(factor, lanes));
    builder.bind("m", holds.clone().select(scaled, value.clone()))
}

/// A positive number as `m` in [1, 4) and what each power of four taken out of it is worth, as `take` adds it up.
/// Infinity, zero and what is negative or NaN end somewhere.
fn normalised(
    builder: &mut KernelBuilder,
    value: Expression,
    lanes: usize,
    mut take: impl FnMut(&mut KernelBuilder, &Expression, i32),
) -> Expression {
    let constant = |value: f32| Expression::f32(value, lanes);
    let mut m = value;
    for _ in 0..3 {
        let small = m.clone().binary(BinaryOp::Less, constant(1.0));
        m = scaled_if(builder, &small, &m, 64f32.exp2(), lanes);
        take(builder, &small, -64);
    }
    for power in [64, 32, 16, 8, 4, 2] {
        let bound = (power as f32).exp2();
        let small = m.clone().binary(BinaryOp::Less, constant(bound));
        let scaled = m.clone().binary(BinaryOp::Mul, constant(1.0 / bound));
        m = builder.bind("m", small.clone().select(m.clone(), scaled));
        take(builder, &small, power);
    }
    m
}

/// The logarithm of `m` in [0.707, 1.415) is `2 artanh(s) = s (2 + s² r(s²))` with `s = (m - 1) / (m + 1)`, `r` minimax of
/// degree 3, of relative error 1e-9 there; the exponent times ln 2, in two parts, is added.
fn logarithm(builder: &mut KernelBuilder, value: Expression, lanes: usize) -> Expression {
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    const POLYNOMIAL: [f32; 4] = [0.233_318_36, 0.285_507_7, 0.400_001_23, 0.666_666_7];
    let constant = |value: f32| Expression::f32(value, lanes);
    let value = builder.bind("value", value);
    let mut exponent = constant(0.0);
    let mut m = normalised(builder, value.clone(), lanes, |builder, small, power| {
        let taken = exponent.clone().binary(BinaryOp::Add, constant(power as f32));
        let both = if power < 0 {
            small.clone().select(taken, exponent.clone())
        } else {
            small.clone().select(exponent.clone(), taken)
        };
        exponent = builder.bind("exponent", both);
    });
    // From [1, 4) to around one, where the logarithm's error is that of m - 1, which has none.
    for bound in [2.828_427f32, std::f32::consts::SQRT_2] {
        let small = m.clone().binary(BinaryOp::Less, constant(bound));
        let half = m.clone().binary(BinaryOp::Mul, constant(0.5));
        m = builder.bind("m", small.clone().select(m.clone(), half));
        let taken = exponent.clone().binary(BinaryOp::Add, constant(1.0));
        exponent = builder.bind("exponent", small.select(exponent.clone(), taken));
    }
    let less = builder.bind("less", m.clone().binary(BinaryOp::Sub, constant(1.0)));
    let s = builder.bind("s", less.clone().binary(BinaryOp::Div, m.binary(BinaryOp::Add, constant(1.0))));
    let square = builder.bind("square", s.clone().binary(BinaryOp::Mul, s.clone()));
    let mut r = constant(POLYNOMIAL[0]);
    for &coefficient in &POLYNOMIAL[1..] {
        r = builder.bind("r", r.fma(square.clone(), constant(coefficient)));
    }
    // 2 s = less - s less, so that the leading term is exact.
    let r = builder.bind("r", r.binary(BinaryOp::Mul, square));
    let rest = builder.bind("rest", r.binary(BinaryOp::Sub, less.clone()));
    let low = builder.bind("low", exponent.clone().fma(constant(LN_2_LOW), s.binary(BinaryOp::Mul, rest)));
    let sum = builder.bind("sum", less.binary(BinaryOp::Add, low));
    let log = builder.bind("log", exponent.fma(constant(LN_2_HIGH), sum));
    // 0 / 0 below zero, minus infinity at zero, and infinity and NaN stay.
    let zero = constant(0.0);
    let positive = zero.clone().binary(BinaryOp::Less, value.clone());
    let finite = value.clone().binary(BinaryOp::Less, constant(f32::INFINITY));
    let negative = value.clone().binary(BinaryOp::Less, zero);
    let unlike = value.clone().binary(BinaryOp::Unordered, value.clone());
    let at_zero = unlike.select(value.clone(), constant(f32::NEG_INFINITY));
    let others = negative.select(constant(f32::NAN), at_zero);
    positive.select(finite.select(log, value), others)
}

/// With `m` in [1, 4) a line is within 6 % of its root, and each quotient of Heron's doubles the digits; the remainder of the
/// last, which is exact, rounds the root correctly but for ties that no number comes near.
fn square_root(builder: &mut KernelBuilder, value: Expression, lanes: usize) -> Expression {
    let constant = |value: f32| Expression::f32(value, lanes);
    let value = builder.bind("value", value);
    let mut scale = constant(1.0);
    let m = normalised(builder, value.clone(), lanes, |builder, small, power| {
        let taken = scale.clone().binary(BinaryOp::Mul, constant((power as f32 / 2.0).exp2()));
        let both = if power < 0 {
            small.clone().select(taken, scale.clone())
        } else {
            small.clone().select(scale.clone(), taken)
        };
        scale = builder.bind("scale", both);
    });
    let mut root = builder.bind("root", m.clone().fma(constant(1.0 / 3.0), constant(0.708_333_3)));
    for _ in 0..3 {
        let quotient = m.clone().binary(BinaryOp::Div, root.clone());
        let sum = root.binary(BinaryOp::Add, quotient);
        root = builder.bind("root", sum.binary(BinaryOp::Mul, constant(0.5)));
    }
    let minus = constant(0.0).binary(BinaryOp::Sub, root.clone());
    let remainder = builder.bind("remainder", minus.fma(root.clone(), m));
    let twice = root.clone().binary(BinaryOp::Add, root.clone());
    let root = builder.bind("root", root.binary(BinaryOp::Add, remainder.binary(BinaryOp::Div, twice)));
    let root = builder.bind("root", root.binary(BinaryOp::Mul, scale));
    let zero = constant(0.0);
    let positive = zero.clone().binary(BinaryOp::Less, value.clone());
    let finite = value.clone().binary(BinaryOp::Less, constant(f32::INFINITY));
    let negative = value.clone().binary(BinaryOp::Less, zero);
    positive.select(finite.select(root, value.clone()), negative.select(constant(f32::NAN), value))
}

/// With `x` above zero: `atan(x) = pi / 4 + atan((x - 1) / (x + 1))` from `tan(pi / 8)` on, `pi / 2 - atan(1 / x)` from
/// `tan(3 pi / 8)` on; for the rest the odd polynomial of Cephes' `atanf`.
fn arc_tangent(builder: &mut KernelBuilder, value: Expression, lanes: usize) -> Expression {
    const POLYNOMIAL: [f32; 4] = [8.053_744_5e-2, -0.138_776_86, 0.199_777_11, -0.333_329_5];
    const ENDS: [f32; 2] = [0.414_213_57, 2.414_213_7];
    const TURNS: [f32; 2] = [std::f32::consts::FRAC_PI_4, std::f32::consts::FRAC_PI_2];
    let constant = |value: f32| Expression::f32(value, lanes);
    let value = builder.bind("value", value);
    let size = magnitude(builder, value.clone(), lanes);
    let size = builder.bind("size", size);
    let middle = constant(ENDS[0]).binary(BinaryOp::Less, size.clone());
    let large = constant(ENDS[1]).binary(BinaryOp::Less, size.clone());
    let less = size.clone().binary(BinaryOp::Sub, constant(1.0));
    let above = large.clone().select(constant(-1.0), middle.clone().select(less, size.clone()));
    let above = builder.bind("above", above);
    let more = size.clone().binary(BinaryOp::Add, constant(1.0));
    let below = large.clone().select(size.clone(), middle.clone().select(more, constant(1.0)));
    let x = builder.bind("x", above.binary(BinaryOp::Div, below));
    let square = builder.bind("square", x.clone().binary(BinaryOp::Mul, x.clone()));
    let mut p = constant(POLYNOMIAL[0]);
    for &coefficient in &POLYNOMIAL[1..] {
        p = builder.bind("p", p.fma(square.clone(), constant(coefficient)));
    }
    let p = builder.bind("p", p.binary(BinaryOp::Mul, square));
    let rest = builder.bind("rest", p.fma(x.clone(), x));
    let turn = large.select(constant(TURNS[1]), middle.select(constant(TURNS[0]), constant(0.0)));
    let angle = builder.bind("angle", turn.binary(BinaryOp::Add, rest));
    let minus = constant(0.0).binary(BinaryOp::Sub, angle.clone());
    value.binary(BinaryOp::Less, constant(0.0)).select(minus, angle)
}

/// Below 0.93 an odd polynomial; above, one less exp of a polynomial. Both are minimax.
fn error_function(builder: &mut KernelBuilder, value: Expression, lanes: usize) -> Expression {
    const INNER: [f32; 6] =
        [-5.967_617e-4, 4.991_194_2e-3, -2.676_813_5e-2, 0.112_819_925, -0.376_125_34, 0.128_379_17];
    const OUTER: [f32; 7] = [
        -1.728_534_7e-5,
        3.831_971_3e-4,
        -3.883_964_4e-3,
        2.425_462_2e-2,
        -0.106_777_88,
        -0.634_846_7,
        -0.128_717_51,
    ];
    let constant = |value: f32| Expression::f32(value, lanes);
    let value = builder.bind("value", value);
    // From 4 on the function is one in f32.
    let size = magnitude(builder, value.clone(), lanes);
    let size = builder.bind("size", at_most(4.0, size, lanes));
    let square = builder.bind("square", size.clone().binary(BinaryOp::Mul, size.clone()));
    let mut inner = constant(INNER[0]);
    for &coefficient in &INNER[1..] {
        inner = builder.bind("inner", inner.fma(square.clone(), constant(coefficient)));
    }
    let inner = builder.bind("inner", inner.fma(size.clone(), size.clone()));
    let mut outer = constant(OUTER[0]);
    for &coefficient in &OUTER[1..] {
        outer = builder.bind("outer", outer.fma(size.clone(), constant(coefficient)));
    }
    let minus = constant(0.0).binary(BinaryOp::Sub, size.clone());
    let exponent = builder.bind("exponent", outer.fma(size.clone(), minus));
    let exponent = builder.bind("exponent", constant(0.0).binary(BinaryOp::Sub, exponent));
    let tail = decay(builder, exponent, lanes);
    let outer = builder.bind("outer", constant(1.0).binary(BinaryOp::Sub, tail));
    let result = size.binary(BinaryOp::Less, constant(0.927_734_4)).select(inner, outer);
    let result = builder.bind("result", result);
    let minus = constant(0.0).binary(BinaryOp::Sub, result.clone());
    value.binary(BinaryOp::Less, constant(0.0)).select(minus, result)
}
