//! Ceil, Floor, CastLike, Expand, Range: what exporters leave of the arithmetic on shapes and scalars.

use super::{Call, activation, broadcast};
use crate::graph::{Expand, Op};
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
        Value::Constant(_, constant) => constant.dims().to_vec(),
        _ => call.view(0)?.dims,
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
        Value::Node(id) if dims.len() <= 4 => {
            let id = call.add(Op::Expand(Expand { dims }), &[id])?;
            Call::node(id)
        }
        _ => {
            let view = call.view(0)?;
            let stretched = call.stretched_view(&view, &dims)?;
            call.viewed(stretched)
        }
    }
}

/// Constants that a node compares or chooses from.
fn constants<const N: usize>(call: &Call<'_, '_, '_>) -> Result<[Constant; N], String> {
    let computed = |_| "a computed tensor is not supported; constants are".to_owned();
    let known: Vec<Constant> =
        (0..N).map(|place| call.known(place).cloned().map_err(computed)).collect::<Result<_, _>>()?;
    known.try_into().map_err(|_| "an input is missing".to_owned())
}

/// What is left of a division: of integers with the divisor's sign, or with the dividend's where `fmod` says so, as of floats
/// always.
pub(super) fn modulo(call: &mut Call<'_, '_, '_>) -> Results {
    let [a, b] = constants(call)?;
    let truncates = call.attributes.int("fmod", 0)? != 0;
    let dims = broadcast::together(a.dims(), b.dims())?;
    let count = count_of(&dims).ok_or("the constants broadcast to too many elements")?;
    call.charge(count)?;
    let place = |at: usize, own: &Constant| broadcast::place(at, &dims, own.dims());
    let rest = |a: i64, b: i64| {
        let rest = a.checked_rem(b).ok_or_else(|| format!("{a} modulo {b}"))?;
        Ok::<i64, String>(if truncates || rest == 0 || (rest < 0) == (b < 0) { rest } else { rest + b })
    };
    let elements = match (a.elements(), b.elements()) {
        (Elements::Integers(x), Elements::Integers(y)) => {
            let each = (0..count).map(|at| rest(x[place(at, &a)], y[place(at, &b)]));
            Elements::Integers(each.collect::<Result<_, _>>()?)
        }
        (Elements::Floats(x), Elements::Floats(y)) if truncates => {
            let each = (0..count).map(|at| x.element(place(at, &a)) % y.element(place(at, &b)));
            Elements::floats(each.collect::<Vec<f32>>())
        }
        _ => return Err("floats need fmod, and both inputs one type".to_owned()),
    };
    let constant = Constant::new(dims.clone(), elements)?;
    call.constant(constant)
}

/// The numbers from a first one up to a limit, by steps.
pub(super) fn range(call: &mut Call<'_, '_, '_>) -> Results {
    let given: [Constant; 3] = constants(call)?;
    if given.iter().all(|constant| constant.as_floats().is_ok()) {
        return range_of_floats(call, &given);
    }
    let [start, limit, step] = given.map(|constant| match constant.as_integers()? {
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

/// Each number is the first one and that many steps, as engines add them up in f32.
fn range_of_floats(call: &mut Call<'_, '_, '_>, given: &[Constant; 3]) -> Results {
    let [start, limit, step] = [0, 1, 2].map(|place| given[place].scalar());
    let (start, limit, step) = (start? as f32, limit? as f32, step? as f32);
    let count = ((limit - start) / step).ceil();
    if count.is_nan() || count > MAX_INTEGERS as f32 {
        return Err(format!("a range from {start} to {limit} by steps of {step}"));
    }
    let count = count.max(0.0) as usize;
    call.charge(count)?;
    let next = |number: &f32| Some(number + step);
    let numbers: Vec<f32> = std::iter::successors(Some(start), next).take(count).collect();
    let numbers = Constant::new(vec![count], Elements::floats(numbers))?;
    call.constant(numbers)
}
