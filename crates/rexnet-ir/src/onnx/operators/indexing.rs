//! Operators that choose or order elements.

use super::{Call, axes, axis, in_order};
use crate::graph::{Concat, NodeId, Op, Slice};
use crate::onnx::constant::{Constant, Elements, count_of};
use crate::onnx::import::Value;

type Results = Result<Vec<Value>, String>;

pub(super) fn concat(call: &mut Call<'_, '_, '_>) -> Results {
    if !call.attributes.has("axis") {
        return Err("axis is missing".to_owned());
    }
    let at = call.attributes.int("axis", 0)?;
    let constants: Option<Vec<Constant>> = call
        .inputs
        .iter()
        .map(|input| match input {
            Some(Value::Constant(_, constant)) => Some(constant.clone()),
            _ => None,
        })
        .collect();
    if let Some(constants) = constants {
        call.charge(constants.iter().map(Constant::len).sum())?;
        let joined = join(&constants, at)?;
        return call.constant(joined);
    }
    let operands: Vec<NodeId> =
        (0..call.inputs.len()).map(|place| call.data(place)).collect::<Result<_, _>>()?;
    let axis = axis(at, call.type_of(operands[0]).dims.len())?;
    if operands.len() == 1 {
        return Call::node(operands[0]);
    }
    let id = call.add(Op::Concat(Concat { axis }), &operands)?;
    Call::node(id)
}

fn join(constants: &[Constant], at: i64) -> Result<Constant, String> {
    let mut dims = constants[0].dims().to_vec();
    let at = axis(at, dims.len())?;
    for constant in &constants[1..] {
        let fits = constant.dims().len() == dims.len()
            && (0..dims.len()).all(|axis| axis == at || constant.dims()[axis] == dims[axis]);
        if !fits {
            return Err(format!("shape {:?} cannot follow {dims:?}", constant.dims()));
        }
        dims[at] += constant.dims()[at];
    }
    let outer: usize = dims[..at].iter().product();
    let run = |constant: &Constant| constant.dims()[at..].iter().product::<usize>();
    let all_integers = constants.iter().all(|constant| constant.as_integers().is_ok());
    let elements = if all_integers {
        let mut joined = Vec::new();
        for o in 0..outer {
            for constant in constants {
                let run = run(constant);
                joined.extend_from_slice(&constant.as_integers()?[o * run..(o + 1) * run]);
            }
        }
        Elements::Integers(joined.into())
    } else {
        let parts: Vec<_> = constants
            .iter()
            .map(|constant| Ok(constant.as_floats()?.data()))
            .collect::<Result<_, String>>()?;
        let mut joined = Vec::new();
        for o in 0..outer {
            for (constant, part) in constants.iter().zip(&parts) {
                let run = run(constant);
                joined.extend_from_slice(&part[o * run..(o + 1) * run]);
            }
        }
        Elements::floats(joined)
    };
    Constant::new(dims, elements)
}

pub(super) fn gather(call: &mut Call<'_, '_, '_>) -> Results {
    let computed = "gathering from a computed tensor is not supported";
    let data = call.known(0).map_err(|_| computed.to_owned())?.clone();
    let indices = call.known(1)?.clone();
    let at = axis(call.attributes.int("axis", 0)?, data.dims().len())?;
    let extent = data.dims()[at];
    let (before, after) = (&data.dims()[..at], &data.dims()[at + 1..]);
    let dims = [before, indices.dims(), after].concat();
    call.charge(indices.len())?;
    call.charge(count_of(&dims).ok_or("the result is too large")?)?;
    let places: Vec<usize> =
        indices.as_integers()?.iter().map(|&index| axis(index, extent)).collect::<Result<_, _>>()?;
    let (outer, inner): (usize, usize) = (before.iter().product(), after.iter().product());
    let chosen = (0..outer).flat_map(|o| {
        let places = &places;
        places.iter().flat_map(move |place| (0..inner).map(move |i| (o * extent + place) * inner + i))
    });
    let picked = data.pick(dims, chosen)?;
    call.constant(picked)
}

/// A range of one axis: first element, step, number of elements.
struct Range {
    axis: usize,
    start: i64,
    step: i64,
    count: usize,
}

pub(super) fn slice(call: &mut Call<'_, '_, '_>) -> Results {
    let (Some(starts), Some(ends)) = (call.integers("starts", 1)?, call.integers("ends", 2)?) else {
        return Err("starts and ends must be given".to_owned());
    };
    let given_axes = call.integers("axes", 3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = call.known_integers(4)?;
    let steps = steps.unwrap_or_else(|| vec![1; starts.len()]);
    if ends.len() != starts.len() || given_axes.len() != starts.len() || steps.len() != starts.len() {
        return Err("starts, ends, axes and steps differ in length".to_owned());
    }
    let value = call.input(0)?.clone();
    let dims = match &value {
        Value::Node(id) => call.type_of(*id).dims.clone(),
        Value::Constant(_, constant) => constant.dims().to_vec(),
        _ => return Err("the input is not known".to_owned()),
    };
    let mut ranges = Vec::with_capacity(starts.len());
    for (index, axis) in axes(&given_axes, dims.len())?.into_iter().enumerate() {
        ranges.push(range(axis, dims[axis] as i64, starts[index], ends[index], steps[index])?);
    }
    match value {
        Value::Constant(_, constant) => {
            let mut result = constant;
            for range in &ranges {
                call.charge(result.len() / result.dims()[range.axis].max(1) * range.count)?;
                result = slice_constant(&result, range)?;
            }
            call.constant(result)
        }
        Value::Node(id) => {
            let mut id = id;
            for range in &ranges {
                id = slice_node(call, id, range)?;
            }
            Call::node(id)
        }
        _ => Err("the input is not known".to_owned()),
    }
}

/// ONNX's clamping: a step forward stays within `0..=extent`, a step back within `-1..extent`.
fn range(axis: usize, extent: i64, start: i64, end: i64, step: i64) -> Result<Range, String> {
    if step == 0 || step == i64::MIN {
        return Err("a step of 0 leads nowhere".to_owned());
    }
    let from_end = |at: i64| if at < 0 { at.saturating_add(extent) } else { at };
    let (low, high) = if step > 0 { (0, extent) } else { (-1, extent - 1) };
    let start = from_end(start).clamp(if step > 0 { 0 } else { 0.min(high) }, high);
    let end = from_end(end).clamp(low, high);
    let distance = if step > 0 { end - start } else { start - end };
    let count = if distance > 0 { (distance - 1) / step.abs() + 1 } else { 0 };
    Ok(Range { axis, start, step, count: usize::try_from(count).unwrap_or(0) })
}

fn slice_constant(constant: &Constant, range: &Range) -> Result<Constant, String> {
    let mut dims = constant.dims().to_vec();
    let extent = dims[range.axis];
    let outer: usize = dims[..range.axis].iter().product();
    let inner: usize = dims[range.axis + 1..].iter().product();
    dims[range.axis] = range.count;
    let along = |index: usize| usize::try_from(range.start + index as i64 * range.step).unwrap_or(0);
    let places = (0..outer).flat_map(|o| {
        (0..range.count)
            .flat_map(move |index| (0..inner).map(move |i| (o * extent + along(index)) * inner + i))
    });
    constant.pick(dims, places)
}

fn slice_node(call: &mut Call<'_, '_, '_>, id: NodeId, range: &Range) -> Result<NodeId, String> {
    let extent = call.type_of(id).dims[range.axis];
    if range.step != 1 && range.count > 1 {
        return Err(format!("a step of {} is not supported on a computed tensor", range.step));
    }
    if range.count == 0 {
        return Err("an empty slice is not supported".to_owned());
    }
    let start = usize::try_from(range.start).map_err(|_| "the slice begins before the tensor")?;
    if range.count == extent {
        return Ok(id);
    }
    call.add(Op::Slice(Slice { axis: range.axis, start, end: start + range.count }), &[id])
}

pub(super) fn split(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    let dims = call.type_of(x).dims.clone();
    let axis = axis(call.attributes.int("axis", 0)?, dims.len())?;
    let (extent, count) = (dims[axis], call.outputs.len());
    let stated = call.attributes.int("num_outputs", count as i64)?;
    let sizes: Vec<usize> = match call.integers("split", 1)? {
        Some(_) if call.attributes.has("num_outputs") => {
            return Err("split and num_outputs are both given".to_owned());
        }
        Some(parts) => parts
            .into_iter()
            .map(|part| usize::try_from(part).map_err(|_| "a part is negative".to_owned()))
            .collect::<Result<_, _>>()?,
        None if count == 0 || count > extent || usize::try_from(stated) != Ok(count) => {
            return Err(format!("{stated} parts of an extent of {extent} for {count} outputs"));
        }
        None if call.opset < 18 && extent % count != 0 => {
            return Err(format!("{count} parts do not divide an extent of {extent}"));
        }
        None => {
            // The last part is smaller where the extent does not divide.
            let size = extent.div_ceil(count);
            (0..count).map(|part| size.min(extent.saturating_sub(part * size))).collect()
        }
    };
    let whole = sizes.iter().try_fold(0usize, |sum, &size| sum.checked_add(size));
    if whole != Some(extent) || sizes.contains(&0) || sizes.len() != count {
        return Err(format!("parts {sizes:?} do not make up the extent {extent} for {count} outputs"));
    }
    let mut start = 0;
    let mut results = Vec::with_capacity(sizes.len());
    for (part, size) in sizes.into_iter().enumerate() {
        let name = match call.outputs[part].as_str() {
            "" => format!("{}.part{part}", call.name),
            name => name.to_owned(),
        };
        let op = Op::Slice(Slice { axis, start, end: start + size });
        results.push(Value::Node(call.add_named(op, &[x], &name)?));
        start += size;
    }
    Ok(results)
}

pub(super) fn transpose(call: &mut Call<'_, '_, '_>) -> Results {
    let Value::Constant(_, constant) = call.input(0)?.clone() else {
        let (id, own) = in_order(call, 0)?;
        let order = order(call, own.len())?;
        return Call::transposed(id, order.into_iter().map(|at| own[at]).collect());
    };
    let rank = constant.dims().len();
    let order = order(call, rank)?;
    call.charge(constant.len())?;
    let mut strides = vec![1; rank];
    for at in (1..rank).rev() {
        strides[at - 1] = strides[at] * constant.dims()[at];
    }
    let dims: Vec<usize> = order.iter().map(|&at| constant.dims()[at]).collect();
    let place = |mut index: usize| {
        let mut place = 0;
        for (&extent, &at) in dims.iter().zip(&order).rev() {
            place += index % extent * strides[at];
            index /= extent;
        }
        place
    };
    let moved = constant.pick(dims.clone(), (0..constant.len()).map(place))?;
    call.constant(moved)
}

/// The order of the axes that a transpose asks for.
fn order(call: &Call<'_, '_, '_>, rank: usize) -> Result<Vec<usize>, String> {
    match call.attributes.ints("perm")? {
        Some(order) if order.len() != rank => Err(format!("perm is no order of {rank} axes")),
        Some(order) => axes(order, rank),
        None => Ok((0..rank).rev().collect()),
    }
}
