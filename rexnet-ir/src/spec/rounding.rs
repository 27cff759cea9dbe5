//! The rounding rules by which published networks make whole channel counts. All are exact in f64.

/// The nearest whole number, halves to the even one: Python's `round`, and ReXNet's rule.
pub fn round_half_even(value: f64) -> f64 {
    value.round_ties_even()
}

/// The nearest whole number, halves upwards.
pub fn round_half_up(value: f64) -> f64 {
    let below = value.floor();
    if value - below >= 0.5 { below + 1.0 } else { below }
}

/// Towards zero: Python's and C's `int`.
pub fn truncate(value: f64) -> f64 {
    value.trunc()
}

/// The nearest multiple of `divisor`, halves upwards, at least `divisor`, and one multiple more where that lies
/// below 90 % of `value`: `make_divisible` of timm, TensorFlow and torchvision. `divisor` is positive.
pub fn multiple_of(divisor: f64, value: f64) -> f64 {
    let nearest = ((value + divisor / 2.0).trunc() / divisor).floor() * divisor;
    let multiple = nearest.max(divisor);
    if multiple < 0.9 * value { multiple + divisor } else { multiple }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_round_as_each_rule_says() {
        // Blocks 2, 6, 10 and 14 of ReXNet-1.0.
        for (value, even, up) in
            [(38.5, 38.0, 39.0), (83.5, 84.0, 84.0), (128.5, 128.0, 129.0), (173.5, 174.0, 174.0)]
        {
            assert_eq!((round_half_even(value), round_half_up(value)), (even, up));
        }
        let below_half = 0.5f64.next_down();
        assert_eq!((round_half_even(below_half), round_half_up(below_half)), (0.0, 0.0));
        assert_eq!((round_half_even(-2.5), round_half_up(-2.5), truncate(-2.5)), (-2.0, -2.0, -2.0));
    }

    /// Values of timm's `make_divisible`.
    #[test]
    fn multiples_follow_make_divisible() {
        let eight = [
            (1.0, 8.0),
            (10.0, 16.0),
            (11.0, 16.0),
            (12.0, 16.0),
            (35.2, 32.0),
            (38.0, 40.0),
            (36.0, 40.0),
            (83.2, 80.0),
        ];
        for (value, multiple) in eight {
            assert_eq!(multiple_of(8.0, value), multiple, "{value}");
        }
        assert_eq!((multiple_of(1.0, 38.0), multiple_of(16.0, 116.0)), (38.0, 112.0));
    }
}
