//! Pointers that walk with the loops.

use crate::loops::{Affine, BufferId, Kernel, Statement, VariableId, each_access};
use cranelift_codegen::ir::{self, InstBuilder, Value};
use cranelift_frontend::{FunctionBuilder, Variable};
use std::collections::{BTreeSet, HashMap};

/// A buffer with the terms of an address over loop variables, outermost first; unrolled variables left out.
type Walk = (BufferId, Vec<(VariableId, i64)>);

/// The pointers in scope.
pub(super) struct Addresses {
    pointer: ir::Type,
    walks: HashMap<Walk, Variable>,
}

/// The first value of a loop's variable.
#[derive(Clone, Copy, Debug)]
pub(super) enum Begin {
    Constant(i64),
    /// What the call says.
    Argument(Value),
}

/// A pointer that a loop increments.
pub(super) struct Opened {
    walk: Walk,
    step: i64,
}

impl Addresses {
    pub(super) fn new(builder: &mut FunctionBuilder<'_>, pointer: ir::Type, bases: &[Value]) -> Self {
        let walks = bases
            .iter()
            .enumerate()
            .map(|(index, &base)| {
                let variable = builder.declare_var(pointer);
                builder.def_var(variable, base);
                ((BufferId(index as u32), Vec::new()), variable)
            })
            .collect();
        Self { pointer, walks }
    }

    /// Starts the pointers that the body of a loop over `variable` needs. Variables are numbered outer loops
    /// first, so the terms up to this one are those of the loops around the body.
    pub(super) fn open(
        &mut self,
        builder: &mut FunctionBuilder<'_>,
        unrolled: &HashMap<VariableId, i64>,
        kernel: &Kernel,
        (variable, begin): (VariableId, Begin),
        body: &[Statement],
    ) -> Vec<Opened> {
        let mut walks = BTreeSet::new();
        each_access(kernel, body, &mut |access, _, _| {
            let terms = access.address.terms();
            let walk: Vec<(VariableId, i64)> = terms
                .iter()
                .copied()
                .filter(|(term, _)| *term <= variable && !unrolled.contains_key(term))
                .collect();
            if walk.last().is_some_and(|&(last, _)| last == variable) {
                walks.insert((access.buffer, walk));
            }
        });
        walks
            .into_iter()
            .map(|walk| {
                let factor = walk.1.last().map_or(0, |&(_, factor)| factor);
                let outer = (walk.0, walk.1[..walk.1.len() - 1].to_vec());
                let base = builder.use_var(self.walks[&outer]);
                let start = match begin {
                    Begin::Constant(begin) => builder.ins().iadd_imm_s(base, 4 * factor * begin),
                    Begin::Argument(begin) => {
                        let distance = builder.ins().imul_imm_s(begin, 4 * factor);
                        builder.ins().iadd(base, distance)
                    }
                };
                let pointer = builder.declare_var(self.pointer);
                builder.def_var(pointer, start);
                self.walks.insert(walk.clone(), pointer);
                Opened { walk, step: 4 * factor }
            })
            .collect()
    }

    /// Moves the pointers to the next pass.
    pub(super) fn advance(&self, builder: &mut FunctionBuilder<'_>, opened: &[Opened]) {
        for Opened { walk, step } in opened {
            let pointer = self.walks[walk];
            let now = builder.use_var(pointer);
            let next = builder.ins().iadd_imm_s(now, *step);
            builder.def_var(pointer, next);
        }
    }

    /// Forgets the pointers of a finished loop.
    pub(super) fn close(&mut self, opened: &[Opened]) {
        for Opened { walk, .. } in opened {
            self.walks.remove(walk);
        }
    }

    /// The pointer and the byte offset of an address.
    pub(super) fn of(
        &self,
        builder: &mut FunctionBuilder<'_>,
        unrolled: &HashMap<VariableId, i64>,
        buffer: BufferId,
        address: &Affine,
    ) -> (Value, i64) {
        let mut offset = address.constant;
        let mut walk = Vec::new();
        for &(variable, factor) in address.terms() {
            match unrolled.get(&variable) {
                Some(value) => offset += factor * value,
                None => walk.push((variable, factor)),
            }
        }
        (builder.use_var(self.walks[&(buffer, walk)]), 4 * offset)
    }
}
