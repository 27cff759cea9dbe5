//! Fractions of integers: places that a quotient of floats would miss by a rounding.

/// A fraction; the denominator is positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fraction {
    pub(super) numerator: i128,
    pub(super) denominator: i128,
}

/// How far from 1 a number may be, as a power of two, that [`Fraction::simplest`] takes.
const EXACT_EXPONENT: i32 = 24;

impl Fraction {
    /// `None` where the denominator is not positive.
    pub(super) fn new(numerator: i128, denominator: i128) -> Option<Self> {
        (denominator > 0).then_some(Self { numerator, denominator })
    }

    /// The fraction of the smallest denominator that rounds to a number of f32: 1/3 for 0.33333334, 11/10 for 1.1. `None`
    /// for what is not positive or far from 1.
    pub(super) fn simplest(number: f32) -> Option<Self> {
        let range = 2f32.powi(-EXACT_EXPONENT)..=2f32.powi(EXACT_EXPONENT);
        if !range.contains(&number) {
            return None;
        }
        // Both neighbours and the middles between are multiples of 2^-50.
        let scaled = |x: f64| (x * 2f64.powi(50)) as i128;
        let [before, at, after] = [number.next_down(), number, number.next_up()].map(f64::from);
        // A middle itself may round to the other side: one part in 2^50 is left out.
        let low = scaled((before + at) / 2.0) + 1;
        let high = scaled((at + after) / 2.0) - 1;
        let (numerator, denominator) = between((low, 1 << 50), (high, 1 << 50));
        Self::new(numerator, denominator)
    }

    pub(super) fn floor(self) -> i128 {
        self.numerator.div_euclid(self.denominator)
    }

    pub(super) fn ceil(self) -> i128 {
        -(-self.numerator).div_euclid(self.denominator)
    }

    /// More by `halves / 2`.
    pub(super) fn plus_halves(self, halves: i128) -> Self {
        Self { numerator: 2 * self.numerator + halves * self.denominator, denominator: 2 * self.denominator }
    }
}

/// The fraction of the smallest denominator in a closed interval of positive numbers.
fn between(low: (i128, i128), high: (i128, i128)) -> (i128, i128) {
    let whole = low.0 / low.1;
    if whole * low.1 == low.0 {
        return (whole, 1);
    }
    if (whole + 1) * high.1 <= high.0 {
        return (whole + 1, 1);
    }
    // Both lie between two whole numbers: the same question is asked of the reciprocals of what is beyond the lower one.
    let (numerator, denominator) = between((high.1, high.0 - whole * high.1), (low.1, low.0 - whole * low.1));
    (whole * numerator + denominator, numerator)
}

#[cfg(test)]
mod tests {
    use super::Fraction;

    #[test]
    fn the_simplest_fraction_is_the_one_that_was_meant() {
        for (numerator, denominator) in
            [(1, 3), (7, 10), (11, 10), (9, 7), (18, 14), (2, 1), (1, 2), (127, 129)]
        {
            let number = numerator as f32 / denominator as f32;
            let found = Fraction::simplest(number).unwrap();
            assert_eq!(found.numerator * denominator, found.denominator * numerator, "{number}");
        }
        for number in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e-30, 1e30] {
            assert_eq!(Fraction::simplest(number), None, "{number}");
        }
        for number in [std::f32::consts::PI, 1.234_567_9, 16_777_215.0, 6e-8, 0.999_999_94] {
            let found = Fraction::simplest(number).unwrap();
            assert_eq!((found.numerator as f64 / found.denominator as f64) as f32, number);
        }
    }
}
