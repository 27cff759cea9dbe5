//! Elements chosen by constant indices: Gather, GatherND, GatherElements, Tile, ReverseSequence, Trilu.

use super::view::View;
use super::{Call, axis};
use crate::graph::{Concat, Gather, Indices, Op, Pad, Slice};
use crate::onnx::constant::{Constant, count_of};
use crate::onnx::import::Value;

type Results = Result<Vec<Value>, String>;

/// The indices of input 1, which must be known.
pub(super) fn known_indices(call: &mut Call<'_, '_, '_>, place: usize) -> Result<Constant, String> {
    let computed = |_| "computed indices are not supported; constant ones are".to_owned();
    let indices = call.known(place).map_err(computed)?.clone();
    call.charge(indices.len())?;
    if indices.len() == 0 {
        return Err("an empty list of indices is not supported".to_owned());
    }
    Ok(indices)
}

/// Some elements along an axis, in any order. A range of them is a slice.
pub(super) fn chosen(
    call: &mut Call<'_, '_, '_>,
    view: &View,
    axis: usize,
    step: &str,
    indices: Indices,
) -> Result<View, String> {
    match indices.range() {
        Some(range) if range == (0..view.dims[axis]) => Ok(view.clone()),
        Some(range) => {
            call.along(view, axis, step, |axis| Op::Slice(Slice { axis, start: range.start, end: range.end }))
        }
        None => call.along(view, axis, step, |axis| Op::Gather(Gather { axis, indices })),
    }
}

pub(super) fn gather(call: &mut Call<'_, '_, '_>) -> Results {
    let indices = known_indices(call, 1)?;
    if let Value::Constant(_, data) = call.input(0)?.clone() {
        return gather_constant(call, &data, &indices);
    }
    let view = call.view(0)?;
    let at = axis(call.attributes.int("axis", 0)?, view.dims.len())?;
    let places = places(indices.as_integers()?, view.dims[at])?;
    let step = if indices.dims().len() == 1 { "" } else { "run" };
    let result = chosen(call, &view, at, step, Indices::of(&places))?;
    let dims = [&view.dims[..at], indices.dims(), &view.dims[at + 1..]].concat();
    call.viewed(View { id: result.id, dims })
}

fn places(indices: &[i64], extent: usize) -> Result<Vec<usize>, String> {
    indices.iter().map(|&index| axis(index, extent).map_err(|_| outside(index, extent))).collect()
}

fn outside(index: i64, extent: usize) -> String {
    format!("there is no index {index} in an extent of {extent}")
}

fn gather_constant(call: &mut Call<'_, '_, '_>, data: &Constant, indices: &Constant) -> Results {
    let at = axis(call.attributes.int("axis", 0)?, data.dims().len())?;
    let extent = data.dims()[at];
    let (before, after) = (&data.dims()[..at], &data.dims()[at + 1..]);
    let dims = [before, indices.dims(), after].concat();
    call.charge(count_of(&dims).ok_or("the result is too large")?)?;
    let places = places(indices.as_integers()?, extent)?;
    let (outer, inner): (usize, usize) = (before.iter().product(), after.iter().product());
    let chosen = (0..outer).flat_map(|o| {
        let places = &places;
        places.iter().flat_map(move |place| (0..inner).map(move |i| (o * extent + place) * inner + i))
    });
    let picked = data.pick(dims, chosen)?;
    call.constant(picked)
}

/// Rows of `inner` elements each, chosen by their number: `dims` are the extents of the result.
fn rows(
    call: &mut Call<'_, '_, '_>,
    view: &View,
    (count, inner): (usize, usize),
    places: &[usize],
    dims: Vec<usize>,
) -> Results {
    let (matrix, at) = if inner == 1 { (vec![1, count], 1) } else { (vec![count, inner], 0) };
    let matrix = View { id: view.id, dims: matrix };
    let result = chosen(call, &matrix, at, "chosen", Indices::of(places))?;
    call.viewed(View { id: result.id, dims })
}

/// The elements of all views, one behind the other, chosen by their number.
pub(super) fn of_all(
    call: &mut Call<'_, '_, '_>,
    views: &[View],
    places: &[usize],
    dims: Vec<usize>,
) -> Results {
    let mut parts = Vec::with_capacity(views.len());
    let mut count = 0;
    for view in views {
        let length = view.dims.iter().product();
        parts.push(call.shaped(view, vec![1, length])?);
        count += length;
    }
    let id = match parts[..] {
        [part] => part,
        _ => call.add_step("all", Op::Concat(Concat { axis: 1 }), &parts)?,
    };
    rows(call, &View { id, dims: vec![count] }, (count, 1), places, dims)
}

/// The elements of a view, chosen by their number; the number behind the last stands for a zero.
pub(super) fn or_zero(
    call: &mut Call<'_, '_, '_>,
    view: &View,
    places: &[usize],
    dims: Vec<usize>,
) -> Results {
    let count: usize = view.dims.iter().product();
    let row = call.shaped(view, vec![1, 1, 1, count])?;
    let zero = Op::Pad(Pad { pad: [0, 0, 0, 1], value: 0.0 });
    let id = call.add_step("zero", zero, &[row])?;
    rows(call, &View { id, dims: vec![count + 1] }, (count + 1, 1), places, dims)
}

pub(super) fn gather_nd(call: &mut Call<'_, '_, '_>) -> Results {
    let indices = known_indices(call, 1)?;
    let view = call.view(0)?;
    let shared =
        usize::try_from(call.attributes.int("batch_dims", 0)?).map_err(|_| "batch_dims is negative")?;
    let Some((&depth, rest)) = indices.dims().split_last() else {
        return Err("indices without an axis".to_owned());
    };
    let leading = shared.checked_add(depth).filter(|&leading| leading <= view.dims.len());
    let Some(leading) = leading.filter(|_| depth > 0 && rest.starts_with(&view.dims[..shared])) else {
        return Err(format!(
            "indices of shape {:?} into shape {:?} with {shared} axes of both",
            indices.dims(),
            view.dims
        ));
    };
    let of_batch: usize = rest[shared..].iter().product();
    let mut numbers = Vec::with_capacity(indices.len() / depth);
    for (tuple, index) in indices.as_integers()?.chunks_exact(depth).enumerate() {
        let mut number = tuple / of_batch;
        for (&index, &extent) in index.iter().zip(&view.dims[shared..]) {
            number = number * extent + axis(index, extent).map_err(|_| outside(index, extent))?;
        }
        numbers.push(number);
    }
    let (outer, inner) = view.dims.split_at(leading);
    let dims = [rest, inner].concat();
    let size = (outer.iter().product(), inner.iter().product());
    rows(call, &view, size, &numbers, dims)
}

/// For each place of `indices`, the number of the element of `dims` whose index along an axis is the given one and whose
/// others are the place's own.
pub(super) fn numbers(indices: &Constant, dims: &[usize], at: usize) -> Result<Vec<usize>, String> {
    let own = indices.dims();
    let fits = own.len() == dims.len() && (0..dims.len()).all(|axis| axis == at || own[axis] <= dims[axis]);
    if !fits {
        return Err(format!("indices of shape {own:?} for shape {dims:?}"));
    }
    let number = |(place, &index): (usize, &i64)| {
        let (mut rest, mut number, mut stride) = (place, 0, 1);
        for axis in (0..dims.len()).rev() {
            let along = rest % own[axis];
            let along = if axis == at {
                super::axis(index, dims[at]).map_err(|_| outside(index, dims[at]))?
            } else {
                along
            };
            number += along * stride;
            stride *= dims[axis];
            rest /= own[axis];
        }
        Ok(number)
    };
    indices.as_integers()?.iter().enumerate().map(number).collect()
}

pub(super) fn gather_elements(call: &mut Call<'_, '_, '_>) -> Results {
    let indices = known_indices(call, 1)?;
    let view = call.view(0)?;
    let at = axis(call.attributes.int("axis", 0)?, view.dims.len())?;
    let numbers = numbers(&indices, &view.dims, at)?;
    of_all(call, &[view], &numbers, indices.dims().to_vec())
}

pub(super) fn tile(call: &mut Call<'_, '_, '_>) -> Results {
    let repeats: Vec<usize> = call
        .known_integers(1)?
        .ok_or("the repeats are missing")?
        .into_iter()
        .map(|times| usize::try_from(times).ok().filter(|&times| times > 0))
        .collect::<Option<_>>()
        .ok_or("repeats that are not positive are not supported")?;
    if let Value::Constant(_, constant) = call.input(0)?.clone() {
        return tile_constant(call, &constant, &repeats);
    }
    let mut view = call.view(0)?;
    if repeats.len() != view.dims.len() {
        return Err(format!("{} repeats for rank {}", repeats.len(), view.dims.len()));
    }
    for (axis, &times) in repeats.iter().enumerate() {
        if times > 1 {
            if times > crate::graph::MAX_INDEX_RUNS {
                return Err(format!("{times} repeats are not supported"));
            }
            let indices = Indices::repeated(view.dims[axis], times);
            view = call.along(&view, axis, "repeated", |axis| Op::Gather(Gather { axis, indices }))?;
        }
    }
    call.viewed(view)
}

fn tile_constant(call: &mut Call<'_, '_, '_>, constant: &Constant, repeats: &[usize]) -> Results {
    let own = constant.dims().to_vec();
    if repeats.len() != own.len() {
        return Err(format!("{} repeats for rank {}", repeats.len(), own.len()));
    }
    let dims: Option<Vec<usize>> =
        own.iter().zip(repeats).map(|(extent, times)| extent.checked_mul(*times)).collect();
    let dims = dims.ok_or("the result is too large")?;
    let count = count_of(&dims).ok_or("the result is too large")?;
    call.charge(count)?;
    let place = |at: usize| {
        let (mut rest, mut place, mut stride) = (at, 0, 1);
        for (extent, own) in dims.iter().zip(&own).rev() {
            place += rest % extent % own * stride;
            rest /= extent;
            stride *= own;
        }
        place
    };
    let tiled = constant.pick(dims.clone(), (0..count).map(place))?;
    call.constant(tiled)
}

/// The first elements of each sequence in reverse; how many of each is known.
pub(super) fn reverse_sequence(call: &mut Call<'_, '_, '_>) -> Results {
    let lengths = known_indices(call, 1)?;
    let view = call.view(0)?;
    let (of_batch, of_time) = (call.attributes.int("batch_axis", 1)?, call.attributes.int("time_axis", 0)?);
    let (&[first, second, ref inner @ ..], true) =
        (view.dims.as_slice(), matches!((of_batch, of_time), (0, 1) | (1, 0)))
    else {
        return Err("a batch_axis and time_axis that are not the first two axes".to_owned());
    };
    let (batch, time) = if of_batch == 0 { (first, second) } else { (second, first) };
    let lengths: Option<Vec<usize>> = lengths
        .as_integers()?
        .iter()
        .map(|&length| usize::try_from(length).ok().filter(|&length| length <= time))
        .collect();
    let Some(lengths) = lengths.filter(|lengths| lengths.len() == batch) else {
        return Err(format!("the lengths do not fit {batch} sequences of {time}"));
    };
    let count = batch.checked_mul(time).ok_or("the input is too large")?;
    call.charge(count)?;
    let number = |row: usize| {
        let (b, t) = if of_batch == 0 { (row / time, row % time) } else { (row % batch, row / batch) };
        let from = if t < lengths[b] { lengths[b] - 1 - t } else { t };
        if of_batch == 0 { b * time + from } else { from * batch + b }
    };
    let numbers: Vec<usize> = (0..count).map(number).collect();
    let inner = inner.iter().product();
    rows(call, &view, (count, inner), &numbers, view.dims.clone())
}

/// The elements above or below a diagonal; zeros elsewhere.
pub(super) fn trilu(call: &mut Call<'_, '_, '_>) -> Results {
    let upper = call.attributes.int("upper", 1)? != 0;
    let diagonal = match call.optional(1) {
        None => 0,
        Some(_) => match call.known(1)?.as_integers()? {
            &[diagonal] => diagonal,
            other => return Err(format!("a single k is needed, {} are given", other.len())),
        },
    };
    let view = call.view(0)?;
    let &[.., height, width] = view.dims.as_slice() else {
        return Err("an input of fewer than two axes".to_owned());
    };
    let count: usize = view.dims.iter().product();
    call.charge(count)?;
    let kept = |number: usize| {
        let (row, column) = (number / width % height, number % width);
        let distance = column as i64 - row as i64;
        if upper { distance >= diagonal } else { distance <= diagonal }
    };
    let numbers: Vec<usize> = (0..count).map(|number| if kept(number) { number } else { count }).collect();
    or_zero(call, &view, &numbers, view.dims.clone())
}
