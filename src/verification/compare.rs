//! Two arrays compared: in bits, or within the tolerance.

use super::{DEVIATIONS, TOLERANCE};
use rexnet_ir::reference::Rounding;
use std::fmt;

/// How one array differs from another.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The greatest distance of two elements; infinite where one is NaN or infinite and the other is not.
    pub max_abs_error: f64,
    /// The distance up to which elements count as equal; 0 where the bits are compared.
    pub tolerance: f64,
    /// The elements that differ.
    pub elements: usize,
    /// The images whose class differs; 0 where classes mean nothing.
    pub classes: usize,
}

impl Difference {
    /// Whether nothing differs.
    pub fn passed(&self) -> bool {
        self.elements == 0 && self.classes == 0
    }

    /// Elements differ when their bits do; NaNs are equal. The arrays have the same length.
    pub(super) fn in_bits(values: &[f32], standard: &[f32]) -> Self {
        let pairs = || values.iter().zip(standard);
        let same = |a: f32, b: f32| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
        Self {
            max_abs_error: pairs().map(|(&a, &b)| distance(a.into(), b.into())).fold(0.0, f64::max),
            tolerance: 0.0,
            elements: pairs().filter(|&(&a, &b)| !same(a, b)).count(),
            classes: 0,
        }
    }

    /// Elements differ when they are further apart than [`TOLERANCE`] of the range of `standard`. With `images`,
    /// both arrays hold that many rows of scores, whose greatest is the class. The arrays have the same length.
    pub(super) fn within_tolerance<T: Copy + Into<f64>>(
        values: &[T],
        standard: &[f64],
        images: Option<usize>,
    ) -> Self {
        Self::judge(TOLERANCE * range(standard), (values, standard), images, None)
    }

    /// Like [`Difference::within_tolerance`] for values that f32 rounds like this. The tolerance is [`DEVIATIONS`] times
    /// the spread at least, and its range that of numbers which f32 holds. Beside a finite standard, what overflows f32 is
    /// right where it may overflow on the way. Scores that are nearer than f32 can tell may be in either order. With
    /// `own`, the standard is the reference that is rounded, and what it becomes in f32 is as good.
    pub(super) fn rounded<T: Copy + Into<f64>>(
        values: &[T],
        standard: &[f64],
        images: Option<usize>,
        rounding: &Rounding,
        own: bool,
    ) -> Self {
        Self::judge(TOLERANCE * range(&in_f32(standard)), (values, standard), images, Some((rounding, own)))
    }

    /// [`Difference::of_node`] for values that f32 rounds like this; see [`Difference::rounded`].
    pub(super) fn of_rounded_node<T: Copy + Into<f64>>(
        values: &[T],
        standard: &[f64],
        rounding: &Rounding,
    ) -> Self {
        Self::judge(node_tolerance(&in_f32(standard)), (values, standard), None, Some((rounding, true)))
    }

    /// Like [`Difference::within_tolerance`], of an intermediate value. Where its elements are nearly equal, as those of
    /// a gate that is open, f32 cannot tell them apart: then the range is at least a hundredth of the greatest magnitude.
    pub(super) fn of_node<T: Copy + Into<f64>>(values: &[T], standard: &[f64]) -> Self {
        Self::judge(node_tolerance(standard), (values, standard), None, None)
    }

    fn judge<T: Copy + Into<f64>>(
        of_range: f64,
        (values, standard): (&[T], &[f64]),
        images: Option<usize>,
        rounding: Option<(&Rounding, bool)>,
    ) -> Self {
        let floor = rounding.map_or(0.0, |(rounding, _)| DEVIATIONS * rounding.spread);
        let tolerance = of_range.max(floor);
        let distances = || {
            values.iter().zip(standard).enumerate().map(|(at, (&a, &b))| {
                let from_standard = distance(a.into(), b);
                let Some((rounding, own)) = rounding else { return from_standard };
                let overflows = rounding.overflows.get(at).is_some_and(|&overflows| overflows);
                match rounding.narrow.get(at) {
                    _ if overflows && !a.into().is_finite() && b.is_finite() => 0.0,
                    Some(&narrow) if own => from_standard.min(distance(a.into(), narrow)),
                    _ => from_standard,
                }
            })
        };
        let classes = images.map_or(0, |images| {
            let Some((rounding, own)) = rounding else {
                return different_classes(values, standard, images, None).filter(|differs| *differs).count();
            };
            // Numbers that f64 tells apart may be equal in f32, or infinite.
            let (standard, slack) = (in_f32(standard), Some(2.0 * floor));
            let of_standard = different_classes(values, &standard, images, slack);
            let of_narrow = different_classes(values, &rounding.narrow, images, slack);
            of_standard.zip(of_narrow).filter(|&(standard, narrow)| standard && (narrow || !own)).count()
        });
        Self {
            max_abs_error: distances().fold(0.0, f64::max),
            tolerance,
            elements: distances().filter(|&distance| distance > tolerance).count(),
            classes,
        }
    }

    /// Of an array that has another shape than its standard: everything differs.
    pub(super) fn of_shapes(standard: &[f64]) -> Self {
        Self {
            max_abs_error: f64::INFINITY,
            tolerance: node_tolerance(standard),
            elements: standard.len().max(1),
            classes: 0,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.passed() && self.tolerance == 0.0 {
            return f.write_str("same bits");
        }
        write!(f, "max |error| {:.3e}", self.max_abs_error)?;
        if self.tolerance > 0.0 {
            write!(f, " of {:.3e} allowed", self.tolerance)?;
        }
        if self.elements > 0 {
            write!(f, ", {} elements differ", self.elements)?;
        }
        if self.classes > 0 {
            write!(f, ", the class of {} images differs", self.classes)?;
        }
        Ok(())
    }
}

/// Infinite where one is NaN or infinite and the other is not.
pub(super) fn distance(a: f64, b: f64) -> f64 {
    if a == b || (a.is_nan() && b.is_nan()) {
        return 0.0;
    }
    let distance = (a - b).abs();
    if distance.is_nan() { f64::INFINITY } else { distance }
}

fn node_tolerance(standard: &[f64]) -> f64 {
    let magnitudes = standard.iter().copied().filter(|value| value.is_finite()).map(f64::abs);
    TOLERANCE * range(standard).max(magnitudes.fold(0.0, f64::max) / 100.0)
}

fn range(values: &[f64]) -> f64 {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let (min, max) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    if max > min { max - min } else { finite().map(f64::abs).fold(0.0, f64::max) }
}

/// Rounded to f32, infinite past its greatest number.
fn in_f32(values: &[f64]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value as f32)).collect()
}

/// Of each image, whether its class is another than the standard's, and the standard's scores of the two further apart than
/// `slack`.
fn different_classes<T: Copy + Into<f64>>(
    values: &[T],
    standard: &[f64],
    images: usize,
    slack: Option<f64>,
) -> impl Iterator<Item = bool> {
    let row = (values.len() / images.max(1)).max(1);
    values.chunks(row).zip(standard.chunks(row)).map(move |(values, standard)| {
        let of_values = class(values.iter().map(|&x| x.into()));
        let of_standard = class(standard.iter().copied());
        match (of_values, of_standard) {
            (Some(own), Some(best)) => {
                own != best && slack.is_none_or(|slack| standard[best] - standard[own] > slack)
            }
            _ => of_values != of_standard,
        }
    })
}

/// The index of the greatest score, the first of equal ones; `None` when none is a number.
fn class(scores: impl Iterator<Item = f64>) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (index, score) in scores.enumerate() {
        if !score.is_nan() && best.is_none_or(|(_, other)| score > other) {
            best = Some((index, score));
        }
    }
    best.map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_tell_zeros_apart_and_nans_not() {
        let difference = Difference::in_bits(&[0.0, f32::NAN, 1.0], &[-0.0, -f32::NAN, 1.0]);
        assert_eq!((difference.elements, difference.max_abs_error), (1, 0.0));
    }

    #[test]
    fn a_nan_beside_a_number_is_infinitely_far() {
        let difference = Difference::within_tolerance(&[f32::NAN, 1.0], &[0.0, 1.0], Some(1));
        assert_eq!((difference.elements, difference.max_abs_error), (1, f64::INFINITY));
    }

    #[test]
    fn the_tolerance_is_a_part_of_the_range() {
        let standard = [-5.0, 0.0, 5.0];
        let near = Difference::within_tolerance(&[-5.0, 0.0009, 5.0], &standard, Some(1));
        assert!(near.passed() && (near.tolerance - 1e-3).abs() < 1e-12, "{near}");
        assert_eq!(Difference::within_tolerance(&[-5.0, 0.0011, 5.0], &standard, Some(1)).elements, 1);
    }

    #[test]
    fn an_open_gate_may_be_wrong_by_what_f32_cannot_tell() {
        let standard = [1.0, 1.0 - 1e-9];
        assert!(!Difference::within_tolerance(&[1.0 + f32::EPSILON, 1.0], &standard, None).passed());
        assert!(Difference::of_node(&[1.0 + f32::EPSILON, 1.0], &standard).passed());
        assert!(!Difference::of_node(&[1.0 + 1e-5, 1.0], &standard).passed());
    }

    #[test]
    fn rounding_is_a_floor_of_the_tolerance_and_overflow_is_understood() {
        let rounding = |spread| Rounding {
            spread,
            narrow: vec![1.0, f64::INFINITY, 3.0],
            overflows: vec![false, false, true],
        };
        let standard = [1.0, 1e39, 3.0];
        let judged = |values: [f32; 3], spread: f64| {
            Difference::rounded(&values, &standard, None, &rounding(spread), true)
        };
        let (own, infinite) = (f32::from_bits(1.0f32.to_bits() + 1), f32::INFINITY);
        assert!(
            judged([own, infinite, 3.0], 1e-7).passed() && judged([1.0, infinite, infinite], 0.0).passed()
        );
        assert_eq!(judged([1.001, infinite, 3.0], 1e-7).elements, 1);
        assert_eq!(judged([1.0, 3.0, 3.0], 1e-7).elements, 1);
        assert_eq!(judged([infinite, infinite, 3.0], 1e-7).elements, 1);
        assert_eq!(judged([1.0, f32::NAN, 3.0], 1e-7).elements, 1);

        let scores = |standard: [f64; 2]| {
            let near = Rounding { spread: 1e-6, narrow: standard.to_vec(), overflows: Vec::new() };
            Difference::rounded(&[1.0f32, 1.000_001], &standard, Some(1), &near, true).classes
        };
        assert_eq!((scores([1.000_001, 1.0]), scores([1.0001, 1.0])), (0, 1));
    }

    #[test]
    fn classes_are_those_of_each_image() {
        let standard = [0.0, 1.0, 1.000_001, 1.0];
        let swapped = Difference::within_tolerance(&[0.0, 1.0, 1.0, 1.000_002], &standard, Some(2));
        assert_eq!((swapped.elements, swapped.classes), (0, 1));
    }
}
