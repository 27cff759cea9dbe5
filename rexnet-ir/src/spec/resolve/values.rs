//! From evaluated scalars to the kinds of values that fields want. Errors are causes, without a place.

use crate::graph::Activation;
use crate::spec::evaluate::Scalar;
use crate::spec::names;
use std::ops::RangeInclusive;

/// The word for "no function".
pub(super) const NONE: &str = "none";

/// A number.
pub(super) fn number(scalar: &Scalar, field: &str) -> Result<f64, String> {
    match scalar {
        Scalar::Number(number) => Ok(*number),
        Scalar::Word(word) => Err(format!("`{field}` is the word `{word}`, but must be a number")),
        Scalar::Tuple(_) => Err(format!("`{field}` is a tuple, but must be a number")),
    }
}

/// One number, or the numbers of a tuple.
pub(super) fn numbers(scalar: &Scalar, field: &str) -> Result<Vec<f64>, String> {
    match scalar {
        Scalar::Tuple(numbers) => Ok(numbers.clone()),
        Scalar::Number(_) | Scalar::Word(_) => Ok(vec![number(scalar, field)?]),
    }
}

/// A positive number.
pub(super) fn positive(scalar: &Scalar, field: &str) -> Result<f64, String> {
    match number(scalar, field)? {
        value if value > 0.0 => Ok(value),
        value => Err(format!("`{field}` is {value}, but must be positive")),
    }
}

/// A positive number that an f32 holds.
pub(super) fn positive_f32(scalar: &Scalar, field: &str) -> Result<f32, String> {
    let value = positive(scalar, field)? as f32;
    if value > 0.0 && value.is_finite() { Ok(value) } else { Err(format!("`{field}` does not fit an f32")) }
}

/// A number that an f32 holds.
pub(super) fn f32(scalar: &Scalar, field: &str) -> Result<f32, String> {
    let value = number(scalar, field)? as f32;
    if value.is_finite() { Ok(value) } else { Err(format!("`{field}` does not fit an f32")) }
}

/// A whole number within `range`.
pub(super) fn whole(scalar: &Scalar, field: &str, range: RangeInclusive<usize>) -> Result<usize, String> {
    let value = number(scalar, field)?;
    let (low, high) = (*range.start() as f64, *range.end() as f64);
    if value.fract() != 0.0 {
        return Err(format!("`{field}` is {value}, but must be a whole number: say how it is rounded"));
    }
    // Within the range, which lies far below 2^53, the conversion is exact.
    if (low..=high).contains(&value) {
        Ok(value as usize)
    } else {
        Err(format!("`{field}` is {value}, but must be within {low} to {high}"))
    }
}

/// An odd whole number from 1 to `limit`.
pub(super) fn odd(scalar: &Scalar, field: &str, limit: usize) -> Result<usize, String> {
    match whole(scalar, field, 1..=limit)? {
        value if value % 2 == 1 => Ok(value),
        value => Err(format!("`{field}` is {value}, but must be odd")),
    }
}

/// `true` or `false`.
pub(super) fn flag(scalar: &Scalar, field: &str) -> Result<bool, String> {
    match number(scalar, field)? {
        0.0 => Ok(false),
        1.0 => Ok(true),
        value => Err(format!("`{field}` is {value}, but must be true or false")),
    }
}

/// One of a few words.
pub(super) fn word<T: Copy>(scalar: &Scalar, field: &str, meanings: &[(&str, T)]) -> Result<T, String> {
    let known = || names::list(meanings.iter().map(|&(word, _)| word));
    match scalar {
        Scalar::Number(number) => Err(format!("`{field}` is {number}, but must be one of: {}", known())),
        Scalar::Tuple(_) => Err(format!("`{field}` is a tuple, but must be one of: {}", known())),
        Scalar::Word(word) => match meanings.iter().find(|(known, _)| known == word) {
            Some(&(_, meaning)) => Ok(meaning),
            None => Err(format!("`{field}` is `{word}`, but must be one of: {}", known())),
        },
    }
}

/// The words for functions.
pub(super) fn functions() -> Vec<(&'static str, Activation)> {
    Activation::ALL.iter().map(|&function| (function.name(), function)).collect()
}

/// The words for functions that may be left out.
pub(super) fn activations() -> Vec<(&'static str, Option<Activation>)> {
    let functions = functions().into_iter().map(|(name, function)| (name, Some(function)));
    functions.chain([(NONE, None)]).collect()
}
