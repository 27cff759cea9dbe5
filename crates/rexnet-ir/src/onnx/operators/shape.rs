//! Shapes, and changes of shape.

use super::{Call, axis};
use crate::graph::{NodeId, Op};
use crate::onnx::constant::{Constant, Elements, MAX_INTEGERS};
use crate::onnx::import::Value;
use crate::onnx::messages::data_type;

type Results = Result<Vec<Value>, String>;

/// The extents of any value.
fn dims_of(call: &Call<'_, '_, '_>, place: usize) -> Result<Vec<usize>, String> {
    match call.input(place)? {
        Value::Node(id) => Ok(call.type_of(*id).dims.clone()),
        Value::Constant(_, constant) => Ok(constant.dims.clone()),
        Value::Unknown => Err("the input is not known".to_owned()),
    }
}

pub(super) fn shape(call: &mut Call<'_, '_, '_>) -> Results {
    let dims = dims_of(call, 0)?;
    let rank = dims.len() as i64;
    let clamp = |at: i64| (if at < 0 { at + rank } else { at }).clamp(0, rank) as usize;
    let start = clamp(call.attributes.int("start", 0)?);
    let end = clamp(call.attributes.int("end", rank)?).max(start);
    let integers: Vec<i64> = dims[start..end].iter().map(|&extent| extent as i64).collect();
    call.constant(Constant::integers(vec![integers.len()], integers))
}

pub(super) fn constant(call: &mut Call<'_, '_, '_>) -> Results {
    let attributes = call.attributes;
    if let Some(tensor) = attributes.tensor("value")? {
        let name = call.name.clone();
        let constant = call.importer.tensor(&name, tensor);
        return Ok(vec![constant.map_or(Value::Unknown, |constant| Value::Constant(name, constant))]);
    }
    let constant = if attributes.has("value_float") {
        Constant {
            dims: Vec::new(),
            elements: Elements::Floats([attributes.float("value_float", 0.0)?].into()),
        }
    } else if let Some(floats) = attributes.floats("value_floats")? {
        Constant { dims: vec![floats.len()], elements: Elements::Floats(floats.into()) }
    } else if attributes.has("value_int") {
        Constant::integers(Vec::new(), vec![attributes.int("value_int", 0)?])
    } else if let Some(integers) = attributes.ints("value_ints")? {
        Constant::integers(vec![integers.len()], integers.to_vec())
    } else {
        return Err("the constant has no value".to_owned());
    };
    call.constant(constant)
}

pub(super) fn constant_of_shape(call: &mut Call<'_, '_, '_>) -> Results {
    let dims: Vec<usize> = call
        .known(0)?
        .as_integers()?
        .iter()
        .map(|&extent| usize::try_from(extent).map_err(|_| format!("extent {extent} is negative")))
        .collect::<Result<_, _>>()?;
    let count = dims.iter().try_fold(1usize, |count, &extent| count.checked_mul(extent));
    let count = count.filter(|&count| count <= MAX_INTEGERS).ok_or("the constant is too large")?;
    let elements = match call.attributes.tensor("value")? {
        None => Elements::Floats(vec![0.0; count].into()),
        Some(tensor) => {
            let name = call.name.clone();
            let Some(value) = call.importer.tensor(&name, tensor) else {
                return Ok(vec![Value::Unknown]);
            };
            match &value.elements {
                Elements::Floats(floats) if floats.len() == 1 => {
                    Elements::Floats(vec![floats[0]; count].into())
                }
                Elements::Integers(integers) if integers.len() == 1 => {
                    Elements::Integers(vec![integers[0]; count].into())
                }
                _ => return Err("its value is not a single element".to_owned()),
            }
        }
    };
    call.constant(Constant { dims, elements })
}

pub(super) fn cast(call: &mut Call<'_, '_, '_>) -> Results {
    let to = i32::try_from(call.attributes.int("to", 0)?).unwrap_or(0);
    let to_float =
        matches!(to, data_type::FLOAT | data_type::DOUBLE | data_type::FLOAT16 | data_type::BFLOAT16);
    let to_integer = matches!(to, data_type::INT64 | data_type::INT32);
    let value = call.input(0)?.clone();
    match value {
        Value::Node(_) if to == data_type::FLOAT => Ok(vec![value]),
        Value::Constant(_, constant) if to_float || to_integer => {
            let elements = match (&constant.elements, to_float) {
                (Elements::Floats(floats), true) => Elements::Floats(floats.clone()),
                (Elements::Integers(integers), false) => Elements::Integers(integers.clone()),
                (Elements::Integers(integers), true) => {
                    Elements::Floats(integers.iter().map(|&x| x as f32).collect())
                }
                (Elements::Floats(floats), false) => {
                    Elements::Integers(floats.iter().map(|&x| x as i64).collect())
                }
            };
            call.constant(Constant { dims: constant.dims, elements })
        }
        _ => Err(format!("a cast to {} is not supported", data_type::name(to))),
    }
}

pub(super) fn flatten(call: &mut Call<'_, '_, '_>) -> Results {
    let dims = dims_of(call, 0)?;
    // The axis may be the rank itself: everything stands before it.
    let at = call.attributes.int("axis", 1)?;
    let at = if at == dims.len() as i64 { dims.len() } else { axis(at, dims.len())? };
    let wanted = vec![dims[..at].iter().product(), dims[at..].iter().product()];
    reshaped(call, wanted)
}

pub(super) fn reshape(call: &mut Call<'_, '_, '_>) -> Results {
    let dims = dims_of(call, 0)?;
    let pattern = call.known(1)?.as_integers()?.to_vec();
    let keep_zero = call.attributes.int("allowzero", 0)? != 0;
    let mut wanted = Vec::with_capacity(pattern.len());
    let mut free = None;
    for (place, &extent) in pattern.iter().enumerate() {
        wanted.push(match extent {
            -1 if free.replace(place).is_none() => 1,
            0 if !keep_zero => *dims.get(place).ok_or("a zero stands past the input's rank")?,
            extent => {
                usize::try_from(extent).map_err(|_| format!("the shape {pattern:?} is not sensible"))?
            }
        });
    }
    let product = |dims: &[usize]| dims.iter().try_fold(1usize, |count, &extent| count.checked_mul(extent));
    let (have, rest) = (product(&dims), product(&wanted));
    if let (Some(place), Some(have), Some(rest)) = (free, have, rest)
        && rest > 0
        && have % rest == 0
    {
        wanted[place] = have / rest;
    }
    if product(&wanted) != have {
        return Err(format!("shape {dims:?} cannot become {pattern:?}"));
    }
    reshaped(call, wanted)
}

pub(super) fn squeeze(call: &mut Call<'_, '_, '_>) -> Results {
    let dims = dims_of(call, 0)?;
    let axes = match call.attributes.ints("axes")? {
        Some(axes) => Some(axes.to_vec()),
        None => call.known_integers(1)?,
    };
    let removed: Vec<usize> = match axes {
        Some(axes) => axes.into_iter().map(|at| axis(at, dims.len())).collect::<Result<_, _>>()?,
        None => (0..dims.len()).filter(|&at| dims[at] == 1).collect(),
    };
    if let Some(&at) = removed.iter().find(|&&at| dims[at] != 1) {
        return Err(format!("axis {at} of shape {dims:?} is not 1"));
    }
    let kept = (0..dims.len()).filter(|at| !removed.contains(at)).map(|at| dims[at]).collect();
    reshaped(call, kept)
}

pub(super) fn unsqueeze(call: &mut Call<'_, '_, '_>) -> Results {
    let dims = dims_of(call, 0)?;
    let axes = match call.attributes.ints("axes")? {
        Some(axes) => axes.to_vec(),
        None => call.known_integers(1)?.ok_or("axes are missing")?,
    };
    let rank = dims.len() + axes.len();
    let added: Vec<usize> = axes.into_iter().map(|at| axis(at, rank)).collect::<Result<_, _>>()?;
    let mut old = dims.iter();
    let wanted: Option<Vec<usize>> =
        (0..rank).map(|at| if added.contains(&at) { Some(1) } else { old.next().copied() }).collect();
    match wanted {
        Some(wanted) if old.next().is_none() => reshaped(call, wanted),
        _ => Err("an axis is given twice".to_owned()),
    }
}

/// The first input in another shape of as many elements. Of a computed tensor, everything after the batch may be
/// flattened, and ones may be added after the channels.
fn reshaped(call: &mut Call<'_, '_, '_>, wanted: Vec<usize>) -> Results {
    let id: NodeId = match call.input(0)?.clone() {
        Value::Constant(_, constant) => {
            return call.constant(Constant { dims: wanted, elements: constant.elements });
        }
        Value::Node(id) => id,
        Value::Unknown => return Err("the input is not known".to_owned()),
    };
    let dims = call.type_of(id).dims.clone();
    if dims == wanted {
        return Call::node(id);
    }
    let flat = vec![dims[0], dims[1..].iter().product()];
    if wanted == flat {
        let id = call.add(Op::Flatten, &[id])?;
        return Call::node(id);
    }
    if dims.len() == 2 && wanted == [dims[0], dims[1], 1, 1] {
        let id = call.add(Op::Unflatten, &[id])?;
        return Call::node(id);
    }
    Err(format!("a computed tensor of shape {dims:?} cannot become {wanted:?}"))
}
