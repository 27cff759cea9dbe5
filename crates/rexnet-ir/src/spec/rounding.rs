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
