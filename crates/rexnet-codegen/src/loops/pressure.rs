//! How many vector registers a kernel needs.

use super::{BinaryOp, Expression, Kernel, LocalId, RegisterId, Statement, ValueType, VariableId};
use std::collections::{HashMap, HashSet};

/// The largest number of registers of `lanes` lanes that hold values at once, for a back end that evaluates
/// statements in order and each expression operand by operand. Exact liveness of single registers and `let`s:
/// unrolled loops are seen pass by pass. A constant or a load takes no register where it can be the memory
/// operand of its operation: the right one of two, any one of a multiply-add.
pub fn register_pressure(kernel: &Kernel, lanes: usize) -> usize {
    let mut walk = Walk { kernel, lanes, unrolled: HashMap::new(), most: 0 };
    walk.block(&kernel.body, HashSet::new());
    walk.most
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Value {
    Local(LocalId),
    Register(RegisterId, i64),
}

type Live = HashSet<Value>;

struct Walk<'k> {
    kernel: &'k Kernel,
    lanes: usize,
    unrolled: HashMap<VariableId, i64>,
    most: usize,
}

impl Walk<'_> {
    /// What is alive before a block, given what is alive after it.
    fn block(&mut self, body: &[Statement], mut live: Live) -> Live {
        for statement in body.iter().rev() {
            live = match statement {
                Statement::For { variable, begin, end, unroll: true, body } => {
                    for value in (*begin..*end).rev() {
                        self.unrolled.insert(*variable, value);
                        live = self.block(body, live);
                    }
                    self.unrolled.remove(variable);
                    live
                }
                Statement::For { body, unroll: false, .. } => {
                    // What one pass needs from the one before is alive at its end as well.
                    let carried = self.block(body, live.clone());
                    let around: Live = carried.union(&live).copied().collect();
                    let before = self.block(body, around);
                    before.union(&live).copied().collect()
                }
                Statement::Registers { array } => {
                    live.retain(|value| !matches!(value, Value::Register(other, _) if other == array));
                    live
                }
                Statement::Let { local, value } => self.assign(Some(Value::Local(*local)), value, live),
                Statement::Set { array, index, value } => {
                    let index = index.evaluate(|variable| self.unrolled.get(&variable).copied().unwrap_or(0));
                    self.assign(Some(Value::Register(*array, index)), value, live)
                }
                Statement::Store { value, .. } => self.assign(None, value, live),
            };
        }
        live
    }

    fn assign(&mut self, target: Option<Value>, value: &Expression, mut live: Live) -> Live {
        let after = self.count(&live)
            + target.filter(|target| !live.contains(target)).map_or(0, |t| self.width_of(t));
        if let Some(target) = target {
            live.remove(&target);
        }
        let mut used = Live::new();
        self.uses(value, &mut used);
        // The result may take the register of an operand that is not needed any more.
        let dying: usize =
            used.iter().filter(|used| !live.contains(used)).map(|&used| self.width_of(used)).sum();
        live.extend(used);
        let temporaries = if dying > 0 { self.operand_temporaries(value) } else { self.temporaries(value) };
        self.most = self.most.max(after).max(self.count(&live) + temporaries);
        live
    }

    fn uses(&self, expression: &Expression, used: &mut Live) {
        match expression {
            Expression::Local(local) => {
                used.insert(Value::Local(*local));
            }
            Expression::Register { array, index } => {
                let index = index.evaluate(|variable| self.unrolled.get(&variable).copied().unwrap_or(0));
                used.insert(Value::Register(*array, index));
            }
            _ => expression.operands().into_iter().for_each(|operand| self.uses(operand, used)),
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
        let operands = expression.operands();
        let (mut held, mut most) = (0, 0);
        for (place, operand) in operands.iter().enumerate() {
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

    fn width_of(&self, value: Value) -> usize {
        self.width(match value {
            Value::Local(local) => self.kernel.local(local).ty,
            Value::Register(array, _) => self.kernel.register_array(array).ty,
        })
    }

    fn count(&self, live: &Live) -> usize {
        live.iter().map(|&value| self.width_of(value)).sum()
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
