//! Addresses: a constant plus constant multiples of loop variables.

use super::VariableId;
use std::ops::{Add, Mul};

/// `constant + Σ coefficient · variable`. Terms are sorted by variable, none has the coefficient zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Affine {
    /// The constant part.
    pub constant: i64,
    terms: Vec<(VariableId, i64)>,
}

impl Affine {
    /// A constant.
    pub fn constant(constant: i64) -> Self {
        Self { constant, terms: Vec::new() }
    }

    /// A variable.
    pub fn variable(variable: VariableId) -> Self {
        Self { constant: 0, terms: vec![(variable, 1)] }
    }

    /// The variables with their coefficients, by identity.
    pub fn terms(&self) -> &[(VariableId, i64)] {
        &self.terms
    }

    /// The value where `value` gives each variable's.
    pub fn evaluate(&self, value: impl Fn(VariableId) -> i64) -> i64 {
        self.terms.iter().fold(self.constant, |sum, &(variable, factor)| sum + factor * value(variable))
    }

    /// The least and greatest value where `range` gives each variable's; `None` on overflow.
    pub fn range(&self, range: impl Fn(VariableId) -> (i64, i64)) -> Option<(i64, i64)> {
        self.terms.iter().try_fold((self.constant, self.constant), |(low, high), &(variable, factor)| {
            let (first, last) = range(variable);
            let (a, b) = (factor.checked_mul(first)?, factor.checked_mul(last)?);
            Some((low.checked_add(a.min(b))?, high.checked_add(a.max(b))?))
        })
    }

    /// The greatest power of two, at most `limit`, that divides the value whatever the variables are.
    pub fn power_of_two_divisor(&self, limit: i64) -> i64 {
        let all = self.terms.iter().fold(self.constant, |bits, &(_, factor)| bits | factor) | limit;
        1 << all.trailing_zeros()
    }
}

impl Add for Affine {
    type Output = Affine;

    fn add(mut self, other: Affine) -> Affine {
        self.constant += other.constant;
        for (variable, factor) in other.terms {
            match self.terms.binary_search_by_key(&variable, |&(variable, _)| variable) {
                Ok(at) => self.terms[at].1 += factor,
                Err(at) => self.terms.insert(at, (variable, factor)),
            }
        }
        self.terms.retain(|&(_, factor)| factor != 0);
        self
    }
}

impl Add<i64> for Affine {
    type Output = Affine;

    fn add(mut self, constant: i64) -> Affine {
        self.constant += constant;
        self
    }
}

impl Mul<i64> for Affine {
    type Output = Affine;

    fn mul(mut self, factor: i64) -> Affine {
        self.constant *= factor;
        self.terms.iter_mut().for_each(|(_, coefficient)| *coefficient *= factor);
        self.terms.retain(|&(_, coefficient)| coefficient != 0);
        self
    }
}
