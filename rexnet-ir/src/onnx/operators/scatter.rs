//! ScatterND and ScatterElements of constant indices. Where they are a block of places in their order, it is slices and a
//! concatenation; else every place of the result shows the element of the data or of the updates that stands there last.

use super::gather::{known_indices, numbers, of_all};
use super::view::View;
use super::{Call, axis, in_order};
use crate::graph::{Concat, NodeId, Op, Slice, Transpose};
use crate::onnx::constant::Constant;
use crate::onnx::import::Value;
use std::ops::Range;

type Results = Result<Vec<Value>, String>;

fn check_reduction(call: &Call<'_, '_, '_>) -> Result<(), String> {
    match call.attributes.string("reduction")?.as_deref() {
        None | Some("none") => Ok(()),
        Some(other) => Err(format!("reduction {other} is not supported; none is")),
    }
}

pub(super) fn scatter_nd(call: &mut Call<'_, '_, '_>) -> Results {
    check_reduction(call)?;
    let indices = known_indices(call, 1)?;
    let many_axes = [0, 2].iter().any(|&place| matches!(call.optional(place), Some(Value::Split(..))));
    if !many_axes && let Some(results) = as_block(call, &indices)? {
        return Ok(results);
    }
    let (data, updates) = (settled(call, 0)?, settled(call, 2)?);
    let (&depth, counts) = indices.dims().split_last().ok_or("indices without an axis")?;
    if depth == 0 || depth > data.dims.len() {
        return Err(format!("indices into {depth} axes of a tensor of rank {}", data.dims.len()));
    }
    let (outer, inner) = data.dims.split_at(depth);
    if updates.dims != [counts, inner].concat() {
        return Err(format!("updates of shape {:?} for indices of shape {:?}", updates.dims, indices.dims()));
    }
    let inner: usize = inner.iter().product();
    let mut rows = Vec::with_capacity(indices.len() / depth);
    for tuple in indices.as_integers()?.chunks_exact(depth) {
        let mut row = 0;
        for (&index, &extent) in tuple.iter().zip(outer) {
            row = row * extent + place(index, extent)?;
        }
        rows.push(row);
    }
    let targets = rows.iter().flat_map(|row| (0..inner).map(move |at| row * inner + at));
    overlaid(call, data, updates, targets)
}

pub(super) fn scatter_elements(call: &mut Call<'_, '_, '_>) -> Results {
    check_reduction(call)?;
    let indices = known_indices(call, 1)?;
    let (data, updates) = (call.view(0)?, call.view(2)?);
    let at = axis(call.attributes.int("axis", 0)?, data.dims.len())?;
    if updates.dims != indices.dims() {
        return Err(format!("updates of shape {:?} for indices of shape {:?}", updates.dims, indices.dims()));
    }
    let targets = numbers(&indices, &data.dims, at)?;
    overlaid(call, data, updates, targets.into_iter())
}

/// The data, with the elements of the updates, in their order, at the targets.
fn overlaid(
    call: &mut Call<'_, '_, '_>,
    data: View,
    updates: View,
    targets: impl Iterator<Item = usize>,
) -> Results {
    let count = data.dims.iter().product();
    call.charge(count)?;
    let mut places: Vec<usize> = (0..count).collect();
    for (update, target) in targets.enumerate() {
        places[target] = count + update;
    }
    let dims = data.dims.clone();
    of_all(call, &[data, updates], &places, dims)
}

/// An input with its axes in their own order.
fn settled(call: &mut Call<'_, '_, '_>, place: usize) -> Result<View, String> {
    let Value::Transposed(id, order) = call.input(place)?.clone() else { return call.view(place) };
    let moved = call.add_step("settled", Op::Transpose(Transpose { order: order.to_vec() }), &[id])?;
    Ok(View { id: moved, dims: call.type_of(moved).dims.clone() })
}

/// The result where the indices are a block of places that is a part of one axis at most, in their order.
fn as_block(call: &mut Call<'_, '_, '_>, indices: &Constant) -> Result<Option<Vec<Value>>, String> {
    let (data, order) = in_order(call, 0)?;
    let (updates, order_of_updates) = in_order(call, 2)?;
    let dims = |id: NodeId, order: &[usize]| -> Vec<usize> {
        order.iter().map(|&at| call.type_of(id).dims[at]).collect()
    };
    let (of_data, of_updates) = (dims(data, &order), dims(updates, &order_of_updates));
    let Some(block) = block(indices, &of_data)? else { return Ok(None) };
    let filled = (0..of_data.len()).map(|at| block.get(at).map_or(of_data[at], Range::len));
    if !filled.eq(of_updates.iter().copied()) {
        return Err(format!(
            "updates of shape {of_updates:?} do not fill the block {block:?} of {of_data:?}"
        ));
    }
    let mut partial = block.iter().enumerate().filter(|(at, range)| range.len() < of_data[*at]);
    let id = match (partial.next(), partial.next()) {
        _ if order != order_of_updates => return Ok(None),
        (None, _) => updates,
        (Some((at, range)), None) => overwritten(call, data, updates, order[at], range, !order.is_sorted())?,
        _ => return Ok(None),
    };
    Call::transposed(id, order).map(Some)
}

/// The ranges along the leading axes whose places the indices list, each once and the last axis fastest; none where they
/// do not.
fn block(indices: &Constant, dims: &[usize]) -> Result<Option<Vec<Range<usize>>>, String> {
    let Some((&depth, counts)) = indices.dims().split_last() else {
        return Err("indices without an axis".to_owned());
    };
    if depth == 0 || depth > dims.len() {
        return Err(format!("indices into {depth} axes of a tensor of rank {}", dims.len()));
    }
    if counts.len() != depth {
        return Ok(None);
    }
    let numbers = indices.as_integers()?;
    let first: Vec<usize> = (0..depth).map(|at| place(numbers[at], dims[at])).collect::<Result<_, _>>()?;
    for (row, tuple) in numbers.chunks_exact(depth).enumerate() {
        let mut rest = row;
        for at in (0..depth).rev() {
            if place(tuple[at], dims[at])? != first[at] + rest % counts[at] {
                return Ok(None);
            }
            rest /= counts[at];
        }
    }
    Ok(Some(first.iter().zip(counts).map(|(&first, &count)| first..first + count).collect()))
}

/// The place of an index, which may count from the end.
fn place(index: i64, extent: usize) -> Result<usize, String> {
    let from_start = if index < 0 { index + extent as i64 } else { index };
    let place = usize::try_from(from_start).ok().filter(|&place| place < extent);
    place.ok_or_else(|| format!("index {index} is outside an extent of {extent}"))
}

/// `data` with `updates` in place of a part of an axis. Where that part is what stands there anyway, it is `data`.
fn overwritten(
    call: &mut Call<'_, '_, '_>,
    data: NodeId,
    updates: NodeId,
    axis: usize,
    range: &Range<usize>,
    renamed: bool,
) -> Result<NodeId, String> {
    if part_of(call, data, axis, range) == Some(updates) || is_slice(call, updates, data, axis, range) {
        return Ok(data);
    }
    let extent = call.type_of(data).dims[axis];
    // The file's name stands for the value with its axes in another order.
    let name = if renamed { format!("{}.restored", call.name) } else { call.name.clone() };
    let mut parts = vec![updates];
    if range.start > 0 {
        let before = Op::Slice(Slice { axis, start: 0, end: range.start });
        parts.insert(0, call.add_named(before, &[data], &format!("{name}.before"))?);
    }
    if range.end < extent {
        let after = Op::Slice(Slice { axis, start: range.end, end: extent });
        parts.push(call.add_named(after, &[data], &format!("{name}.after"))?);
    }
    call.add_named(Op::Concat(Concat { axis }), &parts, &name)
}

/// The operand of a concatenation that is exactly this part of it.
fn part_of(call: &Call<'_, '_, '_>, whole: NodeId, axis: usize, range: &Range<usize>) -> Option<NodeId> {
    let node = call.importer.graph.node(whole);
    if node.op != Op::Concat(Concat { axis }) {
        return None;
    }
    let mut start = 0;
    node.operands.iter().copied().find(|&part| {
        let found = start..start + call.type_of(part).dims[axis];
        start = found.end;
        found == *range
    })
}

fn is_slice(call: &Call<'_, '_, '_>, id: NodeId, whole: NodeId, axis: usize, range: &Range<usize>) -> bool {
    let node = call.importer.graph.node(id);
    node.op == Op::Slice(Slice { axis, start: range.start, end: range.end }) && node.operands == [whole]
}
