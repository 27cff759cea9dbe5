//! When two results are equal, and when they are near.

/// Asserts equality bit by bit; NaNs are equal as NaNs.
pub(crate) fn assert_same_bits(what: &str, actual: &[f32], expected: &[f32]) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (at, (a, b)) in actual.iter().zip(expected).enumerate() {
        let same = a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
        assert!(same, "{what}: element {at} of {} is {a:e}, not {b:e}", actual.len());
    }
}

/// Asserts that each element lies within `bound(expected)` from its counterpart.
pub(crate) fn assert_within(what: &str, actual: &[f64], expected: &[f64], bound: impl Fn(f64) -> f64) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (at, (&a, &b)) in actual.iter().zip(expected).enumerate() {
        let near = a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= bound(b);
        assert!(near, "{what}: element {at} of {} is {a:e}, not {b:e} ± {:e}", actual.len(), bound(b));
    }
}

/// The greatest finite element less the least.
pub(crate) fn range(values: &[f64]) -> f64 {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    if high > low { high - low } else { high.abs() }
}

/// The same values in f64.
pub(crate) fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}
