//! Activations as expressions of the loop language.

use crate::loops::{BinaryOp, Expression, KernelBuilder, UnaryOp};
use rexnet_ir::graph::Activation;

/// `function(value)`. NaN passes through every function: the bounds stand first in `min` and `max`.
pub(super) fn apply(
    builder: &mut KernelBuilder,
    function: Activation,
    value: Expression,
    lanes: usize,
) -> Expression {
    match function {
        Activation::Relu => at_least(0.0, value, lanes),
        Activation::Relu6 => at_most(6.0, at_least(0.0, value, lanes), lanes),
        Activation::Sigmoid => {
            let x = builder.bind("x", at_most(EXP_LIMIT, at_least(-EXP_LIMIT, value, lanes), lanes));
            sigmoid(builder, x, lanes)
        }
        Activation::Silu => {
            // The lower bound also keeps -inf * 0 from being NaN: silu(-inf) is -EXP_LIMIT * exp(-EXP_LIMIT).
            let x = builder.bind("x", at_least(-EXP_LIMIT, value, lanes));
            let gate = sigmoid(builder, at_most(EXP_LIMIT, x.clone(), lanes), lanes);
            x.binary(BinaryOp::Mul, gate)
        }
    }
}

/// `max(bound, value)` that lets NaN through.
pub(super) fn at_least(bound: f32, value: Expression, lanes: usize) -> Expression {
    Expression::f32(bound, lanes).binary(BinaryOp::Max, value)
}

/// `min(bound, value)` that lets NaN through.
pub(super) fn at_most(bound: f32, value: Expression, lanes: usize) -> Expression {
    Expression::f32(bound, lanes).binary(BinaryOp::Min, value)
}

/// Where exp is evaluated: both `exp(87)` and `exp(-87)` are normal numbers.
const EXP_LIMIT: f32 = 87.0;

/// `1 / (1 + exp(-x))` for `|x| <= EXP_LIMIT`.
///
/// exp by reduction to `|f| <= ln 2 / 2` in two steps and the minimax polynomial of degree 7 of Cephes' expf
/// (Moshier, 1989; relative error 1e-7).
fn sigmoid(builder: &mut KernelBuilder, x: Expression, lanes: usize) -> Expression {
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    /// 1.5 · 2^23: adding it rounds to an integer, which stands in the low bits then.
    const ROUND: f32 = 12_582_912.0;
    const POLYNOMIAL: [f32; 6] =
        [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5];

    let constant = |value: f32| Expression::f32(value, lanes);
    let t = builder.bind("t", constant(0.0).binary(BinaryOp::Sub, x));
    let rounded = builder.bind("rounded", t.clone().fma(constant(LOG2_E), constant(ROUND)));
    let n = builder.bind("n", rounded.clone().binary(BinaryOp::Sub, constant(ROUND)));
    let f = builder.bind("f", n.clone().fma(constant(-LN_2_HIGH), t));
    let f = builder.bind("f", n.fma(constant(-LN_2_LOW), f));
    let mut p = constant(POLYNOMIAL[0]);
    for &coefficient in &POLYNOMIAL[1..] {
        p = builder.bind("p", p.fma(f.clone(), constant(coefficient)));
    }
    // exp(f) = 1 + f + f² p(f)
    let square = f.clone().binary(BinaryOp::Mul, f.clone());
    let p = builder.bind("p", p.fma(square, f));
    let p = builder.bind("p", p.binary(BinaryOp::Add, constant(1.0)));
    let exponent = rounded.unary(UnaryOp::ToBits).unary(UnaryOp::ShiftLeft(23));
    let scale =
        exponent.binary(BinaryOp::IntAdd, Expression::i32(0x3f80_0000, lanes)).unary(UnaryOp::FromBits);
    let exp = builder.bind("exp", p.binary(BinaryOp::Mul, scale));
    constant(1.0).binary(BinaryOp::Div, constant(1.0).binary(BinaryOp::Add, exp))
}
