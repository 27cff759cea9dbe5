//! Operators whose results depend on the elements along one axis.

use super::super::Array;
use super::{around, larger};
use crate::graph::{Reduce, ReduceKind, Resize};

/// Applies a function to the elements along an axis, for all places of the other axes; it gives as many for each.
fn each_line(x: &Array, axis: usize, apply: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    let (outer, inner) = around(&x.dims, axis);
    let extent = x.dims[axis];
    let mut result = Vec::new();
    for o in 0..outer {
        let lines: Vec<Vec<f64>> = (0..inner)
            .map(|i| {
                let line: Vec<f64> = (0..extent).map(|at| x.data[(o * extent + at) * inner + i]).collect();
                apply(&line)
            })
            .collect();
        let length = lines.first().map_or(0, Vec::len);
        result.extend((0..length).flat_map(|at| lines.iter().map(move |line| line[at])));
    }
    result
}

pub(super) fn reduced(reduce: &Reduce, x: &Array) -> Vec<f64> {
    each_line(x, reduce.axis, |line| {
        let largest = |line: &mut dyn Iterator<Item = f64>| line.fold(f64::NEG_INFINITY, larger);
        vec![match reduce.kind {
            ReduceKind::Sum => line.iter().sum(),
            ReduceKind::Product => line.iter().product(),
            ReduceKind::Mean => line.iter().sum::<f64>() / line.len() as f64,
            ReduceKind::Max => largest(&mut line.iter().copied()),
            ReduceKind::Min => -largest(&mut line.iter().map(|x| -x)),
        }]
    })
}

pub(super) fn softmax(x: &Array, axis: usize) -> Vec<f64> {
    each_line(x, axis, |line| {
        let largest = line.iter().copied().fold(f64::NEG_INFINITY, larger);
        let powers: Vec<f64> = line.iter().map(|x| (x - largest).exp()).collect();
        let sum: f64 = powers.iter().sum();
        powers.iter().map(|power| power / sum).collect()
    })
}

pub(super) fn resized(resize: &Resize, x: &Array) -> Vec<f64> {
    let taps = resize.taps(x.dims[resize.axis]);
    each_line(x, resize.axis, |line| {
        let sum = |taps: &Vec<(usize, f32)>| {
            taps.iter().map(|&(element, factor)| line[element] * f64::from(factor)).sum()
        };
        taps.iter().map(sum).collect()
    })
}
