//! The Reduce operators, Softmax, and what divides by such sums.

use super::shape::{count, reshaped_node, split};
use super::{Call, activation, axes, axis, elementwise};
use crate::graph::{BinaryKind, Conv2d, Function, NodeId, Op, Reduce, ReduceKind, Softmax};
use crate::onnx::import::Value;

type Results = Result<Vec<Value>, String>;

pub(super) fn sum(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    reduce(call, x, ReduceKind::Sum)
}

pub(super) fn mean(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    reduce(call, x, ReduceKind::Mean)
}

pub(super) fn max(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    reduce(call, x, ReduceKind::Max)
}

pub(super) fn min(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    reduce(call, x, ReduceKind::Min)
}

pub(super) fn l1(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    let magnitudes = activation::magnitude(call, x, "abs")?;
    reduce(call, magnitudes, ReduceKind::Sum)
}

pub(super) fn sum_of_squares(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    let squares = call.add_step("square", BinaryKind::Mul.into(), &[x, x])?;
    reduce(call, squares, ReduceKind::Sum)
}

pub(super) fn product(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    reduce(call, x, ReduceKind::Product)
}

/// The root of the sum of squares.
pub(super) fn l2(call: &mut Call<'_, '_, '_>) -> Results {
    let squares = sum_of_squares(call)?;
    then(call, squares, Function::Sqrt)
}

pub(super) fn log_sum(call: &mut Call<'_, '_, '_>) -> Results {
    let sum = sum(call)?;
    then(call, sum, Function::Log)
}

/// A function of a single result.
fn then(call: &mut Call<'_, '_, '_>, values: Vec<Value>, function: Function) -> Results {
    let [Value::Node(x)] = values[..] else { return Err("an input is not known".to_owned()) };
    let id = call.add(Op::Unary(function), &[x])?;
    Call::node(id)
}

/// The difference or the like of two computed values, stretched to each other.
fn combined(call: &mut Call<'_, '_, '_>, kind: BinaryKind, [a, b]: [NodeId; 2]) -> Result<NodeId, String> {
    call.inputs = vec![Some(Value::Node(a)), Some(Value::Node(b))];
    match elementwise::arithmetic(call, kind)?[..] {
        [Value::Node(id)] => Ok(id),
        _ => Err("an input is not known".to_owned()),
    }
}

/// `x` less its largest element, and `log(sum(exp(x - largest)))`, along the axes, which stay; with the largest element.
fn logarithm(
    call: &mut Call<'_, '_, '_>,
    x: NodeId,
    places: &[usize],
) -> Result<(NodeId, NodeId, NodeId), String> {
    let largest = along(call, x, ReduceKind::Max, places, "largest")?;
    // An infinite one leaves no difference to take.
    let finite = Function::Clip { min: f64::from(f32::MIN), max: f64::from(f32::MAX) };
    let largest = call.add_step("finite", Op::Unary(finite), &[largest])?;
    let less = combined(call, BinaryKind::Sub, [x, largest])?;
    let powers = call.add_step("powers", Op::Unary(Function::Exp), &[less])?;
    let sum = along(call, powers, ReduceKind::Sum, places, "sum")?;
    let log = call.add_step("log", Op::Unary(Function::Log), &[sum])?;
    Ok((less, log, largest))
}

pub(super) fn log_sum_exp(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    let Some(places) = places(call, x)? else { return Call::node(x) };
    let (_, log, largest) = logarithm(call, x, &places)?;
    let id = combined(call, BinaryKind::Add, [log, largest])?;
    without(call, id, &places)
}

pub(super) fn log_softmax(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    let dims = call.type_of(x).dims.clone();
    let alone = call.opset >= 13;
    let at = axis(call.attributes.int("axis", if alone { -1 } else { 1 })?, dims.len())?;
    let in_rows = !alone && count(&dims[at + 1..]) != 1;
    let (x, at) = match in_rows {
        true => (reshaped_node(call, x, vec![count(&dims[..at]), count(&dims[at..])])?, 1),
        false => (x, at),
    };
    let id = log_softmax_along(call, x, at)?;
    let id = if in_rows { reshaped_node(call, id, dims)? } else { id };
    Call::node(id)
}

/// `x` less the logarithm of the sum of exponentials along an axis.
pub(super) fn log_softmax_along(
    call: &mut Call<'_, '_, '_>,
    x: NodeId,
    axis: usize,
) -> Result<NodeId, String> {
    let (less, log, _) = logarithm(call, x, &[axis])?;
    combined(call, BinaryKind::Sub, [less, log])
}

/// One at the first of the largest elements along an axis, zero elsewhere: places are counted by negative numbers, so that
/// zero is beyond all.
pub(super) fn hardmax(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    let dims = call.type_of(x).dims.clone();
    let alone = call.opset >= 13;
    let at = axis(call.attributes.int("axis", if alone { -1 } else { 1 })?, dims.len())?;
    let in_rows = !alone && count(&dims[at + 1..]) != 1;
    let (x, at) = match in_rows {
        true => (reshaped_node(call, x, vec![count(&dims[..at]), count(&dims[at..])])?, 1),
        false => (x, at),
    };
    let own = call.type_of(x).dims.clone();
    let largest = along(call, x, ReduceKind::Max, &[at], "largest")?;
    let is_largest = combined(call, BinaryKind::Equal, [x, largest])?;
    call.charge(count(&own))?;
    let (extent, inner) = (own[at], count(&own[at + 1..]));
    let place = |element: usize| (element / inner % extent) as f32 - extent as f32;
    let places = (0..count(&own)).map(place).collect();
    let places = call.made("places", own, places)?;
    let candidates = call.add_step("candidates", BinaryKind::Keep.into(), &[places, is_largest])?;
    let first = along(call, candidates, ReduceKind::Min, &[at], "first")?;
    let id = combined(call, BinaryKind::Equal, [places, first])?;
    let id = if in_rows { reshaped_node(call, id, dims)? } else { id };
    Call::node(id)
}

/// What is left of the mean over the axes, by its deviation.
pub(super) fn mean_variance_normalization(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    let given = call.attributes.ints("axes")?.unwrap_or(&[0, 2, 3]);
    let mut places = axes(given, call.type_of(x).dims.len())?;
    places.sort_unstable();
    let mean = along(call, x, ReduceKind::Mean, &places, "mean")?;
    let less = combined(call, BinaryKind::Sub, [x, mean])?;
    let squares = call.add_step("squares", BinaryKind::Mul.into(), &[less, less])?;
    let variance = along(call, squares, ReduceKind::Mean, &places, "variance")?;
    let deviation = call.add_step("deviation", Op::Unary(Function::Sqrt), &[variance])?;
    let divisor = activation::with_number(call, deviation, BinaryKind::Add, "divisor", 1e-9)?;
    let id = combined(call, BinaryKind::Div, [less, divisor])?;
    Call::node(id)
}

/// LRN: `x / (bias + alpha / size * squares)^beta`, where squares are summed over channels around each: a convolution.
pub(super) fn local_response_normalization(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    let &[_, channels, _, _] = call.type_of(x).dims.as_slice() else {
        return Err(format!("an input of shape {:?} is not supported; rank 4 is", call.type_of(x).dims));
    };
    let size = usize::try_from(call.attributes.int("size", 0)?).unwrap_or(0);
    if size == 0 {
        return Err("the size is not positive".to_owned());
    }
    let number = |name, default| call.attributes.float(name, default);
    let (alpha, beta, bias) = (number("alpha", 1e-4)?, number("beta", 0.75)?, number("bias", 1.0)?);
    call.charge(channels.saturating_mul(channels))?;
    let is_near = |to: usize, from: usize| from + (size - 1) / 2 >= to && from <= to + size / 2;
    let tap = |at: usize| if is_near(at / channels, at % channels) { alpha / size as f32 } else { 0.0 };
    let taps = (0..channels * channels).map(tap).collect();
    let weight = call.made("window", vec![channels, channels, 1, 1], taps)?;
    let bias = call.made("bias", vec![channels], vec![bias; channels])?;
    let squares = call.add_step("squares", BinaryKind::Mul.into(), &[x, x])?;
    let window = Conv2d {
        stride: [1, 1],
        pad: [0; 4],
        dilation: [1, 1],
        groups: 1,
        slices: Vec::new(),
        bias: true,
        gate: false,
        input_activation: None,
        activation: None,
        shortcut: false,
    };
    let sums = call.add_step("sums", Op::Conv2d(window), &[squares, weight, bias])?;
    let log = call.add_step("log", Op::Unary(Function::Log), &[sums])?;
    let scaled = activation::with_number(call, log, BinaryKind::Mul, "scaled", -beta)?;
    let factor = call.add_step("factor", Op::Unary(Function::Exp), &[scaled])?;
    let id = call.add(BinaryKind::Mul.into(), &[x, factor])?;
    Call::node(id)
}

/// What is divided by its norm along one axis; zeros stay.
pub(super) fn lp_normalization(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    let at = axis(call.attributes.int("axis", -1)?, call.type_of(x).dims.len())?;
    let norm = match call.attributes.int("p", 2)? {
        1 => {
            let sizes = activation::magnitude(call, x, "abs")?;
            along(call, sizes, ReduceKind::Sum, &[at], "norm")?
        }
        2 => {
            let squares = call.add_step("squares", BinaryKind::Mul.into(), &[x, x])?;
            let sum = along(call, squares, ReduceKind::Sum, &[at], "sum")?;
            call.add_step("norm", Op::Unary(Function::Sqrt), &[sum])?
        }
        p => return Err(format!("a norm of order {p} is not supported; 1 and 2 are")),
    };
    let positive = Function::Clip { min: f64::from(f32::MIN_POSITIVE), max: f64::INFINITY };
    let norm = call.add_step("positive", Op::Unary(positive), &[norm])?;
    let id = combined(call, BinaryKind::Div, [x, norm])?;
    Call::node(id)
}

/// The axes that a Reduce operator is about, in order; `None` where it does nothing.
fn places(call: &Call<'_, '_, '_>, x: NodeId) -> Result<Option<Vec<usize>>, String> {
    let rank = call.type_of(x).dims.len();
    let given = call.integers("axes", 1)?.unwrap_or_default();
    if given.is_empty() && call.attributes.int("noop_with_empty_axes", 0)? != 0 {
        return Ok(None);
    }
    let mut places = axes(&given, rank)?;
    if given.is_empty() {
        places = (0..rank).collect();
    }
    places.sort_unstable();
    Ok(Some(places))
}

/// One axis after the other; the axes stay.
fn along(
    call: &mut Call<'_, '_, '_>,
    x: NodeId,
    kind: ReduceKind,
    places: &[usize],
    part: &str,
) -> Result<NodeId, String> {
    places.iter().try_fold(x, |id, &axis| call.add_step(part, Op::Reduce(Reduce { kind, axis }), &[id]))
}

/// Without the axes that were made one, where they are not kept.
fn without(call: &mut Call<'_, '_, '_>, id: NodeId, places: &[usize]) -> Results {
    if call.attributes.int("keepdims", 1)? != 0 {
        return Call::node(id);
    }
    let dims = call.type_of(id).dims.clone();
    let kept: Vec<usize> =
        (0..dims.len()).filter(|axis| !places.contains(axis)).map(|axis| dims[axis]).collect();
    if kept.is_empty() {
        return split(call, id, kept);
    }
    let id = reshaped_node(call, id, kept)?;
    Call::node(id)
}

/// One axis after the other; the mean over a map is the operator that has a kernel of its own.
fn reduce(call: &mut Call<'_, '_, '_>, x: NodeId, kind: ReduceKind) -> Results {
    let Some(places) = places(call, x)? else { return Call::node(x) };
    let mut id = x;
    if kind == ReduceKind::Mean && call.type_of(x).dims.len() == 4 && places == [2, 3] {
        id = call.add(Op::GlobalAveragePool, &[x])?;
    } else {
        for &axis in &places {
            id = call.add(Op::Reduce(Reduce { kind, axis }), &[id])?;
        }
    }
    without(call, id, &places)
}

/// Before version 13 all axes from the given one on are one.
pub(super) fn softmax(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    let dims = call.type_of(x).dims.clone();
    let alone = call.opset >= 13;
    let at = axis(call.attributes.int("axis", if alone { -1 } else { 1 })?, dims.len())?;
    if alone || count(&dims[at + 1..]) == 1 {
        let id = call.add(Op::Softmax(Softmax { axis: at }), &[x])?;
        return Call::node(id);
    }
    let rows = reshaped_node(call, x, vec![count(&dims[..at]), count(&dims[at..])])?;
    let softmax = call.add_step("rows", Op::Softmax(Softmax { axis: 1 }), &[rows])?;
    let id = reshaped_node(call, softmax, dims)?;
    Call::node(id)
}
