//! Operators that choose or order elements.

use super::shape::{self, reshaped_node};
use super::{Call, MAX_LIST, axes, axis, in_order};
use crate::graph::{Concat, NodeId, Op, Slice, Transpose};
use crate::onnx::constant::{Constant, Elements, count_of};
use crate::onnx::import::Value;

type Results = Result<Vec<Value>, String>;

pub(super) fn concat(call: &mut Call<'_, '_, '_>) -> Results {
    if !call.attributes.has("axis") && call.opset >= 4 {
        return Err("axis is missing".to_owned());
    }
    let at = call.attributes.int("axis", 1)?;
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
    let indices = call
        .known(1)
        .map_err(|_| "computed indices are not supported; constant ones are".to_owned())?
        .clone();
    if let Value::Node(id) = call.input(0)? {
        let id = *id;
        return gather_node(call, id, &indices);
    }
    let data = call.known(0)?.clone();
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

/// Some indices along an axis of a computed tensor: slices, joined.
fn gather_node(call: &mut Call<'_, '_, '_>, id: NodeId, indices: &Constant) -> Results {
    let dims = call.type_of(id).dims.clone();
    let at = axis(call.attributes.int("axis", 0)?, dims.len())?;
    let places: Vec<usize> =
        indices.as_integers()?.iter().map(|&index| axis(index, dims[at])).collect::<Result<_, _>>()?;
    let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
    for place in places {
        match ranges.last_mut() {
            Some(range) if range.end == place => range.end += 1,
            _ => ranges.push(place..place + 1),
        }
    }
    if ranges.is_empty() || ranges.len() > MAX_LIST {
        return Err(format!("indices in {} runs are not supported; up to {MAX_LIST} are", ranges.len()));
    }
    let mut parts = Vec::with_capacity(ranges.len());
    for range in ranges {
        let whole = range.len() == dims[at];
        let slice = Op::Slice(Slice { axis: at, start: range.start, end: range.end });
        parts.push(if whole { id } else { call.add_step("run", slice, &[id])? });
    }
    let joined = if let [part] = parts[..] {
        part
    } else {
        call.add_step("runs", Op::Concat(Concat { axis: at }), &parts)?
    };
    let wanted = [&dims[..at], indices.dims(), &dims[at + 1..]].concat();
    let id = reshaped_node(call, joined, wanted)?;
    Call::node(id)
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
    if range.count == 0 {
        return Err("an empty slice is not supported".to_owned());
    }
    let start = usize::try_from(range.start).map_err(|_| "the slice begins before the tensor")?;
    if range.step != 1 && range.count > 1 {
        let step = usize::try_from(range.step)
            .map_err(|_| format!("a step of {} is not supported on a computed tensor", range.step))?;
        return strided(call, id, range.axis, start, step, range.count);
    }
    if range.count == extent {
        return Ok(id);
    }
    call.add(Op::Slice(Slice { axis: range.axis, start, end: start + range.count }), &[id])
}

/// Every `step`-th element along an axis, `count` of them from `start` on: the axis is cut into runs of `step`, of which the
/// first elements stay. The last run may be short.
pub(super) fn strided(
    call: &mut Call<'_, '_, '_>,
    id: NodeId,
    axis: usize,
    start: usize,
    step: usize,
    count: usize,
) -> Result<NodeId, String> {
    let mut dims = call.type_of(id).dims.clone();
    let extent = dims[axis];
    let runs = count.min((extent - start) / step);
    let of_axis = |start, end| Op::Slice(Slice { axis, start, end });
    let mut parts = Vec::new();
    if runs > 0 {
        let end = start + runs * step;
        let whole =
            if end - start == extent { id } else { call.add_step("runs", of_axis(start, end), &[id])? };
        let (outer, inner) = (dims[..axis].iter().product(), dims[axis + 1..].iter().product());
        let cut = reshaped_node(call, whole, vec![outer, runs, step, inner])?;
        let first = call.add_step("first", Op::Slice(Slice { axis: 2, start: 0, end: 1 }), &[cut])?;
        dims[axis] = runs;
        parts.push(reshaped_node(call, first, dims)?);
    }
    if runs < count {
        let last = start + runs * step;
        parts.push(call.add_step("last", of_axis(last, last + 1), &[id])?);
    }
    if let [part] = parts[..] { Ok(part) } else { call.add(Op::Concat(Concat { axis }), &parts) }
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
    if let Value::Split(id, dims) = call.input(0)?.clone() {
        let order = order(call, dims.len())?;
        let (id, dims) = reordered(call, id, &dims, &order)?;
        return shape::split(call, id, dims);
    }
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

/// Axes of a tensor of any rank brought into an order: neighbouring groups of them change places, one pair after the
/// other, each of which is a transpose of rank 4. Returns the extents in their new order, too.
fn reordered(
    call: &mut Call<'_, '_, '_>,
    mut id: NodeId,
    dims: &[usize],
    order: &[usize],
) -> Result<(NodeId, Vec<usize>), String> {
    let mut axes: Vec<usize> = (0..dims.len()).collect();
    for place in 0..axes.len() {
        let Some(from) = axes.iter().position(|&axis| axis == order[place]) else { continue };
        if from == place {
            continue;
        }
        let length = axes[from..].iter().zip(&order[place..]).take_while(|(a, b)| a == b).count();
        let size = |axes: &[usize]| -> usize { axes.iter().map(|&axis| dims[axis]).product() };
        let (before, behind) = (size(&axes[place..from]), size(&axes[from..from + length]));
        if before > 1 && behind > 1 {
            let groups = vec![size(&axes[..place]), before, behind, size(&axes[from + length..])];
            let grouped = reshaped_node(call, id, groups)?;
            let swap = Op::Transpose(Transpose { order: vec![0, 2, 1, 3] });
            id = call.add_step("swap", swap, &[grouped])?;
        }
        axes[place..from + length].rotate_left(from - place);
    }
    Ok((id, axes.iter().map(|&axis| dims[axis]).collect()))
}

/// The order of the axes that a transpose asks for.
fn order(call: &Call<'_, '_, '_>, rank: usize) -> Result<Vec<usize>, String> {
    match call.attributes.ints("perm")? {
        Some(order) if order.len() != rank => Err(format!("perm is no order of {rank} axes")),
        Some(order) => axes(order, rank),
        None => Ok((0..rank).rev().collect()),
    }
}
