//! Ceil, Floor, CastLike, Expand, Equal, Where, Range: what exporters leave of the arithmetic on shapes and scalars.

use super::{Call, activation, broadcast};
use crate::graph::{Activation, Expand, NodeId, Op};
use crate::onnx::constant::{Constant, Elements, MAX_INTEGERS, count_of};
use crate::onnx::import::Value;

type Results = Result<Vec<Value>, String>;

pub(super) fn ceil(call: &mut Call<'_, '_, '_>) -> Results {
    round(call, f32::ceil)
}

pub(super) fn floor(call: &mut Call<'_, '_, '_>) -> Results {
    round(call, f32::floor)
}

fn round(call: &mut Call<'_, '_, '_>, to_integer: fn(f32) -> f32) -> Results {
    let Value::Constant(_, constant) = call.input(0)?.clone() else { return activation::function(call) };
    call.charge(constant.len())?;
    let rounded = constant.as_floats()?.data().iter().map(|&x| to_integer(x)).collect::<Vec<f32>>();
    let rounded = Constant::new(constant.dims().to_vec(), Elements::floats(rounded))?;
    call.constant(rounded)
}

/// A cast to the type of the second input; every computed tensor is f32.
pub(super) fn cast_like(call: &mut Call<'_, '_, '_>) -> Results {
    let is_float = |value: &Value| match value {
        Value::Node(_) => Ok(true),
        Value::Constant(_, constant) => Ok(constant.as_floats().is_ok()),
        _ => Err("an input is not known".to_owned()),
    };
    let value = call.input(0)?;
    if is_float(value)? != is_float(call.input(1)?)? {
        return Err("a cast between integers and floats is not supported".to_owned());
    }
    Ok(vec![value.clone()])
}

/// Axes of extent 1 repeated.
pub(super) fn expand(call: &mut Call<'_, '_, '_>) -> Results {
    let shape: Vec<usize> = call
        .known_integers(1)?
        .ok_or("the shape is missing")?
        .into_iter()
        .map(|extent| usize::try_from(extent).map_err(|_| format!("extent {extent} is negative")))
        .collect::<Result<_, _>>()?;
    let value = call.input(0)?.clone();
    let own = match &value {
        Value::Node(id) => call.type_of(*id).dims.clone(),
        Value::Constant(_, constant) => constant.dims().to_vec(),
        _ => return Err("an input is not known".to_owned()),
    };
    let dims = broadcast::together(&own, &shape)?;
    match value {
        value if dims == own => Ok(vec![value]),
        Value::Constant(_, constant) => {
            let count = count_of(&dims).ok_or("the constant expands to too many elements")?;
            call.charge(count)?;
            let place = |at| broadcast::place(at, &dims, &own);
            let expanded = constant.pick(dims.clone(), (0..count).map(place))?;
            call.constant(expanded)
        }
        Value::Node(id) => {
            let id = call.add(Op::Expand(Expand { dims }), &[id])?;
            Call::node(id)
        }
        _ => Err("an input is not known".to_owned()),
    }
}

/// Constants that a node compares or chooses from.
fn constants<const N: usize>(call: &Call<'_, '_, '_>) -> Result<[Constant; N], String> {
    let computed = |_| "a computed tensor is not supported; constants are".to_owned();
    let known: Vec<Constant> =
        (0..N).map(|place| call.known(place).cloned().map_err(computed)).collect::<Result<_, _>>()?;
    known.try_into().map_err(|_| "an input is missing".to_owned())
}

/// Whether integers are equal, as 1 or 0. Floats, which may have been rounded when they were read, are not compared.
pub(super) fn equal(call: &mut Call<'_, '_, '_>) -> Results {
    let [a, b] = constants(call)?;
    let dims = broadcast::together(a.dims(), b.dims())?;
    let count = count_of(&dims).ok_or("the constants broadcast to too many elements")?;
    call.charge(count)?;
    let (x, y) = (a.as_integers()?, b.as_integers()?);
    let place = |at: usize, own: &Constant| broadcast::place(at, &dims, own.dims());
    let equal = (0..count).map(|at| i64::from(x[place(at, &a)] == y[place(at, &b)])).collect();
    let equal = Constant::new(dims.clone(), Elements::Integers(equal))?;
    call.constant(equal)
}

/// Whether a computed tensor is greater than a number.
pub(super) fn greater(call: &mut Call<'_, '_, '_>) -> Results {
    let unsupported = "a comparison is supported of a computed tensor with one number".to_owned();
    let Value::Node(x) = *call.input(0)? else { return Err(unsupported) };
    let number = call.known(1).map_err(|_| unsupported)?.scalar()?;
    Ok(vec![Value::Above(x, number as f32)])
}

/// Above this `softplus(x)` is `x` in f32: exporters write that out, as PyTorch computes it.
const SOFTPLUS_IS_LINEAR: f32 = 17.0;

/// `x > number ? x : softplus(x)`.
fn select_above(call: &Call<'_, '_, '_>, x: NodeId, number: f32) -> Results {
    if let (Value::Node(then), Value::Node(otherwise)) = (call.input(1)?, call.input(2)?) {
        let node = call.importer.graph.node(*otherwise);
        let softplus = node.op == Activation::Softplus.into();
        if softplus && node.operands == [x] && *then == x && number >= SOFTPLUS_IS_LINEAR {
            return Call::node(*otherwise);
        }
    }
    Err("a choice between computed tensors is not supported".to_owned())
}

/// Where: of two constants, the element of the first where the condition holds, else of the second.
pub(super) fn select(call: &mut Call<'_, '_, '_>) -> Results {
    if let Value::Above(x, number) = *call.input(0)? {
        return select_above(call, x, number);
    }
    let [condition, a, b] = constants(call)?;
    let dims = broadcast::together(&broadcast::together(condition.dims(), a.dims())?, b.dims())?;
    let count = count_of(&dims).ok_or("the constants broadcast to too many elements")?;
    call.charge(count)?;
    let place = |at: usize, own: &Constant| broadcast::place(at, &dims, own.dims());
    let holds = condition.as_integers()?;
    let holds = |at: usize| holds[place(at, &condition)] != 0;
    let elements = match (a.elements(), b.elements()) {
        (Elements::Integers(x), Elements::Integers(y)) => {
            let chosen = |at| if holds(at) { x[place(at, &a)] } else { y[place(at, &b)] };
            Elements::Integers((0..count).map(chosen).collect())
        }
        (Elements::Floats(x), Elements::Floats(y)) => {
            let chosen = |at| if holds(at) { x.element(place(at, &a)) } else { y.element(place(at, &b)) };
            Elements::floats((0..count).map(chosen).collect::<Vec<f32>>())
        }
        _ => return Err("an integer and a float constant are mixed".to_owned()),
    };
    let chosen = Constant::new(dims.clone(), elements)?;
    call.constant(chosen)
}

/// The integers from a first one up to a limit, by steps.
pub(super) fn range(call: &mut Call<'_, '_, '_>) -> Results {
    let [start, limit, step] = constants(call)?.map(|constant| match constant.as_integers()? {
        &[number] => Ok(i128::from(number)),
        other => Err(format!("a single number is needed, {} are given", other.len())),
    });
    let (start, limit, step) = (start?, limit?, step?);
    if step == 0 {
        return Err("a step of 0 leads nowhere".to_owned());
    }
    let distance = (limit - start) * step.signum();
    let count = usize::try_from((distance.max(0) + step.abs() - 1) / step.abs()).unwrap_or(usize::MAX);
    if count > MAX_INTEGERS {
        return Err(format!("a range of more than {MAX_INTEGERS} numbers"));
    }
    call.charge(count)?;
    // Each lies between the first one and the limit.
    let numbers = (0..count as i128).map(|at| (start + at * step) as i64).collect();
    call.constant(Constant::integers(numbers))
}
