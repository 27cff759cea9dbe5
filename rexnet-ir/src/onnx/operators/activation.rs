//! Functions of one argument.

use super::{Call, broadcast, elementwise};
use crate::graph::{Activation, BinaryKind, Function, NodeId, Op, Parameter};
use crate::onnx::constant::{Constant, Elements};
use crate::onnx::import::Value;

type Results = Result<Vec<Value>, String>;

fn activate(call: &mut Call<'_, '_, '_>, function: Activation) -> Results {
    let x = call.data(0)?;
    let id = call.add(function.into(), &[x])?;
    Call::node(id)
}

/// The function of the table that has the operator's name, with the parameter `alpha` if it has one.
pub(super) fn function(call: &mut Call<'_, '_, '_>) -> Results {
    let mut function = Function::from_onnx(call.kind).ok_or("the operator is not supported")?;
    if let Function::Activate(activation) = &mut function
        && let Some(default) = activation.parameter()
    {
        let alpha = alpha(call, default.get())?;
        *activation = activation.with_parameter(alpha).unwrap_or(*activation);
    }
    let x = call.data(0)?;
    let id = call.add(Op::Unary(function), &[x])?;
    Call::node(id)
}

pub(super) fn swish(call: &mut Call<'_, '_, '_>) -> Results {
    let alpha = call.attributes.float("alpha", 1.0)?;
    if alpha == 1.0 {
        return activate(call, Activation::Silu);
    }
    let x = call.data(0)?;
    let scaled = with_number(call, x, BinaryKind::Mul, "scaled", alpha)?;
    let gate = step(call, "gate", Activation::Sigmoid, scaled)?;
    let id = call.add(BinaryKind::Mul.into(), &[x, gate])?;
    Call::node(id)
}

/// `x / 2 * (1 + erf(x / sqrt(2)))`, or with a hyperbolic tangent in its place. The limit at minus infinity is zero.
pub(super) fn gelu(call: &mut Call<'_, '_, '_>) -> Results {
    /// Below, the other factor is zero.
    const ENDS: f64 = -40.0;
    let x = call.data(0)?;
    let bounded = Function::Clip { min: ENDS, max: f64::INFINITY };
    let x = call.add_step("bounded", Op::Unary(bounded), &[x])?;
    let integral = match call.attributes.string("approximate")?.as_deref() {
        None | Some("none") => {
            let scaled = with_number(call, x, BinaryKind::Mul, "scaled", std::f32::consts::FRAC_1_SQRT_2)?;
            call.add_step("erf", Op::Unary(Function::Erf), &[scaled])?
        }
        Some("tanh") => {
            let square = call.add_step("square", BinaryKind::Mul.into(), &[x, x])?;
            let part = with_number(call, square, BinaryKind::Mul, "part", 0.044_715)?;
            let factor = with_number(call, part, BinaryKind::Add, "factor", 1.0)?;
            let cubic = call.add_step("cubic", BinaryKind::Mul.into(), &[x, factor])?;
            let scaled = with_number(call, cubic, BinaryKind::Mul, "scaled", 0.797_884_6)?;
            step(call, "tanh", Activation::Tanh, scaled)?
        }
        Some(other) => return Err(format!("approximation {other} is not known")),
    };
    let sum = with_number(call, integral, BinaryKind::Add, "sum", 1.0)?;
    let half = with_number(call, x, BinaryKind::Mul, "half", 0.5)?;
    let id = call.add(BinaryKind::Mul.into(), &[half, sum])?;
    Call::node(id)
}

/// Where `x` is above a number.
fn above(call: &mut Call<'_, '_, '_>, x: NodeId, part: &str, number: f32) -> Result<NodeId, String> {
    let dims = call.type_of(x).dims.clone();
    let elements = dims.iter().product();
    call.charge(elements)?;
    let numbers = call.made(&format!("{part}.constant"), dims, vec![number; elements])?;
    call.add_step(part, BinaryKind::Less.into(), &[numbers, x])
}

/// `x` above a number, else zero.
pub(super) fn thresholded_relu(call: &mut Call<'_, '_, '_>) -> Results {
    let alpha = call.attributes.float("alpha", 1.0)?;
    let x = call.data(0)?;
    let above = above(call, x, "above", alpha)?;
    let id = call.add(BinaryKind::Keep.into(), &[x, above])?;
    Call::node(id)
}

/// What is further from zero than a number, moved towards zero; the rest is zero.
pub(super) fn shrink(call: &mut Call<'_, '_, '_>) -> Results {
    let (bias, bound) = (call.attributes.float("bias", 0.0)?, call.attributes.float("lambd", 0.5)?);
    let x = call.data(0)?;
    let is_above = above(call, x, "is_above", bound)?;
    let is_below = with_number(call, x, BinaryKind::Less, "is_below", -bound)?;
    let less = with_number(call, x, BinaryKind::Add, "less", -bias)?;
    let more = with_number(call, x, BinaryKind::Add, "more", bias)?;
    let right = call.add_step("right", BinaryKind::Keep.into(), &[less, is_above])?;
    let left = call.add_step("left", BinaryKind::Keep.into(), &[more, is_below])?;
    let id = call.add(BinaryKind::Add.into(), &[left, right])?;
    Call::node(id)
}

/// `min(1, max(0, alpha * x + beta))`; other numbers than PyTorch's are written out.
pub(super) fn hard_sigmoid(call: &mut Call<'_, '_, '_>) -> Results {
    let (alpha, beta) = (call.attributes.float("alpha", 0.2)?, call.attributes.float("beta", 0.5)?);
    // The sixth as exporters write it: rounded to f32 or to some decimals.
    if (alpha - 1.0 / 6.0).abs() < 1e-6 && beta == 0.5 {
        return activate(call, Activation::HardSigmoid);
    }
    if !alpha.is_finite() || !beta.is_finite() {
        return Err(format!("alpha {alpha} and beta {beta} are not supported; finite numbers are"));
    }
    let x = call.data(0)?;
    let scaled = with_number(call, x, BinaryKind::Mul, "scaled", alpha)?;
    let shifted = with_number(call, scaled, BinaryKind::Add, "shifted", beta)?;
    let id = call.add(Op::Unary(Function::Clip { min: 0.0, max: 1.0 }), &[shifted])?;
    Call::node(id)
}

/// A sum, product or the like with one number.
pub(super) fn with_number(
    call: &mut Call<'_, '_, '_>,
    x: NodeId,
    kind: BinaryKind,
    part: &str,
    number: f32,
) -> Result<NodeId, String> {
    let dims = match call.type_of(x).dims.as_slice() {
        &[_, channels, _, _] => vec![1, channels, 1, 1],
        dims => dims.to_vec(),
    };
    let elements = dims.iter().product();
    call.charge(elements)?;
    let operand = call.made(&format!("{part}.constant"), dims, vec![number; elements])?;
    call.add_step(part, kind.into(), &[x, operand])
}

fn step(call: &mut Call<'_, '_, '_>, part: &str, function: Activation, x: NodeId) -> Result<NodeId, String> {
    call.add_step(part, function.into(), &[x])
}

/// The attribute alpha.
fn alpha(call: &Call<'_, '_, '_>, default: f32) -> Result<Parameter, String> {
    let alpha = call.attributes.float("alpha", default)?;
    Parameter::new(alpha).ok_or_else(|| format!("alpha {alpha} is not supported; finite numbers are"))
}

pub(super) fn neg(call: &mut Call<'_, '_, '_>) -> Results {
    if let Value::Constant(_, constant) = call.input(0)?
        && let Ok(integers) = constant.as_integers()
    {
        let negated: Option<Vec<i64>> = integers.iter().map(|x| x.checked_neg()).collect();
        let negated = Elements::Integers(negated.ok_or("the smallest integer has no negative")?.into());
        let negated = Constant::new(constant.dims().to_vec(), negated)?;
        return call.constant(negated);
    }
    let x = call.data(0)?;
    let id = with_number(call, x, BinaryKind::Mul, "negated", -1.0)?;
    Call::node(id)
}

pub(super) fn abs(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    let id = magnitude(call, x, "magnitude")?;
    Call::node(id)
}

/// Without the fraction: the sign of each element times the largest integer that is not above its size.
pub(super) fn truncated(call: &mut Call<'_, '_, '_>, x: NodeId) -> Result<NodeId, String> {
    let size = magnitude(call, x, "size")?;
    let whole = call.add_step("whole", Op::Unary(Function::Floor), &[size])?;
    let sign = call.add_step("sign", Op::Unary(Function::Sign), &[x])?;
    call.add_step("truncated", BinaryKind::Mul.into(), &[sign, whole])
}

/// `max(x, -x)`.
pub(super) fn magnitude(call: &mut Call<'_, '_, '_>, x: NodeId, part: &str) -> Result<NodeId, String> {
    let negated = with_number(call, x, BinaryKind::Mul, "negated", -1.0)?;
    call.add_step(part, BinaryKind::Maximum.into(), &[x, negated])
}

pub(super) fn reciprocal(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    let dims = call.type_of(x).dims.clone();
    let elements = dims.iter().product();
    call.charge(elements)?;
    let ones = call.made("ones", dims, vec![1.0; elements])?;
    let id = call.add(BinaryKind::Div.into(), &[ones, x])?;
    Call::node(id)
}

/// Where the exponential of softplus ends: below, the other factor stays what it is here.
const MISH_ENDS: f64 = -87.0;

/// `x * tanh(softplus(x))`. Its limit at minus infinity is zero.
pub(super) fn mish(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    let softplus = step(call, "softplus", Activation::Softplus, x)?;
    let tanh = step(call, "tanh", Activation::Tanh, softplus)?;
    let bounded = Function::Clip { min: MISH_ENDS, max: f64::INFINITY };
    let bounded = call.add_step("bounded", Op::Unary(bounded), &[x])?;
    let id = call.add(BinaryKind::Mul.into(), &[bounded, tanh])?;
    Call::node(id)
}

/// `x / (1 + |x|)`.
pub(super) fn softsign(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    let magnitude = magnitude(call, x, "magnitude")?;
    let divisor = with_number(call, magnitude, BinaryKind::Add, "divisor", 1.0)?;
    let id = call.add(BinaryKind::Div.into(), &[x, divisor])?;
    Call::node(id)
}

/// `gamma` times Elu.
pub(super) fn selu(call: &mut Call<'_, '_, '_>) -> Results {
    let alpha = alpha(call, 1.673_263_2)?;
    let gamma = call.attributes.float("gamma", 1.050_701)?;
    let x = call.data(0)?;
    let elu = step(call, "elu", Activation::Elu(alpha), x)?;
    let id = with_number(call, elu, BinaryKind::Mul, "scaled", gamma)?;
    Call::node(id)
}

/// `alpha * elu(x / alpha)`, for `alpha` above zero.
pub(super) fn celu(call: &mut Call<'_, '_, '_>) -> Results {
    let alpha = call.attributes.float("alpha", 1.0)?;
    if !(alpha.is_normal() && (1.0 / alpha).is_normal() && alpha > 0.0) {
        return Err(format!("alpha {alpha} is not supported; numbers above zero are"));
    }
    let x = call.data(0)?;
    let Some(one) = Parameter::new(1.0) else { return Err("one is no number".to_owned()) };
    if alpha == 1.0 {
        return activate(call, Activation::Elu(one));
    }
    // What is above zero stays as it is: dividing and multiplying would round it.
    let above = step(call, "above", Activation::Relu, x)?;
    let scaled = with_number(call, x, BinaryKind::Mul, "scaled", 1.0 / alpha)?;
    let negative = Function::Clip { min: f64::from(f32::MIN), max: 0.0 };
    let negative = call.add_step("negative", Op::Unary(negative), &[scaled])?;
    let elu = step(call, "elu", Activation::Elu(one), negative)?;
    let below = with_number(call, elu, BinaryKind::Mul, "below", alpha)?;
    let id = call.add(BinaryKind::Add.into(), &[above, below])?;
    Call::node(id)
}

/// What is above zero, and what is below it times a slope for each channel: a leaky ReLU where all slopes are one number.
pub(super) fn prelu(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    let slope = call.input(1)?.clone();
    if let Value::Constant(_, slopes) = &slope
        && broadcast::together(&call.type_of(x).dims, slopes.dims())
            .is_ok_and(|dims| dims == call.type_of(x).dims)
        && let [first, rest @ ..] = &*slopes.as_floats()?.data()
        && rest.iter().all(|slope| slope == first)
        && let Some(slope) = Parameter::new(*first)
    {
        return activate(call, Activation::LeakyRelu(slope));
    }
    let above = step(call, "above", Activation::Relu, x)?;
    let below = Op::Unary(Function::Clip { min: f64::NEG_INFINITY, max: 0.0 });
    let below = call.add_step("below", below, &[x])?;
    call.inputs = vec![Some(Value::Node(below)), Some(slope)];
    let scaled = elementwise::mul(call)?;
    call.inputs = vec![Some(Value::Node(above)), scaled.into_iter().next()];
    elementwise::add(call)
}
