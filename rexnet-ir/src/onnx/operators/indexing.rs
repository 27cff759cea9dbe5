//! Operators that choose or order elements.

use super::gather::chosen;
use super::shape::reshaped_node;
use super::view::{View, around};
use super::{Call, axes, axis, in_order};
use crate::graph::{Concat, Indices, NodeId, Op, Slice, Transpose};
use crate::onnx::constant::{Constant, Elements};
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
    let parts: Vec<View> = (0..call.inputs.len()).map(|place| call.view(place)).collect::<Result<_, _>>()?;
    let mut dims = parts[0].dims.clone();
    let at = axis(at, dims.len())?;
    let mut operands = Vec::with_capacity(parts.len());
    for (index, part) in parts.iter().enumerate() {
        let fits = part.dims.len() == dims.len()
            && (0..dims.len()).all(|axis| axis == at || part.dims[axis] == dims[axis]);
        if !fits {
            return Err(format!("shape {:?} cannot follow {dims:?}", part.dims));
        }
        dims[at] += if index > 0 { part.dims[at] } else { 0 };
        operands.push(call.shaped(part, around(&part.dims, at).0)?);
    }
    let id = match operands[..] {
        [operand] => operand,
        _ => call.add(Op::Concat(Concat { axis: around(&dims, at).1 }), &operands)?,
    };
    call.viewed(View { id, dims })
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
        Value::Constant(_, constant) => constant.dims().to_vec(),
        _ => call.view(0)?.dims,
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
        _ => {
            let mut view = call.view(0)?;
            for range in &ranges {
                view = slice_view(call, &view, range)?;
            }
            call.viewed(view)
        }
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

fn slice_view(call: &mut Call<'_, '_, '_>, view: &View, range: &Range) -> Result<View, String> {
    if range.count == 0 {
        return Err("an empty slice is not supported".to_owned());
    }
    let start = usize::try_from(range.start).map_err(|_| "the slice begins before the tensor")?;
    let step = isize::try_from(range.step).map_err(|_| "the step is too large")?;
    chosen(call, view, range.axis, "", Indices::run(start, step, range.count))
}

/// Every `step`-th element along an axis, `count` of them from `start` on.
pub(super) fn strided(
    call: &mut Call<'_, '_, '_>,
    id: NodeId,
    axis: usize,
    start: usize,
    step: usize,
    count: usize,
) -> Result<NodeId, String> {
    let view = View { id, dims: call.type_of(id).dims.clone() };
    let step = isize::try_from(step).map_err(|_| "the step is too large")?;
    Ok(chosen(call, &view, axis, "strided", Indices::run(start, step, count))?.id)
}

pub(super) fn split(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.view(0)?;
    let at = axis(call.attributes.int("axis", 0)?, x.dims.len())?;
    let (extent, count) = (x.dims[at], call.outputs.len());
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
    let (grouped, axis) = around(&x.dims, at);
    let whole = call.shaped(&x, grouped)?;
    for (part, size) in sizes.into_iter().enumerate() {
        let name = match call.outputs[part].as_str() {
            "" => format!("{}.part{part}", call.name),
            name => name.to_owned(),
        };
        let op = Op::Slice(Slice { axis, start, end: start + size });
        let mut dims = x.dims.clone();
        dims[at] = size;
        let id = call.add_named(op, &[whole], &name)?;
        results.extend(call.viewed(View { id, dims })?);
        start += size;
    }
    Ok(results)
}

pub(super) fn transpose(call: &mut Call<'_, '_, '_>) -> Results {
    if matches!(call.input(0)?, Value::Split(..)) {
        let view = call.view(0)?;
        let order = order(call, view.dims.len())?;
        let moved = rearranged(call, &view, &order)?;
        return call.viewed(moved);
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
/// other, each of which is a transpose of rank 4.
pub(super) fn rearranged(call: &mut Call<'_, '_, '_>, view: &View, order: &[usize]) -> Result<View, String> {
    let (mut id, dims) = (view.id, &view.dims);
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
    Ok(View { id, dims: axes.iter().map(|&axis| dims[axis]).collect() })
}

/// The order of the axes that a transpose asks for.
fn order(call: &Call<'_, '_, '_>, rank: usize) -> Result<Vec<usize>, String> {
    match call.attributes.ints("perm")? {
        Some(order) if order.len() != rank => Err(format!("perm is no order of {rank} axes")),
        Some(order) => axes(order, rank),
        None => Ok((0..rank).rev().collect()),
    }
}
