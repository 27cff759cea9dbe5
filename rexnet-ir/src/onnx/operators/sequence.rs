//! SplitToSequence, SequenceAt: a sequence is the parts of one tensor along an axis.

use super::gather::chosen;
use super::view::View;
use super::{Call, MAX_LIST, axis};
use crate::graph::Indices;
use crate::onnx::import::{Parts, Value};

type Results = Result<Vec<Value>, String>;

pub(super) fn split_to_sequence(call: &mut Call<'_, '_, '_>) -> Results {
    let whole = call.view(0)?;
    let axis = axis(call.attributes.int("axis", 0)?, whole.dims.len())?;
    let extent = whole.dims[axis];
    let mut keeps_axis = true;
    let positive = |size: i64| match usize::try_from(size) {
        Ok(size) if size > 0 => Ok(size),
        _ => Err(format!("a part of {size} elements")),
    };
    let sizes: Vec<usize> = match call.known_integers(1)? {
        None => {
            keeps_axis = call.attributes.int("keepdims", 1)? != 0;
            chunks(extent, 1)?
        }
        Some(size) if call.known(1)?.dims().is_empty() => chunks(extent, positive(size[0])?)?,
        Some(sizes) => sizes.into_iter().map(positive).collect::<Result<_, _>>()?,
    };
    let sum = sizes.iter().try_fold(0usize, |sum, &size| sum.checked_add(size));
    if sum != Some(extent) {
        return Err(format!("parts {sizes:?} do not make up the extent {extent}"));
    }
    let View { id, dims } = whole;
    Ok(vec![Value::Sequence(Parts { whole: id, dims: dims.into(), axis, sizes: sizes.into(), keeps_axis })])
}

/// Parts of one size; the last one is smaller where it does not divide the extent.
fn chunks(extent: usize, size: usize) -> Result<Vec<usize>, String> {
    let count = extent.div_ceil(size);
    if count > MAX_LIST {
        return Err(format!("{count} parts, more than {MAX_LIST}"));
    }
    Ok((0..count).map(|part| size.min(extent - part * size)).collect())
}

pub(super) fn sequence_at(call: &mut Call<'_, '_, '_>) -> Results {
    let Value::Sequence(parts) = call.input(0)?.clone() else {
        return Err("its first input is no sequence".to_owned());
    };
    let position = match call.known(1)?.as_integers()? {
        &[position] => position,
        other => return Err(format!("a single position is needed, {} are given", other.len())),
    };
    let count = parts.sizes.len();
    let from_start = if position < 0 { position + count as i64 } else { position };
    let Some(place) = usize::try_from(from_start).ok().filter(|&place| place < count) else {
        return Err(format!("there is no position {position} in a sequence of {count}"));
    };
    let whole = View { id: parts.whole, dims: parts.dims.to_vec() };
    let start = parts.sizes[..place].iter().sum();
    let step = if parts.keeps_axis { "" } else { "part" };
    let mut part = chosen(call, &whole, parts.axis, step, Indices::run(start, 1, parts.sizes[place]))?;
    if !parts.keeps_axis {
        part.dims.remove(parts.axis);
    }
    call.viewed(part)
}
