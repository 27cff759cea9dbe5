//! The functions of the language, in one table.

use super::rounding::{multiple_of, round_half_even, round_half_up, truncate};
use std::ops::RangeInclusive;

/// A function of numbers.
pub(super) struct Function {
    /// How it is called.
    pub(super) name: &'static str,
    /// What its arguments are called.
    pub(super) arguments: &'static str,
    /// How many there may be.
    pub(super) arity: RangeInclusive<usize>,
    /// Its value for as many arguments, in the block of the given index; the error is the cause of a fault.
    pub(super) meaning: fn(&[f64], usize) -> Result<f64, &'static str>,
}

/// The schedule `start, start + step, start + step + step, …`. By repeated additions, not by a product: the two
/// differ in the last bits, and ReXNet's published widths were made by additions.
pub(super) const LINEAR: &str = "linear";

macro_rules! functions {
    ($($name:expr, $arguments:literal, $arity:expr, $meaning:expr;)*) => {
        /// All functions.
        pub(super) const FUNCTIONS: &[Function] = &[$(
            Function { name: $name, arguments: $arguments, arity: $arity, meaning: $meaning },
        )*];
    };
}

functions! {
    "min", "a, b, …", 1..=8, |x, _| Ok(x.iter().copied().fold(f64::INFINITY, f64::min));
    "max", "a, b, …", 1..=8, |x, _| Ok(x.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    "floor", "x", 1..=1, |x, _| Ok(x[0].floor());
    "ceil", "x", 1..=1, |x, _| Ok(x[0].ceil());
    "truncate", "x", 1..=1, |x, _| Ok(truncate(x[0]));
    "round_half_even", "x", 1..=1, |x, _| Ok(round_half_even(x[0]));
    "round_half_up", "x", 1..=1, |x, _| Ok(round_half_up(x[0]));
    "multiple_of", "divisor, x", 2..=2, |x, _| match (x[0] > 0.0, x[1] > 0.0) {
        (true, true) => Ok(multiple_of(x[0], x[1])),
        (false, _) => Err("the divisor of multiple_of is not positive"),
        (_, false) => Err("multiple_of rounds positive numbers only"),
    };
    "sqrt", "x", 1..=1, |x, _| if x[0] >= 0.0 { Ok(x[0].sqrt()) } else { Err("the root of a negative number") };
    "one_of", "x, a, b, …", 2..=64, |x, _| Ok(f64::from(u8::from(x[1..].contains(&x[0]))));
    LINEAR, "start, step", 2..=2, |x, i| Ok((0..i).fold(x[0], |sum, _| sum + x[1]));
}
