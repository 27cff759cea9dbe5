//! How many vector registers a kernel needs.

use super::{Affine, BinaryOp, Expression, Kernel, Statement, ValueType};

/// The largest number of registers of `lanes` lanes that hold values at once in a verified kernel, for a back end that
/// evaluates statements in order and each expression operand by operand. Exact liveness of single registers and `let`s:
/// unrolled loops are seen pass by pass. A constant or a load takes no register where it can be the memory
/// operand of its operation: the right one of two, any one of a multiply-add.
pub fn register_pressure(kernel: &Kernel, lanes: usize) -> usize {
    let mut walk = Walk {
        kernel,
        lanes,
        widths: Vec::new(),
        arrays: Vec::new(),
        unrolled: vec![0; kernel.variables.len()],
        most: 0,
    };
    for local in &kernel.locals {
        walk.widths.push(walk.width(local.ty));
    }
    for array in &kernel.registers {
        walk.arrays.push(walk.widths.len());
        walk.widths.resize(walk.widths.len() + array.count, walk.width(array.ty));
    }
    let nothing = Live { values: vec![false; walk.widths.len()], width: 0 };
    walk.block(&kernel.body, nothing);
    walk.most
}

/// A `let` or a single register: the `let`s come first, then the arrays one after the other.
type Value = usize;

/// A set of values.
#[derive(Clone)]
struct Live {
    values: Vec<bool>,
    /// Of all of them, in registers.
    width: usize,
}

struct Walk<'k> {
    kernel: &'k Kernel,
    lanes: usize,
    /// Of each value, in registers.
    widths: Vec<usize>,
    /// The first value of each register array.
    arrays: Vec<Value>,
    /// The pass that each unrolled variable is in.
    unrolled: Vec<i64>,
    most: usize,
}

impl Walk<'_> {
    /// What is alive before a block, given what is alive after it.
    fn block(&mut self, body: &[Statement], mut live: Live) -> Live {
        for statement in body.iter().rev() {
            live = match statement {
                Statement::For { variable, begin, end, unroll: true, body } => {
                    for value in (*begin..*end).rev() {
                        self.unrolled[variable.0 as usize] = value;
                        live = self.block(body, live);
                    }
                    self.unrolled[variable.0 as usize] = 0;
                    live
                }
                Statement::For { body, unroll: false, .. } => {
                    // What one pass needs from the one before is alive at its end as well.
                    let mut around = live.clone();
                    self.alive_before(body, &mut around);
                    self.unite(&mut around, &live);
                    let mut before = self.block(body, around);
                    self.unite(&mut before, &live);
                    before
                }
                Statement::Registers { array } => {
                    self.remove_array(&mut live, array.0 as usize);
                    live
                }
                Statement::Let { local, value } => self.assign(Some(local.0 as usize), value, live),
                Statement::Set { array, index, value } => {
                    let target = self.register(array.0 as usize, index);
                    self.assign(Some(target), value, live)
                }
                Statement::Store { value, .. } => self.assign(None, value, live),
            };
        }
        live
    }

    /// Turns what is alive after a block into what is alive before it, without counting. A loop's passes need no
    /// second look: what one needs is what the block needs.
    fn alive_before(&mut self, body: &[Statement], live: &mut Live) {
        for statement in body.iter().rev() {
            let (target, value) = match statement {
                Statement::For { variable, begin, end, unroll: true, body } => {
                    for value in (*begin..*end).rev() {
                        self.unrolled[variable.0 as usize] = value;
                        self.alive_before(body, live);
                    }
                    self.unrolled[variable.0 as usize] = 0;
                    continue;
                }
                Statement::For { body, unroll: false, .. } => {
                    let after = live.clone();
                    self.alive_before(body, live);
                    self.unite(live, &after);
                    continue;
                }
                Statement::Registers { array } => {
                    self.remove_array(live, array.0 as usize);
                    continue;
                }
                Statement::Let { local, value } => (Some(local.0 as usize), value),
                Statement::Set { array, index, value } => {
                    (Some(self.register(array.0 as usize, index)), value)
                }
                Statement::Store { value, .. } => (None, value),
            };
            if let Some(target) = target {
                self.remove(live, target);
            }
            self.read(value, live);
        }
    }

    fn remove_array(&self, live: &mut Live, array: usize) {
        let first = self.arrays[array];
        let count = self.kernel.registers[array].count;
        (first..first + count).for_each(|value| self.remove(live, value));
    }

    fn assign(&mut self, target: Option<Value>, value: &Expression, mut live: Live) -> Live {
        let unread = target.filter(|&target| !live.values[target]);
        let after = live.width + unread.map_or(0, |target| self.widths[target]);
        if let Some(target) = target {
            self.remove(&mut live, target);
        }
        // The result may take the register of an operand that is not needed any more.
        let needed_later = live.width;
        self.read(value, &mut live);
        let dying = live.width > needed_later;
        let temporaries = if dying { self.operand_temporaries(value) } else { self.temporaries(value) };
        self.most = self.most.max(after).max(live.width + temporaries);
        live
    }

    /// Adds what an expression reads.
    fn read(&self, expression: &Expression, live: &mut Live) {
        match expression {
            Expression::Local(local) => self.insert(live, local.0 as usize),
            Expression::Register { array, index } => {
                self.insert(live, self.register(array.0 as usize, index));
            }
            _ => expression.operands().for_each(|operand| self.read(operand, live)),
        }
    }

    fn register(&self, array: usize, index: &Affine) -> Value {
        let index = index.evaluate(|variable| self.unrolled[variable.0 as usize]);
        // Of a verified kernel, no index is negative.
        self.arrays[array] + usize::try_from(index).unwrap_or(0)
    }

    fn insert(&self, live: &mut Live, value: Value) {
        if !std::mem::replace(&mut live.values[value], true) {
            live.width += self.widths[value];
        }
    }

    fn remove(&self, live: &mut Live, value: Value) {
        if std::mem::replace(&mut live.values[value], false) {
            live.width -= self.widths[value];
        }
    }

    fn unite(&self, live: &mut Live, other: &Live) {
        for value in (0..other.values.len()).filter(|&value| other.values[value]) {
            self.insert(live, value);
        }
    }

    /// Registers for intermediate values and the result, beside those of the named values. The result takes the
    /// register of an intermediate operand, if there is one.
    fn temporaries(&self, expression: &Expression) -> usize {
        match expression {
            Expression::Local(_) | Expression::Register { .. } => 0,
            _ => self.operand_temporaries(expression).max(self.width(self.kernel.type_of(expression))),
        }
    }

    /// Registers for intermediate values alone.
    fn operand_temporaries(&self, expression: &Expression) -> usize {
        let mut foldable = match expression {
            Expression::Fma { .. } | Expression::Binary { .. } => 1,
            _ => 0,
        };
        let (mut held, mut most) = (0, 0);
        for (place, operand) in expression.operands().enumerate() {
            let in_memory = matches!(operand, Expression::Constant { .. } | Expression::Load { .. });
            let may_fold = match expression {
                Expression::Binary { op, .. } => place == 1 && *op != BinaryOp::Unordered,
                _ => true,
            };
            if in_memory && may_fold && foldable > 0 {
                foldable -= 1;
                continue;
            }
            let needed = self.temporaries(operand);
            most = most.max(held + needed);
            held += needed.min(self.width(self.kernel.type_of(operand)));
        }
        most
    }

    fn width(&self, ty: ValueType) -> usize {
        ty.lanes.div_ceil(self.lanes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loops::parse;

    #[test]
    fn a_tile_needs_its_sums_a_weight_and_an_operand() {
        let kernel = parse(
            "kernel tile {
               buffer x: in f32[64] @64
               buffer w: const f32[64] @64
               buffer y: out f32[24] @64
               reg acc: f32x8[3]
               for k in 0..8 {
                 let weight: f32x8 = load f32x8 @32 w[8*k]
                 for r in 0..3 unroll {
                   acc[r] = fma(broadcast f32x8 x[8*r + k], weight, acc[r])
                 }
               }
               for r2 in 0..3 unroll {
                 store y[8*r2] @32 = acc[r2]
               }
             }",
        );
        let kernel = kernel.unwrap_or_else(|faults| panic!("{faults}"));
        // Three sums, the weight, the broadcast element; the sum's own register takes the result.
        assert_eq!(register_pressure(&kernel, 8), 5);
        assert_eq!(register_pressure(&kernel, 4), 10);
    }
}
