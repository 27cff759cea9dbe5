//! A view of a storage as a tensor: a range of the file where its elements lie in order, a copy where they do not.

use super::damaged;
use super::value::{Heap, View};
use crate::diagnostic::Diagnostic;
use crate::graph::Tensor;
use crate::weights::Entry;
use bytes::Bytes;
use std::ops::Range;

/// The tensor that a view shows of a storage at a place in the file.
///
/// # Errors
/// `RX0301` when it reaches beyond the storage, `RX0310` when it must be copied and is too large for that.
pub(super) fn entry(
    file: &Bytes,
    place: Range<usize>,
    view: &View,
    heap: &mut Heap<'_>,
) -> Result<Entry, Diagnostic> {
    let Some(encoding) = view.element.encoding else {
        return Ok(Entry::Other { dims: view.dims.clone(), element: view.element.name.to_owned() });
    };
    let width = encoding.width();
    let outside = || damaged("a tensor reaches beyond its storage");
    let content = match span(view).ok_or_else(outside)? {
        None => Bytes::new(),
        Some(Range { start, end }) if end > place.len() / width || start >= end => return Err(outside()),
        Some(Range { start, end }) => {
            let bytes = file.slice(place.start + start * width..place.start + end * width);
            if is_row_major(view) {
                bytes
            } else {
                let count = view.dims.iter().try_fold(width, |count, &extent| count.checked_mul(extent));
                heap.charge(count.ok_or_else(outside)?)?;
                gather(&bytes, width, view).into()
            }
        }
    };
    let tensor = Tensor::stored(view.dims.clone(), content, encoding);
    tensor.map(Entry::Float).ok_or_else(|| damaged("the extents of a tensor are too large"))
}

/// From the first element to behind the last one; `None` inside where there are no elements, outside where no memory
/// reaches so far.
fn span(view: &View) -> Option<Option<Range<usize>>> {
    if view.dims.contains(&0) {
        return Some(None);
    }
    let last =
        view.dims.iter().zip(&view.strides).try_fold(view.offset, |last, (&extent, &stride)| {
            last.checked_add(stride.checked_mul(extent - 1)?)
        });
    Some(Some(view.offset..last?.checked_add(1)?))
}

/// Whether the elements lie in row-major order without gaps. The strides of single elements say nothing.
fn is_row_major(view: &View) -> bool {
    let mut expected = Some(1usize);
    view.dims.iter().zip(&view.strides).rev().all(|(&extent, &stride)| {
        let follows = extent == 1 || Some(stride) == expected;
        expected = expected.and_then(|expected| expected.checked_mul(extent));
        follows
    })
}

/// The elements in row-major order, out of all from the first to the last one.
fn gather(bytes: &[u8], width: usize, view: &View) -> Vec<u8> {
    let count: usize = view.dims.iter().product();
    let axes: Vec<(usize, usize)> = view
        .dims
        .iter()
        .copied()
        .zip(view.strides.iter().copied())
        .filter(|&(extent, _)| extent > 1)
        .collect();
    let mut index = vec![0; axes.len()];
    let mut gathered = Vec::with_capacity(count * width);
    let mut at = 0;
    for _ in 0..count {
        gathered.extend_from_slice(&bytes[at * width..(at + 1) * width]);
        for (index, &(extent, stride)) in index.iter_mut().zip(&axes).rev() {
            *index += 1;
            if *index < extent {
                at += stride;
                break;
            }
            *index = 0;
            at -= stride * (extent - 1);
        }
    }
    gathered
}
