//! Activations as expressions of the loop language.

use crate::loops::{Affine, BinaryOp, BufferId, Expression, KernelBuilder, UnaryOp};
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
            let denominator = one_plus_exp_of_minus(builder, x, lanes);
            Expression::f32(1.0, lanes).binary(BinaryOp::Div, denominator)
        }
        Activation::Silu => {
            // The lower bound also keeps -inf / inf from being NaN: silu(-inf) is -EXP_LIMIT * exp(-EXP_LIMIT).
            let x = builder.bind("x", at_least(-EXP_LIMIT, value, lanes));
            let bounded = builder.bind("bounded", at_most(EXP_LIMIT, x.clone(), lanes));
            let denominator = one_plus_exp_of_minus(builder, bounded, lanes);
            x.binary(BinaryOp::Div, denominator)
        }
        Activation::HardSigmoid => {
            sixth_of_relu6(value.binary(BinaryOp::Add, Expression::f32(3.0, lanes)), lanes)
        }
        Activation::HardSwish => {
            // Below -3 the other factor is zero; the bound keeps -inf * 0 from being NaN.
            let x = builder.bind("x", at_least(-3.0, value, lanes));
            let gate = x.clone().binary(BinaryOp::Add, Expression::f32(3.0, lanes));
            x.binary(BinaryOp::Mul, sixth_of_relu6(gate, lanes))
        }
        Activation::LeakyRelu(slope) => {
            // One of the two parts is zero.
            let x = builder.bind("x", value);
            let above = at_least(0.0, x.clone(), lanes);
            at_most(0.0, x, lanes).fma(Expression::f32(slope.get(), lanes), above)
        }
        Activation::Elu(alpha) => {
            let value = builder.bind("value", value);
            let above = builder.bind("above", at_least(0.0, value.clone(), lanes));
            let minus = Expression::f32(0.0, lanes).binary(BinaryOp::Sub, at_most(0.0, value, lanes));
            let x = builder.bind("x", at_most(EXP_LIMIT, minus, lanes));
            let below = exp_of_minus_less_one(builder, x, lanes);
            below.fma(Expression::f32(alpha.get(), lanes), above)
        }
        Activation::Softplus => softplus(builder, value, lanes),
        Activation::Tanh => tanh(builder, value, lanes),
    }
}

/// `max(0, x) + log(1 + exp(-|x|))`. With `e` the exponential and `s = e / (2 + e)`, at most 1/3, the logarithm is
/// `2 artanh(s) = s (2 + s² r(s²))`; `r` is minimax of degree 3, of relative error 5e-9 there.
fn softplus(builder: &mut KernelBuilder, value: Expression, lanes: usize) -> Expression {
    const POLYNOMIAL: [f32; 4] = [0.280_119_93, 0.280_018_03, 0.400_215_27, 0.666_664_2];
    let constant = |value: f32| Expression::f32(value, lanes);
    let value = builder.bind("value", value);
    let above = builder.bind("above", at_least(0.0, value.clone(), lanes));
    let x = magnitude(builder, value, lanes);
    let e = decay(builder, x, lanes);
    let denominator = e.clone().binary(BinaryOp::Add, constant(2.0));
    let s = builder.bind("s", e.binary(BinaryOp::Div, denominator));
    let square = builder.bind("square", s.clone().binary(BinaryOp::Mul, s.clone()));
    let mut r = constant(POLYNOMIAL[0]);
    for &coefficient in POLYNOMIAL[1..].iter().chain(&[2.0]) {
        r = builder.bind("r", r.fma(square.clone(), constant(coefficient)));
    }
    s.fma(r, above)
}

/// With `t = exp(-2|x|) - 1`, `-t / (2 + t)` under the sign of `x`.
fn tanh(builder: &mut KernelBuilder, value: Expression, lanes: usize) -> Expression {
    let constant = |value: f32| Expression::f32(value, lanes);
    let value = builder.bind("value", value);
    let x = magnitude(builder, value.clone(), lanes);
    let x = builder.bind("x", at_most(EXP_LIMIT, x.clone().binary(BinaryOp::Add, x), lanes));
    let t = exp_of_minus_less_one(builder, x, lanes);
    let minus = constant(0.0).binary(BinaryOp::Sub, t.clone());
    let size = builder.bind("size", minus.binary(BinaryOp::Div, t.binary(BinaryOp::Add, constant(2.0))));
    let negative = value.binary(BinaryOp::Less, constant(0.0));
    negative.select(constant(0.0).binary(BinaryOp::Sub, size.clone()), size)
}

/// `|value|`.
pub(super) fn magnitude(builder: &mut KernelBuilder, value: Expression, lanes: usize) -> Expression {
    let minus = Expression::f32(0.0, lanes).binary(BinaryOp::Sub, value.clone());
    builder.bind("magnitude", minus.binary(BinaryOp::Max, value))
}

/// `exp(value)`, subnormal and infinite results too: the square of that of half the exponent.
pub(super) fn exponential(builder: &mut KernelBuilder, value: Expression, lanes: usize) -> Expression {
    /// exp of these squared is zero and infinity.
    const ENDS: [f32; 2] = [-45.0, 52.5];
    let minus_half = value.binary(BinaryOp::Mul, Expression::f32(-0.5, lanes));
    let x = builder.bind("x", at_most(ENDS[1], at_least(ENDS[0], minus_half, lanes), lanes));
    let root = exp_of_minus_bounded(builder, x, lanes);
    root.clone().binary(BinaryOp::Mul, root)
}

/// `exp(-x)` for `|x| <= EXP_LIMIT`, or NaN.
fn exp_of_minus_bounded(builder: &mut KernelBuilder, x: Expression, lanes: usize) -> Expression {
    let Exp { scale, factor, f } = exp_of_minus(builder, x, lanes);
    let p = builder.bind("p", factor.fma(f, Expression::f32(1.0, lanes)));
    builder.bind("exp", p.binary(BinaryOp::Mul, scale))
}

/// `exp(-x)`, stuck at `exp(-EXP_LIMIT)` for larger `x`; `x` is not negative.
pub(super) fn decay(builder: &mut KernelBuilder, x: Expression, lanes: usize) -> Expression {
    let x = builder.bind("x", at_most(EXP_LIMIT, x, lanes));
    exp_of_minus_bounded(builder, x, lanes)
}

/// `exp(-x) - 1` for `0 <= x <= EXP_LIMIT`, or NaN.
fn exp_of_minus_less_one(builder: &mut KernelBuilder, x: Expression, lanes: usize) -> Expression {
    let Exp { scale, factor, f } = exp_of_minus(builder, x, lanes);
    let scale = builder.bind("scale", scale);
    // scale (1 + f factor) - 1; the difference of scale and 1 is exact where it matters.
    let less = builder.bind("less", scale.clone().binary(BinaryOp::Sub, Expression::f32(1.0, lanes)));
    let part = builder.bind("part", factor.binary(BinaryOp::Mul, f));
    builder.bind("below", part.fma(scale, less))
}

/// `min(6, max(0, x)) / 6`.
fn sixth_of_relu6(x: Expression, lanes: usize) -> Expression {
    at_most(6.0, at_least(0.0, x, lanes), lanes).binary(BinaryOp::Mul, Expression::f32(1.0 / 6.0, lanes))
}

/// Whether a function takes so many operations that it is applied to finished rows in a loop of its own
/// ([`apply_to_rows`]) instead of to each sum while the others wait in registers.
pub(super) fn is_long(function: Activation) -> bool {
    match function {
        Activation::Sigmoid
        | Activation::Silu
        | Activation::Elu(_)
        | Activation::Softplus
        | Activation::Tanh => true,
        Activation::Relu
        | Activation::Relu6
        | Activation::HardSigmoid
        | Activation::HardSwish
        | Activation::LeakyRelu(_) => false,
    }
}

/// Cuts an epilogue in two: what is applied to the sums in registers, and what to finished rows. A shortcut is
/// added after the activation, so the activation stays with it.
pub(super) fn cut(function: Option<Activation>, shortcut: bool) -> (Option<Activation>, Option<Activation>) {
    match function {
        Some(function) if is_long(function) && !shortcut => (None, Some(function)),
        _ => (function, None),
    }
}

/// `buffer[at..at + elements] = function(the same)`; `elements` is a multiple of 8.
pub(super) fn apply_to_rows(
    builder: &mut KernelBuilder,
    function: Option<Activation>,
    buffer: BufferId,
    at: &Affine,
    elements: usize,
    lanes: usize,
) {
    let Some(function) = function else { return };
    let vector = |builder: &mut KernelBuilder, at: Affine, lanes: usize| {
        let value = builder.load(buffer, at.clone(), lanes);
        let value = apply(builder, function, value, lanes);
        builder.store(buffer, at, value);
    };
    let whole = elements / lanes;
    builder.for_each("i", whole, |builder, i| vector(builder, at.clone() + i * lanes as i64, lanes));
    let rest = elements % lanes;
    if rest > 0 {
        vector(builder, at.clone() + (whole * lanes) as i64, rest);
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

/// `exp(-x) = scale * (1 + f * factor)`.
struct Exp {
    scale: Expression,
    factor: Expression,
    f: Expression,
}

/// `1 + exp(-x)` for `|x| <= EXP_LIMIT`, or NaN.
fn one_plus_exp_of_minus(builder: &mut KernelBuilder, x: Expression, lanes: usize) -> Expression {
    let Exp { scale, factor, f } = exp_of_minus(builder, x, lanes);
    let p = builder.bind("p", factor.fma(f, Expression::f32(1.0, lanes)));
    builder.bind("denominator", p.fma(scale, Expression::f32(1.0, lanes)))
}

/// The parts of `exp(-x)` for `|x| <= EXP_LIMIT`, or NaN.
///
/// With `n = round(-x log2 e)` and `f = x + n ln 2`, `exp(-x) = 2^n exp(-f)` and `|f| <= ln 2 / 2`. ln 2 is cut in
/// two so that `n` times its first part is exact (Cody and Waite); `exp(-f)` is the minimax polynomial of degree
/// 6 with `1 - f` for its first terms, of relative error 4e-9 on that interval.
fn exp_of_minus(builder: &mut KernelBuilder, x: Expression, lanes: usize) -> Exp {
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    /// 1.5 · 2^23 + 127. Adding it rounds to an integer, whose exponent field then stands in the low byte.
    const ROUND: f32 = 12_583_039.0;
    const POLYNOMIAL: [f32; 5] = [1.381_454e-3, -8.368_745e-3, 4.166_839e-2, -0.166_665_21, 0.499_999_94];

    let constant = |value: f32| Expression::f32(value, lanes);
    let rounded = builder.bind("rounded", x.clone().fma(constant(-LOG2_E), constant(ROUND)));
    let n = builder.bind("n", rounded.clone().binary(BinaryOp::Sub, constant(ROUND)));
    let f = builder.bind("f", n.clone().fma(constant(LN_2_HIGH), x));
    let f = builder.bind("f", n.fma(constant(LN_2_LOW), f));
    let mut p = constant(POLYNOMIAL[0]);
    for &coefficient in &POLYNOMIAL[1..] {
        p = builder.bind("p", p.fma(f.clone(), constant(coefficient)));
    }
    // exp(-f) = 1 + f (f p - 1)
    let factor = builder.bind("p", p.fma(f.clone(), constant(-1.0)));
    let scale = rounded.unary(UnaryOp::ToBits).unary(UnaryOp::ShiftLeft(23)).unary(UnaryOp::FromBits);
    Exp { scale, factor, f }
}
