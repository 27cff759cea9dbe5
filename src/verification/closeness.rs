//! How close an array of f32 comes to its f64 standard, in three measures.

/// Three measures of one comparison. They inform; what counts as equal is said by
/// [`Difference`](super::Difference).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Closeness {
    /// The greatest distance of two elements; infinite where one is NaN or infinite and the other is not.
    pub max_abs_error: f64,
    /// The greatest distance in [`ulps`] of an element from its standard, rounded to f32.
    pub max_ulps: u32,
    /// The cosine of the angle between both arrays as vectors: 1 where they point the same way. Elements that are no
    /// number in either are left out; 1 where both are zero then, 0 where one is.
    pub cosine: f64,
}

impl Closeness {
    /// The arrays have the same length.
    pub(super) fn new(values: &[f32], standard: &[f64]) -> Self {
        let pairs = || values.iter().zip(standard).map(|(&a, &b)| (f64::from(a), b));
        let finite = || pairs().filter(|(a, b)| a.is_finite() && b.is_finite());
        let product: f64 = finite().map(|(a, b)| a * b).sum();
        let [a, b] = finite().fold([0.0, 0.0], |[x, y], (a, b)| [x + a * a, y + b * b]);
        let cosine = match (a > 0.0, b > 0.0) {
            (true, true) => (product / (a.sqrt() * b.sqrt())).clamp(-1.0, 1.0),
            (false, false) => 1.0,
            _ => 0.0,
        };
        Self {
            max_abs_error: pairs().map(|(a, b)| super::compare::distance(a, b)).fold(0.0, f64::max),
            max_ulps: values.iter().zip(standard).map(|(&a, &b)| ulps(a, b as f32)).max().unwrap_or(0),
            cosine,
        }
    }
}

/// How many steps from one f32 number to the next lead from one to the other. Both zeros are one number, infinity
/// follows the greatest number, NaN is 0 steps from NaN and [`u32::MAX`] from all else.
///
/// Around zero numbers are so dense that a tiny distance is many steps.
pub fn ulps(a: f32, b: f32) -> u32 {
    if a.is_nan() || b.is_nan() {
        return if a.is_nan() && b.is_nan() { 0 } else { u32::MAX };
    }
    // The bits of a number without its sign count the numbers between it and zero.
    let steps = |x: f32| {
        let magnitude = i64::from(x.to_bits() & 0x7fff_ffff);
        if x.is_sign_negative() { -magnitude } else { magnitude }
    };
    // At most from infinity to infinity: less than 2^32.
    steps(a).abs_diff(steps(b)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn steps_are_counted_through_zero() {
        let least = f32::from_bits(1);
        let cases = [
            (1.0, 1.0, 0),
            (1.0, 1.0 + f32::EPSILON, 1),
            (0.0, -0.0, 0),
            (least, -least, 2),
            (f32::MAX, f32::INFINITY, 1),
            (f32::NEG_INFINITY, f32::INFINITY, 0xff00_0000),
            (f32::NAN, -f32::NAN, 0),
            (f32::NAN, 1.0, u32::MAX),
        ];
        for (a, b, wanted) in cases {
            assert_eq!((ulps(a, b), ulps(b, a)), (wanted, wanted), "{a} {b}");
        }
    }

    proptest! {
        #[test]
        fn the_next_number_is_one_step_away_and_steps_add_up(a: f32, b: f32) {
            prop_assume!(!a.is_nan() && !b.is_nan());
            if a.is_finite() {
                prop_assert_eq!(ulps(a, a.next_up()), 1);
            }
            let (least, greatest) = (a.min(b), a.max(b));
            let middle = f32::midpoint(least.max(f32::MIN), greatest.min(f32::MAX));
            if middle >= least && middle <= greatest {
                prop_assert_eq!(ulps(least, greatest), ulps(least, middle) + ulps(middle, greatest));
            }
        }

        #[test]
        fn scaling_keeps_the_angle(data in prop::collection::vec(-1e3f32..1e3, 1..40), scale in 0.1f64..10.0) {
            let scaled: Vec<f64> = data.iter().map(|&x| f64::from(x) * scale).collect();
            let opposite: Vec<f64> = scaled.iter().map(|x| -x).collect();
            let wanted = if data.iter().any(|&x| x != 0.0) { -1.0 } else { 1.0 };
            prop_assert!((Closeness::new(&data, &scaled).cosine - 1.0).abs() < 1e-12);
            prop_assert!((Closeness::new(&data, &opposite).cosine - wanted).abs() < 1e-12);
        }
    }

    #[test]
    fn arrays_of_zeros_and_of_no_numbers_have_an_angle() {
        assert_eq!(Closeness::new(&[0.0; 2], &[0.0; 2]).cosine, 1.0);
        assert_eq!(Closeness::new(&[0.0; 2], &[0.0, 1.0]).cosine, 0.0);
        let closeness = Closeness::new(&[f32::NAN, 1.0], &[0.0, 1.0]);
        assert_eq!(
            (closeness.cosine, closeness.max_abs_error, closeness.max_ulps),
            (1.0, f64::INFINITY, u32::MAX)
        );
    }
}
