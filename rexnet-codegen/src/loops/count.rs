//! What one call of a kernel executes, exactly: all bounds are constants.

use super::{BinaryOp, Expression, Kernel, Role, Statement, UnaryOp};
use std::collections::BTreeMap;
use std::ops::{Add, AddAssign};

/// Operations on vectors, whatever their width.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Operations {
    /// Fused multiply-adds.
    pub multiply_adds: u64,
    /// Divisions.
    pub divisions: u64,
    /// All other arithmetic: sums, products, bounds, comparisons, selections, shifts. Bits taken as another type
    /// are none.
    pub others: u64,
    /// Loads of consecutive elements.
    pub loads: u64,
    /// Loads of one element into every lane; with one lane, plain loads.
    pub broadcasts: u64,
    /// Stores.
    pub stores: u64,
}

impl Operations {
    /// Arithmetic of every kind.
    pub fn arithmetic(&self) -> u64 {
        [self.divisions, self.others].iter().fold(self.multiply_adds, |sum, &more| sum.saturating_add(more))
    }

    /// As often as said.
    fn times(self, count: u64) -> Self {
        self.map(|number| number.saturating_mul(count))
    }

    fn map(self, change: impl Fn(u64) -> u64) -> Self {
        Self {
            multiply_adds: change(self.multiply_adds),
            divisions: change(self.divisions),
            others: change(self.others),
            loads: change(self.loads),
            broadcasts: change(self.broadcasts),
            stores: change(self.stores),
        }
    }
}

impl Add for Operations {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            multiply_adds: self.multiply_adds.saturating_add(other.multiply_adds),
            divisions: self.divisions.saturating_add(other.divisions),
            others: self.others.saturating_add(other.others),
            loads: self.loads.saturating_add(other.loads),
            broadcasts: self.broadcasts.saturating_add(other.broadcasts),
            stores: self.stores.saturating_add(other.stores),
        }
    }
}

impl AddAssign for Operations {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// The operations of one call of a kernel, by the lanes of their results.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperationCounts {
    /// Lanes → operations.
    pub by_lanes: BTreeMap<usize, Operations>,
}

impl OperationCounts {
    /// As a processor executes them whose registers hold `lanes` lanes: wider operations in several parts, narrower
    /// ones whole.
    pub fn in_vectors_of(&self, lanes: usize) -> Operations {
        self.by_lanes.iter().fold(Operations::default(), |sum, (&own, operations)| {
            sum + operations.times(own.div_ceil(lanes.max(1)) as u64)
        })
    }

    /// Operations of every kind, memory included, each counted once whatever its lanes.
    pub fn total(&self) -> u64 {
        self.by_lanes.values().fold(0, |sum, operations| {
            [operations.loads, operations.broadcasts, operations.stores]
                .iter()
                .fold(operations.arithmetic(), |sum, &more| sum.saturating_add(more))
                .saturating_add(sum)
        })
    }

    /// Multiply-adds lane by lane, those on padding included.
    pub fn lane_multiply_adds(&self) -> u64 {
        let lanes =
            |(&lanes, operations): (&usize, &Operations)| operations.times(lanes as u64).multiply_adds;
        self.by_lanes.iter().map(lanes).fold(0, u64::saturating_add)
    }
}

/// Counts what the text of a kernel says; an emitter may do less, for example keep in a register what is loaded twice.
/// A count that leaves 64 bits stays at their largest number.
pub fn count(kernel: &Kernel) -> OperationCounts {
    count_body(kernel, &kernel.body)
}

/// As [`count`], of some statements of a kernel.
pub(super) fn count_body(kernel: &Kernel, body: &[Statement]) -> OperationCounts {
    let mut counts = OperationCounts::default();
    block(kernel, body, 1, &mut counts);
    counts
}

/// Bytes that go between memory and registers in whole vectors. What lies in scratch memory is left out, and so are single
/// elements: both are used again while they are at hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Of activations and results.
    pub activations: u64,
    /// Of weights.
    pub weights: u64,
}

impl Traffic {
    fn count(&mut self, role: Role, lanes: usize, times: u64) {
        let bytes = times.saturating_mul(4 * lanes as u64);
        match role {
            Role::In | Role::Out | Role::Shared => self.activations = self.activations.saturating_add(bytes),
            Role::Const => self.weights = self.weights.saturating_add(bytes),
            Role::Scratch => {}
        }
    }

    fn read(&mut self, kernel: &Kernel, value: &Expression, times: u64) {
        if let Expression::Load { access, lanes } = value {
            self.count(kernel.buffer(access.buffer).role, *lanes, times);
        }
        value.operands().for_each(|operand| self.read(kernel, operand, times));
    }

    fn block(&mut self, kernel: &Kernel, body: &[Statement], times: u64) {
        for statement in body {
            match statement {
                Statement::For { begin, end, body, .. } => {
                    self.block(kernel, body, times.saturating_mul(end.saturating_sub(*begin).max(0) as u64));
                }
                Statement::Registers { .. } => {}
                Statement::Let { value, .. } | Statement::Set { value, .. } => {
                    self.read(kernel, value, times);
                }
                Statement::Store { access, value } => {
                    self.read(kernel, value, times);
                    let lanes = kernel.type_of(value).lanes;
                    self.count(kernel.buffer(access.buffer).role, lanes, times);
                }
            }
        }
    }
}

/// What some statements of a kernel move.
pub(super) fn traffic(kernel: &Kernel, body: &[Statement]) -> Traffic {
    let mut traffic = Traffic::default();
    traffic.block(kernel, body, 1);
    traffic
}

fn block(kernel: &Kernel, body: &[Statement], times: u64, counts: &mut OperationCounts) {
    for statement in body {
        match statement {
            Statement::For { begin, end, body, .. } => {
                let trips = end.saturating_sub(*begin).max(0) as u64;
                block(kernel, body, times.saturating_mul(trips), counts);
            }
            Statement::Registers { .. } => {}
            Statement::Let { value, .. } | Statement::Set { value, .. } => {
                expression(kernel, value, times, counts);
            }
            Statement::Store { value, .. } => {
                let store = Operations { stores: 1, ..Operations::default() };
                *counts.by_lanes.entry(kernel.type_of(value).lanes).or_default() += store.times(times);
                expression(kernel, value, times, counts);
            }
        }
    }
}

fn expression(kernel: &Kernel, value: &Expression, times: u64, counts: &mut OperationCounts) {
    let none = Operations::default();
    let operation = match value {
        Expression::Constant { .. } | Expression::Local(_) | Expression::Register { .. } => none,
        Expression::Load { .. } => Operations { loads: 1, ..none },
        Expression::Broadcast { .. } => Operations { broadcasts: 1, ..none },
        Expression::Fma { .. } => Operations { multiply_adds: 1, ..none },
        Expression::Binary { op: BinaryOp::Div, .. } => Operations { divisions: 1, ..none },
        Expression::Unary { op: UnaryOp::ToBits | UnaryOp::FromBits, .. } => none,
        Expression::Unary { op: UnaryOp::ShiftLeft(_), .. }
        | Expression::Binary { .. }
        | Expression::Select { .. } => Operations { others: 1, ..none },
    };
    if operation != none {
        *counts.by_lanes.entry(kernel.type_of(value).lanes).or_default() += operation.times(times);
    }
    value.operands().for_each(|operand| expression(kernel, operand, times, counts));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loops::parse;

    fn counts(text: &str) -> OperationCounts {
        count(&parse(text).unwrap_or_else(|faults| panic!("{faults}")))
    }

    /// 16 pixels in tiles of 4, 8 channels by 5; then a sigmoid without its exp on what was written.
    const TILES: &str = "kernel tiles {
       buffer x: in f32[80] @64
       buffer w: const f32[48] @64
       buffer y: out f32[144] @64
       for p in 0..4 {
         reg acc: f32x8[4]
         for k in 0..5 {
           let weight: f32x8 = load f32x8 @32 w[8*k + 8]
           for r in 0..4 unroll {
             acc[r] = fma(broadcast f32x8 x[20*p + 5*r + k], weight, acc[r])
           }
         }
         for r2 in 0..4 unroll {
           store y[32*p + 8*r2] @32 = acc[r2]
         }
         for i in 1..3 {
           let v: f32x16 = load f32x16 @64 y[32*p + 16*i]
           store y[32*p + 16*i] @64 = div(splat f32x16 1.0, add(v, splat f32x16 1.0))
         }
       }
     }";

    #[test]
    fn trips_multiply_and_lanes_are_told_apart() {
        let counts = counts(TILES);
        let products = Operations {
            multiply_adds: 16 * 5,
            loads: 4 * 5,
            broadcasts: 16 * 5,
            stores: 16,
            ..Operations::default()
        };
        let quotients = Operations { divisions: 8, others: 8, loads: 8, stores: 8, ..Operations::default() };
        assert_eq!(counts.by_lanes, BTreeMap::from([(8, products), (16, quotients)]));
        assert_eq!(counts.lane_multiply_adds(), 16 * 5 * 8);
    }

    #[test]
    fn narrow_registers_take_several_parts_and_wide_ones_no_fewer() {
        let counts = counts(TILES);
        assert_eq!(counts.in_vectors_of(16).arithmetic(), 80 + 8 + 8);
        assert_eq!(counts.in_vectors_of(8).arithmetic(), 80 + 2 * (8 + 8));
        assert_eq!(counts.in_vectors_of(4).arithmetic(), 2 * 80 + 4 * (8 + 8));
        assert_eq!(counts.in_vectors_of(4).stores, 2 * 16 + 4 * 8);
        assert_eq!(counts.in_vectors_of(0), counts.in_vectors_of(1));
    }

    #[test]
    fn bits_are_free_and_every_operand_counts() {
        let counts = counts(
            "kernel bits {
               buffer x: in f32[1] @4
               buffer y: out f32[1] @4
               let v: f32x1 = load f32x1 @4 x[0]
               let s: f32x1 = from_bits(shift_left(to_bits(add(v, v)), 3))
               store y[0] @4 = select(less(v, s), max(v, s), mul(s, sub(v, s)))
             }",
        );
        let all = Operations { others: 7, loads: 1, stores: 1, ..Operations::default() };
        assert_eq!(counts.by_lanes, BTreeMap::from([(1, all)]));
    }

    #[test]
    fn endless_loops_do_not_overflow() {
        let body = (0..4).fold(String::from("store y[0] @4 = fma(v, v, v)"), |body, depth| {
            format!("for i{depth} in 0..2000000000 {{\n{body}\n}}")
        });
        let text = format!(
            "kernel long {{\nbuffer x: in f32[1] @4\nbuffer y: out f32[1] @4\nlet v: f32x1 = load f32x1 @4 x[0]\n{body}\n}}"
        );
        assert_eq!(counts(&text).in_vectors_of(4).arithmetic(), u64::MAX);
    }
}
