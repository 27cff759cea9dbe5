//! Operators that treat each element alone.

use super::layer::bias_of;
use super::shape::reshaped_node;
use super::view::View;
use super::{Call, broadcast};
use crate::graph::{BinaryKind, Dense, Expand, Function, NodeId, Op};
use crate::onnx::constant::{Constant, Elements, count_of};
use crate::onnx::import::Value;

type Results = Result<Vec<Value>, String>;

/// The value of floats, rounded once.
fn floats(kind: BinaryKind, a: f32, b: f32) -> f32 {
    kind.evaluate(f64::from(a), f64::from(b)) as f32
}

/// The value of integers, where it is one; division rounds towards zero.
fn integers(kind: BinaryKind, a: i64, b: i64) -> Result<i64, String> {
    match kind {
        BinaryKind::Add => a.checked_add(b),
        BinaryKind::Sub => a.checked_sub(b),
        BinaryKind::Mul => a.checked_mul(b),
        BinaryKind::Div => a.checked_div(b),
        BinaryKind::Maximum => Some(a.max(b)),
        BinaryKind::Minimum => Some(a.min(b)),
        BinaryKind::Power => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
        BinaryKind::Less => Some(i64::from(a < b)),
        BinaryKind::LessOrEqual => Some(i64::from(a <= b)),
        BinaryKind::Equal => Some(i64::from(a == b)),
        BinaryKind::Keep => Some(if b == 0 { 0 } else { a }),
    }
    .ok_or_else(|| format!("integer arithmetic on {a} and {b} fails"))
}

pub(super) fn add(call: &mut Call<'_, '_, '_>) -> Results {
    align(call)?;
    arithmetic(call, BinaryKind::Add)
}

pub(super) fn sub(call: &mut Call<'_, '_, '_>) -> Results {
    align(call)?;
    arithmetic(call, BinaryKind::Sub)
}

pub(super) fn mul(call: &mut Call<'_, '_, '_>) -> Results {
    align(call)?;
    arithmetic(call, BinaryKind::Mul)
}

pub(super) fn div(call: &mut Call<'_, '_, '_>) -> Results {
    align(call)?;
    arithmetic(call, BinaryKind::Div)
}

/// Before version 7 the second operand stretches only where `broadcast` says so, and its axes lie at `axis` of the first:
/// axes of extent 1 are put behind them, and shapes mean what they mean today.
pub(super) fn align(call: &mut Call<'_, '_, '_>) -> Result<(), String> {
    if call.opset >= 7 {
        if call.attributes.has("axis") || call.attributes.has("broadcast") {
            return Err("axis and broadcast belong to versions before 7".to_owned());
        }
        return Ok(());
    }
    let extents = |call: &Call<'_, '_, '_>, place: usize| match call.input(place)? {
        Value::Node(id) => Ok(call.type_of(*id).dims.clone()),
        Value::Constant(_, constant) => Ok(constant.dims().to_vec()),
        _ => Err("an input is not known".to_owned()),
    };
    let (whole, part) = (extents(call, 0)?, extents(call, 1)?);
    if call.attributes.int("broadcast", 0)? == 0 {
        if whole == part {
            return Ok(());
        }
        return Err(format!("shapes {whole:?} and {part:?} differ, and broadcast is not given"));
    }
    // A single number stretches to everything.
    if !call.attributes.has("axis") || part.iter().product::<usize>() == 1 {
        return Ok(());
    }
    let at = super::axis(call.attributes.int("axis", 0)?, whole.len())?;
    let Some(behind) = whole.len().checked_sub(at + part.len()) else {
        return Err(format!("shape {part:?} at axis {at} of {whole:?}"));
    };
    let mut dims = part;
    dims.extend(vec![1; behind]);
    let aligned = match call.input(1)?.clone() {
        Value::Constant(name, constant) => {
            let name = format!("{name}.at_axis_{at}");
            Value::Constant(name.as_str().into(), constant.reshaped(dims)?)
        }
        Value::Node(id) => Value::Node(reshaped_node(call, id, dims)?),
        _ => return Err("an input is not known".to_owned()),
    };
    call.inputs[1] = Some(aligned);
    Ok(())
}

pub(super) fn max(call: &mut Call<'_, '_, '_>) -> Results {
    all(call, BinaryKind::Maximum)
}

pub(super) fn min(call: &mut Call<'_, '_, '_>) -> Results {
    all(call, BinaryKind::Minimum)
}

pub(super) fn sum(call: &mut Call<'_, '_, '_>) -> Results {
    all(call, BinaryKind::Add)
}

pub(super) fn mean(call: &mut Call<'_, '_, '_>) -> Results {
    let count = call.inputs.len();
    let sum = all(call, BinaryKind::Add)?.pop();
    let name = format!("{}.count", call.name);
    let divisor = Constant::new(Vec::new(), Elements::floats([count as f32]))?;
    call.inputs = vec![sum, Some(Value::Constant(name.as_str().into(), divisor))];
    arithmetic(call, BinaryKind::Div)
}

/// All inputs, from the first on.
fn all(call: &mut Call<'_, '_, '_>, kind: BinaryKind) -> Results {
    let mut rest = std::mem::take(&mut call.inputs).into_iter();
    let mut result = rest.next().flatten().ok_or("an input is missing")?;
    for next in rest {
        call.inputs = vec![Some(result), next];
        result = arithmetic(call, kind)?.pop().ok_or("an input is missing")?;
    }
    Ok(vec![result])
}

pub(super) fn arithmetic(call: &mut Call<'_, '_, '_>, kind: BinaryKind) -> Results {
    let (a, b) = (call.input(0)?.clone(), call.input(1)?.clone());
    let constant_of_many =
        |value: &Value| matches!(value, Value::Constant(_, constant) if constant.dims().len() > 4);
    let of_many = |value: &Value| matches!(value, Value::Split(..)) || constant_of_many(value);
    match (&a, &b) {
        (Value::Constant(_, a), Value::Constant(_, b)) => {
            let folded = fold(call, kind, a, b)?;
            call.constant(folded)
        }
        _ if of_many(&a) || of_many(&b) => of_many_axes(call, kind, [a, b]),
        (Value::Node(node), Value::Constant(_, constant)) => with_constant(call, kind, *node, constant, 1),
        (Value::Constant(_, constant), Value::Node(node)) if kind.commutes() => {
            with_constant(call, kind, *node, constant, 0)
        }
        _ => stretched(call, kind, [&a, &b]),
    }
}

/// Two values of which one at least has more axes than a tensor of the graph: with as few as say the same, or where these are
/// still too many, both stretched to all elements.
fn of_many_axes(call: &mut Call<'_, '_, '_>, kind: BinaryKind, values: [Value; 2]) -> Results {
    let own = [call.dims_of(&values[0])?, call.dims_of(&values[1])?];
    let dims = broadcast::together(&own[0], &own[1])?;
    let groups = broadcast::grouped(&own[0], &own[1])?;
    if groups[0].len() <= 4 {
        let mut inputs = Vec::with_capacity(2);
        for (place, (value, group)) in values.into_iter().zip(groups).enumerate() {
            inputs.push(Some(match value {
                Value::Constant(_, constant) => {
                    let name = format!("{}.grouped{place}", call.name);
                    Value::Constant(name.as_str().into(), constant.reshaped(group)?)
                }
                _ => {
                    let view = call.view(place)?;
                    Value::Node(call.shaped(&view, group)?)
                }
            }));
        }
        call.inputs = inputs;
        let result = arithmetic(call, kind)?.pop();
        let Some(Value::Node(id)) = result else { return Err("an input is not known".to_owned()) };
        return call.viewed(View { id, dims });
    }
    let count = count_of(&dims).ok_or("the operands stretch to too many elements")?;
    let mut operands = Vec::with_capacity(2);
    for place in 0..2 {
        let view = call.view(place)?;
        let stretched = call.stretched_view(&view, &dims)?;
        operands.push(call.shaped(&stretched, vec![1, count])?);
    }
    let id = call.add(kind.into(), &operands)?;
    call.viewed(View { id, dims })
}

/// Two values, of which one at least is computed, stretched to the shape that they have together. What is one value a
/// channel stays so as the second operand.
fn stretched(call: &mut Call<'_, '_, '_>, kind: BinaryKind, values: [&Value; 2]) -> Results {
    let own = [call.dims_of(values[0])?, call.dims_of(values[1])?];
    let dims = broadcast::together(&own[0], &own[1])?;
    let of_channels = |own: &[usize]| matches!((own, dims.as_slice()), (&[m, k, 1, 1], &[n, c, _, _]) if k == c && (m == 1 || m == n));
    let first = usize::from(kind.commutes() && own[0] != dims && of_channels(&own[0]));
    let mut operands = Vec::with_capacity(2);
    for place in [first, 1 - first] {
        let as_it_is = own[place] == dims || !operands.is_empty() && of_channels(&own[place]);
        operands.push(match values[place] {
            Value::Constant(_, constant) if !as_it_is => {
                let count = count_of(&dims).ok_or("the constant stretches to too many elements")?;
                call.charge(count)?;
                let floats = constant.as_floats()?;
                let at = |at| floats.element(broadcast::place(at, &dims, constant.dims()));
                call.made("constant", dims.clone(), (0..count).map(at).collect())?
            }
            Value::Node(id) if !as_it_is => {
                call.add_step("stretched", Op::Expand(Expand { dims: dims.clone() }), &[*id])?
            }
            _ => call.data(place)?,
        });
    }
    let id = call.add(kind.into(), &operands)?;
    Call::node(id)
}

/// Whether a constant beside what is computed is an operand like any other: no reciprocal, bound or bias.
fn has_no_own_form(kind: BinaryKind) -> bool {
    kind == BinaryKind::Power || kind == BinaryKind::Keep || kind.is_truth()
}

fn with_constant(
    call: &mut Call<'_, '_, '_>,
    kind: BinaryKind,
    node: NodeId,
    constant: &Constant,
    place: usize,
) -> Results {
    let ty = call.type_of(node).clone();
    let in_general = |call: &mut Call<'_, '_, '_>| {
        // Under its own name, by which its node is found again.
        let values = [Value::Node(node), call.input(place)?.clone()];
        call.inputs = values.iter().cloned().map(Some).collect();
        stretched(call, kind, [&values[0], &values[1]])
    };
    // More axes would be axes of the result, too.
    if constant.dims().len() > ty.dims.len() || has_no_own_form(kind) {
        return in_general(call);
    }
    if matches!(kind, BinaryKind::Maximum | BinaryKind::Minimum) {
        let Ok(bound) = constant.scalar() else { return in_general(call) };
        let clip = match kind {
            BinaryKind::Maximum => Function::Clip { min: bound, max: f64::INFINITY },
            _ => Function::Clip { min: f64::NEG_INFINITY, max: bound },
        };
        let id = call.add(Op::Unary(clip), &[node])?;
        return Call::node(id);
    }
    // The bias that follows a matrix product.
    let product = call.importer.graph.node(node);
    if kind == BinaryKind::Add && product.op == Op::Dense(Dense { bias: false, activation: None }) {
        let [x, weight] = [product.operands[0], product.operands[1]];
        let bias = bias_of(call, place, ty.channels(), 1.0)?;
        let id = call.add(Op::Dense(Dense { bias: true, activation: None }), &[x, weight, bias])?;
        return Call::node(id);
    }
    // One value a channel is [c, 1, 1] or [1, c, 1, 1].
    let dims = match ty.dims.as_slice() {
        dims if constant.dims() == dims => dims.to_vec(),
        &[_, c, _, _]
            if constant.len() == 1 || constant.len() == c && constant.dims().ends_with(&[c, 1, 1]) =>
        {
            vec![1, c, 1, 1]
        }
        dims if constant.len() == 1 => dims.to_vec(),
        _ => return in_general(call),
    };
    let floats = constant.as_floats()?;
    let on_map =
        if matches!(kind, BinaryKind::Add | BinaryKind::Sub) { BinaryKind::Add } else { BinaryKind::Mul };
    let operand = if matches!(kind, BinaryKind::Add | BinaryKind::Mul) && constant.dims() == dims {
        call.data(place)?
    } else {
        let elements = dims.iter().product();
        call.charge(elements)?;
        let floats = floats.data();
        let values: Vec<f32> = match kind {
            BinaryKind::Sub => floats.iter().map(|x| -x).collect(),
            BinaryKind::Div => floats.iter().map(|x| 1.0 / x).collect(),
            _ => floats.to_vec(),
        };
        // The reciprocal of a number near the ends of the range is no number of the same precision.
        if kind == BinaryKind::Div && !values.iter().all(|x| x.is_normal()) {
            return in_general(call);
        }
        let values = if values.len() == 1 { vec![values[0]; elements] } else { values };
        call.made("constant", dims, values)?
    };
    let id = call.add(on_map.into(), &[node, operand])?;
    Call::node(id)
}

/// Two constants, broadcast as in NumPy.
fn fold(
    call: &mut Call<'_, '_, '_>,
    kind: BinaryKind,
    a: &Constant,
    b: &Constant,
) -> Result<Constant, String> {
    let dims = broadcast::together(a.dims(), b.dims())?;
    let count = count_of(&dims).ok_or("the constants broadcast to too many elements")?;
    call.charge(count)?;
    let place = |at: usize, own: &Constant| broadcast::place(at, &dims, own.dims());
    let elements = match (a.elements(), b.elements()) {
        (Elements::Floats(x), Elements::Floats(y)) => {
            let each = (0..count).map(|at| floats(kind, x.element(place(at, a)), y.element(place(at, b))));
            Elements::floats(each.collect::<Vec<f32>>())
        }
        (Elements::Integers(x), Elements::Integers(y)) => {
            let each = (0..count).map(|at| integers(kind, x[place(at, a)], y[place(at, b)]));
            Elements::Integers(each.collect::<Result<_, _>>()?)
        }
        _ => return Err("an integer and a float constant are mixed".to_owned()),
    };
    Constant::new(dims, elements)
}

pub(super) fn clip(call: &mut Call<'_, '_, '_>) -> Results {
    let max = call.number("max", 2)?.unwrap_or(f64::INFINITY);
    let min = call.number("min", 1)?.unwrap_or(f64::NEG_INFINITY);
    // Where bounds cross all becomes the upper one: version 13 says so, and engines did so before.
    let bounds = [if min > max { max } else { min }, max];
    if let Value::Constant(_, constant) = call.input(0)?.clone() {
        call.charge(constant.len())?;
        let clipped = clipped(&constant, bounds)?;
        return call.constant(clipped);
    }
    let x = call.data(0)?;
    let id = call.add(Op::Unary(Function::Clip { min: bounds[0], max: bounds[1] }), &[x])?;
    Call::node(id)
}

/// A constant between bounds; arithmetic on shapes has such.
fn clipped(constant: &Constant, [min, max]: [f64; 2]) -> Result<Constant, String> {
    let elements = match constant.elements() {
        // Written so that a NaN stays one.
        Elements::Floats(floats) => Elements::floats(
            floats
                .data()
                .iter()
                .map(|&x| if f64::from(x) < min { min as f32 } else { x })
                .map(|x| if f64::from(x) > max { max as f32 } else { x })
                .collect::<Vec<f32>>(),
        ),
        Elements::Integers(integers) => {
            // Bounds beyond the integers' range bound nothing.
            Elements::Integers(integers.iter().map(|&x| x.max(min as i64).min(max as i64)).collect())
        }
    };
    Constant::new(constant.dims().to_vec(), elements)
}

pub(super) fn identity(call: &mut Call<'_, '_, '_>) -> Results {
    Ok(vec![call.input(0)?.clone()])
}

/// Does nothing when a trained network answers.
pub(super) fn dropout(call: &mut Call<'_, '_, '_>) -> Results {
    if call.others_used() {
        return Err("the mask of a dropout is not supported".to_owned());
    }
    if call.opset < 7 && call.attributes.int("is_test", 0)? == 0 && call.attributes.has("is_test") {
        return Err("training is not supported".to_owned());
    }
    if call.optional(2).is_some() && call.known(2)?.scalar()? != 0.0 {
        return Err("training is not supported".to_owned());
    }
    identity(call)
}
