//! What may run at once: the sections of a kernel, and the passes of each.
//!
//! A section is a top-level loop. It is what one call of compiled code runs, for some passes:
//!
//! ```text
//! for n in 0..6 {          one pass of the outer loop
//!   for p in 0..16 {       any range of the inner one
//!     …
//!   }
//! }
//! ```
//!
//! Passes that touch nothing that others write may run in any order, on any threads. Nothing in the text claims that; it
//! is proved here, from the addresses. A [`Role::Scratch`] buffer is private to a pass, and needs no proof.

use super::count::{count_body, traffic};
use super::{
    Access, Affine, Buffer, BufferId, Expression, Kernel, OperationCounts, Role, Statement, Traffic,
    VariableId,
};
use std::collections::BTreeSet;

/// The passes of a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Passes {
    /// The loop's variable.
    pub variable: VariableId,
    /// Its first value.
    pub begin: i64,
    /// One past its last value.
    pub end: i64,
}

impl Passes {
    /// How many there are; at least 1.
    pub fn count(&self) -> i64 {
        self.end - self.begin
    }
}

/// A part of a kernel that one call runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The loop of which a call runs one pass; its passes are independent of each other.
    pub outer: Option<Passes>,
    /// The loop of which a call runs a range of passes, independent of each other and of those of other outer passes.
    pub inner: Option<Passes>,
    /// The last section before this one that has to be done first, because one of the two writes what the other touches.
    pub follows: Option<usize>,
    /// What one pass of the inner loop executes, or all of a section without one.
    pub operations: OperationCounts,
    /// What that moves.
    pub traffic: Traffic,
    /// The top-level statement; `None` when the section is the whole body.
    statement: Option<usize>,
}

impl Section {
    /// What to call the section of that index: by its kernel's name, with a number if there are several.
    pub fn title(kernel: &Kernel, index: usize, count: usize) -> String {
        match count {
            1 => kernel.name.clone(),
            _ => format!("{}, section {} of {count}", kernel.name, index + 1),
        }
    }

    /// The statements of the section as the kernel has them, its loops included.
    pub fn statements<'k>(&self, kernel: &'k Kernel) -> &'k [Statement] {
        match self.statement {
            Some(index) => &kernel.body[index..=index],
            None => &kernel.body,
        }
    }

    /// What a call runs for one pass of the outer loop: the statements of the section without that loop.
    pub fn within_outer<'k>(&self, kernel: &'k Kernel) -> &'k [Statement] {
        match (self.statements(kernel), self.outer) {
            ([Statement::For { body, .. }], Some(_)) => body,
            (statements, _) => statements,
        }
    }

    /// What a call runs for one pass of the outer and each pass of the inner loop.
    pub fn body<'k>(&self, kernel: &'k Kernel) -> &'k [Statement] {
        let mut body = self.statements(kernel);
        for _ in self.outer.iter().chain(&self.inner) {
            if let [Statement::For { body: inside, .. }] = body {
                body = inside;
            }
        }
        body
    }

    /// The buffers that it touches, by index.
    pub fn buffers(&self, kernel: &Kernel) -> Vec<usize> {
        let mut buffers = BTreeSet::new();
        each_access(kernel, self.statements(kernel), &mut |access, _, _| {
            buffers.insert(access.buffer.0 as usize);
        });
        buffers.into_iter().collect()
    }

    /// The passes in order: of the outer loop, and of the inner one; 0 where there is none.
    pub fn passes(&self) -> impl Iterator<Item = (i64, i64)> {
        let range = |passes: &Option<Passes>| passes.map_or(0..1, |passes| passes.begin..passes.end);
        let inner = range(&self.inner);
        range(&self.outer).flat_map(move |outer| inner.clone().map(move |inner| (outer, inner)))
    }

    /// How many statements of the kernel's text come before.
    pub fn statements_before(&self, kernel: &Kernel) -> usize {
        kernel.body[..self.statement.unwrap_or(0)].iter().map(Statement::lines).sum()
    }
}

impl Statement {
    /// The statements that it is made of, itself included.
    pub fn lines(&self) -> usize {
        match self {
            Statement::For { body, .. } => 1 + body.iter().map(Statement::lines).sum::<usize>(),
            _ => 1,
        }
    }
}

/// An outer loop of so many passes needs no inner one to be shared out.
const ENOUGH_PASSES: i64 = 64;
/// A pass of an outer loop is worth a call of its own from so many operations on.
const OPERATIONS_OF_A_CALL: u64 = 4000;

/// The sections of a verified kernel, in order: its top-level loops, or all of it where there is anything else.
pub fn sections(kernel: &Kernel) -> Vec<Section> {
    let is_loop = |statement: &Statement| matches!(statement, Statement::For { unroll: false, .. });
    let parts: Vec<Option<usize>> = if kernel.body.iter().all(is_loop) && !kernel.body.is_empty() {
        (0..kernel.body.len()).map(Some).collect()
    } else {
        vec![None]
    };
    let mut ranges = vec![(i64::MAX, i64::MIN); kernel.variables.len()];
    each_loop(&kernel.body, &mut |variable, begin, end| {
        let range = &mut ranges[variable.0 as usize];
        *range = (range.0.min(begin), range.1.max(end - 1));
    });
    let mut sections: Vec<Section> = parts
        .iter()
        .map(|&statement| Section {
            outer: None,
            inner: None,
            follows: None,
            operations: OperationCounts::default(),
            traffic: Traffic::default(),
            statement,
        })
        .collect();
    let touched: Vec<Touched<'_>> =
        sections.iter().map(|section| Touched::by(kernel, section.statements(kernel), &ranges)).collect();
    for (index, section) in sections.iter_mut().enumerate() {
        let own = &touched[index];
        let independent = |passes: &Passes, within: Option<&Passes>| {
            let fixed = within.map(|passes| passes.variable);
            kernel.shared().all(|buffer| own.passes_are_disjoint(buffer, passes.variable, fixed))
        };
        let passes_of = |body: &[Statement]| match body {
            [Statement::For { variable, begin, end, unroll: false, .. }] => {
                Some(Passes { variable: *variable, begin: *begin, end: *end })
            }
            _ => None,
        };
        if let Some(top) = passes_of(section.statements(kernel))
            && top.count() > 1
            && independent(&top, None)
        {
            section.inner = Some(top);
            let beneath = passes_of(section.body(kernel))
                .filter(|beneath| beneath.count() > 1 && top.count() < ENOUGH_PASSES);
            let operations = count_body(kernel, section.body(kernel)).total();
            if let Some(beneath) = beneath
                && operations >= OPERATIONS_OF_A_CALL
                && independent(&beneath, Some(&top))
            {
                (section.outer, section.inner) = (Some(top), Some(beneath));
            }
        }
        section.operations = count_body(kernel, section.body(kernel));
        section.traffic = traffic(kernel, section.body(kernel));
        section.follows = (0..index)
            .rev()
            .find(|&earlier| kernel.shared().any(|buffer| !own.is_apart(&touched[earlier], buffer)));
    }
    sections
}

impl Kernel {
    /// The buffers that are written and not private.
    fn shared(&self) -> impl Iterator<Item = BufferId> {
        let is_shared = |buffer: &Buffer| matches!(buffer.role, Role::Out | Role::Shared);
        let shared = self.buffers.iter().enumerate().filter(move |(_, buffer)| is_shared(buffer));
        shared.map(|(index, _)| BufferId(index as u32))
    }
}

/// What some statements touch.
struct Touched<'k> {
    places: Vec<Touch<'k>>,
    /// The first and last value of each variable.
    ranges: &'k [(i64, i64)],
}

struct Touch<'k> {
    buffer: BufferId,
    address: &'k Affine,
    lanes: i64,
    written: bool,
}

impl<'k> Touched<'k> {
    fn by(kernel: &'k Kernel, body: &'k [Statement], ranges: &'k [(i64, i64)]) -> Self {
        let mut places = Vec::new();
        each_access(kernel, body, &mut |access, lanes, written| {
            let lanes = lanes as i64;
            places.push(Touch { buffer: access.buffer, address: &access.address, lanes, written });
        });
        Self { places, ranges }
    }

    fn of(&self, buffer: BufferId) -> impl Iterator<Item = &Touch<'k>> {
        self.places.iter().filter(move |touch| touch.buffer == buffer)
    }

    fn writes(&self, buffer: BufferId) -> bool {
        self.of(buffer).any(|touch| touch.written)
    }

    /// Distances that addresses are compared modulo: none, or the step of a variable.
    fn moduli(&self, buffer: BufferId) -> BTreeSet<Option<i64>> {
        let steps = self.of(buffer).flat_map(|touch| touch.address.terms());
        let steps = steps.map(|&(_, step)| step.abs()).filter(|&step| step > 1);
        [None].into_iter().chain(steps.map(Some)).collect()
    }

    /// The elements that all touches of a buffer lie between, modulo that distance, the steps of some variables left
    /// out.
    fn window(
        &self,
        buffer: BufferId,
        modulus: Option<i64>,
        without: &[Option<VariableId>],
    ) -> Option<(i64, i64)> {
        let of_touch = |touch: &Touch<'_>| {
            let constant = touch.address.constant;
            let constant = modulus.map_or(constant, |modulus| constant.rem_euclid(modulus));
            let (mut low, mut high) = (constant, constant.checked_add(touch.lanes - 1)?);
            for &(term, step) in touch.address.terms() {
                if without.contains(&Some(term)) || modulus.is_some_and(|modulus| step % modulus == 0) {
                    continue;
                }
                let (first, last) = self.ranges[term.0 as usize];
                let (a, b) = (step.checked_mul(first)?, step.checked_mul(last)?);
                (low, high) = (low.checked_add(a.min(b))?, high.checked_add(a.max(b))?);
            }
            Some((low, high))
        };
        self.of(buffer).try_fold((i64::MAX, i64::MIN), |(low, high), touch| {
            let (first, last) = of_touch(touch)?;
            Some((low.min(first), high.max(last)))
        })
    }

    /// The step that all addresses in a buffer have in a variable, if it is the same.
    fn step(&self, buffer: BufferId, variable: VariableId) -> Option<i64> {
        let of_touch = |touch: &Touch<'_>| {
            let term = touch.address.terms().iter().find(|&&(term, _)| term == variable);
            term.map_or(0, |&(_, step)| step)
        };
        let mut steps = self.of(buffer).map(of_touch);
        let first = steps.next()?;
        steps.all(|step| step == first).then_some(first)
    }

    /// Whether no two passes of the loop over `variable` touch an element that one of them writes; in the same pass of
    /// the loop over `fixed`, if there is one, whose passes are disjoint, so that all addresses have the same step in it.
    ///
    /// All addresses have the same step in the variable; what else they are made of spans less than that step, so two
    /// passes lie apart. Modulo a distance it is the same as long as all passes together span less than the distance:
    /// then a multiple of it cannot bring two passes together either.
    fn passes_are_disjoint(&self, buffer: BufferId, variable: VariableId, fixed: Option<VariableId>) -> bool {
        if !self.writes(buffer) {
            return true;
        }
        let Some(step) = self.step(buffer, variable).map(i64::saturating_abs) else { return false };
        let (first, last) = self.ranges[variable.0 as usize];
        self.moduli(buffer).into_iter().any(|modulus| {
            let Some((low, high)) = self.window(buffer, modulus, &[Some(variable), fixed]) else {
                return false;
            };
            let span = high.saturating_sub(low);
            let all = step.saturating_mul(last.saturating_sub(first)).saturating_add(span);
            span < step && modulus.is_none_or(|modulus| all < modulus)
        })
    }

    /// Whether neither writes elements of the buffer that the other touches.
    fn is_apart(&self, other: &Self, buffer: BufferId) -> bool {
        if !self.writes(buffer) && !other.writes(buffer) {
            return true;
        }
        let (own, others) = (self.moduli(buffer), other.moduli(buffer));
        own.union(&others).any(|&modulus| {
            let windows = [self, other].map(|touched| touched.window(buffer, modulus, &[]));
            let [Some((low, high)), Some((other_low, other_high))] = windows else { return false };
            if low > high || other_low > other_high {
                return true;
            }
            let span = high.max(other_high).saturating_sub(low.min(other_low));
            (high < other_low || other_high < low) && modulus.is_none_or(|modulus| span < modulus)
        })
    }
}

fn each_loop(body: &[Statement], visit: &mut impl FnMut(VariableId, i64, i64)) {
    for statement in body {
        if let Statement::For { variable, begin, end, body, .. } = statement {
            visit(*variable, *begin, *end);
            each_loop(body, visit);
        }
    }
}

/// Visits every access with its lanes, and whether it writes.
pub(crate) fn each_access<'k>(
    kernel: &Kernel,
    body: &'k [Statement],
    visit: &mut impl FnMut(&'k Access, usize, bool),
) {
    fn read<'k>(expression: &'k Expression, visit: &mut impl FnMut(&'k Access, usize, bool)) {
        match expression {
            Expression::Load { access, lanes } => visit(access, *lanes, false),
            Expression::Broadcast { access, .. } => visit(access, 1, false),
            _ => expression.operands().for_each(|operand| read(operand, visit)),
        }
    }
    for statement in body {
        match statement {
            Statement::For { body, .. } => each_access(kernel, body, visit),
            Statement::Registers { .. } => {}
            Statement::Let { value, .. } | Statement::Set { value, .. } => read(value, visit),
            Statement::Store { access, value } => {
                read(value, visit);
                visit(access, kernel.type_of(value).lanes, true);
            }
        }
    }
}
