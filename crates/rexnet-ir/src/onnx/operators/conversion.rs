//! Ceil, Floor, CastLike, Expand: what exporters leave of the arithmetic on shapes and scalars.

use super::{Call, broadcast};
use crate::onnx::constant::{Constant, Elements, count_of};
use crate::onnx::import::Value;

type Results = Result<Vec<Value>, String>;

pub(super) fn ceil(call: &mut Call<'_, '_, '_>) -> Results {
    round(call, f32::ceil)
}

pub(super) fn floor(call: &mut Call<'_, '_, '_>) -> Results {
    round(call, f32::floor)
}

fn round(call: &mut Call<'_, '_, '_>, to_integer: fn(f32) -> f32) -> Results {
    let known = call.known(0).map_err(|_| "rounding a computed tensor is not supported".to_owned())?;
    let constant = known.clone();
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
        Value::Unknown => Err("an input is not known".to_owned()),
    };
    let value = call.input(0)?;
    if is_float(value)? != is_float(call.input(1)?)? {
        return Err("a cast between integers and floats is not supported".to_owned());
    }
    Ok(vec![value.clone()])
}

/// A constant repeated along axes of extent 1; a computed tensor only as it is.
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
        Value::Unknown => return Err("an input is not known".to_owned()),
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
        Value::Node(_) | Value::Unknown => Err("expanding a computed tensor is not supported".to_owned()),
    }
}
