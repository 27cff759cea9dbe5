//! ScatterND where its indices, all constant, are a block of places in their order: slices and a concatenation.

use super::{Call, in_order};
use crate::graph::{Concat, NodeId, Op, Slice};
use crate::onnx::constant::Constant;
use crate::onnx::import::Value;
use std::ops::Range;

type Results = Result<Vec<Value>, String>;

pub(super) fn scatter_nd(call: &mut Call<'_, '_, '_>) -> Results {
    match call.attributes.string("reduction")?.as_deref() {
        None | Some("none") => {}
        Some(other) => return Err(format!("reduction {other} is not supported; none is")),
    }
    let indices =
        call.known(1).map_err(|_| "computed indices are not supported; constant ones are".to_owned())?;
    let indices = indices.clone();
    let (data, order) = in_order(call, 0)?;
    let (updates, order_of_updates) = in_order(call, 2)?;
    let dims = |id: NodeId, order: &[usize]| -> Vec<usize> {
        order.iter().map(|&at| call.type_of(id).dims[at]).collect()
    };
    let (of_data, of_updates) = (dims(data, &order), dims(updates, &order_of_updates));
    call.charge(indices.len())?;
    let block = block(&indices, &of_data)?;
    let filled = (0..of_data.len()).map(|at| block.get(at).map_or(of_data[at], Range::len));
    if !filled.eq(of_updates.iter().copied()) {
        return Err(format!(
            "updates of shape {of_updates:?} do not fill the block {block:?} of {of_data:?}"
        ));
    }
    if order != order_of_updates {
        return Err("data and updates whose axes are in different orders are not supported".to_owned());
    }
    let mut partial = block.iter().enumerate().filter(|(at, range)| range.len() < of_data[*at]);
    let id = match (partial.next(), partial.next()) {
        (None, _) => updates,
        (Some((at, range)), None) => overwritten(call, data, updates, order[at], range, !order.is_sorted())?,
        _ => return Err(format!("the block {block:?} is a part of several axes; of one is supported")),
    };
    Call::transposed(id, order)
}

/// The ranges along the leading axes whose places the indices list, each once and the last axis fastest.
fn block(indices: &Constant, dims: &[usize]) -> Result<Vec<Range<usize>>, String> {
    let Some((&depth, counts)) = indices.dims().split_last() else {
        return Err("indices without an axis".to_owned());
    };
    if depth == 0 || depth > dims.len() {
        return Err(format!("indices into {depth} axes of a tensor of rank {}", dims.len()));
    }
    let numbers = indices.as_integers()?;
    if numbers.is_empty() || counts.len() != depth {
        return Err(format!(
            "indices of shape {:?} are not supported; a block along {depth} axes is",
            indices.dims()
        ));
    }
    let first: Vec<usize> = (0..depth).map(|at| place(numbers[at], dims[at])).collect::<Result<_, _>>()?;
    for (row, tuple) in numbers.chunks_exact(depth).enumerate() {
        let mut rest = row;
        for at in (0..depth).rev() {
            if place(tuple[at], dims[at])? != first[at] + rest % counts[at] {
                return Err("indices that are no block of places in their order are not supported; a range of one axis is".to_owned());
            }
            rest /= counts[at];
        }
    }
    Ok(first.iter().zip(counts).map(|(&first, &count)| first..first + count).collect())
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
