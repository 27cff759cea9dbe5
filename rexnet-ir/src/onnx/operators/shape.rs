//! Shapes, and changes of shape.

use super::{Call, MAX_AXES, activation, axes, axis, logic};
use crate::graph::{NodeId, Op, Reshape, Tensor};
use crate::onnx::constant::{Constant, Elements, MAX_INTEGERS, count_of};
use crate::onnx::import::Value;
use crate::onnx::messages::data_type;
use half::{bf16, f16};
use std::sync::Arc;

/// Floats up to here are well within 64 bits.
const MAX_WHOLE: f32 = 9.0e18;

type Results = Result<Vec<Value>, String>;

/// The extents of any value.
fn dims_of(call: &Call<'_, '_, '_>, place: usize) -> Result<Vec<usize>, String> {
    match call.input(place)? {
        Value::Node(id) => Ok(call.type_of(*id).dims.clone()),
        Value::Constant(_, constant) => Ok(constant.dims().to_vec()),
        Value::Split(_, dims) => Ok(dims.to_vec()),
        _ => Err("the input is not known".to_owned()),
    }
}

pub(super) fn shape(call: &mut Call<'_, '_, '_>) -> Results {
    let dims = dims_of(call, 0)?;
    let rank = dims.len() as i64;
    let clamp = |at: i64| (if at < 0 { at + rank } else { at }).clamp(0, rank) as usize;
    let start = clamp(call.attributes.int("start", 0)?);
    let end = clamp(call.attributes.int("end", rank)?).max(start);
    let integers: Vec<i64> = dims[start..end].iter().map(|&extent| extent as i64).collect();
    call.constant(Constant::integers(integers))
}

/// The number of elements.
pub(super) fn size(call: &mut Call<'_, '_, '_>) -> Results {
    let elements = count(&dims_of(call, 0)?) as i64;
    let size = Constant::new(Vec::new(), Elements::Integers([elements].into()))?;
    call.constant(size)
}

pub(super) fn constant(call: &mut Call<'_, '_, '_>) -> Results {
    let attributes = call.attributes;
    if attributes.0.len() > 1 {
        return Err("the constant has more than one value".to_owned());
    }
    if let Some(tensor) = attributes.tensor("value")? {
        let name = call.name.clone();
        let constant = call.importer.tensor(&name, tensor);
        let value = constant.map(|constant| Value::Constant(name.as_str().into(), constant));
        return Ok(vec![value.unwrap_or(Value::Unknown)]);
    }
    let constant = if attributes.has("value_float") {
        Constant::new(Vec::new(), Elements::floats([attributes.float("value_float", 0.0)?]))?
    } else if let Some(floats) = attributes.floats("value_floats")? {
        Constant::new(vec![floats.len()], Elements::floats(floats))?
    } else if attributes.has("value_int") {
        Constant::new(Vec::new(), Elements::Integers([attributes.int("value_int", 0)?].into()))?
    } else if let Some(integers) = attributes.ints("value_ints")? {
        Constant::integers(integers.to_vec())
    } else {
        return Err("the constant has no value".to_owned());
    };
    call.constant(constant)
}

pub(super) fn constant_of_shape(call: &mut Call<'_, '_, '_>) -> Results {
    let dims: Vec<usize> = call
        .known_integers(0)?
        .ok_or("input 0 is missing")?
        .iter()
        .map(|&extent| usize::try_from(extent).map_err(|_| format!("extent {extent} is negative")))
        .collect::<Result<_, _>>()?;
    let count = count_of(&dims).filter(|&count| count <= MAX_INTEGERS).ok_or("the constant is too large")?;
    call.charge(count)?;
    let elements = match call.attributes.tensor("value")? {
        None => Elements::floats(vec![0.0; count]),
        Some(tensor) => {
            let name = call.name.clone();
            let Some(value) = call.importer.tensor(&name, tensor) else {
                return Ok(vec![Value::Unknown]);
            };
            match value.elements() {
                Elements::Floats(floats) if floats.len() == 1 => {
                    Elements::floats(vec![floats.element(0); count])
                }
                Elements::Integers(integers) if integers.len() == 1 => {
                    Elements::Integers(vec![integers[0]; count].into())
                }
                _ => return Err("its value is not a single element".to_owned()),
            }
        }
    };
    let constant = Constant::new(dims, elements)?;
    call.constant(constant)
}

pub(super) fn cast(call: &mut Call<'_, '_, '_>) -> Results {
    let to = i32::try_from(call.attributes.int("to", 0)?).unwrap_or(0);
    let value = call.input(0)?.clone();
    match value {
        Value::Node(id) | Value::Truth(id) | Value::Whole(id) => match to {
            data_type::FLOAT | data_type::DOUBLE => Call::node(id),
            data_type::BOOL if matches!(value, Value::Truth(_)) => Ok(vec![value]),
            data_type::BOOL => Ok(vec![Value::Truth(logic::is_not_zero(call, id)?)]),
            data_type::INT8 | data_type::UINT8 | data_type::INT32 | data_type::INT64 => {
                let id = if matches!(value, Value::Node(_)) { activation::truncated(call, id)? } else { id };
                Ok(vec![Value::Whole(id)])
            }
            _ => Err(cast_fault(to)),
        },
        Value::Constant(_, constant) => {
            call.charge(constant.len())?;
            let elements = match to {
                data_type::BOOL => logic::truths(&constant),
                _ => converted(constant.elements(), to)?,
            };
            let constant = Constant::new(constant.dims().to_vec(), elements)?;
            call.constant(constant)
        }
        _ => Err(cast_fault(to)),
    }
}

fn cast_fault(to: i32) -> String {
    format!("a cast to {} is not supported", data_type::name(to))
}

/// The elements as another type; numbers that it does not hold are refused.
fn converted(elements: &Elements, to: i32) -> Result<Elements, String> {
    let floats = match elements {
        Elements::Floats(floats) => floats.clone(),
        Elements::Integers(integers) => {
            Tensor::vector(integers.iter().map(|&x| x as f32).collect::<Vec<f32>>())
        }
    };
    let rounded = |round: fn(f32) -> f32| {
        Elements::floats(floats.data().iter().map(|&x| round(x)).collect::<Vec<f32>>())
    };
    let bounds = match to {
        data_type::FLOAT | data_type::DOUBLE => return Ok(Elements::Floats(floats)),
        data_type::FLOAT16 => {
            return Ok(rounded(|x| f16::from_f32(x).to_f32()));
        }
        data_type::BFLOAT16 => {
            return Ok(rounded(|x| bf16::from_f32(x).to_f32()));
        }
        data_type::INT32 => i64::from(i32::MIN)..=i64::from(i32::MAX),
        data_type::INT64 => i64::MIN..=i64::MAX,
        _ => return Err(cast_fault(to)),
    };
    let integers: Arc<[i64]> = match elements {
        Elements::Integers(integers) => integers.clone(),
        Elements::Floats(floats) if floats.data().iter().any(|x| x.is_nan() || x.abs() > MAX_WHOLE) => {
            return Err("a cast of a float that no integer holds".to_owned());
        }
        Elements::Floats(floats) => floats.data().iter().map(|&x| x as i64).collect(),
    };
    match integers.iter().find(|x| !bounds.contains(x)) {
        Some(x) => Err(format!("a cast of {x} to {}", data_type::name(to))),
        None => Ok(Elements::Integers(integers)),
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
    let pattern = call.integers("shape", 1)?.ok_or("the shape is missing")?;
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
    let (have, rest) = (count_of(&dims), count_of(&wanted));
    if let (Some(place), Some(have), Some(rest)) = (free, have, rest)
        && rest > 0
        && have % rest == 0
    {
        wanted[place] = have / rest;
    }
    if have.is_none() || count_of(&wanted) != have {
        return Err(format!("shape {dims:?} cannot become {pattern:?}"));
    }
    reshaped(call, wanted)
}

pub(super) fn squeeze(call: &mut Call<'_, '_, '_>) -> Results {
    let dims = dims_of(call, 0)?;
    let removed: Vec<usize> = match call.integers("axes", 1)? {
        // Whether that means none or all is told in two ways.
        Some(given) if given.is_empty() => return Err("an empty list of axes is not supported".to_owned()),
        Some(given) => axes(&given, dims.len())?,
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
    let given = call.integers("axes", 1)?.ok_or("axes are missing")?;
    let rank = dims.len() + given.len();
    let added = axes(&given, rank)?;
    let mut old = dims.into_iter();
    // As many places are left as there are old extents.
    let wanted = (0..rank).filter_map(|at| if added.contains(&at) { Some(1) } else { old.next() }).collect();
    reshaped(call, wanted)
}

/// The first input in another shape of as many elements.
fn reshaped(call: &mut Call<'_, '_, '_>, wanted: Vec<usize>) -> Results {
    let id: NodeId = match call.input(0)?.clone() {
        Value::Constant(_, constant) => {
            let constant = constant.reshaped(wanted)?;
            return call.constant(constant);
        }
        Value::Node(id) | Value::Split(id, _) => id,
        _ => return Err("the input is not known".to_owned()),
    };
    if wanted.len() > 4 || wanted.is_empty() {
        return split(call, id, wanted);
    }
    let id = reshaped_node(call, id, wanted)?;
    Call::node(id)
}

/// The elements of a computed tensor under more extents than four.
pub(super) fn split(call: &Call<'_, '_, '_>, id: NodeId, dims: Vec<usize>) -> Results {
    if dims.len() > MAX_AXES || dims.contains(&0) || count_of(&dims) != Some(call.type_of(id).elements()) {
        return Err(format!("shape {:?} cannot become {dims:?}", call.type_of(id).dims));
    }
    Ok(vec![Value::Split(id, dims.into())])
}

/// A computed tensor in another shape of as many elements. Where one operator of the two that need not move elements does
/// it, that one.
pub(super) fn reshaped_node(
    call: &mut Call<'_, '_, '_>,
    id: NodeId,
    wanted: Vec<usize>,
) -> Result<NodeId, String> {
    let mut id = id;
    while let node = call.importer.graph.node(id)
        && matches!(node.op, Op::Reshape(Reshape::To(_)))
    {
        id = node.operands[0];
    }
    let dims = call.type_of(id).dims.clone();
    if dims == wanted {
        return Ok(id);
    }
    if dims.len() > 1 && wanted == [dims[0], count(&dims[1..])] {
        return call.add(Op::Reshape(Reshape::Flatten), &[id]);
    }
    if dims.len() == 2 && wanted == [dims[0], dims[1], 1, 1] {
        return call.add(Op::Reshape(Reshape::Unflatten), &[id]);
    }
    call.add(Op::Reshape(Reshape::To(wanted)), &[id])
}

/// The number of elements of a tensor of the graph, or of some of its axes.
pub(super) fn count(dims: &[usize]) -> usize {
    dims.iter().product()
}
