//! SplitToSequence, SequenceAt: a sequence is the parts of one tensor along an axis.

use super::{Call, MAX_LIST, axis};
use crate::graph::{Op, Slice};
use crate::onnx::import::{Parts, Value};

type Results = Result<Vec<Value>, String>;

pub(super) fn split_to_sequence(call: &mut Call<'_, '_, '_>) -> Results {
    let whole = call.data(0)?;
    let dims = &call.type_of(whole).dims;
    let axis = axis(call.attributes.int("axis", 0)?, dims.len())?;
    let extent = dims[axis];
    let positive = |size: i64| match usize::try_from(size) {
        Ok(size) if size > 0 => Ok(size),
        _ => Err(format!("a part of {size} elements")),
    };
    let sizes: Vec<usize> = match call.known_integers(1)? {
        None if call.attributes.int("keepdims", 1)? == 0 => {
            return Err("parts without their axis are not supported".to_owned());
        }
        None => chunks(extent, 1)?,
        Some(size) if call.known(1)?.dims().is_empty() => chunks(extent, positive(size[0])?)?,
        Some(sizes) => sizes.into_iter().map(positive).collect::<Result<_, _>>()?,
    };
    let sum = sizes.iter().try_fold(0usize, |sum, &size| sum.checked_add(size));
    if sum != Some(extent) {
        return Err(format!("parts {sizes:?} do not make up the extent {extent}"));
    }
    Ok(vec![Value::Sequence(Parts { whole, axis, sizes: sizes.into() })])
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
    if count == 1 {
        return Call::node(parts.whole);
    }
    let start = parts.sizes[..place].iter().sum();
    let slice = Slice { axis: parts.axis, start, end: start + parts.sizes[place] };
    let id = call.add(Op::Slice(slice), &[parts.whole])?;
    Call::node(id)
}
