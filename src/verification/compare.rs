//! Two arrays compared: in bits, or within the tolerance.

use super::TOLERANCE;
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
        Self::within(TOLERANCE * range(standard), values, standard, images)
    }

    /// Like [`Difference::within_tolerance`], of an intermediate value. Where its elements are nearly equal, as those of
    /// a gate that is open, f32 cannot tell them apart: then the range is at least a hundredth of the greatest magnitude.
    pub(super) fn of_node<T: Copy + Into<f64>>(values: &[T], standard: &[f64]) -> Self {
        Self::within(node_tolerance(standard), values, standard, None)
    }

    fn within<T: Copy + Into<f64>>(
        tolerance: f64,
        values: &[T],
        standard: &[f64],
        images: Option<usize>,
    ) -> Self {
        let distances = || values.iter().zip(standard).map(|(&a, &b)| distance(a.into(), b));
        let classes = images.map_or(0, |images| {
            let row = (values.len() / images.max(1)).max(1);
            let classes_of_values = values.chunks(row).map(|row| class(row.iter().map(|&x| x.into())));
            let classes_of_standard = standard.chunks(row).map(|row| class(row.iter().copied()));
            classes_of_values.zip(classes_of_standard).filter(|(a, b)| a != b).count()
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
    fn classes_are_those_of_each_image() {
        let standard = [0.0, 1.0, 1.000_001, 1.0];
        let swapped = Difference::within_tolerance(&[0.0, 1.0, 1.0, 1.000_002], &standard, Some(2));
        assert_eq!((swapped.elements, swapped.classes), (0, 1));
    }
}
